"""One row for each artefact of a run on each device that measured it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pqv_core import formatting
from pqv_core.config import TokensConfig
from pqv_core.config.budget import BudgetConfig
from pqv_core.config.quantize import ENGINES
from pqv_core.criteria import CRITERIA
from pqv_core.errors import ConfigError
from pqv_core.formats.base import NO_ENGINE
from pqv_core.formats.delegation import Delegation
from pqv_core.results import artifacts, operators, select, stability
from pqv_core.results.artifacts import ArtifactSpec
from pqv_core.results.record import LOCAL, Accuracy, Measurement, OperatorTime, RunRecord, Variant
from pqv_core.results.select import Setting
from pqv_core.schemes import SCHEMES, has_groups, has_quantized_layers

_MOST = 1e18


@dataclass(frozen=True)
class Row:
    """An artefact on a device.

    Attributes:
        run: Run name's folder.
        name: What the person calls the run; empty where it has no name.
        title: The run's name; where it has none, what tells it from the others.
        artifact: What it is to its run.
        importance: How its parts were ranked; empty where nothing was cut.
        ratio: Share of each width removed, from 0 to 1; 0 where nothing was.
        merged: How many tokens are merged, in words; empty where all are kept.
        engine: Engine of the kernels; empty where no layer is quantized, or where there is no choice of them.
        group: Inputs whose weights share a scale; None where the scheme has no groups.
        device: What a person calls the device; rows with the same were measured on the same one.
        measurement: The one that counts with this number of threads and this batch; None where it was not measured.
        stands: Whether it is of the number of threads with which its run is shown where only one can be.
        accuracy: Over the validation images, where known.
        accuracy_elsewhere: The accuracy is this computer's of the same file, for the phone was not asked.
        speedups: Over the paper's baseline of its run, and over the quickest fair one, by their usual keys, how many
            times faster; None where they were not measured together.
        apart: Baselines that were measured on this device, but not together with this.
        unsteady: Baselines over which the speed-up is not to be trusted.
        delegation: Who computes what in the file; None where its format does not tell.
    """

    run: str
    name: str
    title: str
    note: str
    number: int
    state: str
    model: str
    importance: str
    ratio: float
    merged: str
    artifact: ArtifactSpec
    engine: str
    group: int | None
    file: str
    target: str
    device: str
    threads: int | None
    measurement: Measurement | None
    stands: bool
    accuracy: Accuracy | None
    accuracy_elsewhere: bool
    size_bytes: int
    params: int
    macs: int
    speedups: Mapping[str, float | None]
    apart: tuple[str, ...]
    unsteady: frozenset[str]
    operator_times: tuple[OperatorTime, ...]
    delegation: Delegation | None
    texts: dict[str, str] = field(default_factory=dict, compare=False, repr=False)
    """What stands in the columns of a table, as far as it has been asked for."""

    @cached_property
    def key(self) -> str:
        """Different for every row of a project."""
        return "\n".join((self.run, self.artifact.key, self.device, str(self.threads), str(self.batch)))

    @property
    def precision(self) -> str:
        """Key of its quantization scheme."""
        return self.artifact.scheme

    @property
    def precision_words(self) -> str:
        """What a person calls its precision: ``INT8 dynamic``, ``INT4, groups of 32``."""
        groups = f"groups of {self.group}" if self.group else ""
        return ", ".join(part for part in (precision(self.precision), groups) if part)

    @property
    def is_result(self) -> bool:
        """Whether it is what its run was made for."""
        return self.artifact.is_result

    @property
    def batch(self) -> int:
        """Images per inference; latencies of different batches are not compared."""
        return self.measurement.batch if self.measurement else 1

    @cached_property
    def median_ms(self) -> float | None:
        """Median latency in milliseconds."""
        return self.measurement.median_ms if self.measurement else None

    @cached_property
    def p90_ms(self) -> float | None:
        """90th percentile latency, in milliseconds."""
        return self.measurement.percentile_ms(0.9) if self.measurement else None

    @cached_property
    def remarks(self) -> tuple[str, ...]:
        """What to know before trusting the latency; empty where it was steady."""
        return tuple(stability.remarks(self.measurement)) if self.measurement else ()

    @property
    def top1(self) -> float | None:
        """Share of images whose first class is right, from 0 to 1."""
        return self.accuracy.top1 if self.accuracy else None

    @property
    def images(self) -> int | None:
        """How many images the accuracy is of."""
        return self.accuracy.images if self.accuracy else None

    @property
    def memory_bytes(self) -> int | None:
        """What it takes of the memory of a process that runs it alone."""
        return self.measurement.memory_bytes if self.measurement else None

    def doubts(self, over: str) -> bool:
        """Whether it has a speed-up over a baseline that is not to be trusted."""
        return over in self.unsteady and self.speedups.get(over) is not None

    @cached_property
    def groups(self) -> dict[str, int]:
        """Nanoseconds of an inference by group of operators, the longest first."""
        return operators.by_group(self.operator_times)

    @cached_property
    def share_outside(self) -> float | None:
        """Share of an inference that operators outside of delegates take; None where it is not known."""
        return operators.share_outside(self.delegation, self.operator_times) if self.delegation else None

    @property
    def is_int8(self) -> bool:
        """Whether its layers compute in 8 bits."""
        return has_quantized_layers(self.precision)

    @property
    def is_possible(self) -> bool:
        """Whether every figure is one that can be measured: what is drawn and said relies on it.

        Raises:
            ArithmeticError: One is not even a number that can be reckoned with.
        """
        known = (self.median_ms, self.p90_ms, self.size_bytes, self.params, self.macs, self.top1, self.memory_bytes)
        return all(0 <= value < _MOST for value in (*known, *self.groups.values()) if value is not None)

    @cached_property
    def compression(self) -> str:
        """What was done to the model, in words: ``INT8 dynamic, 25.0 % pruned``."""
        cut = f"{formatting.percent(self.ratio)} pruned" if self.ratio else ""
        merged = f"{self.merged} merged" if self.merged else ""
        return ", ".join(part for part in (self.precision_words, cut, merged) if part)

    @cached_property
    def made(self) -> str:
        """What it is, without the run: ``FP32, fastest``, ``INT8 dynamic, 25.0 % pruned (ONEDNN)``."""
        if not (self.artifact.is_result or self.artifact.is_step):
            return self.artifact.label
        return f"{self.compression} ({engine_name(self.engine)})" if self.engine else self.compression

    @cached_property
    def spread(self) -> str:
        """The latency with its spread, and the accuracy with the number of images."""
        if self.measurement is None:
            return ""
        item = self.measurement
        words = (
            f"median {formatting.milliseconds(self.median_ms or 0)}, p90 {formatting.milliseconds(self.p90_ms or 0)}, "
            f"{formatting.counted(len(item.samples_ns), 'run')}, {Setting.of(item).words}"
        )
        if self.accuracy is not None:
            words += f"; {self.accuracy_words}"
        if self.accuracy_elsewhere:
            words += ", asked on the computer"
        apart = [f"not measured together with: {artifacts.label(key)}" for key in self.apart]
        return "; ".join([words, *self.remarks, *apart])

    @property
    def accuracy_words(self) -> str:
        """The accuracy with its error and its images; empty where it is not known."""
        if self.accuracy is None:
            return ""
        share = formatting.with_error(self.accuracy.top1, self.accuracy.top1_error)
        return f"top-1 {share} on {self.accuracy.images:,} images"

    @cached_property
    def words(self) -> str:
        """The row in a line, with the run it is of."""
        return f"{self.title} · {self.made}"


def precision(name: str) -> str:
    """What a person calls a precision."""
    return next((info.label for key, info in SCHEMES.items() if key == name), name)


def engine_name(name: str) -> str:
    """What a person calls an engine; nothing where kernels are not chosen."""
    return "" if name == NO_ENGINE else next((info.label for key, info in ENGINES.items() if key == name), name)


def importance(name: str) -> str:
    """What a person calls an importance criterion."""
    return next((info.label for key, info in CRITERIA.items() if key == name), name)


@dataclass(frozen=True)
class Chosen:
    """What a run was asked for, as far as it can be read: a run of another version may lack some."""

    model: str
    importance: str
    ratio: float
    merged: str
    group: int | None

    @classmethod
    def of(cls, record: RunRecord) -> Chosen:
        """Read from the config that the run kept; how far a budget let it be cut, from what is left."""
        config = record.config
        parts = (config.get(section) for section in ("model", "prune", "tokens", "quantize"))
        model, prune, tokens, quantize = (part if isinstance(part, dict) else {} for part in parts)
        ratio, how, group = prune.get("ratio"), prune.get("importance"), quantize.get("group")
        if limits(config.get("budget")):
            ratio = _lost(record)
        cut = bool(prune.get("enabled")) and isinstance(ratio, int | float) and 0 < ratio < 1
        return cls(
            model=str(model.get("name") or ""),
            importance=str(how or "") if cut else "",
            ratio=float(ratio) if cut and isinstance(ratio, int | float) else 0.0,
            merged=_merged(tokens, record.merged),
            group=group if isinstance(group, int) else None,
        )


def limits(budget: object) -> str:
    """The limits that a run was to keep, in words; empty where there are none, or none that this version knows."""
    try:
        return BudgetConfig.parse(budget).words if isinstance(budget, dict) else ""
    except ConfigError:
        return ""


def _lost(record: RunRecord) -> float:
    """Share of the parameters that a run's result has no more."""
    before = max((variant.params for variant in record.variants if variant.artifact.is_dense), default=0)
    after = min((variant.params for variant in record.results), default=before)
    return 1 - after / before if before else 0.0


