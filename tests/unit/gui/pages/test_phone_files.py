"""Which files can be measured: those of the run that is meant, and any from the disk, each once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pqv_core.comparison import StoredRun
from pqv_core.project.run_label import RunLabel
from pqv_core.results.record import RunRecord
from pqv_gui.pages.device.phone_files import Files, Group, Source
from pqv_gui.viewmodels.run_view import State
from tests.fakes.records import record


def stored(folder: Path, run: str, *, with_files: bool = True, name: str = "") -> StoredRun:
    """A run as it lies beside a project; without files it was stopped before it made one."""
    directory = folder / run
    directory.mkdir()
    made = record(run)
    for variant in made.variants if with_files else ():
        (directory / variant.file).write_bytes(variant.key.encode())
    made = made if with_files else made.model_copy(update={"state": "cancelled", "variants": ()})
    return StoredRun(directory, made, RunLabel(name=name))


def shown(files: Files) -> list[Path]:
    return [file.path for file in files.files]


def test_the_files_of_the_run_that_is_shown_are_offered_first(tmp_path: Path) -> None:
    files, runs = Files(), [stored(tmp_path, "r1"), stored(tmp_path, "r2", name="best"), stored(tmp_path, "r3")]
    files.offer(runs)
    assert files.directory == tmp_path / "r3"
    files.show_run(runs[0].record, runs[0].directory)
    assert files.directory == tmp_path / "r1"
    assert [source.title for source in files.sources] == ["r3", "best", "r1"]
    files.choose_run(tmp_path / "r2")
    assert {path.parent for path in shown(files)} == {tmp_path / "r2"}


def test_where_the_last_run_made_no_file_those_of_an_earlier_one_are_offered(tmp_path: Path) -> None:
    files, runs = Files(), [stored(tmp_path, "r1"), stored(tmp_path, "r2", with_files=False)]
    files.show_run(runs[1].record, runs[1].directory, state="cancelled")
    assert files.files == ()
    files.offer(runs)
    assert {path.parent for path in shown(files)} == {tmp_path / "r1"}
    files.show_run(None, tmp_path / "r3", state="running")
    assert {path.parent for path in shown(files)} == {tmp_path / "r1"}


@pytest.mark.parametrize(
    ("state", "words"),
    [("empty", "no run yet"), ("running", "current run"), ("cancelled", "was stopped"), ("failed", "failed")],
)
def test_why_there_is_no_file_is_said(tmp_path: Path, state: State, words: str) -> None:
    files = Files()
    files.show_run(None, None, state=state)
    assert words in files.nothing


def test_of_a_chosen_run_whose_files_are_gone_no_others_are_offered_and_that_is_said(tmp_path: Path) -> None:
    files, runs = Files(), [stored(tmp_path, "r1"), stored(tmp_path, "r2", name="best")]
    files.offer(runs)
    for variant in runs[1].record.variants:
        (tmp_path / "r2" / variant.file).unlink()
    files.choose_run(tmp_path / "r2")
    assert (shown(files), files.directory) == ([], tmp_path / "r2")
    assert files.nothing == "The files of “best” no longer exist: choose another run, or run it again."
    files.choose_run(tmp_path / "r1")
    assert {path.parent for path in shown(files)} == {tmp_path / "r1"}


@pytest.mark.parametrize("how", ["itself", "through a link", "by another name", "before its run is known"])
def test_a_file_is_listed_once(tmp_path: Path, how: str) -> None:
    run = stored(tmp_path, "r1")
    made: RunRecord = run.record
    path = run.directory / "compressed.ptl"
    (tmp_path / "link").symlink_to(run.directory, target_is_directory=True)
    os.link(path, tmp_path / "other.ptl")
    names = {"through a link": tmp_path / "link" / "compressed.ptl", "by another name": tmp_path / "other.ptl"}
    files = Files()
    if how == "before its run is known":
        files.add(path)
        files.show_run(made, run.directory)
    else:
        files.show_run(made, run.directory)
        files.tick(path, False)
        files.add(names.get(how, path))
    assert len(files.files) == len(made.variants)
    assert files.is_ticked(path)


def test_another_project_has_no_files_of_the_one_before(tmp_path: Path) -> None:
    files, run = Files(), stored(tmp_path, "r1")
    files.offer([run])
    files.choose_run(run.directory)
    files.forget()
    assert (files.files, files.sources, files.directory) == ((), (), None)


def test_of_a_group_of_runs_the_results_are_offered_each_called_after_its_run(tmp_path: Path) -> None:
    files, runs = Files(), [stored(tmp_path, "r1"), stored(tmp_path, "r2"), stored(tmp_path, "r3", with_files=False)]
    files.offer(runs)
    files.choose_group(
        Group("Front", tuple(Source(run.record, run.directory, f"Trial {at}") for at, run in enumerate(runs)))
    )
    assert files.grouped
    assert [file.name for file in files.chosen] == ["Trial 0, Compressed", "Trial 1, Compressed"]
    assert [file.run for file in files.chosen] == [tmp_path / "r1", tmp_path / "r2"]
    files.choose_run(tmp_path / "r1")
    assert not files.grouped
    assert {path.parent for path in shown(files)} == {tmp_path / "r1"}
    files.choose_group()
    assert len(files.chosen) == 2
    files.forget()
    assert files.group is None
