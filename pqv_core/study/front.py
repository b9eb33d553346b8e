"""The files of a study's front. Trials are timed minutes apart, so what is left of them is measured again, together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pqv_core.errors import UsageError
from pqv_core.project import project_file as projects
from pqv_core.results import record as results
from pqv_core.study.view import StudyWatch


@dataclass(frozen=True)
class FrontFile:
    """A result of a trial on the front.

    Attributes:
        directory: The folder of the trial's run.
        key: Of the artefact in the run.
        name: What a person calls it.
    """

    path: Path
    directory: Path
    key: str
    name: str


def files(folder: Path) -> tuple[FrontFile, ...]:
    """The results of all trials on a study's front that are still there, the best in the first objective first.

    Raises:
        ProjectError: The study, or one of the runs, cannot be read.
        UsageError: There is nothing to measure.
    """
    view = StudyWatch(folder).look()
    found = []
    for number in view.front:
        trial = view.trial(number)
        assert trial is not None
        directory = projects.runs_directory(view.project) / trial.run
        if not (directory / results.RUN_FILE).exists():  # a person has moved it to the trash
            continue
        for result in results.load(directory).results:
            path = directory / result.file
            if path.is_file():
                found.append(FrontFile(path, directory, result.key, f"Trial {number}, {result.label}"))
    if not found:
        raise UsageError(
            "No trial on the front of the study has a file to measure.",
            action="Run the study.",
            command="pqv study run STUDY",
        )
    return tuple(found)
