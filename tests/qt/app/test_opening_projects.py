"""A project that is open elsewhere, and one whose folder vanishes: said in the page, with what can be done."""

from __future__ import annotations

import shutil
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QPushButton
from pytest import MonkeyPatch, fixture, mark
from pytestqt.qtbot import QtBot

from pqv_gui.app.window import MainWindow
from pqv_gui.pages import in_group
from pqv_gui.pages.shared.base_page import FormPage
from pqv_gui.pages.start.page import StartPage
from tests.qt.conftest import MakeWindow


def offer(window: MainWindow, text: str) -> QPushButton:
    banner = window.stack.current.banner
    return next(button for button in banner.findChildren(QPushButton) if button.text().replace("&", "") == text)


@fixture
def second(window: MainWindow, make_window: MakeWindow) -> MainWindow:
    """Another window that was asked to open the project of the first, whose ratio is 40 %."""
    path = window.workspace.session.path
    assert path is not None
    window.workspace.session.set("prune.ratio", 0.4)
    window.workspace.flush()
    another = make_window()
    another.commands.open_project(path)
    return another


def test_a_project_opened_twice_says_so_and_a_copy_can_be_opened(
    second: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    assert not second.workspace.session.is_open
    assert "is open in another window: on this computer" in second.stack.current.banner.message.text()
    qtbot.mouseClick(offer(second, "Open a copy"), Qt.MouseButton.LeftButton)
    assert second.workspace.session.path == tmp_path / "projects" / "small copy.pqv"
    assert second.workspace.session.config.prune.ratio == 0.4
    qtbot.waitUntil(lambda: second.workspace.models.loaded and second.workspace.tasks.active == 0)


def test_a_project_that_was_closed_can_be_opened_elsewhere(
    window: MainWindow, second: MainWindow, qtbot: QtBot
) -> None:
    path = window.workspace.session.path
    window.commands.close_project()
    qtbot.mouseClick(offer(second, "Try again"), Qt.MouseButton.LeftButton)
    assert second.workspace.session.path == path
    qtbot.waitUntil(lambda: second.workspace.models.loaded and second.workspace.tasks.active == 0)


def test_a_project_opened_twice_can_be_read_until_the_other_window_lets_go(
    window: MainWindow, second: MainWindow, qtbot: QtBot
) -> None:
    path = window.workspace.session.path
    qtbot.mouseClick(offer(second, "Open read-only"), Qt.MouseButton.LeftButton)
    work = second.workspace
    qtbot.waitUntil(lambda: work.models.loaded and work.tasks.active == 0)
    assert work.session.path == path
    assert "edited in another window on this computer" in second.read_only_bar.words.text()
    assert "read-only" in second.menus.corner.toolTip()
    assert not second.summary.start.isEnabled()
    for place in in_group("wizard"):
        second.commands.go(place)
        page = second.stack.currentWidget()
        assert isinstance(page, FormPage)
        assert not any(page.form.field(name).isEnabled() for name in page.form.names)
    second.workspace.fill_in("paper")
    second.workspace.start_run()
    assert not work.session.unsaved
    assert not work.runs.busy

    window.workspace.session.set("prune.ratio", 0.5)
    window.workspace.flush()
    second.read_only_bar.again.click()
    assert not work.session.writable
    assert work.session.config.prune.ratio == 0.5
    qtbot.waitUntil(lambda: work.tasks.active == 0)
    window.commands.close_project()
    second.read_only_bar.again.click()
    assert work.session.writable
    assert second.stack.place == in_group("wizard")[-1]
    assert not second.read_only_bar.isVisible()
    assert second.summary.start.isEnabled()
    page = second.stack.currentWidget()
    assert isinstance(page, FormPage)
    assert page.form.field("export.file_name").isEnabled()
    qtbot.waitUntil(lambda: work.tasks.active == 0)


def test_a_folder_that_vanished_is_said_and_the_project_saved_elsewhere(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: MonkeyPatch
) -> None:
    session = window.workspace.session
    shutil.rmtree(tmp_path / "projects")
    with qtbot.waitSignal(window.workspace.failed):
        session.set("prune.ratio", 0.5)
    banner = window.stack.current.banner
    assert "project folder no longer exists" in banner.message.text()
    assert session.config.prune.ratio == 0.5
    assert not (tmp_path / "projects").exists()

    (tmp_path / "safe").mkdir()
    answer = (str(tmp_path / "safe" / "kept"), "")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: answer)
    qtbot.mouseClick(offer(window, "Save as …"), Qt.MouseButton.LeftButton)
    assert session.path == tmp_path / "safe" / "kept.pqv"
    assert session.config.prune.ratio == 0.5
    assert not session.unsaved
    qtbot.waitUntil(lambda: window.workspace.tasks.active == 0)


def test_the_next_start_goes_on_where_the_last_window_was_closed(
    window: MainWindow, make_window: MakeWindow, qtbot: QtBot
) -> None:
    path = window.workspace.session.path
    window.commands.go("export")
    window.close()
    following = make_window()
    following.commands.restore()
    assert (following.workspace.session.path, following.stack.place) == (path, "export")
    qtbot.waitUntil(lambda: following.workspace.models.loaded and following.workspace.tasks.active == 0)


def test_a_last_project_that_is_gone_is_said_and_a_damaged_page_is_not_minded(
    make_window: MakeWindow, tmp_path: Path
) -> None:
    window = make_window()
    window.commands.restore()  # nothing was open: nothing is said
    assert not window.stack.page("start").banner.isVisible()
    window.workspace.settings.session = (tmp_path / "gone.pqv", "No such page")
    window.commands.restore()
    assert "cannot be read" in window.stack.page("start").banner.message.text()


def test_a_window_does_not_close_over_settings_that_have_no_folder(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "projects")
    window.workspace.session.set("prune.ratio", 0.5)
    window.close()
    assert window.isVisible()
    assert window.workspace.session.config.prune.ratio == 0.5
    qtbot.mouseClick(offer(window, "Close without saving"), Qt.MouseButton.LeftButton)
    assert not window.isVisible()
    assert not (tmp_path / "projects").exists()


@mark.parametrize("folder", ["mine", "~nobody_of_this_name"])
def test_a_folder_that_is_no_whole_path_lies_in_that_of_projects(
    make_window: MakeWindow, qtbot: QtBot, tmp_path: Path, folder: str
) -> None:
    window = make_window()
    page = window.stack.currentWidget()
    assert isinstance(page, StartPage)
    page.folder.set_value(folder)
    page.create_button.click()
    assert window.workspace.session.path == tmp_path / "projects" / folder / "my-project.pqv"
    qtbot.waitUntil(lambda: window.workspace.models.loaded and window.workspace.tasks.active == 0)


def test_a_folder_that_the_system_refuses_is_told_in_words(make_window: MakeWindow) -> None:
    window = make_window()
    page = window.stack.currentWidget()
    assert isinstance(page, StartPage)
    page.folder.set_value("x" * 300)
    page.create_button.click()
    assert page.banner.message.text().startswith("The name is too long")
    assert not window.workspace.session.is_open
