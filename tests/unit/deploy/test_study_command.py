"""``pqv study run``: what it says after Ctrl-C is the command that goes on as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.cli import commands
from pqv_core.cli import study as core_study
from pqv_core.config import RunConfig
from pqv_core.project import project_file as projects
from pqv_core.study import new_study, runner, study_file
from pqv_core.study.events import StudyFinished


class Cancelled:
    """A runner that was cancelled before it began."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def run(self) -> StudyFinished:
        return StudyFinished(outcome="cancelled", reason="Cancelled.")

    def cancel(self) -> None:
        pass

    kill = cancel


def test_the_command_that_goes_on_has_all_that_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project, folder = tmp_path / "some.pqv", tmp_path / "some.study"
    projects.save(project, projects.Project(config=RunConfig()))
    study_file.create(folder, new_study.build(new_study.Choices(project=project, vary=("prune.ratio=0.1,0.4",))))
    monkeypatch.setattr(runner, "StudyRunner", Cancelled)
    monkeypatch.setattr(core_study, "_executor", lambda *_: None)
    code = commands.study_run(folder, threads=2, archives=[Path("a b.aar")], ray="10.0.0.1:6379", ray_cpus=8)
    assert code == 130
    assert (
        capsys.readouterr()
        .err.rstrip()
        .endswith(f"pqv study run {folder} --ray 10.0.0.1:6379 --ray-cpus 8 --threads 2 --file 'a b.aar'")
    )
