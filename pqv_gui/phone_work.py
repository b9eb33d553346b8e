"""What is done for phones in threads of their own: watching, asking, preparing, measuring, keeping the figures."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import cast, get_args

from deploy import cleanup, compat, discovery, questions, record, runners
from deploy.device import Device, Opener, opener
from deploy.device_info import DeviceInfo
from deploy.discovery import Found
from deploy.errors import IncompatibleError, RunnerError
from deploy.job import Job
from deploy.measure import PhoneConfig
from deploy.phone import Kit, Phone, Request, Result
from deploy.push import MARGIN
from pqv_core import android_runtime, results
from pqv_core.errors import BenchmarkError, Cancelled, DeviceError, ErrorInfo, PqvError
from pqv_core.results import Measurement, Role
from pqv_core.worker_client import Worker
from pqv_gui.viewmodels.measured import Measured
from pqv_gui.viewmodels.phone_files import File
from pqv_gui.viewmodels.phone_run import Profile

_keeping = threading.Lock()  # a run's record is written by one phone's thread at a time


@dataclass(frozen=True)
class Plan:
    """What to measure, and how.

    Attributes:
        shape: Of the input; empty takes what each file says.
        version: Of the Android runtime.
        compare: Let this computer answer the same, and compare.
        val: Validation images to ask about.
        directory: Of the run that the files with a role belong to.
        aar: A file to take the runtime's libraries from instead of fetching them.
        kit: None takes the installation's program and the runtime's libraries.
    """

    files: tuple[File, ...]
    config: PhoneConfig
    shape: tuple[int, ...] = ()
    version: str = android_runtime.DEFAULT
    compare: bool = True
    val: Path | None = None
    directory: Path | None = None
    aar: Path | None = None
    kit: Kit | None = None


@dataclass(frozen=True)
class Prepared:
    """A plan with what every phone is asked.

    Attributes:
        requests: One a file.
        notes: What the person should know, such as that answers cannot be compared.
    """

    plan: Plan
    requests: tuple[Request, ...]
    notes: tuple[str, ...] = ()


@dataclass
class Outcome:
    """How it went on one target; ``error`` ended it early, ``failures`` are files that could not be measured."""

    cancelled: bool = False
    measured: list[Measured] = field(default_factory=list)
    profiles: list[Profile] = field(default_factory=list)
    failures: list[tuple[File, ErrorInfo]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    error: ErrorInfo | None = None
    kept: results.RunRecord | None = None
    not_kept: ErrorInfo | None = None


def _ending(cancelled: Callable[[], bool]) -> Callable[[], None]:
    def check() -> None:
        if cancelled():
            raise Cancelled

    return check


def watch(cancelled: Callable[[], bool], pause: Callable[[float], None]) -> Iterator[list[Found]]:
    """The phones now, and again after every change, until ``cancelled``."""
    return discovery.watch(_ending(cancelled), pause)


def ask(
    found: Found, *, kit: Kit | None, version: str, cancelled: Callable[[], bool], asked: Callable[[], None]
) -> tuple[DeviceInfo, ErrorInfo | None]:
    """A phone's facts, and why nothing can be measured on it, if so.

    Args:
        asked: Called when the phone shows its question to the person.
    """
    with Device(found.key, opener(found, asked), _ending(cancelled)) as device:
        info = device.info()
    runtime = kit.runtime if kit else android_runtime.load(version)
    abis = (kit.abi,) if kit else runners.abis()
    problems = compat.problems(None, runtime, info, abis=abis, needed_bytes=MARGIN)
    return info, IncompatibleError(problems).info() if problems else None


def prepare(plan: Plan, job: Job, folder: Path, *, command: Sequence[str] | None) -> Prepared:
    """Let this computer answer first, so that phones can be compared with it.

    Args:
        folder: Where questions and answers are kept until all phones are done.

    Raises:
        Cancelled: The person asked for the end.
    """
    paths, notes = [file.path for file in plan.files], list[str]()
    asked: dict[Path, questions.Questions] = {}
    if plan.compare:
        worker = partial(Worker, command=command)
        try:
            asked = questions.ask(paths, folder=folder, val=plan.val, images=plan.config.images, job=job, worker=worker)
        except BenchmarkError as error:
            notes.append(f"The answers are not compared: {error.message}")
    shape = plan.shape or None
    requests = (
        Request(file.path, role=file.role or str(file.path), input_shape=shape, questions=asked.get(file.path))
        for file in plan.files
    )
    return Prepared(plan, tuple(requests), tuple(notes))


def measure(found: Found, prepared: Prepared, job: Job, *, skip: threading.Event, name: str) -> Outcome:
    """Measure all files on one phone, and keep what was measured in the run that they belong to.

    What is wrong with one file alone does not keep the others from being measured.

    Args:
        name: What a person calls the phone.
    """

    def asked() -> None:
        job.log("Unlock the phone and tap Allow.", level="warning")

    plan, connect = prepared.plan, opener(found, asked)
    outcome = Outcome(warnings=list(prepared.notes))
    phone = Phone(found.key, connect, job, plan.config, plan.kit, plan.version, plan.aar, skip)
    found_by_file: dict[Path, tuple[Measurement, ...]] = {}
    left = False  # program and libraries stay until the last file has had its turn
    try:
        for index, (file, request) in enumerate(zip(plan.files, prepared.requests, strict=True)):
            more = index + 1 < len(plan.files)
            phone.config = plan.config.changed(keep=True) if more else plan.config
            try:
                result = phone.bench(request)
            except (IncompatibleError, RunnerError) as error:
                outcome.failures.append((file, error.info()))
                continue
            left = more and not plan.config.keep
            found_by_file[file.path] = result.measurements
            _take(outcome, file, result, name)
    except Cancelled:
        outcome.cancelled = True
    except PqvError as error:
        outcome.error = error.info()
    if left:
        _tidy(found, connect)
    keep(outcome, plan, found_by_file)
    return outcome


def _tidy(found: Found, connect: Opener) -> None:
    with contextlib.suppress(DeviceError), Device(found.key, connect) as device:
        cleanup.clear(device, cleanup.folder())


def _take(outcome: Outcome, file: File, result: Result, name: str) -> None:
    outcome.measured += [Measured(name, file.name, item) for item in result.measurements]
    outcome.warnings += result.warnings
    if result.operators:
        outcome.profiles.append(Profile(name, file.name, result.operators))


def keep(outcome: Outcome, plan: Plan, found: Mapping[Path, Sequence[Measurement]]) -> None:
    """Add what was measured to the run that the files belong to, and say in ``outcome`` how that went."""
    roles: dict[Role, Sequence[Measurement]] = {
        cast(Role, file.role): found[file.path]
        for file in plan.files
        if file.role in get_args(Role) and found.get(file.path)
    }
    if plan.directory is None or not roles:
        return
    try:
        with _keeping:
            outcome.kept = record.add(plan.directory, roles)
    except PqvError as error:
        outcome.not_kept = error.info()
