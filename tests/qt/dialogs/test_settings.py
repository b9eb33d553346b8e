"""Settings: each is at work at once, is kept, and belongs to no project."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton
from pytestqt.qtbot import QtBot

from deploy.targets.android.transports import adb_server
from pqv_gui.app.kept_folders import kept_folders
from pqv_gui.app.preferences import ADB, FOLDER, MODE, NOTIFY, SCALE, THREADS, Preferences
from pqv_gui.app.window import MainWindow
from pqv_gui.dialogs.settings import SettingsDialog
from pqv_gui.pages.start.page import StartPage
from pqv_gui.services import adb_choice
from pqv_gui.services.settings import Settings
from pqv_gui.viewmodels import defaults
from tests.qt.conftest import MakeWindow


@pytest.fixture
def window(make_window: MakeWindow) -> MainWindow:
    return make_window()


@pytest.fixture
def dialog(window: MainWindow) -> Iterator[SettingsDialog]:
    preferences = Preferences(window.workspace, window.theme)
    made = SettingsDialog(window, preferences, kept=[("Here", Path.home()), ("Not yet", Path.home() / "nothing")])
    yield made
    made.deleteLater()
    adb_choice.use("")


def kept(tmp_path: Path) -> Settings:
    return Settings(tmp_path / "settings.ini")


def enter(dialog: SettingsDialog, name: str, value: object) -> None:
    """As a person does it: the editor shows the value and says that it has changed."""
    editor = dialog.form.editor(name)
    editor.set_value(value)  # type: ignore[attr-defined]
    editor.changed.emit(value)  # type: ignore[attr-defined]


def test_colours_and_text_size_change_what_is_seen_and_are_ticked_in_the_menu(
    dialog: SettingsDialog, window: MainWindow, tmp_path: Path
) -> None:
    enter(dialog, MODE, "dark")
    enter(dialog, SCALE, 150)
    assert window.theme.dark and window.theme.text_scale == 150
    window.workspace.settings.flush()
    assert (kept(tmp_path).mode, kept(tmp_path).text_scale) == ("dark", 150)
    window.menus._show_ticks()
    ticked = [item.name for item in window.menus.shortcuts if item.action.isChecked()]
    assert ticked == ["Colours › Dark", "Text size › 150 %"]
    enter(dialog, MODE, "light")


def test_new_projects_go_to_the_folder_and_measure_with_the_threads(
    dialog: SettingsDialog, window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    enter(dialog, FOLDER, str(tmp_path / "mine"))
    enter(dialog, THREADS, 3)
    page = window.stack.current
    assert isinstance(page, StartPage)
    page.folder.set_value(None)
    page.refresh()
    page.name.setText("new")
    page.create_button.click()
    assert window.workspace.session.path == tmp_path / "mine" / "new.pqv"
    assert window.workspace.session.get("measure.threads") == 3
    qtbot.waitUntil(lambda: window.workspace.models.loaded and window.workspace.tasks.active == 0)


def test_threads_that_a_preset_asks_for_stay() -> None:
    asked = defaults.new_config().changed(measure={"threads": 1})
    assert defaults.measured_with(asked, threads=3).measure.threads == 1
    assert defaults.measured_with(asked, threads=None) == asked


def test_another_adb_server_is_asked_and_what_is_no_address_is_said(dialog: SettingsDialog, window: MainWindow) -> None:
    enter(dialog, ADB, "phonebox:6000")
    assert adb_server.address() == ("phonebox", 6000)
    enter(dialog, ADB, "phonebox")
    assert [problem.field for problem in dialog._preferences.problems] == [ADB]
    assert adb_server.address() == ("phonebox", 6000)
    assert window.workspace.settings.adb_server == "phonebox:6000"
    enter(dialog, ADB, "")
    assert list(dialog._preferences.problems) == [] and window.workspace.settings.adb_server == ""


def test_what_was_refused_is_said_again_when_the_dialog_is_opened_again(
    dialog: SettingsDialog, window: MainWindow
) -> None:
    enter(dialog, ADB, "phonebox")
    again = SettingsDialog(window, dialog._preferences, kept=[])
    assert again.form.field(ADB).problem.text() == "An address is HOST:PORT, such as 127.0.0.1:5037."
    again.deleteLater()


def test_a_folder_that_is_no_whole_path_is_refused(dialog: SettingsDialog, window: MainWindow) -> None:
    before = window.workspace.settings.projects_folder
    enter(dialog, FOLDER, "somewhere")
    assert [problem.field for problem in dialog._preferences.problems] == [FOLDER]
    assert window.workspace.settings.projects_folder == before


def test_notifications_can_be_turned_off(dialog: SettingsDialog, window: MainWindow, tmp_path: Path) -> None:
    assert window.workspace.settings.notify
    enter(dialog, NOTIFY, False)
    window.workspace.settings.flush()
    assert not kept(tmp_path).notify


def test_damaged_settings_read_as_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "settings.ini").write_text(
        "[projects]\nthreads=many\n[notify]\nended=perhaps\n[phones]\nadb_server=nowhere\n"
    )
    settings = kept(tmp_path)
    assert (settings.threads, settings.notify, settings.adb_server) == (None, True, "")


def test_folders_are_opened_where_there_is_something(dialog: SettingsDialog) -> None:
    buttons = {each.accessibleName(): each for each in dialog.findChildren(QAbstractButton)}
    assert buttons["Open folder: Here"].isEnabled()
    assert not buttons["Open folder: Not yet"].isEnabled()
    assert len({path for _, path in kept_folders()}) == len(kept_folders()) == 5


def test_all_of_it_is_reached_by_the_keyboard_and_has_a_name(dialog: SettingsDialog, qtbot: QtBot) -> None:
    dialog.open()
    for name in dialog.form.names:
        widget = dialog.form.editor(name)
        assert widget.accessibleName() or (widget.focusProxy() and widget.focusProxy().accessibleName()), name
        assert (widget.focusProxy() or widget).focusPolicy() & Qt.FocusPolicy.TabFocus, name
    dialog.reject()
