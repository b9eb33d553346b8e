"""``pqv latency PROJECT --on PHONE``: what the parts of a model cost at each width on a phone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from deploy.cli import phones
from deploy.cli.bench import Screen
from deploy.cli.signals import ending
from deploy.device import discovery
from deploy.device.target import Found
from deploy.job import Job
from deploy.kit.kit import KitChoice
from deploy.measure import latency_table, session
from pqv_core.cli import latency as core_latency
from pqv_core.cli import progress_view as cli_progress
from pqv_core.config import RunConfig
from pqv_core.errors import Cancelled, PqvError
from pqv_core.latency.table import LatencyTable
from pqv_core.process.events import Finished, encode


def run(
    project: Path,
    settings: RunConfig,
    *,
    on: str,
    threads: int | None,
    choice: KitChoice,
    out: Path | None,
    as_json: bool,
) -> Finished:
    """Measure a table on a phone for the first format of a project, keep it, and say what is in it.

    Args:
        on: Key, serial or address of the phone.
        threads: None for those of the project, or as many as phones are measured with.
        out: Where the table is written too; None for nowhere.

    Raises:
        UsageError: The project's files are for this computer.
        ConfigError: The format cannot be written so.
        StorageError: A file cannot be written.
        DeviceError: The phone is not there or not ready.
    """
    phones.check_target(project, settings)
    form = core_latency.measurable(settings, out)
    found = discovery.choose(on, discovery.find(failed=phones.say_failed))
    finished = measure(settings, form, found, threads=threads, choice=choice, as_json=as_json)
    if finished.result is not None:
        core_latency.write(LatencyTable.model_validate(finished.result), out, as_json=as_json)
    return finished


def measure(
    settings: RunConfig,
    form: str,
    found: Found,
    *,
    threads: int | None,
    choice: KitChoice,
    unless: Callable[[], LatencyTable | None] = lambda: None,
    as_json: bool,
) -> Finished:
    """Measure a table on a phone, and show how far it is; how it ended, with the table.

    Args:
        unless: As ``latency_table.measured``.
    """
    with cli_progress.view() as view:
        screen = Screen(view, as_json=as_json)
        job = Job(run=found.key, send=screen.show)
        with ending([job]):
            finished = _measured(settings, form, found, job, threads=threads, choice=choice, unless=unless)
    if as_json:
        print(encode(finished), flush=True)
    return finished


def _measured(
    settings: RunConfig,
    form: str,
    found: Found,
    job: Job,
    *,
    threads: int | None,
    choice: KitChoice,
    unless: Callable[[], LatencyTable | None],
) -> Finished:
    def asked() -> None:
        job.log("Unlock the phone and tap Allow.", level="warning")

    config = latency_table.phone_config(settings, threads)
    try:
        bench = session.bench_of(found, job, config, choice, asked=asked)
        table = latency_table.measured(settings, form, bench, unless=unless)
    except Cancelled:
        return Finished(run=job.run, outcome="cancelled")
    except PqvError as error:
        return Finished(run=job.run, outcome="failed", error=error.info(), stage=job.stage)
    return Finished(run=job.run, outcome="succeeded", result=table.model_dump(mode="json"))
