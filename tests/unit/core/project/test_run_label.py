"""A run's own name and note, and what deleting it moves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqv_core.errors import ProjectError
from pqv_core.project import run_label, runs
from pqv_core.results import record as results
from tests.fakes.records import record

WORDS = st.text(st.characters(exclude_categories=("Cs",)), max_size=run_label.NAME_LIMIT)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "some.runs" / "r1"
    results.save(folder, record("r1"))
    return folder


def test_a_run_has_no_name_at_first(run: Path) -> None:
    assert run_label.load(run) == run_label.RunLabel()


@given(name=WORDS, note=WORDS)
def test_a_name_and_a_note_come_back(name: str, note: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.getbasetemp() / "label.runs" / "r"
    folder.mkdir(parents=True, exist_ok=True)
    kept = run_label.save(folder, name=name, note=note)
    assert run_label.load(folder) == kept
    assert kept.name == " ".join(name.split())
    assert kept.note == note.strip()


def test_naming_touches_nothing_else(run: Path) -> None:
    before = (run / results.RUN_FILE).read_bytes()
    run_label.save(run, name="Mine", note="why")
    assert (run / results.RUN_FILE).read_bytes() == before
    assert sorted(path.name for path in run.iterdir()) == [run_label.LABEL_FILE, results.RUN_FILE]


def test_keys_of_a_later_version_are_kept(run: Path) -> None:
    (run / run_label.LABEL_FILE).write_text('{"name": "a", "note": "", "stars": 3}')
    run_label.save(run, name="b", note="")
    assert json.loads((run / run_label.LABEL_FILE).read_text()) == {"name": "b", "note": "", "stars": 3}


def test_a_run_whose_files_are_measured_cannot_be_moved_until_all_have_ended(run: Path, tmp_path: Path) -> None:
    files = [run / "compressed.ptl", tmp_path / "elsewhere.ptl"]
    with runs.measuring(files):
        with runs.measuring(files[:1]), pytest.raises(ProjectError, match="being measured"):
            run_label.movable(run)
        with pytest.raises(ProjectError, match="being measured"):
            run_label.movable(run)
        run_label.save(run, name="Mine", note="")
        with runs.claimed(run):
            pass
    assert run_label.movable(run) == run
    assert not list(run.glob(".measures-*"))


def test_what_a_process_left_that_was_killed_while_it_measured_holds_nothing(run: Path) -> None:
    (run / ".measures-1-0").touch()
    assert run_label.movable(run) == run


def test_files_beside_no_run_are_measured_without_a_trace(tmp_path: Path) -> None:
    with runs.measuring([tmp_path / "some.ptl"]):
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["{", "[]", '{"name": 3}', "\xff", '{"name": "' + "x" * 300_000 + '"}'])
def test_a_damaged_label_is_named_and_can_be_replaced(run: Path, text: str) -> None:
    (run / run_label.LABEL_FILE).write_text(text, encoding="latin-1")
    with pytest.raises(ProjectError, match="r1"):
        run_label.load(run)
    run_label.save(run, name="new", note="")
    assert run_label.load(run).name == "new"


def test_too_long_a_name_is_refused(run: Path) -> None:
    with pytest.raises(ProjectError, match="too long"):
        run_label.save(run, name="x" * (run_label.NAME_LIMIT + 1), note="")


def test_a_note_of_ten_thousand_characters_is_kept_and_a_longer_one_refused(run: Path) -> None:
    kept = run_label.save(run, name="", note="é" * 10_000)
    with pytest.raises(ProjectError, match="too long") as caught:
        run_label.save(run, name="", note="é" * 10_001)
    assert "a note 10,000" in caught.value.action
    assert run_label.load(run) == kept
    assert len(kept.note) == 10_000


def test_a_run_that_is_gone_is_not_made_anew(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="no longer exists"):
        run_label.save(tmp_path / "some.runs" / "gone", name="x", note="")
    assert list(tmp_path.iterdir()) == []


def test_deleting_moves_the_run_and_nothing_else(run: Path) -> None:
    assert run_label.movable(run) == run


def test_what_is_no_run_is_never_moved(run: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / results.RUN_FILE).write_text("{}")
    link = run.parent / "link"
    link.symlink_to(tmp_path / "photos", target_is_directory=True)
    (run.parent / "other").mkdir()
    for path in (tmp_path, run.parent, run.parent / "other", run.parent / "gone", tmp_path / "photos", link):
        with pytest.raises(ProjectError):
            run_label.movable(path)


def test_a_run_at_work_is_not_deleted(run: Path) -> None:
    with runs.claimed(run), pytest.raises(ProjectError, match="in use"):
        run_label.movable(run)
