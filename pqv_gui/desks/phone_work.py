"""What is done for phones in threads of their own: watching, asking, preparing, measuring, keeping the figures."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from deploy.device import discovery
from deploy.device.info import DeviceInfo
from deploy.device.shell import MARGIN
from deploy.device.target import Found
from deploy.errors import IncompatibleError
from deploy.job import Job
from deploy.kit.kit import Kit, KitChoice
from deploy.measure import record, session
from deploy.measure.device_bench import BenchRequest, BenchResult
from deploy.measure.steps import PhoneConfig
from pqv_core.errors import Cancelled, ErrorInfo, PqvError, StorageError
from pqv_core.process.worker_client import Worker
from pqv_core.results import record as results
from pqv_core.results.record import Measurement
from pqv_gui.pages.device.phone_files import File
from pqv_gui.pages.device.phone_run import Profile
from pqv_gui.viewmodels.results.measurement_rows import Measured

_keeping = threading.Lock()  # a run's record is written by one phone's thread at a time


@dataclass(frozen=True)
class MeasuringPlan:
    """What to measure, and how.

    Attributes:
        shape: Of the input; empty takes what each file says.
        compare: Let this computer answer the same, and compare.
        val: Validation images to ask about.
        archives: Files to take the runtimes' libraries from instead of fetching them.
        kit: None takes the installation's program and the runtime's libraries.
    """

    files: tuple[File, ...]
    config: PhoneConfig
    shape: tuple[int, ...] = ()
    compare: bool = True
    val: Path | None = None
    archives: tuple[Path, ...] = ()
    kit: Kit | None = None


@dataclass(frozen=True)
class Prepared:
    """A plan with what every phone is asked.

    Attributes:
        requests: One a file.
        notes: What the person should know, such as that answers cannot be compared.
    """

    plan: MeasuringPlan
    requests: tuple[BenchRequest, ...]
    notes: tuple[str, ...] = ()


@dataclass
class MeasuringOutcome:
    """How it went on one target; ``error`` ended it early, ``failures`` are files that could not be measured."""

    cancelled: bool = False
    measured: list[Measured] = field(default_factory=list)
    profiles: list[Profile] = field(default_factory=list)
    failures: list[tuple[File, ErrorInfo]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    error: ErrorInfo | None = None
    kept: list[results.RunRecord] = field(default_factory=list)
    not_kept: ErrorInfo | None = None


def _ending(cancelled: Callable[[], bool]) -> Callable[[], None]:
    def check() -> None:
        if cancelled():
            raise Cancelled

    return check


def watch(
    cancelled: Callable[[], bool], pause: Callable[[float], None], *, failed: Callable[[PqvError], None]
) -> Iterator[list[Found]]:
    """The phones now, and again after every change, until ``cancelled``.

    Args:
        failed: Told why devices of a kind are watched no longer.
    """
    return discovery.watch(_ending(cancelled), pause, failed=failed)


def ask(
    found: Found, *, kit: Kit | None, cancelled: Callable[[], bool], asked: Callable[[], None]
) -> tuple[DeviceInfo, ErrorInfo | None]:
    """A phone's facts, and why nothing can be measured on it, if so.

    Args:
        asked: Called when the phone shows its question to the person.
    """
    target = discovery.target(found.target)
    with contextlib.closing(target.connect(found, _ending(cancelled), asked=asked)) as shell:
        info = shell.info()
    problems = target.problems(info, KitChoice(kit=kit), file=None, needed_bytes=MARGIN)
    return info, IncompatibleError(problems).info() if problems else None


def refusals(files: Sequence[File], *, kit: Kit | None, cancelled: Callable[[], bool]) -> dict[File, str]:
    """Why phones refuse each of these files; empty for one that they run, as far as is known without a phone."""
    choice, found = KitChoice(kit=kit), {}
    for file in files:
        with contextlib.suppress(StorageError):  # said when it is pushed
            found[file] = discovery.refusal(file.path, choice, cancelled=cancelled)
    return found


def prepare(plan: MeasuringPlan, job: Job, folder: Path, *, command: Sequence[str] | None) -> Prepared:
    """Let this computer answer first, so that phones can be compared with it.

    Args:
        folder: Where inputs and reference outputs are kept until all phones are done.

    Raises:
        Cancelled: The person asked for the end.
    """
    runs = next((file.run.parent for file in plan.files if file.run is not None), None)
    made, problem = session.requests(
        {file.path: "" for file in plan.files},  # runs call their files alike
        shape=plan.shape or None,
        compare=plan.compare,
        val=plan.val,
        images=plan.config.images,
        folder=folder,
        job=job,
        worker=partial(Worker, command=command),
        runs=runs,
    )
    return Prepared(plan, made, (problem,) if problem else ())


def measure(found: Found, prepared: Prepared, job: Job, *, skip: threading.Event, name: str) -> MeasuringOutcome:
    """Measure all files on one phone, and keep what was measured in the runs that they belong to.

    What is wrong with one file alone does not keep the others from being measured.

    Args:
        name: What a person calls the phone.
    """

    def asked() -> None:
        job.log("Unlock the phone and tap Allow.", level="warning")

    plan = prepared.plan
    outcome = MeasuringOutcome(warnings=list(prepared.notes))
    choice = KitChoice(archives=plan.archives, kit=plan.kit)
    bench = session.bench_of(found, job, plan.config, choice, asked=asked, skip_cooling=skip)
    taken = session.measure(bench, prepared.requests)
    outcome.cancelled = taken.cancelled
    outcome.error = taken.error.info() if taken.error else None
    for file in plan.files:
        if file.path in taken.results:
            _take(outcome, file, taken.results[file.path], name)
        if file.path in taken.failures:
            outcome.failures.append((file, taken.failures[file.path].info()))
    keep(outcome, plan, {path: result.measurements for path, result in taken.results.items()})
    return outcome


def _take(outcome: MeasuringOutcome, file: File, result: BenchResult, name: str) -> None:
    outcome.measured += [Measured(name, file.name, item) for item in result.measurements]
    outcome.warnings += result.warnings
    if result.operators:
        outcome.profiles.append(Profile(name, file.name, result.operators))


def keep(outcome: MeasuringOutcome, plan: MeasuringPlan, found: Mapping[Path, Sequence[Measurement]]) -> None:
    """Add what was measured to the runs that the files belong to, and say in ``outcome`` how that went."""
    by_run: dict[Path, dict[str, Sequence[Measurement]]] = {}
    for file in plan.files:
        if file.run is not None and found.get(file.path):
            by_run.setdefault(file.run, {})[file.key] = found[file.path]
    for directory, roles in by_run.items():
        try:
            with _keeping:
                outcome.kept.append(record.add(directory, roles))
        except PqvError as error:
            outcome.not_kept = error.info()
