"""The Compare page: its states, ticks, order, names, the trash, reports, saved charts, and new runs as they end."""

from __future__ import annotations

import csv
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QContextMenuEvent, QFont, QFontMetrics, QGuiApplication, QImage
from PySide6.QtWidgets import QApplication, QFileDialog, QMessageBox
from pytestqt.qtbot import QtBot

from pqv_core.comparison.columns import Column
from pqv_core.config import RunConfig
from pqv_core.project import project_file as projects
from pqv_core.project import run_label, runs
from pqv_core.results import record as results
from pqv_core.results.record import RunRecord
from pqv_gui.app.window import MainWindow
from pqv_gui.pages.compare.compare_table import CompareTable
from pqv_gui.pages.compare.comparison_view import ComparisonView
from pqv_gui.pages.compare.page import ComparePage
from pqv_gui.style.theme import em
from pqv_gui.viewmodels import defaults
from tests.fakes.records import MS, measurement, record
from tests.qt.app.test_frame import controls, cut_off, follows_the_eye, name_of, settle, tab_chain
from tests.qt.compare import SOON_MS, opened_compare, rest
from tests.qt.conftest import MakeWindow, point_to

PHONE = "Fakesung Phone One (A1)"
Opened = Callable[..., tuple[MainWindow, ComparePage]]


def made(run: str, *, engine: str = "onednn", ms: int = 10) -> RunRecord:
    plain = record(run).model_dump(mode="json")
    compressed = plain["variants"][3]
    compressed |= {"engine": engine, "measurements": [measurement(ms, ms, ms + 1).model_dump()]}
    compressed["operators"] = [{"name": "aten::linear", "calls": 2, "ns": 6 * MS}]
    return RunRecord.model_validate(plain)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    path = tmp_path / "projects" / "small.pqv"
    path.parent.mkdir()
    projects.save(path, projects.Project(config=defaults.new_config()))
    return path


def keep(project: Path, run: RunRecord) -> Path:
    folder = projects.runs_directory(project) / run.id
    results.save(folder, run)
    return folder


@pytest.fixture
def opened(make_window: MakeWindow, qtbot: QtBot, project: Path) -> Opened:
    """Opens the project on the Compare page, with what was read of it drawn."""

    def make(scene: str = "good") -> tuple[MainWindow, ComparePage]:
        return opened_compare(make_window, qtbot, project, scene)

    return make


def cells(page: ComparePage, column: int = 0) -> list[str]:
    model = page.table.model()
    return [model.index(row, column).data() for row in range(model.rowCount())]


def listed(page: ComparePage) -> list[str]:
    """The folders of the runs in the table, from top to bottom."""
    return [line.folder for line in page.table._lines.lines]


# states ------------------------------------------------------------------------------------------------------


def test_without_runs_it_says_so_and_leads_to_run(opened: Opened) -> None:
    window, page = opened()
    assert page.headline.text() == "Nothing to compare yet"
    assert not page.full.isVisible()
    page.run.click()
    assert window.stack.place == "run"


def test_runs_are_shown_as_table_and_charts(opened: Opened, project: Path) -> None:
    keep(project, made("r1"))
    keep(project, made("r2", engine="fbgemm", ms=5))
    window, page = opened()
    assert page.headline.text() == "2 runs"
    assert listed(page) == ["r2", "r1"]
    assert "Model: deit_small_patch16_224" in page.shared._whole
    assert page.pareto_card.isVisible()
    speedup = page.bars["speedup"].chart
    assert speedup is not None
    assert speedup.series[0].values == (8.0, 16.0)
    assert all(page.cards[key].isVisible() for key in ("speedup", "size", "memory", "operators"))
    assert window.steps.buttons["compare"].accessibleName() == "Compare, (2)"
    assert "FBGEMM" in page.bars["speedup"].plot.accessibleDescription()
    assert "on the Pareto front" in page.pareto.plot.accessibleDescription()


