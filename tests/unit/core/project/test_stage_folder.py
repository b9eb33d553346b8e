"""A finished stage travels whole or not at all."""

from __future__ import annotations

import io
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqv_core.errors import WorkerError
from pqv_core.files.fsio import write_json
from pqv_core.project import stage_folder
from pqv_core.project.stage_folder import DONE_FILE, Done


def made(run: Path, name: str, content: bytes) -> Path:
    """A finished stage with a file in a folder of its own."""
    place = run / stage_folder.STAGES / name
    (place / "curves").mkdir(parents=True)
    (place / "model").write_bytes(content)
    (place / "curves" / "loss").write_bytes(b"1 2 3")
    write_json(place / DONE_FILE, Done("hash", 1.5, {"params": 3}, ["hot"], files=stage_folder.sizes(place)).__dict__)
    return place


def files(run: Path) -> dict[str, bytes]:
    return {str(path.relative_to(run)): path.read_bytes() for path in (run / "stages").rglob("*") if path.is_file()}


def test_what_arrives_is_what_was_sent(tmp_path: Path) -> None:
    place = made(tmp_path / "a.runs" / "one", "prune", b"weights")
    stage_folder.put(tmp_path / "b.runs" / "two", "prune", stage_folder.packed(place))
    assert files(tmp_path / "b.runs" / "two") == files(tmp_path / "a.runs" / "one")
    arrived = stage_folder.finished(tmp_path / "b.runs" / "two")
    assert list(arrived) == ["prune"]
    assert stage_folder.read(arrived["prune"]) == stage_folder.read(place)


def test_what_arrives_takes_the_place_of_an_older_one(tmp_path: Path) -> None:
    new = made(tmp_path / "a.runs" / "one", "prune", b"new weights")
    run = tmp_path / "b.runs" / "two"
    made(run, "prune", b"old")
    stage_folder.put(run, "prune", stage_folder.packed(new))
    assert files(run) == files(tmp_path / "a.runs" / "one")
    assert [path.name for path in (run / "stages").iterdir()] == ["prune"]


@given(st.data())
def test_half_of_one_changes_nothing(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        content = stage_folder.packed(made(Path(folder, "a.runs", "one"), "prune", b"weights" * 9))
        run = Path(folder, "b.runs", "two")
        made(run, "prune", b"old")
        before = files(run)
        cut = data.draw(st.integers(0, len(content) - 1))
        with pytest.raises(WorkerError, match="not arrived whole"):
            stage_folder.put(run, "prune", content[:cut])
        stage_folder.clear_leftovers(run)
        assert files(run) == before


def test_a_name_that_leads_out_stays_inside(tmp_path: Path) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as packing:
        packing.writestr("../../../out", "out")
    with pytest.raises(WorkerError):
        stage_folder.put(tmp_path / "b.runs" / "two", "prune", content.getvalue())
    assert not list(tmp_path.glob("out"))
    assert not list(tmp_path.glob("b.runs/out"))
