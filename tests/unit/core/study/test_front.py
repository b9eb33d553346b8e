"""Which files are measured together: the results of the trials on a study's front."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pqv_core.config import RunConfig, with_settings
from pqv_core.errors import UsageError
from pqv_core.files.fsio import remove_folder
from pqv_core.project import project_file as projects
from pqv_core.results import record as results
from pqv_core.study import front, new_study, study_file
from pqv_core.study.runner import StudyRunner
from pqv_core.study.view import StudyView, StudyWatch
from tests.fakes.study_runs import RunsAtOnce


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Two ratios, of which the greater is quicker and smaller."""
    project = tmp_path / "some.pqv"
    projects.save(project, projects.Project(config=with_settings(RunConfig(), {"prune.importance": "l2"})))
    asked = new_study.Choices(
        project=project, vary=("prune.ratio=0.1,0.4",), objectives=("latency", "size"), sampler="grid"
    )
    folder = project.with_suffix(".study")
    study_file.create(folder, new_study.build(asked))
    return folder


def with_files(study: Path) -> StudyView:
    """Write the results of all trials."""
    view = StudyWatch(study).look()
    for trial in view.trials:
        directory = projects.runs_directory(view.project) / trial.run
        for result in results.load(directory).results:
            (directory / result.file).write_bytes(b"a model")
    return view


def test_they_are_the_results_of_the_front_that_are_still_there(study: Path) -> None:
    with pytest.raises(UsageError, match="No trial on the front"):
        front.files(study)
    StudyRunner(study, RunsAtOnce(), heard=lambda _: None).run()
    with pytest.raises(UsageError, match="No trial on the front"):
        front.files(study)  # of which nobody has written the files

    view = with_files(study)
    (file,) = front.files(study)
    best = view.trials[1]
    assert view.front == (1,)
    assert file.name == "Trial 1, Compressed"
    assert file.directory == projects.runs_directory(view.project) / best.run
    assert (file.path.parent, file.key) == (file.directory, "compressed")


def test_a_trial_whose_run_was_deleted_is_left_out(study: Path) -> None:
    StudyRunner(study, RunsAtOnce(), heard=lambda _: None).run()
    with_files(study)
    (file,) = front.files(study)
    remove_folder(file.directory)
    with pytest.raises(UsageError, match="No trial on the front"):
        front.files(study)


@pytest.mark.parametrize("run", ["../elsewhere/", "..", "/tmp", "a/b", 5])
def test_a_strangers_journal_leads_nowhere_else(run: object, study: Path) -> None:
    StudyRunner(study, RunsAtOnce(), heard=lambda _: None).run()
    view = with_files(study)
    journal = study / "journal.log"
    text = journal.read_text(encoding="utf-8")
    for trial in view.trials:
        elsewhere = f"../elsewhere/{trial.run}" if run == "../elsewhere/" else run
        text = text.replace(json.dumps(trial.run), json.dumps(elsewhere))
    journal.write_text(text, encoding="utf-8")
    projects.runs_directory(view.project).rename(study.parent / "elsewhere")
    assert {trial.run for trial in StudyWatch(study).look().trials} == {""}
    with pytest.raises(UsageError, match="No trial on the front"):
        front.files(study)
