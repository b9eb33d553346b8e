"""``pqv study measure STUDY``: the results of the trials on a study's front take turns, here or on phones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deploy.cli import bench as cli_bench
from deploy.cli import run as cli_run
from deploy.measure import record
from deploy.measure.steps import PhoneConfig
from pqv_core.cli import bench as core_bench
from pqv_core.cli import commands as core
from pqv_core.cli.absolute_path import absolute
from pqv_core.errors import PqvError
from pqv_core.results.record import Measurement
from pqv_core.study import front, study_file
from pqv_core.study.front import FrontFile


def on_phones(
    folder: Path, phones: Sequence[str], config: PhoneConfig, *, archives: tuple[Path, ...], as_json: bool
) -> int:
    """Measure the front of a study on phones, and add the figures to its runs; returns the exit code.

    Raises:
        ProjectError: The study, or one of its runs, cannot be read.
        UsageError: The front is empty, or its files are for this computer.
        DeviceError: A phone is not there or not ready.
    """
    study = study_file.load(folder)
    project, files = study_file.project_of(folder, study), front.files(folder)
    cli_run.check(project, study.config, phones)
    plan = cli_bench.BenchPlan(
        files=tuple(file.path for file in files),
        targets=tuple(phones),
        config=config,
        archives=archives,
        names={file.path: file.name for file in files},
        runs=files[0].directory.parent,
        val=cli_run.validation_images(project, study.config),
    )
    outcomes = cli_bench.measure(plan, as_json=as_json)
    for outcome in outcomes:
        cli_bench.say(outcome, names=plan.names, as_json=as_json)
        _keep(files, {path: result.measurements for path, result in outcome.session.results.items()})
    cli_bench.say_failed(outcomes)
    return cli_bench.exit_code(outcomes)


def here(folder: Path, *, threads: int | None, as_json: bool) -> int:
    """Measure the front of a study on this computer in one loop, and add the figures to its runs; the exit code.

    Args:
        threads: None for those with which the trials were measured.

    Raises:
        ProjectError: The study, or one of its runs, cannot be read.
        UsageError: The front is empty.
    """
    measure, files = study_file.load(folder).space.base.measure, front.files(folder)
    wanted = threads or measure.threads
    paths = [absolute(file.path) for file in files]
    asked = {
        "files": paths,
        "threads": (wanted,) if wanted else (),
        "iterations": measure.iterations,
        "warmup": measure.warmup,
        "max_seconds": measure.max_seconds,
    }
    names = {path: file.name for path, file in zip(paths, files, strict=True)}
    finished = core_bench.run(asked, names=names, as_json=as_json)
    if finished.result is not None:
        found: Any = finished.result["measurements"]
        _keep(files, {file.path: _measurements(found[path]) for path, file in zip(paths, files, strict=True)})
    return core.exit_code(finished, "")


def _measurements(plain: list[dict[str, Any]]) -> tuple[Measurement, ...]:
    return tuple(map(Measurement.model_validate, plain))


def _keep(files: Sequence[FrontFile], measured: Mapping[Path, Sequence[Measurement]]) -> None:
    """Add what was measured to the runs that the files belong to.

    Raises:
        PqvError: A run was deleted meanwhile, or is at work; the others have their figures.
    """
    refused: PqvError | None = None
    for directory in dict.fromkeys(file.directory for file in files):
        own = [file for file in files if file.directory == directory and file.path in measured]
        try:
            if own:
                record.add(directory, {file.key: measured[file.path] for file in own})
        except PqvError as error:
            refused = refused or error
    if refused is not None:
        raise refused
