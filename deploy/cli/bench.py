"""``pqv bench FILE... --target PHONE...`` and ``pqv run PROJECT --target PHONE...``.

Every file is measured on every phone, the phones at the same time; this computer answers the same inputs first.
"""

from __future__ import annotations

import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.table import Table

from deploy.cli import phones
from deploy.device import discovery
from deploy.device.target import Found
from deploy.job import Job
from deploy.kit.kit import KitChoice
from deploy.measure import session
from deploy.measure.device_bench import BenchRequest, BenchResult
from deploy.measure.session import BenchSession
from deploy.measure.steps import PhoneConfig
from pqv_core import formatting
from pqv_core.cli import app as cli_app
from pqv_core.cli import progress_view as cli_progress
from pqv_core.cli.console import console
from pqv_core.errors import Cancelled
from pqv_core.process.events import AnyEvent, Event, Finished, encode
from pqv_core.project import runs
from pqv_core.results.record import Measurement


@dataclass(frozen=True)
class BenchPlan:
    """What the command line asks for.

    Attributes:
        roles: Of each file in its run; without one, its path stands for it.
        names: What a person calls the files; one without is called as on the disk.
        compare: Ask this computer the same, and compare.
        val: Validation images to ask about, besides a fixed input.
        runs: The ``.runs`` folder of the project that the files belong to.
    """

    files: tuple[Path, ...]
    targets: tuple[str, ...]
    config: PhoneConfig
    shape: tuple[int, ...] | None = None
    version: str = ""
    archives: tuple[Path, ...] = ()
    roles: Mapping[Path, str] = field(default_factory=dict)
    names: Mapping[Path, str] = field(default_factory=dict)
    compare: bool = True
    val: Path | None = None
    runs: Path | None = None


@dataclass
class DeviceOutcome:
    """How it went on one phone."""

    phone: str
    session: BenchSession


class Screen:
    """Shows the events of several phones, or prints them as JSON lines; used from their threads."""

    def __init__(self, view: cli_progress.View, *, as_json: bool) -> None:
        self._view = view
        self._as_json = as_json
        self._lock = threading.Lock()

    def show(self, event: Event) -> None:
        """Take one event in."""
        with self._lock:
            if self._as_json:
                print(encode(event), flush=True)
            known: Any = event
            self._view.show(known)


def run(plan: BenchPlan, *, as_json: bool) -> int:
    """Measure and say what was found; returns the exit code."""
    outcomes = measure(plan, as_json=as_json)
    for outcome in outcomes:
        say(outcome, names=plan.names, as_json=as_json)
    say_failed(outcomes)
    return exit_code(outcomes)


def say_failed(outcomes: Sequence[DeviceOutcome]) -> None:
    """Say on how many of several phones it failed: ``1 of 2 phones failed.``"""
    failed = [one for one in outcomes if one.session.error or one.session.failures]
    if failed and len(outcomes) > 1:
        print(f"{len(failed):,} of {len(outcomes):,} phones failed.", file=sys.stderr)


def exit_code(outcomes: Sequence[DeviceOutcome]) -> int:
    """Failed where a phone or a file failed, else cancelled where one was cancelled, else done."""
    sessions = [outcome.session for outcome in outcomes]
    if any(session.error or session.failures for session in sessions):
        return cli_app.FAILED
    return cli_app.CANCELLED if any(session.cancelled for session in sessions) else cli_app.DONE


def measure(plan: BenchPlan, *, as_json: bool) -> list[DeviceOutcome]:
    """Measure every file on every phone.

    Raises:
        DeviceError: A phone is not there or not ready.
        ProjectError: Another process holds the folder of the files' runs too long.
    """
    with runs.measuring(plan.files):
        return _measure(plan, as_json=as_json)


def _measure(plan: BenchPlan, *, as_json: bool) -> list[DeviceOutcome]:
    from deploy.cli.signals import ending

    seen = discovery.find(failed=phones.say_failed)
    found = [discovery.choose(target, seen) for target in plan.targets]
    with cli_progress.view() as view, tempfile.TemporaryDirectory(prefix="pqv-reference-") as folder:
        screen = Screen(view, as_json=as_json)
        jobs = [Job(run=item.key, send=screen.show) for item in found]
        with ending(jobs), ThreadPoolExecutor(len(found)) as pool:
            try:
                requests = _requests(plan, Path(folder), jobs[0])
            except Cancelled:
                return [DeviceOutcome(item.key, BenchSession(cancelled=True)) for item in found]
            return list(pool.map(_one, found, jobs, [plan] * len(found), [requests] * len(found)))


