"""``pqv run PROJECT --target PHONE``: after the run, its files are measured on phones and the figures added to it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from deploy.cli import bench as cli_bench
from deploy.cli import latency as cli_latency
from deploy.cli import phones
from deploy.cli.bench import DeviceOutcome
from deploy.device import discovery
from deploy.device.target import Found
from deploy.kit.kit import KitChoice
from deploy.measure import latency_table, record
from deploy.measure.steps import PhoneConfig
from pqv_core.cli import report as cli_report
from pqv_core.config import RunConfig
from pqv_core.data import dataset
from pqv_core.errors import DeviceError, PluginError
from pqv_core.process.events import Finished
from pqv_core.project import project_file as projects
from pqv_core.project import runs


def check(project: Path, settings: RunConfig, targets: Sequence[str]) -> None:
    """Refuse, before the run, a project whose files no phone can run, and phones that are not there.

    Raises:
        DeviceError: A phone is not there or not ready.
        UsageError: It is for this computer.
    """
    phones.check_target(project, settings)
    seen = discovery.find(failed=phones.say_failed)
    for target in targets:
        discovery.choose(target, seen)


def measure_table(
    settings: RunConfig, targets: Sequence[str], *, threads: int | None, archives: tuple[Path, ...], as_json: bool
) -> Finished | None:
    """Measure the latency table by which a budget is kept, where it is missing and its phone is connected.

    Args:
        targets: The phones that may be meant; none for all that are connected.
        threads: None for those of the project, or as many as phones are measured with.

    Returns:
        How it ended; None where there is nothing to measure, or no phone to measure it on.

    Raises:
        DeviceError: A phone of ``targets`` is not there or not ready.
    """
    budget, form = settings.budget, settings.export.formats[0]
    if not latency_table.is_missing(settings, threads=threads):
        return None
    seen = discovery.find(failed=phones.say_failed)
    candidates = [discovery.choose(target, seen) for target in targets] or [item for item in seen if not item.problem()]
    found = next((item for item in candidates if budget.on in (item.key, item.serial)), None)
    found = found or next((item for item in candidates if budget.on == _name(item)), None)
    if found is None or settings.export.target != "android":
        return None
    choice = KitChoice(archives=archives)
    unless = partial(latency_table.kept, settings, threads=threads)  # which another process may have measured meanwhile
    return cli_latency.measure(settings, form, found, threads=threads, choice=choice, unless=unless, as_json=as_json)


def _name(found: Found) -> str:
    """What a person calls a phone; empty where it does not say."""
    try:
        with contextlib.closing(discovery.connect(found)) as shell:
            return shell.info().name
    except (DeviceError, PluginError):  # another one may be meant
        return ""


def measure(
    project: Path,
    settings: RunConfig,
    targets: Sequence[str],
    config: PhoneConfig,
    *,
    archives: tuple[Path, ...] = (),
    as_json: bool,
) -> int:
    """Measure the files of the newest run of ``project`` with these settings on phones; the exit code.

    What a phone has measured is kept, even where another one failed.
    """
    directory = projects.runs_directory(project) / runs.choose(project, config=settings, fresh=False)
    outcomes = measured(
        directory,
        project=project,
        settings=settings,
        targets=targets,
        config=config,
        archives=archives,
        as_json=as_json,
    )
    cli_report.say_run(project, directory.name, as_json=as_json)
    return cli_bench.exit_code(outcomes)


def measured(
    directory: Path,
    *,
    project: Path,
    settings: RunConfig,
    targets: Sequence[str],
    config: PhoneConfig,
    archives: tuple[Path, ...],
    as_json: bool,
) -> list[DeviceOutcome]:
    """Measure the files of a run on phones, say how that went, and add what was measured to the run."""
    files = record.files(directory)
    plan = cli_bench.BenchPlan(
        files=tuple(files),
        targets=tuple(targets),
        config=config,
        archives=archives,
        roles={path: keys[-1] for path, keys in files.items()},
        runs=directory.parent,
        val=validation_images(project, settings),
    )
    outcomes = cli_bench.measure(plan, as_json=as_json)
    for outcome in outcomes:
        cli_bench.say(outcome, names=plan.names, as_json=as_json)
        for path, result in outcome.session.results.items():
            record.add(directory, dict.fromkeys(files[path], result.measurements))
    cli_bench.say_failed(outcomes)
    return outcomes


def validation_images(project: Path, settings: RunConfig) -> Path | None:
    """The folder of images that phones are asked about; None where a project has none of its own."""
    val = settings.data.val
    return projects.resolved_path(val, project=project) if val and not dataset.is_named(val) else None