def test_what_cannot_be_read_is_said_in_the_page(
    opened: Opened, project: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(project, made("r1"))
    window, page = opened()

    def fails(_: Path) -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", fails)
    page.desk.read()
    rest(window, page, qtbot)
    assert page.headline.text() == "The runs could not be loaded"
    assert page.banner.isVisible()
    monkeypatch.undo()
    page.again.click()
    rest(window, page, qtbot)
    assert page.headline.text() == "1 run"


def test_a_damaged_run_is_named_beside_the_others(opened: Opened, project: Path) -> None:
    keep(project, made("r1"))
    broken = projects.runs_directory(project) / "broken"
    broken.mkdir()
    (broken / results.RUN_FILE).write_text("{")
    _, page = opened()
    assert listed(page) == ["r1"]
    assert page.problems.text() == "⚠ The run broken is damaged."


@pytest.mark.parametrize("scale", [100, 200])
def test_a_full_page_is_named_reached_by_tab_and_nowhere_cut_off(
    opened: Opened, project: Path, qtbot: QtBot, scale: int
) -> None:
    keep(project, made("r1"))
    keep(project, made("r2", engine="fbgemm"))
    window, page = opened()
    window.resize(1024, 700)
    window.theme.set_text_scale(scale)
    rest(window, page, qtbot)
    settle(window, page, qtbot)
    assert [repr(widget) for widget in controls(page) if not name_of(widget)] == []
    chain = tab_chain(page)
    for widget in (page.export, page.filter, page.sort, page.table, page.device, page.pareto.save, page.figure):
        assert widget in chain
    assert {page.selected.name, page.selected.note, page.selected.more, page.bars["size"].save} <= set(chain)
    follows_the_eye(page)
    assert cut_off(page) == []


# the table ---------------------------------------------------------------------------------------------------


def test_a_tick_decides_what_the_charts_show(opened: Opened, project: Path, qtbot: QtBot) -> None:
    keep(project, made("r1"))
    keep(project, made("r2", engine="fbgemm"))
    window, page = opened()
    model = page.table.model()
    assert model.setData(model.index(0, 0), Qt.CheckState.Unchecked.value, Qt.ItemDataRole.CheckStateRole)
    rest(window, page, qtbot)
    assert page.view.ticked == ["r1"]
    speedup = page.bars["speedup"].chart
    assert speedup is not None
    assert len(speedup.categories) == 1
    page.tick_none.click()
    rest(window, page, qtbot)
    assert page.nothing_ticked.isVisible()
    assert not page.pareto_card.isVisible()
    assert not page.export.isEnabled()
    page.tick_all.click()
    rest(window, page, qtbot)
    assert page.pareto_card.isVisible()


def test_the_keyboard_ticks_sorts_and_filters(opened: Opened, project: Path, qtbot: QtBot) -> None:
    keep(project, made("r1", ms=30))
    keep(project, made("r2", engine="fbgemm", ms=20))
    _, page = opened()
    page.table.setFocus()
    qtbot.keyClick(page.table, Qt.Key.Key_Space)
    assert page.view.ticked == ["r1"]
    qtbot.keyClick(page.table, Qt.Key.Key_Down)
    assert page.view.selected == "r1"
    page.sort.setCurrentIndex(page.sort.findData("median_ms"))
    page.sort.activated.emit(page.sort.currentIndex())
    assert listed(page) == ["r2", "r1"]
    page.order.click()
    assert listed(page) == ["r1", "r2"]
    qtbot.keyClicks(page.filter, "fbgemm")
    assert listed(page) == ["r2"]


def test_a_click_on_a_head_sorts_and_turns_round(opened: Opened, project: Path) -> None:
    keep(project, made("r1", ms=30))
    keep(project, made("r2", ms=20))
    _, page = opened()
    keys = [column.key for column in page.view.columns]
    page.table.horizontalHeader().sectionClicked.emit(keys.index("median_ms"))
    assert listed(page) == ["r2", "r1"]
    head = page.table.model().headerData(keys.index("median_ms"), Qt.Orientation.Horizontal)
    assert head == "Median ▴"
    page.table.horizontalHeader().sectionClicked.emit(keys.index("median_ms"))
    assert listed(page) == ["r1", "r2"]


# names, notes, trash -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("longer", "looked_at"), [(7, True), (8, False)])
def test_the_width_of_a_column_is_found_by_its_eight_longest_texts(qtbot: QtBot, longer: int, looked_at: bool) -> None:
    """A text of few wide letters counts as long as it is one of those."""
    thin, wide = {"i" * count for count in range(6, 6 + longer)}, "WWWWW"

    class Texts(ComparisonView):
        def texts(self, column: Column) -> set[str]:
            return {wide, *thin}

    table = CompareTable(Texts())
    qtbot.addWidget(table)
    table.refresh()
    place = next(place for place, head in enumerate(table._lines.heads) if place and len(head.words) <= 3)
    bold = QFont(table.font())
    bold.setBold(True)  # as a run's name is
    advance = QFontMetrics(bold).horizontalAdvance
    assert advance(wide) > max(map(advance, (*thin, f"{table._lines.heads[place].words} ▾")))
    assert (table.columnWidth(place) >= advance(wide) + em(table, 1.1)) == looked_at


def test_a_name_and_a_note_are_kept_as_one_types(opened: Opened, project: Path, qtbot: QtBot) -> None:
    folder = keep(project, made("r1"))
    window, page = opened()
    page.selected.name.setFocus()
    qtbot.keyClicks(page.selected.name, "Mine")
    page.selected.note.setFocus()
    qtbot.keyClicks(page.selected.note, "Why not?")
    qtbot.waitUntil(lambda: run_label.load(folder) == run_label.RunLabel(name="Mine", note="Why not?"), timeout=SOON_MS)
    rest(window, page, qtbot)
    assert cells(page) == ["Mine"]
    assert page.selected.note.toPlainText() == "Why not?"


def test_a_note_takes_in_no_more_than_it_can_keep_and_says_so(
    opened: Opened, project: Path, qtbot: QtBot, qapp: QApplication
) -> None:
    folder = keep(project, made("r1"))
    window, page = opened()
    note, most = page.selected.note, run_label.NOTE_LIMIT
    note.setFocus()
    qapp.clipboard().setText("x" * (most - 1))
    note.paste()
    assert len(note.toPlainText()) == most - 1 and page.selected.full.isHidden()
    qapp.clipboard().setText("ab")
    note.paste()
    assert "10,000" in page.selected.full.text() and "10,001" in page.selected.full.text()
    assert page.selected.full.isVisible()
    assert len(note.toPlainText()) == most - 1
    qtbot.keyClicks(note, "yz")
    assert note.toPlainText().endswith("xy") and page.selected.full.isVisible()
    qtbot.keyClick(note, Qt.Key.Key_Backspace)
    assert note.toPlainText().endswith("xx") and page.selected.full.isHidden()
    qtbot.waitUntil(lambda: len(run_label.load(folder).note) == most - 1, timeout=SOON_MS)
    rest(window, page, qtbot)


def test_what_was_typed_belongs_to_the_run_it_was_typed_for(opened: Opened, project: Path, qtbot: QtBot) -> None:
    first, second = keep(project, made("r1")), keep(project, made("r2"))
    window, page = opened()
    assert page.view.selected == "r2"
    qtbot.keyClicks(page.selected.name, "Two")
    page.view.select("r1")
    qtbot.waitUntil(lambda: run_label.load(second).name == "Two", timeout=SOON_MS)
    rest(window, page, qtbot)
    assert run_label.load(first).name == ""
    assert page.selected.name.text() == ""


@pytest.mark.parametrize("leave", [lambda window: window.commands.go("model"), lambda window: window.close()])
def test_what_was_typed_last_is_kept_when_one_leaves(
    opened: Opened, project: Path, qtbot: QtBot, leave: Callable[[MainWindow], object]
) -> None:
    folder = keep(project, made("r1"))
    window, page = opened()
    qtbot.keyClicks(page.selected.note, "In haste")
    leave(window)
    qtbot.waitUntil(lambda: run_label.load(folder).note == "In haste", timeout=SOON_MS)
    qtbot.waitUntil(lambda: window.workspace.tasks.active == 0, timeout=SOON_MS)


def test_of_two_names_the_later_is_kept_though_the_disk_is_slow(
    opened: Opened, project: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = keep(project, made("r1"))
    window, page = opened()
    reached, go_on, replace = threading.Event(), threading.Event(), os.replace

    def slow(source: Path, target: Path) -> None:
        if Path(target).name == run_label.LABEL_FILE and not reached.is_set():
            reached.set()
            go_on.wait()
        replace(source, target)

    monkeypatch.setattr(os, "replace", slow)
    window.workspace.compare.label(folder, name="One", note="")
    reached.wait()
    window.workspace.compare.label(folder, name="Two", note="")
    go_on.set()
    assert window.workspace.writer.wait()
    assert run_label.load(folder).name == "Two"
    qtbot.waitUntil(lambda: cells(page) == ["Two"], timeout=SOON_MS)
    rest(window, page, qtbot)


def answer(page: ComparePage, text: str) -> None:
    (box,) = page.findChildren(QMessageBox)
    next(each for each in box.buttons() if each.text() == text).click()


def test_a_run_goes_to_the_trash_only_when_that_is_confirmed(
    opened: Opened, project: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(project, made("r1"))
    folder = keep(project, made("r2"))
    data = project.parent / "data"
    monkeypatch.setenv("XDG_DATA_HOME", str(data))
    window, page = opened()
    page.menu.trash.trigger()
    answer(page, "&Keep")
    assert folder.is_dir()
    qtbot.waitUntil(lambda: not page.findChildren(QMessageBox))
    page.menu.trash.trigger()
    answer(page, "&Move to trash")
    qtbot.waitUntil(lambda: page.view.count == 1, timeout=SOON_MS)
    rest(window, page, qtbot)
    assert not folder.exists()
    assert (data / "Trash" / "files" / "r2" / results.RUN_FILE).exists()
    assert listed(page) == ["r1"]
    assert window.workspace.run.now.run == "r1", "the Run page shows the newest that is left"


def test_of_a_run_in_the_trash_nothing_is_said_in_another_project(opened: Opened, project: Path) -> None:
    keep(project, made("r1"))
    _, page = opened()
    page.desk.trashed.emit(project.parent / "other.runs" / "r9")
    assert not page.banner.isVisible()


def test_a_run_that_is_worked_on_stays(opened: Opened, project: Path, qtbot: QtBot) -> None:
    folder = keep(project, made("r1"))
    window, page = opened()
    with runs.claimed(folder):
        page.desk.trash(folder)
        rest(window, page, qtbot)
    assert "is in use" in page.banner.message.text()
    assert folder.is_dir()


def test_a_system_without_a_trash_says_so(
    opened: Opened, project: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = keep(project, made("r1"))
    monkeypatch.setenv("XDG_DATA_HOME", str(project / "no folder"))
    window, page = opened()
    page.desk.trash(folder)
    rest(window, page, qtbot)
    assert "could not be moved to the trash" in page.banner.message.text()
    assert folder.is_dir()


# what can be done with a run ---------------------------------------------------------------------------------


def two_runs(project: Path) -> None:
    keep(project, made("r1", ms=30))
    keep(project, made("r2", engine="fbgemm", ms=20))


def test_the_state_of_each_run_is_a_column(opened: Opened, project: Path) -> None:
    keep(project, made("r1"))
    keep(project, made("r2").model_copy(update={"state": "failed", "variants": ()}))
    _, page = opened()
    column = [column.key for column in page.view.columns].index("state")
    assert cells(page, column) == ["Failed", "Complete"]


def test_a_run_is_opened_on_the_run_page(opened: Opened, project: Path, qtbot: QtBot) -> None:
    two_runs(project)
    window, page = opened()
    page.view.select("r1")
    page.table.setFocus()
    qtbot.keyClick(page.table, Qt.Key.Key_Return)
    assert window.stack.place == "run"
    qtbot.waitUntil(lambda: window.workspace.runs.shown.now.run == "r1", timeout=SOON_MS)
    qtbot.waitUntil(lambda: window.workspace.tasks.active == 0, timeout=SOON_MS)


def test_the_settings_of_a_run_are_used_and_undone(opened: Opened, project: Path) -> None:
    two_runs(project)
    window, page = opened()
    before = window.workspace.session.config
    page.menu.use.trigger()
    assert window.workspace.session.config == RunConfig()
    assert "“25 % Taylor · INT8 dynamic · FBGEMM”" in page.banner.message.text()
    window.commands.undo()
    assert window.workspace.session.config == before


def test_a_run_is_measured_on_a_phone(opened: Opened, project: Path) -> None:
    two_runs(project)
    folder = projects.runs_directory(project) / "r1"
    for variant in results.load(folder).variants:
        (folder / variant.file).write_bytes(b"file")
    window, page = opened()
    page.view.select("r1")
    page.menu.measure.trigger()
    assert window.stack.place == "device"
    assert window.workspace.phones.files.directory == folder


def test_a_run_is_renamed_where_its_name_stands(opened: Opened, project: Path, qtbot: QtBot) -> None:
    two_runs(project)
    _, page = opened()
    page.table.setFocus()
    qtbot.keyClick(page.table, Qt.Key.Key_F2)
    assert page.selected.name.hasFocus()
    assert page.selected.name.placeholderText() == "25 % Taylor · INT8 dynamic · FBGEMM"


def test_the_menu_of_a_row_says_what_cannot_be_done_and_why(opened: Opened, project: Path, qtbot: QtBot) -> None:
    keep(project, made("r1").model_copy(update={"state": "failed", "variants": ()}))
    window, page = opened("hang")
    window.workspace.session.set("prune.ratio", 0.4)
    page.menu.allow(page._allowed())
    assert page.menu.measure.text() == "&Measure on a phone – it has made no file"
    assert page.menu.compare.text() == "&Compare with … – there is no other run"
    assert page.menu.trash.isEnabled()
    window.workspace.start_run()
    qtbot.waitUntil(lambda: window.workspace.run.now.progress is not None, timeout=SOON_MS)
    page.table.setFocus()
    qtbot.keyClick(page.table, Qt.Key.Key_Delete)
    assert not page.findChildren(QMessageBox)
    assert page.menu.trash.text() == "Move to &trash … – a run or a measurement is in progress"
    window.workspace.runs.cancel()
    qtbot.waitUntil(lambda: not window.workspace.runs.busy, timeout=SOON_MS)
    rest(window, page, qtbot)


@pytest.mark.parametrize("how", ["by the pointer", "by the keyboard"])
def test_a_row_has_a_menu(opened: Opened, project: Path, qtbot: QtBot, how: str) -> None:
    two_runs(project)
    _, page = opened()
    table, model = page.table, page.table.model()
    at = table.visualRect(model.index(1, 0)).center()
    if how == "by the pointer":
        event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, at, table.viewport().mapToGlobal(at))
    else:
        table.setCurrentIndex(model.index(1, 0))
        event = QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, at, table.mapToGlobal(at))
    table.contextMenuEvent(event)
    qtbot.waitUntil(page.menu.isVisible)
    assert page.view.selected == "r1"
    page.menu.hide()


# two runs compared -------------------------------------------------------------------------------------------


def test_two_selected_runs_are_compared_the_older_first(opened: Opened, project: Path, qtbot: QtBot) -> None:
    two_runs(project)
    window, page = opened()
    assert not page.difference.isVisible()
    page.table.setFocus()
    page.table.setCurrentIndex(page.table.model().index(0, 0))
    qtbot.keyClick(page.table, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    assert page.table.selected_runs == ["r2", "r1"]
    assert page.selected.compare.text() == "&Compare the two"
    page.selected.compare.click()
    assert page.view.pair == ("r1", "r2")
    assert page.difference.isVisible()
    assert page.difference.before.currentText() == "25 % Taylor · INT8 dynamic · ONEDNN"
    table = page.difference.table
    shown = [[table.item(row, column).text() for column in range(4)] for row in range(table.rowCount())]
    assert ["Latency, median", "30.0 ms", "20.0 ms", "≈ −33.3 %"] in shown
    assert page.difference.nothing.text() == "All settings are the same."
    rest(window, page, qtbot)


def test_runs_that_are_selected_together_stay_so_when_the_table_is_filled_anew(
    opened: Opened, project: Path, qtbot: QtBot
) -> None:
    two_runs(project)
    window, page = opened()
    page.table.selectAll()
    page.desk.read()
    rest(window, page, qtbot)
    assert page.table.selected_runs == ["r2", "r1"]
    page.view.sort_by("run", descending=False)
    assert set(page.table.selected_runs) == {"r1", "r2"}
    assert page.selected.compare.text() == "&Compare the two"
    page.view.select("r1")
    assert page.table.selected_runs == ["r1"]
    rest(window, page, qtbot)


def test_one_run_is_compared_with_the_one_before_and_others_are_chosen(
    opened: Opened, project: Path, qtbot: QtBot
) -> None:
    for run in ("r1", "r2", "r3"):
        keep(project, made(run))
    window, page = opened()
    page.view.select("r3")
    page.menu.compare.trigger()
    assert page.view.pair == ("r2", "r3")
    page.difference.before.setFocus()
    qtbot.keyClick(page.difference.before, Qt.Key.Key_Down)
    assert page.view.pair == ("r1", "r3")
    page.difference.swap.click()
    assert page.view.pair == ("r3", "r1")
    page.difference.close_it.click()
    assert not page.difference.isVisible()
    assert page.table.hasFocus()
    rest(window, page, qtbot)


def test_the_comparison_is_copied_for_a_spreadsheet(opened: Opened, project: Path, qtbot: QtBot) -> None:
    two_runs(project)
    window, page = opened()
    page.view.compare("r1", "r2")
    page.difference.table.setFocus()
    qtbot.keyClick(page.difference.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    lines = QGuiApplication.clipboard().text().split("\n")
    assert lines[0].split("\t") == [
        "",
        "25 % Taylor · INT8 dynamic · ONEDNN",
        "25 % Taylor · INT8 dynamic · FBGEMM",
        "Change",
    ]
    assert "Latency, median\t30.0 ms\t20.0 ms\t≈ −33.3 %" in lines
    rest(window, page, qtbot)


def test_the_comparison_ends_with_one_of_its_runs(opened: Opened, project: Path, qtbot: QtBot) -> None:
    two_runs(project)
    window, page = opened()
    page.view.compare("r1", "r2")
    (projects.runs_directory(project) / "r1" / results.RUN_FILE).unlink()
    page.desk.read()
    rest(window, page, qtbot)
    assert not page.difference.isVisible()


@pytest.mark.parametrize("scale", [100, 200])
def test_the_comparison_of_two_runs_is_named_reached_by_tab_and_nowhere_cut_off(
    opened: Opened, project: Path, qtbot: QtBot, scale: int
) -> None:
    two_runs(project)
    window, page = opened()
    page.view.compare("r1", "r2")
    window.resize(1024, 700)
    window.theme.set_text_scale(scale)
    rest(window, page, qtbot)
    settle(window, page, qtbot)
    assert [repr(widget) for widget in controls(page) if not name_of(widget)] == []
    card = page.difference
    assert {card.before, card.after, card.swap, card.copy, card.close_it, card.table} <= set(tab_chain(page))
    follows_the_eye(page)
    assert cut_off(page) == []


def test_a_point_selects_its_row_and_a_row_its_point(opened: Opened, project: Path, qtbot: QtBot) -> None:
    two_runs(project)
    window, page = opened()
    assert page.view.selected == "r2"
    chart = page.pareto
    page.scroller.ensureWidgetVisible(chart.plot)
    point = next(point for point in chart._chart.points if point.x == 30)  # type: ignore[union-attr]
    at = chart.plot.mapFromScene(chart._place(point))
    qtbot.mouseClick(chart.plot.viewport(), Qt.MouseButton.LeftButton, pos=at)
    qtbot.waitUntil(lambda: page.view.selected == "r1")
    assert page.table.currentIndex().row() == 1
    assert chart._ring.getData()[1].tolist() == [88.5]
    page.table.setCurrentIndex(page.table.model().index(0, 0))
    assert page.view.marked.startswith("r2")
    assert chart._chosen == page.view.marked
    rest(window, page, qtbot)


# reports and saved charts ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "form"), [("r.html", "HTML (*.html)"), ("r.csv", "CSV (*.csv)"), ("r.json", "JSON (*.json)")]
)
def test_a_report_on_the_ticked_runs_is_written(
    opened: Opened, project: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, name: str, form: str
) -> None:
    keep(project, made("r1"))
    keep(project, made("r2"))
    window, page = opened()
    page.view.tick("r1", False)
    out = project.parent / name
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(out), form))
    page.export.click()
    rest(window, page, qtbot)
    text = out.read_text(encoding="utf-8")
    assert "r2" in text
    assert "r1" not in text.replace("r1e", "")
    assert page.written.isVisible()
    assert str(out) in page.written._whole


def test_a_report_that_cannot_be_written_is_said_in_the_page(opened: Opened, project: Path, qtbot: QtBot) -> None:
    keep(project, made("r1"))
    window, page = opened()
    page.desk.export(project.parent / "no" / "model.ptl", "html")
    rest(window, page, qtbot)
    assert "would overwrite model.ptl" in page.banner.message.text()


def test_charts_are_saved_as_png_svg_and_csv(opened: Opened, project: Path, tmp_path: Path) -> None:
    keep(project, made("r1"))
    keep(project, made("r2", engine="fbgemm"))
    _, page = opened()
    for name, saver in (("pareto", page.pareto.saver), ("speedup", page.bars["speedup"].saver)):
        for form in ("png", "svg", "csv"):
            saver.save(tmp_path / f"{name}.{form}", form)
        assert not QImage(str(tmp_path / f"{name}.png")).isNull()
        assert Xml.parse(tmp_path / f"{name}.svg").getroot().tag.endswith("svg")
        below = " ".join(Xml.parse(tmp_path / f"{name}.svg").getroot().itertext())
        assert "Some CPU, 2 cores" in below and "PQV-Mobile 0, torch 2.12.1" in below
        rows = list(csv.reader((tmp_path / f"{name}.csv").open(encoding="utf-8")))
        assert len(rows) > 2
    page.pareto.saver.save(tmp_path / "missing.png" / "x.png", "png")
    page.pareto.saver.save(tmp_path / "pareto.png" / "x.png", "png")
    assert page.banner.isVisible()


def test_the_pointer_reads_out_a_mark_and_a_bar(opened: Opened, project: Path) -> None:
    keep(project, made("r1"))
    _, page = opened()
    chart = page.pareto
    page.scroller.ensureWidgetVisible(chart.plot)
    point = chart._chart.points[-1]  # type: ignore[union-attr]
    at = chart.plot.mapFromScene(chart._place(point))
    point_to(chart.plot.viewport(), at)
    assert "10.0 ms, 88.5 %" in chart.tip.text()
    assert "on the Pareto front" in chart.tip.text()
    plot = page.bars["size"].plot
    page.scroller.ensureWidgetVisible(plot)
    plot.grab()
    point_to(plot, plot._bars[-1].area.center().toPoint())
    assert not chart.tip.isVisible()
    assert "Compressed: 8.00 MB" in page.bars["size"].tip.text()
    point_to(page, QPoint(3, 3))
    assert not page.bars["size"].tip.isVisible()


def test_the_papers_figures_are_chosen_by_number(opened: Opened, project: Path, qtbot: QtBot) -> None:
    keep(project, made("r1"))
    window, page = opened()
    assert page.figure.count() == 6
    assert [bars.isVisible() for bars in page.figure_bars] == [True, True, True]
    page.figure.setCurrentIndex(page.figure.findData("6"))
    page.figure.activated.emit(page.figure.currentIndex())
    rest(window, page, qtbot)
    assert [bars.isVisible() for bars in page.figure_bars] == [True, True, False]
    assert "second model" in page.missing.text()


# as it happens -----------------------------------------------------------------------------------------------


def test_a_run_appears_when_it_ends(opened: Opened, project: Path, qtbot: QtBot) -> None:
    window, page = opened()
    qtbot.waitUntil(lambda: window.workspace.can_run, timeout=SOON_MS)
    window.commands.start_run()
    window.commands.go("compare")
    qtbot.waitUntil(lambda: page.view.count == 1, timeout=SOON_MS)
    rest(window, page, qtbot)
    assert page.full.isVisible()
    assert window.steps.buttons["compare"].accessibleName() == "Compare, (1)"


def test_runs_whose_files_have_not_changed_are_not_read_again(
    opened: Opened, project: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = keep(project, made("r1"))
    window, page = opened()
    before, refreshed = page.view.comparison, []
    monkeypatch.setattr(page, "refresh", lambda: refreshed.append(1))
    page.desk.read()
    rest(window, page, qtbot)
    assert page.view.comparison is before and refreshed == []
    run_label.save(folder, name="Named elsewhere", note="")
    page.desk.read()
    rest(window, page, qtbot)
    assert page.view.comparison is not before and refreshed
    assert page.view.comparison.runs[0].title == "Named elsewhere"


def test_a_run_made_elsewhere_appears_when_one_comes_back(opened: Opened, project: Path, qtbot: QtBot) -> None:
    window, page = opened()
    window.commands.go("export")
    keep(project, made("r1"))
    window.commands.go("compare")
    qtbot.waitUntil(lambda: page.view.count == 1, timeout=SOON_MS)
    rest(window, page, qtbot)


def test_what_a_phone_has_measured_appears(opened: Opened, project: Path, qtbot: QtBot) -> None:
    folder = keep(project, made("r1"))
    window, page = opened()
    plain = results.load(folder)
    variant = plain.variants[3]
    more = (*variant.measurements, measurement(20, target=PHONE))
    changed = plain.model_copy(
        update={"variants": (*plain.variants[:3], variant.model_copy(update={"measurements": more}))}
    )
    results.save(folder, changed)
    window.workspace.phones.kept.emit(changed)
    qtbot.waitUntil(lambda: page.device.count() == 2, timeout=SOON_MS)
    page.device.setCurrentIndex(page.device.findData(PHONE))
    page.device.activated.emit(page.device.currentIndex())
    rest(window, page, qtbot)
    assert page.view.device == PHONE
    assert "not on this device" in page.footnotes.text()


def test_another_project_has_other_runs(opened: Opened, project: Path, qtbot: QtBot, tmp_path: Path) -> None:
    keep(project, made("r1"))
    window, page = opened()
    window.workspace.create(tmp_path / "projects", "other")
    window.commands.go("compare")
    rest(window, page, qtbot)
    assert page.view.count == 0
    assert page.headline.text() == "Nothing to compare yet"
    assert window.steps.buttons["compare"].accessibleName() == "Compare"


def test_the_table_is_as_json_says(opened: Opened, project: Path, qtbot: QtBot) -> None:
    """What is seen and what is exported are the same figures."""
    keep(project, made("r1", ms=25))
    window, page = opened()
    out = project.parent / "r.json"
    page.desk.export(out, "json")
    rest(window, page, qtbot)
    row = next(row for row in json.loads(out.read_text())["rows"] if row["artefact"] == "compressed")
    keys = [column.key for column in page.view.columns]
    assert cells(page, keys.index("median_ms")) == [f"{row['median_ms']:.1f} ms"]


def test_the_file_menu_exports_a_report(
    opened: Opened, project: Path, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(project, made("r1"))
    window, page = opened()
    window.commands.go("prune")
    assert window.menus.report.isEnabled()
    out = tmp_path / "from-the-menu.html"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(out), ""))
    with qtbot.waitSignal(page.desk.written, timeout=SOON_MS):
        window.menus.report.trigger()
    assert window.stack.place == "compare"
    assert out.read_text(encoding="utf-8").startswith("<!doctype html>")
    page.view.tick_all(False)
    assert not window.menus.report.isEnabled()
    rest(window, page, qtbot)
