"""The Compare page of a window, with all that was read of a project drawn."""

from __future__ import annotations

from pathlib import Path

from pytestqt.qtbot import QtBot

from pqv_gui.app.window import MainWindow
from pqv_gui.pages.compare.page import ComparePage
from tests.qt.conftest import MakeWindow

SOON_MS = 30_000


def opened_compare(
    make_window: MakeWindow, qtbot: QtBot, project: Path, scene: str = "good"
) -> tuple[MainWindow, ComparePage]:
    """A window in which the project is open on the Compare page."""
    window = make_window(scene)
    window.commands.open_project(project)
    window.commands.go("compare")
    page = window.stack.currentWidget()
    assert isinstance(page, ComparePage)
    rest(window, page, qtbot)
    return window, page


def rest(window: MainWindow, page: ComparePage, qtbot: QtBot) -> None:
    """Until all is read and drawn."""
    qtbot.waitUntil(
        lambda: (
            page.view.state != "filling"
            and page.lost.view.state != "filling"
            and window.workspace.tasks.active == 0
            and not page._turn
        ),
        timeout=SOON_MS,
    )
