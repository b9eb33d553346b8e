"""``pqv study run STUDY --target PHONE``: each trial's files are measured on a phone before the trial is judged.

Before a trial whose budget is about a phone's latency, the table by which that is kept is measured where it is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.cli import run as cli_run
from deploy.measure.steps import PhoneConfig
from pqv_core.config import RunConfig
from pqv_core.errors import Cancelled, ToldError
from pqv_core.study import study_file


@dataclass(frozen=True)
class PhoneMeter:
    """Measures trials on a phone, one at a time, and adds the figures to their runs.

    Attributes:
        project: The project of the study.
        settings: Of the study's trials, for the images that the phone is asked about.
        targets: The phone's serial or address.
    """

    project: Path
    settings: RunConfig
    targets: Sequence[str]
    config: PhoneConfig
    archives: tuple[Path, ...] = ()
    as_json: bool = False

    def measure(self, directory: Path) -> None:
        """Measure a run's files.

        Raises:
            DeviceError: The phone is not there, or cannot run a file.
            Cancelled: The end was asked for.
        """
        outcomes = cli_run.measured(
            directory,
            project=self.project,
            settings=self.settings,
            targets=self.targets,
            config=self.config,
            archives=self.archives,
            as_json=self.as_json,
        )
        sessions = [outcome.session for outcome in outcomes]
        if any(session.cancelled for session in sessions):
            raise Cancelled
        for session in sessions:
            if error := session.error or next(iter(session.failures.values()), None):
                raise error


@dataclass(frozen=True, kw_only=True)
class Tables:
    """Measures the latency tables that runs need, as ``pqv run`` does.

    Attributes:
        phones: Those that may be meant; none for all that are connected.
        threads: None for those of the project, or as many as phones are measured with.
    """

    phones: Sequence[str]
    threads: int | None
    archives: tuple[Path, ...] = ()
    as_json: bool = False

    def measure(self, settings: RunConfig) -> None:
        """Measure the table by which a run keeps its budget, where it is missing and its phone is connected.

        Raises:
            PqvError: The phone could not measure it.
            Cancelled: The end was asked for.
        """
        end = cli_run.measure_table(
            settings, self.phones, threads=self.threads, archives=self.archives, as_json=self.as_json
        )
        if end is not None and end.outcome == "cancelled":
            raise Cancelled
        if end is not None and end.error is not None:
            raise ToldError(end.error)


def meter(
    folder: Path, target: str, config: PhoneConfig, *, archives: tuple[Path, ...] = (), as_json: bool
) -> PhoneMeter:
    """What measures the trials of a study on a phone.

    Raises:
        ProjectError: The study cannot be read.
        DeviceError: The phone is not there or not ready.
        UsageError: The study's files are for this computer.
    """
    study = study_file.load(folder)
    project = study_file.project_of(folder, study)
    cli_run.check(project, study.space.base, [target])
    return PhoneMeter(project, study.space.base, [target], config, archives, as_json)
