"""``pqv bench FILE... --target PHONE...``: every file on every phone, the phones at the same time."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from deploy import discovery
from deploy.device import opener
from deploy.discovery import Found
from deploy.job import Job
from deploy.measure import PhoneConfig
from deploy.phone import Phone, Request, Result
from pqv_core import cli_app, cli_progress, formatting
from pqv_core.errors import Cancelled, PqvError
from pqv_core.events import AnyEvent, Event, Finished, encode


@dataclass(frozen=True)
class Plan:
    """What the command line asks for."""

    files: tuple[Path, ...]
    targets: tuple[str, ...]
    config: PhoneConfig
    shape: tuple[int, ...] | None
    version: str
    aar: Path | None


@dataclass
class Outcome:
    """How it went on one phone; results by file."""

    phone: str
    results: dict[str, Result]
    error: PqvError | None = None
    cancelled: bool = False


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


def run(plan: Plan, *, as_json: bool) -> int:
    """Measure; returns the exit code."""
    from deploy.cli_signals import ending

    seen = discovery.find()
    found = [discovery.choose(target, seen) for target in plan.targets]
    with cli_progress.view() as view:
        screen = Screen(view, as_json=as_json)
        jobs = [Job(run=item.key, send=screen.show) for item in found]
        with ending(jobs), ThreadPoolExecutor(len(found)) as pool:
            outcomes = list(pool.map(_one, found, jobs, [plan] * len(found)))
    for outcome in outcomes:
        _say(outcome, as_json=as_json)
    if any(outcome.error for outcome in outcomes):
        return cli_app.FAILED
    return cli_app.CANCELLED if any(outcome.cancelled for outcome in outcomes) else cli_app.DONE


def _one(found: Found, job: Job, plan: Plan) -> Outcome:
    def asked() -> None:
        job.log("Unlock the phone and tap Allow.", level="warning")

    phone = Phone(found.key, opener(found, asked), job, plan.config, version=plan.version, aar=plan.aar)
    outcome = Outcome(found.key, {})
    try:
        for file in plan.files:
            outcome.results[str(file)] = phone.bench(Request(file, role=str(file), input_shape=plan.shape))
    except Cancelled:
        outcome.cancelled = True
    except PqvError as error:
        outcome.error = error
    return outcome


def as_event(outcome: Outcome) -> Finished:
    """The outcome as the one last event of its job."""
    result: dict[str, object] = {
        "measurements": {
            file: [item.model_dump(mode="json") for item in one.measurements] for file, one in outcome.results.items()
        },
        "operators": {
            file: [item.model_dump(mode="json") for item in one.operators] for file, one in outcome.results.items()
        },
        "device": next((one.info.model_dump(mode="json") for one in outcome.results.values()), None),
    }
    state = "failed" if outcome.error else "cancelled" if outcome.cancelled else "succeeded"
    event: AnyEvent = Finished.model_validate(
        {"run": outcome.phone, "outcome": state, "error": outcome.error and outcome.error.info(), "result": result}
    )
    assert isinstance(event, Finished)
    return event


def _say(outcome: Outcome, *, as_json: bool) -> None:
    if as_json:
        print(encode(as_event(outcome)), flush=True)
    console = Console(stderr=as_json, highlight=False)
    if outcome.results:
        console.print(_table(outcome))
    for result in outcome.results.values():
        for warning in result.warnings:
            console.print(f"! {warning}", markup=False)
    if outcome.cancelled:
        print(f"{outcome.phone}: cancelled; nothing was left on the phone.", file=sys.stderr)
    if outcome.error:
        print(f"Phone {outcome.phone}", file=sys.stderr)
        cli_app.report(outcome.error.info(), as_json=False)


def _table(outcome: Outcome) -> Table:
    first = next(iter(outcome.results.values()))
    title = f"{first.info.name}, Android {first.info.android or '?'}, {first.info.soc or 'unknown chip'}"
    table = Table(title=title, title_justify="left", box=None)
    for head in ("File", "Threads", "Engine", "Median", "p90", "Fastest", "Runs", "Loading", "Peak memory", "Cores"):
        table.add_column(head, justify="left" if head == "File" else "right")
    for file, result in outcome.results.items():
        for item in result.measurements:
            cores = (item.heat or {}).get("cores")
            table.add_row(
                file,
                str(item.threads),
                item.engine,
                formatting.nanoseconds(item.median_ns),
                formatting.milliseconds(item.percentile_ms(0.9)),
                formatting.nanoseconds(min(item.samples_ns)),
                str(len(item.samples_ns)),
                formatting.nanoseconds(item.load_ns) if item.load_ns is not None else "–",
                formatting.size(item.peak_rss_bytes) if item.peak_rss_bytes is not None else "–",
                ",".join(map(str, cores)) if cores else "all",
            )
    return table