def _merged(tokens: dict[str, Any], found: tuple[int, ...]) -> str:
    """What a run merges, in words; empty for settings of another version that cannot be read.

    Args:
        found: What each block merges away, once a budget has chosen.
    """
    with contextlib.suppress(ConfigError):
        config = TokensConfig.parse(tokens)
        if config.by_budget and found:
            config = config.changed(by_budget=False, merge=0, per_block=found)
        return config.words if config.enabled else ""
    return ""


def of_run(record: RunRecord, *, folder: str, name: str, title: str, note: str, here: str) -> Iterator[Row]:
    """The rows of a run, artefact by artefact, this computer first.

    Args:
        folder: Run name's folder.
        title: What the run is called, by the person or by what tells it from others.
        here: What the computer of this run is called.

    Raises:
        ArithmeticError: A figure is beyond all measure.
    """
    chosen = Chosen.of(record)
    shown = select.settings(record)
    standing = {select.setting(record, target=one.target, batch=one.batch) for one in shown}
    for variant in record.in_order:
        dense = variant.artifact.is_dense
        for setting in _settings(variant, shown):
            measurement = select.at(variant, setting)
            target = setting.target if setting else LOCAL
            accuracy, elsewhere = _accuracy(variant, measurement)
            bases = _bases(record, setting)
            yield Row(
                run=folder,
                name=name,
                title=title,
                note=note,
                number=record.number,
                state=record.state,
                model=chosen.model,
                importance="" if dense else chosen.importance,
                ratio=0.0 if dense else chosen.ratio,
                merged="" if dense or variant.artifact.is_contrast else chosen.merged,
                engine=_engine(variant, measurement),
                group=chosen.group if has_groups(variant.precision) else None,
                artifact=variant.artifact,
                file=variant.file,
                target=target,
                device=here if target == LOCAL else target,
                threads=setting.threads if setting else None,
                measurement=measurement,
                stands=setting is None or setting in standing,
                accuracy=accuracy,
                accuracy_elsewhere=elsewhere,
                size_bytes=variant.size_bytes,
                params=variant.params,
                macs=variant.macs,
                unsteady=frozenset(key for key, (_, item) in bases.items() if select.doubtful(item, measurement)),
                speedups={key: select.ratio(item, measurement) for key, (_, item) in bases.items()},
                apart=tuple(key for key, (base, item) in bases.items() if _apart(base, item, measurement)),
                operator_times=select.operators(variant, measurement),
                delegation=variant.delegation,
            )