def _requests(plan: BenchPlan, folder: Path, job: Job) -> tuple[BenchRequest, ...]:
    if plan.compare:
        job.log("Computing reference outputs on this computer first.")
    made, problem = session.requests(
        {file: plan.roles.get(file, "") for file in plan.files},
        shape=plan.shape,
        compare=plan.compare,
        val=plan.val,
        images=plan.config.images,
        folder=folder,
        job=job,
        runs=plan.runs,
    )
    if problem:
        job.log(problem, level="warning")
    return made


def _one(found: Found, job: Job, plan: BenchPlan, requests: Sequence[BenchRequest]) -> DeviceOutcome:
    def asked() -> None:
        job.log("Unlock the phone and tap Allow.", level="warning")

    choice = KitChoice(plan.version, plan.archives)
    bench = session.bench_of(found, job, plan.config, choice, asked=asked)
    return DeviceOutcome(found.key, session.measure(bench, requests))


def as_event(outcome: DeviceOutcome) -> Finished:
    """The outcome as the one last event of its job; failed where nothing was measured."""
    taken = outcome.session
    result: dict[str, object] = {
        "measurements": {
            str(file): [item.model_dump(mode="json") for item in one.measurements]
            for file, one in taken.results.items()
        },
        "failures": {str(file): error.info().model_dump(mode="json") for file, error in taken.failures.items()},
        "device": next((one.info.model_dump(mode="json") for one in taken.results.values()), None),
    }
    error = taken.error or (None if taken.results else next(iter(taken.failures.values()), None))
    state = "failed" if error else "cancelled" if taken.cancelled else "succeeded"
    event: AnyEvent = Finished.model_validate(
        {"run": outcome.phone, "outcome": state, "error": error and error.info(), "result": result}
    )
    assert isinstance(event, Finished)
    return event


def say(outcome: DeviceOutcome, *, names: Mapping[Path, str], as_json: bool) -> None:
    """Print how it went on one phone."""
    if as_json:
        print(encode(as_event(outcome)), flush=True)
    out, taken = console(as_json=as_json), outcome.session
    if taken.results:
        out.print(_table(taken.results, names))
    for result in taken.results.values():
        for warning in result.warnings:
            out.print(f"! {warning}")
    for file, failure in taken.failures.items():
        print(f"{names.get(file, file.name)} on {outcome.phone}", file=sys.stderr)
        cli_app.report(failure.info(), as_json=False)
    if taken.cancelled:
        print(f"{outcome.phone}: cancelled; nothing was left on the device.", file=sys.stderr)
    if taken.error:
        print(f"Device {outcome.phone}", file=sys.stderr)
        cli_app.report(taken.error.info(), as_json=False)


def _table(results: Mapping[Path, BenchResult], names: Mapping[Path, str]) -> Table:
    first = next(iter(results.values()))
    info = first.info
    title = f"{info.name}, {info.system or 'unknown system'}, {info.soc or 'unknown chip'}"
    table = Table(title=title, title_justify="left", box=None)
    for head in (
        "File",
        "Threads",
        "Batch",
        "Engine",
        "Median",
        "p90",
        "Fastest",
        "Runs",
        "Loading",
        "Memory",
        "Cores",
        "Same answer",
    ):
        table.add_column(head, justify="left" if head == "File" else "right")
    for file, result in results.items():
        for item in result.measurements:
            cores = (item.heat or {}).get("cores")
            table.add_row(
                names.get(file, file.name),
                str(item.threads),
                str(item.batch),
                item.engine,
                formatting.nanoseconds(item.median_ns),
                formatting.milliseconds(item.percentile_ms(0.9)),
                formatting.nanoseconds(min(item.samples_ns)),
                str(len(item.samples_ns)),
                formatting.nanoseconds(item.load_ns) if item.load_ns is not None else "–",
                formatting.size(item.memory_bytes) if item.memory_bytes is not None else "–",
                ",".join(map(str, cores)) if cores else "all",
                _agreement(item),
            )
    return table


def _agreement(item: Measurement) -> str:
    """Share of the inputs with the same answer as on this computer, and the logits' relative error."""
    if item.parity is None:
        return "–"
    return f"{formatting.percent(item.parity.top1_agreement)} (±{item.parity.relative:.1e})"
