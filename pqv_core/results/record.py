"""What a run measured (``run.json``): raw samples are kept, medians are derived on read."""

from __future__ import annotations

import contextlib
import math
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pqv_core.errors import ErrorInfo, ProjectError, from_os_error
from pqv_core.files.fsio import FileTooLargeError, read_json, write_json
from pqv_core.files.migrating import advance
from pqv_core.formats.delegation import Delegation
from pqv_core.project import run_lock
from pqv_core.results import artifacts, migrations
from pqv_core.results.artifacts import ArtifactSpec

SCHEMA_VERSION = 2
LOCAL = "local"
RUN_FILE = "run.json"
MAX_BYTES = 128 << 20  # some six million latencies
HISTORY_FILE = "history.jsonl"


class Record(BaseModel):
    """Part of a run; keys that this version does not know are kept."""

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)


def standard_error(share: float, images: int) -> float:
    """Standard error of a share of so many images, after Wilson: not 0 where every one was right."""
    count, right = max(images, 1), min(max(share, 0.0), 1.0)
    return math.sqrt(right * (1 - right) / count + 1 / (4 * count**2)) / (1 + 1 / count)


class Accuracy(Record):
    """Top-1 and top-5 as fractions from 0 to 1, mean cross-entropy, and the number of images."""

    top1: float
    top5: float
    loss: float
    images: int

    @property
    def top1_error(self) -> float:
        """Standard error of ``top1``."""
        return standard_error(self.top1, self.images)


class Parity(Record):
    """Logits of an artefact against the fp32 model it came from, on the same inputs.

    Attributes:
        max_abs: Largest absolute difference.
        relative: ‖a − b‖₂ ∕ ‖b‖₂ over all logits.
        top1_agreement: Share of inputs with the same first class.
        inputs: Number of inputs compared.
    """

    max_abs: float
    relative: float
    top1_agreement: float
    inputs: int


class OperatorTime(Record):
    """Time of one operator, summed over ``calls``, in nanoseconds a run of the model."""

    name: str
    calls: int
    ns: int


class Measurement(Record):
    """One measuring of one artefact on one target.

    Attributes:
        target: ``local`` or a device's description.
        loop: Id of the interleaved loop, whose measurements took turns; on a phone, of the session, whose files take
            turns too; in older records they were measured one after another. Which measurements may be compared:
            ``pqv_core/results/select.py``.
        wait_policy: What OpenMP's waiting threads did (``wait_policy.py``); empty for the runtime's own way.
        batch: Images an inference.
        samples_ns: Every timed inference in nanoseconds, in order.
        base_rss_bytes: Resident memory of a clean process before it loaded the file.
        peak_rss_bytes: Highest resident memory of that process since then, running this artefact alone.
        load_ns: Time to load the file.
        busy: Share of this computer's processor that other programs used just before, from 0 to 1.
        parity: On a phone: its answers against this computer's with the same file.
        accuracy: On a phone: over the validation images that it was asked about.
        operators: Where asked for: what each operator takes of the median.
    """

    target: str = LOCAL
    loop: str = ""
    wait_policy: str = ""
    engine: str = ""
    threads: int
    batch: int = 1
    warmup: int
    samples_ns: tuple[int, ...] = Field(min_length=1)
    base_rss_bytes: int | None = None
    peak_rss_bytes: int | None = None
    load_ns: int | None = None
    busy: float | None = None
    throttled: bool | None = None
    heat: dict[str, Any] | None = None
    parity: Parity | None = None
    accuracy: Accuracy | None = None
    operators: tuple[OperatorTime, ...] = ()

    @property
    def median_ns(self) -> float:
        """Median of the samples, in nanoseconds."""
        return statistics.median(self.samples_ns)

    @property
    def median_ms(self) -> float:
        """Median of the samples, in milliseconds."""
        return self.median_ns / 1e6

    @property
    def memory_bytes(self) -> int | None:
        """What the artefact itself takes: the peak without what the process held before it loaded the file.

        None where that is not known, or where a small network vanishes in what the runtime itself takes.
        """
        if self.peak_rss_bytes is None or self.base_rss_bytes is None:
            return None
        return self.peak_rss_bytes - self.base_rss_bytes if self.peak_rss_bytes > self.base_rss_bytes else None

    def percentile_ms(self, share: float) -> float:
        """The nearest-rank percentile in milliseconds; ``share`` from 0 to 1."""
        ordered = sorted(self.samples_ns)
        rank = math.ceil(round(share * len(ordered), 6))  # 0.07 · 100 is a little more than 7
        return ordered[min(max(rank, 1), len(ordered)) - 1] / 1e6


