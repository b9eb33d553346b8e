"""From a new project to the comparison with the keyboard alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from pqv_gui.app.window import MainWindow

SOON_MS = 20_000
MOST_TABS = 400


def focused() -> QWidget:
    widget = QApplication.focusWidget()
    assert widget is not None
    return widget


def tab_to(window: MainWindow, name: str) -> QWidget:
    """Press Tab until the control with this accessible name has the focus."""
    for _ in range(MOST_TABS):
        if QApplication.focusWidget() is not None and focused().accessibleName() == name:
            return focused()
        QTest.keyClick(QApplication.focusWidget() or window, Qt.Key.Key_Tab)
    raise AssertionError(f"Tab does not come to {name}")


def press(window: MainWindow, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    QTest.keyClick(QApplication.focusWidget() or window, key, modifier)


def test_from_the_model_to_the_comparison(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    press(window, Qt.Key.Key_1, Qt.KeyboardModifier.ControlModifier)
    assert window.stack.place == "model"
    for place in ("prune", "backend", "export"):
        tab_to(window, "Next")
        press(window, Qt.Key.Key_Space)
        assert window.stack.place == place
    press(window, Qt.Key.Key_2, Qt.KeyboardModifier.ControlModifier)
    ratio = tab_to(window, "Pruning ratio, in percent")
    before = window.workspace.session.config.prune.ratio
    QTest.keyClick(ratio, Qt.Key.Key_Up)
    assert window.workspace.session.config.prune.ratio > before
    press(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    press(window, Qt.Key.Key_F5)
    assert window.stack.place == "run"
    run = window.workspace.run
    qtbot.waitUntil(lambda: run.state == "succeeded" and window.workspace.tasks.active == 0, timeout=SOON_MS)
    press(window, Qt.Key.Key_7, Qt.KeyboardModifier.ControlModifier)
    assert window.stack.place == "compare"
    qtbot.waitUntil(lambda: window.workspace.tasks.active == 0)


def test_from_nothing_to_the_settings_of_a_trial(window: MainWindow, qtbot: QtBot) -> None:
    """A study is made, run and used."""
    press(window, Qt.Key.Key_8, Qt.KeyboardModifier.ControlModifier)
    state = window.workspace.study.state
    qtbot.waitUntil(lambda: state.phase == "empty", timeout=SOON_MS)
    tab_to(window, "New study …")
    press(window, Qt.Key.Key_Space)
    trials = tab_to(window, "Trials at most")
    QTest.keyClicks(trials, "2")
    tab_to(window, "Create study")
    press(window, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: state.phase == "waiting", timeout=SOON_MS)
    tab_to(window, "Start the study")
    press(window, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: state.phase == "finished", timeout=SOON_MS)
    qtbot.waitUntil(lambda: len(state.lines) == 2, timeout=SOON_MS)
    before = window.workspace.session.config.prune.ratio
    tab_to(window, "Trials")
    press(window, Qt.Key.Key_Down)
    press(window, Qt.Key.Key_Up)
    assert state.chosen is not None
    tab_to(window, "Use these settings")
    press(window, Qt.Key.Key_Space)
    assert window.workspace.session.config.prune.ratio == pytest.approx(state.chosen.trial.params["prune.ratio"])
    press(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert window.workspace.session.config.prune.ratio == before
    qtbot.waitUntil(lambda: window.workspace.tasks.active == 0, timeout=SOON_MS)
