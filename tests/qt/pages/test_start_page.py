"""Start: what recent projects say of themselves, and how they leave the list."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QToolTip
from pytestqt.qtbot import QtBot

from pqv_core import formatting
from pqv_core.project import project_file as projects
from pqv_core.project.project_file import Project
from pqv_core.results import record as results
from pqv_gui.app.window import MainWindow
from pqv_gui.pages.start.page import StartPage
from pqv_gui.pages.start.recent_list import RecentList, cross
from pqv_gui.widgets.two_line_delegate import TwoLineDelegate
from tests.fakes.records import record
from tests.qt.conftest import MakeWindow


def with_projects(make_window: MakeWindow, tmp_path: Path) -> tuple[MainWindow, RecentList]:
    """A window without a project, and its list of two: one that has run, and one that is gone."""
    path = tmp_path / "birds.pqv"
    projects.save(path, Project())
    directory = projects.runs_directory(path) / "20260101-000000-0000"
    directory.mkdir(parents=True)
    results.save(directory, record())
    window = make_window(show=False)
    window.workspace.recents.add(tmp_path / "gone.pqv")
    window.workspace.recents.add(path)
    window.show()
    page = window.stack.current
    assert isinstance(page, StartPage)
    return window, page.recent


def _written(folder: Path) -> float:
    return max(path.stat().st_mtime for path in folder.rglob("*") if path.name in ("birds.pqv", results.RUN_FILE))


def texts(recent: RecentList, row: int) -> tuple[str, str]:
    index = recent.model().index(row, 0)
    return str(index.data(TwoLineDelegate.DETAIL)), str(index.data(TwoLineDelegate.ASIDE))


def test_a_recent_project_says_when_it_was_changed_and_what_its_last_run_gave(
    make_window: MakeWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    window, recent = with_projects(make_window, tmp_path)
    qtbot.waitUntil(lambda: "10.0 ms" in texts(recent, 0)[0] and "not found" in texts(recent, 1)[0])
    detail, date = texts(recent, 0)
    assert detail.endswith(str(tmp_path))
    assert date == formatting.date(datetime.fromtimestamp(_written(tmp_path)))
    assert texts(recent, 1)[1] == ""
    spoken = recent.model().index(0, 0).data(Qt.ItemDataRole.AccessibleTextRole)
    assert spoken.startswith(f"birds, 10.0 ms · 8.00 MB, {date}")
    qtbot.waitUntil(lambda: window.workspace.tasks.active == 0)


def test_the_cross_of_a_row_takes_it_out_of_the_list_and_opens_nothing(
    make_window: MakeWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    window, recent = with_projects(make_window, tmp_path)
    at = cross(recent.visualRect(recent.model().index(1, 0))).center()
    qtbot.mouseClick(recent.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert [path.stem for path in window.workspace.recents.paths] == ["birds"]
    assert not window.workspace.session.is_open
    qtbot.keyClick(recent, Qt.Key.Key_Delete)
    assert window.workspace.recents.paths == [] and recent.isHidden()
    qtbot.waitUntil(lambda: window.workspace.tasks.active == 0)


def test_the_cross_says_what_it_does(make_window: MakeWindow, qtbot: QtBot, tmp_path: Path) -> None:
    window, recent = with_projects(make_window, tmp_path)
    row = recent.visualRect(recent.model().index(0, 0))
    QTest.mouseMove(recent.viewport(), row.center())
    assert recent.viewport().toolTip() == ""
    QTest.mouseMove(recent.viewport(), cross(row).center() + QPoint(1, 1))
    assert recent.viewport().toolTip() == "Remove from list"
    QToolTip.hideText()
    qtbot.waitUntil(lambda: window.workspace.tasks.active == 0)


def test_a_new_project_is_written_for_where_it_is_to_run(make_window: MakeWindow, tmp_path: Path) -> None:
    window = make_window()
    page = window.stack.current
    assert isinstance(page, StartPage)
    page.folder.set_value(str(tmp_path))
    page.name.setText("pocket")
    page.target.set_value("android")
    page.create_button.click()
    made = projects.load(tmp_path / "pocket.pqv").config
    assert (made.export.target, made.model.weights) == ("android", "pretrained")