class LayerSensitivity(Record):
    """What quantizing one layer alone does to the logits.

    Attributes:
        relative: ‖a − b‖₂ ∕ ‖b‖₂ of the logits.
        kept: Whether it was spared for the tolerance.
        kept_in: What it is left in then: ``fp32``, ``int8``, or what a newer version knows.
    """

    name: str
    relative: float
    kept: bool = False
    kept_in: str = "fp32"

    @property
    def spared(self) -> str:
        """How it was spared, in words; empty where it was not."""
        if not self.kept:
            return ""
        return "kept in floating point" if self.kept_in == "fp32" else f"kept in {self.kept_in.upper()}"


class Candidate(Record):
    """A way to make an artefact, measured in order to choose; ``error`` says why it was not possible."""

    name: str
    engine: str = ""
    chosen: bool = False
    median_ns: float | None = None
    samples_ns: tuple[int, ...] = ()
    error: str = ""


class Variant(Record):
    """One artefact of a run.

    Attributes:
        artifact: What it is to the run.
        file: Relative to the run's folder.
        delegation: Who computes what in the file, as it was read back; None for formats without backends, and in
            older records.
        operators: What each operator takes of the median on this computer.
    """

    artifact: ArtifactSpec
    file: str
    size_bytes: int
    params: int
    macs: int
    engine: str
    passes: str = ""
    delegation: Delegation | None = None
    accuracy: Accuracy | None = None
    parity: Parity | None = None
    measurements: tuple[Measurement, ...] = ()
    operators: tuple[OperatorTime, ...] = ()
    candidates: tuple[Candidate, ...] = ()

    @property
    def key(self) -> str:
        """Its name within the run."""
        return self.artifact.key

    @property
    def label(self) -> str:
        """What a person calls it."""
        return self.artifact.label

    @property
    def precision(self) -> str:
        """Key of its quantization scheme."""
        return self.artifact.scheme


class StageRecord(Record):
    """How a stage went.

    Attributes:
        state: ``waiting``, ``running``, ``done``, ``skipped``, ``failed``, ``cancelled``, or one of a newer version.
        cached: Taken over from an earlier run with the same inputs.
    """

    name: str
    state: str
    seconds: float = 0.0
    cached: bool = False
    inputs_hash: str = ""


class Environment(Record):
    """The machine and the versions.

    Attributes:
        governor: How the system chooses the processor's clock; empty where it does not tell.
        wait_policy: What OpenMP's waiting threads did (``OMP_WAIT_POLICY``) in all measurements of a run of an earlier
            version; now each measurement has its own.
    """

    pqv: str
    python: str
    system: str
    processor: str
    cores: int
    memory_bytes: int
    threads: int
    versions: dict[str, str]
    engines: tuple[str, ...] = ()
    cpu_capability: str = ""
    wait_policy: str = ""
    governor: str = ""


class WidthCut(Record):
    """What pruning left of one width.

    Attributes:
        name: Dotted name of the layer in the model.
        kind: ``mlp``, ``attention``, ``embedding``, or one of a newer version.
        before: Channels, heads, or channels of each head.
    """

    name: str
    kind: str
    before: int
    after: int


class TableUsed(Record):
    """The latency table by which a budget was kept.

    Attributes:
        device: For a person: its name.
        threads: Of the runtime.
        dense_ns: What the uncut model took there, in the format and scheme of the result.
    """

    device: str
    threads: int
    dense_ns: float


class RunRecord(Record):
    """All of a run.

    Attributes:
        number: The runs of a project are counted from 1, so their order is known even when the clock was set back.
        created: When it began, as this computer's clock had it.
        state: ``running``, ``succeeded``, ``failed``, ``cancelled``, or one of a newer version. One that was written as
            running, and that no process works on, is read as ``interrupted``.
        merged: Tokens that each block of the result merges away; empty where that is not known, or nothing is merged.
        spans: Seconds that it was at work, for each time that it was begun.
    """

    schema_version: int = SCHEMA_VERSION
    id: str
    number: int = 0
    created: str
    finished: str | None = None
    state: str
    config: dict[str, Any]
    environment: Environment
    stages: tuple[StageRecord, ...] = ()
    variants: tuple[Variant, ...] = ()
    dense_accuracy: Accuracy | None = None
    pruned_accuracy: Accuracy | None = None
    sensitivity: tuple[LayerSensitivity, ...] = ()
    widths: tuple[WidthCut, ...] = ()
    merged: tuple[int, ...] = ()
    latency_table: TableUsed | None = None
    warnings: tuple[str, ...] = ()
    error: ErrorInfo | None = None
    spans: tuple[float, ...] = ()

    def variant(self, key: str) -> Variant | None:
        """The artefact of this name, if the run made it."""
        return next((variant for variant in self.variants if variant.key == key), None)

    @property
    def results(self) -> tuple[Variant, ...]:
        """What the run was made for, in each of its formats, as far as it got; which of them counts: ``select.py``."""
        return tuple(variant for variant in self.in_order if variant.artifact.is_result)

    @property
    def baselines(self) -> tuple[Variant, ...]:
        """What the result is compared with: as published first, then the fairest."""
        return tuple(variant for variant in self.in_order if variant.artifact.is_baseline)

    @property
    def in_order(self) -> tuple[Variant, ...]:
        """The artefacts in the order in which a person reads them; those of another version come last."""
        return tuple(sorted(self.variants, key=lambda variant: artifacts.position(variant.key)))

    @property
    def published(self) -> Variant | None:
        """The baseline as it was published."""
        return next((variant for variant in self.baselines if variant.artifact.is_published), None)


