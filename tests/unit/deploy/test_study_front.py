"""``pqv study measure``: what was measured together is added to the runs that are still there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from deploy.cli import study_front
from pqv_core.cli import bench
from pqv_core.config import RunConfig, with_settings
from pqv_core.errors import PqvError
from pqv_core.files.fsio import remove_folder
from pqv_core.process.events import Finished
from pqv_core.project import project_file as projects
from pqv_core.results import record as results
from pqv_core.study import front, new_study, study_file
from pqv_core.study.runner import StudyRunner
from pqv_core.study.view import StudyWatch
from tests.fakes.records import measurement
from tests.fakes.study_runs import RunsAtOnce


def test_a_run_that_is_deleted_meanwhile_does_not_cost_the_others_their_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, folder = tmp_path / "some.pqv", tmp_path / "some.study"
    projects.save(project, projects.Project(config=with_settings(RunConfig(), {"prune.importance": "l2"})))
    asked = new_study.Choices(project=project, vary=("seed=1,2",), objectives=("latency",), sampler="grid")
    study_file.create(folder, new_study.build(asked))
    StudyRunner(folder, RunsAtOnce(), heard=lambda _: None).run()
    view = StudyWatch(folder).look()
    assert view.front == (0, 1), "equally quick"
    for trial in view.trials:
        directory = projects.runs_directory(project) / trial.run
        for result in results.load(directory).results:
            (directory / result.file).write_bytes(b"a model")
    gone, left = front.files(folder)

    def measured(asked: dict[str, Any], **_: object) -> Finished:
        remove_folder(gone.directory)
        found = {file: [measurement(7).model_dump(mode="json")] for file in asked["files"]}
        return Finished(run="b", outcome="succeeded", result={"measurements": found})

    monkeypatch.setattr(bench, "run", measured)
    with pytest.raises(PqvError, match=gone.directory.name):
        study_front.here(folder, threads=None, as_json=False)
    (result,) = results.load(left.directory).results
    assert result.measurements[-1].median_ms == 7
