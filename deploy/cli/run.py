"""``pqv run PROJECT --target PHONE``: after the run, its files are measured on phones and the figures added to it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from deploy.cli import bench as cli_bench
from deploy.cli import phones
from deploy.cli.bench import DeviceOutcome
from deploy.device import discovery
from deploy.measure import record
from deploy.measure.steps import PhoneConfig
from pqv_core.cli import report as cli_report
from pqv_core.config import RunConfig
from pqv_core.data import dataset
from pqv_core.errors import UsageError
from pqv_core.project import project_file as projects
from pqv_core.project import runs


def check(project: Path, settings: RunConfig, targets: Sequence[str]) -> None:
    """Refuse, before the run, a project whose files no phone can run, and phones that are not there.

    Raises:
        DeviceError: A phone is not there or not ready.
        UsageError: It is for this computer.
    """
    check_target(project, settings)
    seen = discovery.find(failed=phones.say_failed)
    for target in targets:
        discovery.choose(target, seen)


def check_target(project: Path, settings: RunConfig) -> None:
    """Refuse a project whose files no phone can run.

    Raises:
        UsageError: They are for this computer.
    """
    if settings.export.target != "android":
        raise UsageError(
            f"{project.name} exports for this computer; phones cannot run its files.",
            action="Choose Android on the Export page, or create the project with: pqv new … --target android.",
        )


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
    files, val = record.files(directory), settings.data.val
    plan = cli_bench.BenchPlan(
        files=tuple(files),
        targets=tuple(targets),
        config=config,
        archives=archives,
        roles={path: keys[-1] for path, keys in files.items()},
        runs=directory.parent,
        val=projects.resolved_path(val, project=project) if val and not dataset.is_named(val) else None,
    )
    outcomes = cli_bench.measure(plan, as_json=as_json)
    for outcome in outcomes:
        cli_bench.say(outcome, as_json=as_json)
        for path, result in outcome.session.results.items():
            record.add(directory, dict.fromkeys(files[path], result.measurements))
    return outcomes