def measured_elsewhere(record: RunRecord) -> dict[str, tuple[Measurement, ...]]:
    """What phones have measured, by the key of the artefact."""
    return {
        variant.key: tuple(item for item in variant.measurements if item.target != LOCAL) for variant in record.variants
    }


def save(directory: Path, record: RunRecord) -> None:
    """Write ``run.json``, whole or not at all."""
    write_json(directory / RUN_FILE, record.model_dump(mode="json"))


def load(directory: Path) -> RunRecord:
    """A run as it is: what its ``run.json`` says, and whether a process works on it.

    Raises:
        ProjectError: As ``as_written``.
    """
    record = as_written(directory)
    killed = record.state == "running" and not run_lock.is_held(directory)
    return ended(record, "interrupted", stage="cancelled") if killed else record


def ended(record: RunRecord, state: str, *, stage: str) -> RunRecord:
    """The same for a run that is over, whose stage at work ended as ``stage`` says."""
    stages = tuple(
        item.model_copy(update={"state": stage}) if item.state == "running" else item for item in record.stages
    )
    return record.model_copy(update={"state": state, "stages": stages})


def as_written(directory: Path) -> RunRecord:
    """Read the ``run.json`` of a run's folder, which says ``running`` for ever where the run was killed.

    Raises:
        ProjectError: It is missing, damaged or newer than this version.
    """
    path = directory / RUN_FILE
    try:
        plain = read_json(path, limit=MAX_BYTES)
    except OSError as error:
        raise ProjectError(
            f"The run {directory.name} cannot be read: {from_os_error(error, path).message}",
            action="Run the project again.",
        ) from error
    except FileTooLargeError as error:
        raise ProjectError(
            f"The run {directory.name} is refused: its {RUN_FILE} is too large.",
            action="Move its folder elsewhere and run the project again.",
            details=str(error),
        ) from error
    except ValueError as error:
        raise ProjectError(
            f"The run {directory.name} is damaged.", action="Run the project again.", details=str(error)
        ) from error
    version = plain.get("schema_version") if isinstance(plain, dict) else None
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise ProjectError(f"The run {directory.name} was written by a newer PQV-Mobile.", action="Update PQV-Mobile.")
    if isinstance(version, int) and version >= 1:
        plain = advance(plain, to=SCHEMA_VERSION, steps=migrations.STEPS)
    try:
        return RunRecord.model_validate(plain)
    except ValidationError as error:
        raise ProjectError(
            f"The run {directory.name} is damaged.", action="Run the project again.", details=str(error)
        ) from error


def load_all(runs: Path) -> tuple[list[RunRecord], list[str]]:
    """All readable runs in a ``.runs`` folder, oldest first, and a sentence for each that is not.

    Raises:
        StorageError: The folder cannot be listed.
    """
    found, problems = load_folders(runs)
    return [record for _, record in found], problems


def load_folders(runs: Path) -> tuple[list[tuple[Path, RunRecord]], list[str]]:
    """The same with each run's folder, whose name is what the run is known by.

    Raises:
        StorageError: The folder cannot be listed.
    """
    found: list[tuple[Path, RunRecord]] = []
    problems: list[str] = []
    try:
        directories = sorted(runs.iterdir()) if runs.is_dir() else []
    except OSError as error:
        raise from_os_error(error, runs) from error
    for directory in directories:
        try:
            if (directory / RUN_FILE).exists():
                found.append((directory, load(directory)))
        except ProjectError as error:
            if (directory / RUN_FILE).exists():  # otherwise it has just been moved away
                problems.append(error.message)
        except OSError as error:  # a folder that may not be looked into
            problems.append(f"The run {directory.name} cannot be read: {from_os_error(error, directory).message}")
    found.sort(key=lambda pair: (pair[1].number, pair[1].created, pair[1].id))
    return found, problems


def load_unchecked(runs: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """What stands in each ``run.json`` of a ``.runs`` folder, also of runs that only another version can read.

    Raises:
        StorageError: The folder cannot be listed.
    """
    try:
        directories = sorted(runs.iterdir())
    except OSError as error:
        raise from_os_error(error, runs) from error
    for directory in directories:
        with contextlib.suppress(OSError, ValueError):
            plain = read_json(directory / RUN_FILE)
            if isinstance(plain, dict):
                yield directory, plain


def json_schema() -> dict[str, Any]:
    """The JSON Schema of ``run.json``, as published in ``resources/schema/run.schema.json``."""
    dialect = "https://json-schema.org/draft/2020-12/schema"
    return {"$schema": dialect, **RunRecord.model_json_schema(mode="serialization")}