def _bases(record: RunRecord, setting: Setting | None) -> dict[str, tuple[Variant, Measurement | None]]:
    """What files are compared with in a setting: the paper's baseline, and of several fair ones the quickest."""
    fair = [base for base in record.baselines if base.artifact.is_fairest]
    measured = [(base, item) for base in fair if (item := select.at(base, setting))]
    found: dict[str, tuple[Variant, Measurement | None]] = {
        base.key: (base, select.at(base, setting)) for base in record.baselines if not base.artifact.is_fairest
    }
    if measured:
        found[artifacts.FAIREST.key] = min(measured, key=lambda pair: pair[1].median_ns)
    elif fair:
        found[artifacts.FAIREST.key] = fair[0], None
    return found


def _settings(variant: Variant, shown: Sequence[Setting]) -> Sequence[Setting | None]:
    """Those in which an artefact was measured; None where it was in none."""
    return [one for one in shown if select.at(variant, one)] or [None]


def _apart(base: Variant, beside: Measurement | None, measured: Measurement | None) -> bool:
    """Whether a baseline was measured on the same device as a file, but not together with it."""
    if measured is None or select.together(beside, measured):
        return False
    return any(item.target == measured.target for item in base.measurements)


def _accuracy(variant: Variant, measurement: Measurement | None) -> tuple[Accuracy | None, bool]:
    """The accuracy, and whether it is this computer's of a file that a phone was not asked about."""
    accuracy, _ = select.answers(variant, measurement)
    elsewhere = accuracy is None and variant.accuracy is not None
    return (variant.accuracy, True) if elsewhere else (accuracy, False)


def _engine(variant: Variant, measurement: Measurement | None) -> str:
    if not has_quantized_layers(variant.precision):
        return ""
    asked = measurement.engine if measurement else ""
    return next((engine for engine in (asked, variant.engine) if engine not in ("", NO_ENGINE)), "")
