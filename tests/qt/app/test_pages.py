"""A page is a folder: what it says of itself puts it into the list, the menus, their keys and the wizard."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from pqv_core.config import RunConfig
from pqv_gui import pages
from pqv_gui.app.window import MainWindow
from pqv_gui.pages import PAGES, in_group, page_of
from pqv_gui.pages.shared.base_page import Page
from tests.qt.conftest import MakeWindow

INFO = """
from pqv_gui.pages import PageInfo
INFO = PageInfo(key="notes", label="Notes", implementation="pqv_gui.pages.notes.page:NotesPage", {more})
"""
PAGE = """
from pqv_gui.pages.shared.base_page import Page
from pqv_gui.widgets.basics import label

class NotesPage(Page):
    def __init__(self, workspace):
        super().__init__(workspace, heading="Notes", sentence="What there is to remember.")
        self.body.addWidget(label("Written in another folder."))
"""
AddPage = Callable[[str], None]


@pytest.fixture
def add_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AddPage]:
    """Puts a folder with a page beside those of the window; takes the rest of a description."""

    def forget() -> None:
        vars(PAGES).pop("_found", None)
        for name in [name for name in sys.modules if name.startswith("pqv_gui.pages.notes")]:
            del sys.modules[name]

    def add(more: str) -> None:
        folder = tmp_path / "more" / "notes"
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text(INFO.format(more=more))
        (folder / "page.py").write_text(PAGE)
        monkeypatch.setattr(pages, "__path__", [*pages.__path__, str(folder.parent)])
        forget()

    yield add
    monkeypatch.undo()
    forget()


def opened(make_window: MakeWindow, qtbot: QtBot, tmp_path: Path) -> MainWindow:
    window = make_window()
    window.workspace.create(tmp_path / "projects", "small")
    qtbot.waitUntil(lambda: window.workspace.models.loaded and window.workspace.tasks.active == 0)
    return window


def texts(window: MainWindow) -> list[str]:
    return [part.text() for part in window.stack.current.findChildren(QLabel)]


def test_a_folder_more_is_a_page_more_to_work_on(
    add_page: AddPage, make_window: MakeWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    add_page("")
    window = opened(make_window, qtbot, tmp_path)

    assert list(window.steps.buttons)[-1] == "notes"
    assert window.steps.buttons["notes"].toolTip() == "Notes (Ctrl+9)"
    assert "Go › Notes" in [item.name for item in window.menus.shortcuts]
    assert "pqv_gui.pages.notes.page" not in sys.modules  # it is imported when it is first shown
    QTest.keyClick(window, Qt.Key.Key_9, Qt.KeyboardModifier.ControlModifier)
    assert window.stack.place == "notes"
    assert "Written in another folder." in texts(window)
    assert window.close()
    again = make_window()
    again.commands.restore()
    assert again.stack.place == "notes"
    qtbot.waitUntil(lambda: again.workspace.models.loaded and again.workspace.tasks.active == 0)


def test_a_folder_more_can_be_a_step_of_the_wizard(
    add_page: AddPage, make_window: MakeWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    add_page('group="wizard", order=2')
    window = opened(make_window, qtbot, tmp_path)

    assert [window.steps.buttons[key].state for key in in_group("wizard")] == ["valid", *["todo"] * 4]
    seen = [window.stack.place]
    while window.next.isVisible():
        window.next.click()
        seen.append(window.stack.place)
    assert seen == ["model", "notes", "prune", "backend", "export", "run"]
    assert window.steps.buttons["notes"].accessibleName() == "Notes, complete"


def test_every_page_says_where_it_is_made_and_every_setting_has_one() -> None:
    assert list(PAGES) == ["start", "model", "prune", "backend", "export", "run", "device", "compare", "study"]
    for key, info in PAGES.items():
        assert issubclass(PAGES.load(key), Page)
        assert info.label.lower() == key  # what settings have kept of a person's place until now
    assert {page_of(section) for section in RunConfig.model_fields} == set(in_group("wizard"))
