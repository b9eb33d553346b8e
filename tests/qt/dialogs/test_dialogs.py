"""Windows beside the main one: About, the list of shortcuts, and what a bug report needs."""

from __future__ import annotations

import logging
import platform
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QApplication, QLabel, QTabWidget, QTextBrowser

from pqv_core import errors
from pqv_gui.app.window import MainWindow
from pqv_gui.dialogs.about import AboutDialog
from pqv_gui.dialogs.shortcut_editor import ShortcutsDialog
from pqv_gui.services import bug_report, logfile
from pqv_gui.services.settings import Settings
from pqv_gui.services.shortcuts import Shortcuts


def named(shortcuts: Shortcuts, name: str) -> str:
    """The keys of an action."""
    item = next(item for item in shortcuts if item.name == name)
    return item.action.shortcut().toString(QKeySequence.SequenceFormat.PortableText)


@pytest.fixture
def dialog(window: MainWindow) -> Iterator[ShortcutsDialog]:
    made = ShortcutsDialog(window, window.menus.shortcuts)
    yield made
    made.deleteLater()


def choose(dialog: ShortcutsDialog, words: str) -> None:
    dialog.filter.setText(words)
    assert dialog.list.topLevelItemCount() == 1
    dialog.list.setCurrentItem(dialog.list.topLevelItem(0))


def test_keys_are_changed_and_kept(dialog: ShortcutsDialog, window: MainWindow) -> None:
    choose(dialog, "run or resume")
    dialog.keys.setKeySequence(QKeySequence("Ctrl+R"))
    dialog.apply.click()
    assert named(window.menus.shortcuts, "Run › Run or resume") == "Ctrl+R"
    stored = Shortcuts(window.workspace.settings)
    stored.add("Run › Run or resume", window.menus.start)
    assert named(stored, "Run › Run or resume") == "Ctrl+R"
    dialog.reset.click()
    assert named(window.menus.shortcuts, "Run › Run or resume") == "F5"


def test_keys_that_are_taken_are_refused(dialog: ShortcutsDialog) -> None:
    choose(dialog, "run or resume")
    dialog.keys.setKeySequence(QKeySequence("Ctrl+S"))
    assert not dialog.apply.isEnabled()
    assert "is used by File › Save" in dialog.problem.text()


def test_defaults_that_another_action_has_got_stay_with_it(dialog: ShortcutsDialog, window: MainWindow) -> None:
    shortcuts = window.menus.shortcuts
    shortcuts.change("Run › Run or resume", QKeySequence("Ctrl+R"))
    shortcuts.change("Edit › Undo", QKeySequence("F5"))
    choose(dialog, "run or resume")
    dialog.reset.click()
    assert "used by Edit › Undo" in dialog.problem.text()
    assert named(shortcuts, "Run › Run or resume") == "Ctrl+R"


def test_no_two_actions_have_the_same_keys(window: MainWindow) -> None:
    keys = [key.toString() for item in window.menus.shortcuts for key in item.action.shortcuts()]
    assert keys
    assert len(set(keys)) == len(keys)


def test_damaged_settings_are_no_shortcuts(tmp_path: Path) -> None:
    settings = Settings(tmp_path / "settings.ini")
    settings.store("shortcuts").write(["nonsense", "Run › Cancel\tCtrl+K"])
    assert list(Shortcuts(settings)) == []


def test_about_names_versions_and_licences(window: MainWindow) -> None:
    dialog = AboutDialog(window)
    tabs = dialog.findChild(QTabWidget)
    assert tabs is not None
    shown = " ".join(each.text() for each in dialog.findChildren(QLabel))
    assert f"Version {metadata.version('pqv-mobile')}" in shown and metadata.version("torch") in shown
    assert any("LGPL" in browser.toPlainText() for browser in dialog.findChildren(QTextBrowser))
    assert any(not each.pixmap().isNull() for each in dialog.findChildren(QLabel))
    dialog.deleteLater()


def test_the_versions_can_be_copied_and_torch_is_not_imported_for_it(window: MainWindow) -> None:
    loaded = "torch" in sys.modules
    dialog = AboutDialog(window)
    dialog.copy.click()
    lines = QApplication.clipboard().text().splitlines()
    assert {line.partition(": ")[0] for line in lines} >= {"System", "Python", "Qt", "pqv-mobile", "torch", "timm"}
    assert f"Python: {platform.python_version()}" in lines
    assert ("torch" in sys.modules) is loaded
    dialog.deleteLater()


def test_a_bug_report_has_versions_and_the_log(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(logfile, "folder", lambda: tmp_path / "log")
    handler = logfile.start()
    assert handler is not None
    window.commands.present(
        errors.StorageError("The disk is full.", action="Free some space.", details="ENOSPC").info()
    )
    (action,) = (item.action for item in window.menus.shortcuts if item.name == "Help › Copy details for a bug report")
    action.trigger()
    logfile.stop(handler)
    text = QApplication.clipboard().text()
    assert "The disk is full." in text and "ENOSPC" in text
    assert "torch: " in text
    assert handler not in logging.getLogger("pqv").handlers


@pytest.mark.parametrize("count", [1, 7_000, 7_999, 8_000, 8_001, 20_000])
def test_the_last_8_kilobytes_of_the_log_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, count: int) -> None:
    monkeypatch.setattr(logfile, "folder", lambda: tmp_path)
    text = "".join(chr(ord("a") + place % 26) for place in range(count))
    logfile.path().write_text(text)
    assert logfile.tail() == text[-8_000:]


def test_a_full_log_is_put_aside_and_the_oldest_is_let_go(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(logfile, "folder", lambda: tmp_path)
    handler = logfile.start()
    log = logging.getLogger("pqv")
    for number in range(90):
        log.info("%03d %s", number, "x" * 10_000)
    assert [path.name for path in tmp_path.iterdir()] == ["window.log"]
    for number in range(90, 450):
        log.info("%03d %s", number, "x" * 10_000)
    logfile.stop(handler)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["window.log", "window.log.1", "window.log.2"]
    assert all(path.stat().st_size <= 1_000_000 for path in tmp_path.iterdir())
    assert " 449 " in logfile.path().read_text()
    assert " 000 " not in (tmp_path / "window.log.2").read_text()


def test_a_folder_that_cannot_be_written_stops_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "log").write_text("a file")
    monkeypatch.setattr(logfile, "folder", lambda: tmp_path / "log")
    assert logfile.start() is None
    assert logfile.tail() == ""
    assert "Log:" in bug_report.details()
