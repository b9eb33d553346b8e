"""The open project: settings, undo, saving."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pqv_core.errors import ProjectError, UsageError
from pqv_core.project import project_file as projects
from pqv_gui.viewmodels.project_session import ProjectSession, free_name, new_path


class Clock:
    now = 0.0

    def __call__(self) -> float:
        self.now += 10.0
        return self.now


@pytest.fixture
def session(tmp_path: Path) -> ProjectSession:
    made = ProjectSession(clock=Clock())
    made.create(tmp_path, "small")
    return made


def test_a_new_project_is_a_file_at_once(session: ProjectSession, tmp_path: Path) -> None:
    assert session.path == tmp_path / "small.pqv"
    assert projects.load(session.path).config == session.config
    assert not session.unsaved


@pytest.mark.parametrize("name", ["", "  ", "a/b", "..", "a\\b", "x" * 200, ".hidden"])
def test_a_name_that_cannot_be_is_refused_in_words(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="project name may contain"):
        new_path(tmp_path, name)


def test_a_project_is_not_overwritten_by_a_new_one(session: ProjectSession, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="already"):
        session.create(tmp_path, "small")
    assert free_name(tmp_path, "small") == "small-2"


def test_a_change_is_unsaved_until_it_is_saved(session: ProjectSession) -> None:
    session.set("prune.ratio", 0.5)
    assert session.unsaved
    session.save()
    assert not session.unsaved
    assert session.path is not None
    assert projects.load(session.path).config.prune.ratio == 0.5


def test_setting_the_same_value_is_no_change(session: ProjectSession) -> None:
    session.set("prune.ratio", session.get("prune.ratio"))
    assert session.undo_label == ""


def test_subscribers_hear_of_each_change_until_they_leave(session: ProjectSession) -> None:
    heard: list[float] = []
    leave = session.subscribe(lambda: heard.append(session.config.prune.ratio))
    session.set("prune.ratio", 0.5)
    leave()
    session.set("prune.ratio", 0.6)
    assert heard == [0.5]


def test_an_invalid_draft_is_said_at_its_field_and_not_saved(session: ProjectSession) -> None:
    before = session.config
    session.set("model.weights", "file")
    assert [problem.field for problem in session.problems] == ["model.path"]
    assert session.config == before
    session.set("model.path", "weights.safetensors")
    assert session.problems == ()
    assert session.config.model.path == "weights.safetensors"


def test_all_problems_are_said_not_only_the_first(session: ProjectSession) -> None:
    session.set_many({"export.file_name": "no/suffix", "prune.ratio": 0.0, "seed": -1}, label="x")
    assert {problem.field for problem in session.problems} == {"export.file_name", "prune.ratio", "seed"}


def test_cutting_nothing_is_said_where_a_person_can_mend_it(session: ProjectSession) -> None:
    session.set_many({"prune.mlp": False, "prune.attention": False}, label="x")
    assert [problem.field for problem in session.problems] == ["prune.attention"]


def test_several_settings_are_undone_as_one(session: ProjectSession) -> None:
    first = session.config
    session.set_many({"data.train": "a", "data.val": "b", "finetune.epochs": 3}, label="data.train")
    session.undo()
    assert session.config == first
    session.redo()
    assert (session.config.data.val, session.config.finetune.epochs) == ("b", 3)


def test_undo_of_everything_gives_the_saved_state_back(session: ProjectSession) -> None:
    session.set("prune.ratio", 0.5)
    session.undo()
    assert not session.unsaved


def test_another_project_has_its_own_history(session: ProjectSession, tmp_path: Path) -> None:
    session.set("prune.ratio", 0.5)
    session.create(tmp_path, "other")
    assert session.undo_label == ""
    assert session.config.prune.ratio != 0.5


def test_save_as_keeps_what_relative_paths_mean(session: ProjectSession, tmp_path: Path) -> None:
    session.set_many({"data.train": "digits/train", "data.val": str(tmp_path / "far")}, label="x")
    session.save_as(tmp_path / "deep" / "copy")
    assert session.path == tmp_path / "deep" / "copy.pqv"
    assert session.config.data.train == "../digits/train"
    assert session.config.data.val == str(tmp_path / "far")
    assert session.resolved(session.config.data.train) == tmp_path / "digits/train"


def test_paths_below_and_beside_the_project_are_kept_relative(session: ProjectSession, tmp_path: Path) -> None:
    assert session.stored(tmp_path / "images") == "images"
    assert session.stored(tmp_path.parent / "beside") == "../beside"
    assert Path(session.stored(tmp_path.parent.parent.parent / "far")).is_absolute()


def test_unknown_keys_survive_editing(session: ProjectSession) -> None:
    assert session.path is not None
    plain = json.loads(session.path.read_text())
    plain["tomorrow"] = 1
    plain["config"]["prune"]["tomorrow"] = [2]
    session.path.write_text(json.dumps(plain))
    session.open(session.path)
    session.set("prune.ratio", 0.5)
    session.save()
    kept = json.loads(session.path.read_text())
    assert (kept["tomorrow"], kept["config"]["prune"]["tomorrow"]) == (1, [2])


def test_a_project_that_cannot_be_read_leaves_the_open_one(session: ProjectSession, tmp_path: Path) -> None:
    (tmp_path / "cut.pqv").write_text('{"schema_version": 1, "con')
    with pytest.raises(ProjectError):
        session.open(tmp_path / "cut.pqv")
    assert session.name == "small"
