"""What the Compare page shows: lines, ticks, order, filter, the device and its charts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqv_core.comparison import StoredRun, compare
from pqv_core.comparison.charts import BarChart, ScatterChart
from pqv_core.comparison.columns import COLUMNS
from pqv_core.comparison.views import VIEWS
from pqv_core.errors import ErrorInfo
from pqv_core.project.run_label import RunLabel
from pqv_core.results.record import RunRecord
from pqv_gui.pages.compare.comparison_view import NEWEST, ComparisonView
from tests.fakes.records import MS, measurement, record

PHONE = "Fakesung Phone One (A1)"
ERROR = ErrorInfo(kind="StorageError", message="It cannot be listed.")


def stored(run: str, *, name: str = "", note: str = "", phone: int | None = None, **changed: Any) -> StoredRun:
    plain = record(run).model_dump(mode="json")
    compressed = plain["variants"][3]
    compressed.update(changed)
    if phone is not None:
        compressed["measurements"].append(measurement(phone, target=PHONE).model_dump())
    return StoredRun(Path("/p/some.runs", run), RunRecord.model_validate(plain), RunLabel(name=name, note=note))


def view_of(*runs: StoredRun) -> ComparisonView:
    view = ComparisonView()
    view.filling()
    view.take(compare(runs))
    return view


def folders(view: ComparisonView) -> list[str]:
    return [line.folder for line in view.lines]


def test_the_four_states() -> None:
    view = ComparisonView()
    assert view.state == "empty"
    view.filling()
    assert view.state == "filling"
    view.failed(ERROR)
    assert (view.state, view.error) == ("failed", ERROR)
    view.filling()
    view.take(compare([]))
    assert (view.state, view.error) == ("empty", None)
    view.filling()
    assert view.state == "empty", "that there is nothing is known until there is something"
    view.take(compare([stored("r1")]))
    assert view.state == "full"
    view.filling()
    assert view.state == "full", "what is there stays while it is read anew"
    view.reset()
    assert (view.state, view.count) == ("empty", 0)


def test_only_problems_are_something_to_show() -> None:
    view = ComparisonView()
    view.take(compare([], problems=["The run broken is damaged."]))
    assert view.state == "full"
    assert view.lines == []
    assert not any(view.chart(key) for key in VIEWS)


def test_a_run_is_a_line_for_each_device_and_the_baselines_come_when_asked_for() -> None:
    view = view_of(stored("r1", phone=20), stored("r2"))
    assert folders(view) == ["r2", "r1", "r1"]
    assert {line.row.artifact.key for line in view.lines if line.row} == {"compressed"}
    view.show_all_files(True)
    assert len(view.lines) == 9


def test_a_run_that_made_nothing_is_there_to_be_named_and_deleted() -> None:
    view = view_of(stored("r1"), StoredRun(Path("/p/some.runs/r2"), empty("r2"), RunLabel(note="It broke.")))
    view.sort_by("median_ms", descending=False)
    (first, last) = view.lines
    assert (first.folder, last.folder, last.row) == ("r1", "r2", None)
    assert [last.text(column) for column in COLUMNS if column.key in ("run", "state", "median_ms")] == [
        "25 % Taylor · INT8 dynamic",
        "Failed",
        "–",
    ]
    assert "It broke." in last.details


def empty(run: str) -> RunRecord:
    return record(run).model_copy(update={"variants": (), "state": "failed"})


def test_ticks_decide_what_is_in_the_charts() -> None:
    view = view_of(stored("r1"), stored("r2", engine="fbgemm"))
    assert view.ticked == ["r1", "r2"]
    view.tick("r1", False)
    speedup = view.chart("speedup")
    assert isinstance(speedup, BarChart)
    assert len(speedup.categories) == 1
    assert {row.run for row in view.rows} == {"r2"}
    view.tick_all(False)
    assert not any(view.chart(key) for key in VIEWS)
    assert view.shown_figure.charts == ()
    view.filter("fbgemm")
    view.tick_all(True)
    assert view.ticked == ["r2"], "only what the table shows"


def test_a_new_run_is_ticked_and_earlier_choices_stay() -> None:
    view = view_of(stored("r1"), stored("r2"))
    view.tick("r1", False)
    view.select("r1")
    view.choose_figure(5)
    view.take(compare([stored("r1"), stored("r2"), stored("r3")]))
    assert view.ticked == ["r2", "r3"]
    assert (view.selected, view.figure) == ("r1", 5)
    view.take(compare([stored("r2"), stored("r3")]))
    assert view.selected == "r3", "the newest, when the selected one is gone"


def test_the_filter_takes_all_words_from_name_note_and_cells() -> None:
    view = view_of(stored("r1", name="Night run", note="with music"), stored("r2", engine="fbgemm"))
    for text, expected in (
        ("night", ["r1"]),
        ("MUSIC night", ["r1"]),
        ("music fbgemm", []),
        ("fbgemm", ["r2"]),
        ("r2", ["r2"]),
        ("", ["r2", "r1"]),
    ):
        view.filter(text)
        assert folders(view) == expected, text


def test_lines_are_sorted_by_what_is_measured_and_what_is_not_comes_last() -> None:
    runs = [stored(f"r{ms}", measurements=[measurement(ms).model_dump()]) for ms in (9, 100, 20)]
    view = view_of(*runs, stored("none", measurements=[]))
    view.sort_by("median_ms", descending=False)
    assert folders(view) == ["r9", "r20", "r100", "none"]
    view.sort_by("median_ms", descending=True)
    assert folders(view) == ["r100", "r20", "r9", "none"]
    view.sort_by("run", descending=False)
    assert folders(view) == ["r9", "r100", "r20", "none"], "by name: run 1, run 2, …"


@given(key=st.sampled_from([NEWEST, *(column.key for column in COLUMNS)]), descending=st.booleans(), text=st.text())
def test_no_order_and_no_filter_loses_or_invents_a_line(key: str, descending: bool, text: str) -> None:
    view = view_of(stored("r1", phone=3), stored("r2", accuracy=None), stored("r3", measurements=[]))
    everything = sorted(folders(view))
    view.sort_by(key, descending=descending)
    assert sorted(folders(view)) == everything
    view.filter(text)
    assert set(folders(view)) <= set(everything)


def test_the_charts_are_those_of_the_chosen_device() -> None:
    view = view_of(stored("r1", phone=20))
    assert view.device == "This computer"
    here = view.chart("pareto")
    view.choose_device(PHONE)
    there = view.chart("pareto")
    assert isinstance(here, ScatterChart)
    assert isinstance(there, ScatterChart)
    assert (len(here.points), [point.x for point in there.points]) == (4, [20])
    view.take(compare([stored("r1")]))
    assert view.device == "This computer", "the phone's measurements are gone"


def test_columns_in_which_there_is_nothing_are_left_out() -> None:
    one = view_of(stored("r1", accuracy=None), stored("r2", accuracy=None))
    assert not {"top1", "device", "artefact"} & {column.key for column in one.columns}
    assert "Model: deit_small_patch16_224" in one.shared
    two = view_of(stored("r1", phone=20))
    assert {"top1", "device"} <= {column.key for column in two.columns}
    two.show_all_files(True)
    assert "artefact" in {column.key for column in two.columns}


def test_the_chosen_figure_is_there_from_the_first() -> None:
    view = view_of(stored("r1", operators=[{"name": "aten::linear", "calls": 1, "ns": MS}]))
    assert view.shown_figure.number == 2
    view.choose_figure(3)
    assert view.shown_figure.charts[0].categories == ("aten::linear",)


def test_each_change_is_told_once() -> None:
    view = view_of(stored("r1"))
    heard: list[int] = []
    view.subscribe(lambda: heard.append(1))
    for act in (
        lambda: view.tick("r1", False),
        lambda: view.filter("x"),
        lambda: view.sort_by("run", descending=True),
        lambda: view.show_all_files(True),
        lambda: view.choose_figure(4),
    ):
        act()
    assert len(heard) == 5
    view.select("r1")
    view.choose_device(view.device)
    assert len(heard) == 5, "nothing has changed"


@pytest.mark.parametrize("count", [300])
def test_many_runs_stay_quick_to_show(count: int) -> None:
    """The table is made once for a change, not once for each look at it."""
    view = view_of(*(stored(f"r{index:04}") for index in range(count)))
    assert view.lines is view.lines
    assert view.chart("size") is view.chart("size")
    view.tick("r0001", False)
    assert len(view.lines) == count
    assert len(view.ticked) == count - 1


def test_the_point_that_is_marked_is_that_of_the_row_which_the_table_has_selected() -> None:
    view = view_of(stored("r1"))
    view.show_all_files(True)
    for descending in (False, True):
        view.sort_by("median_ms", descending=descending)
        first, last = view.lines[0], view.lines[-1]
        assert view.marked == first.key != last.key
        view.select("r1", row=last.key)
        assert view.marked == last.key
        view.select("r1")
    view.filter("nothing has this")
    assert not view.lines and view.marked in {row.key for row in view.rows if row.is_result}
