"""Who is elsewhere is told when long work has ended; who is here, or waits a moment, is not."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication, QSystemTrayIcon
from pytestqt.qtbot import QtBot

from pqv_core.errors import ErrorInfo
from pqv_core.process.events import Finished
from pqv_gui.app.notifier import LONG_S, Notifier
from pqv_gui.app.window import MainWindow
from tests.qt.conftest import MakeWindow

Told = list[tuple[str, str]]
DONE = Finished(run="r", outcome="succeeded")


class Away:
    """A notifier of a person who looks at something else, with a clock that is set by hand."""

    def __init__(self, window: MainWindow) -> None:
        self.now, self.here = 0.0, False
        self.notifier = Notifier(
            window, window.commands, window.workspace, in_front=lambda: self.here, clock=lambda: self.now
        )
        self._jobs = window.workspace.jobs

    def run(self, seconds: float, end: Finished = DONE) -> None:
        self._jobs.active_changed.emit(True)
        self.now += seconds
        self._jobs.active_changed.emit(False)
        self._jobs.ended.emit(end)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """What the system was asked to say, on a system that can."""
    found: Told = []
    monkeypatch.setattr(QSystemTrayIcon, "isSystemTrayAvailable", staticmethod(lambda: True))
    monkeypatch.setattr(QSystemTrayIcon, "supportsMessages", staticmethod(lambda: True))
    monkeypatch.setattr(QSystemTrayIcon, "showMessage", lambda self, title, text, icon: found.append((title, text)))
    return found


@pytest.fixture
def away(window: MainWindow) -> Away:
    window.workspace.runs.jobs.ended.disconnect()  # no run has begun: nobody else is to hear of its end
    return Away(window)


def test_the_end_of_a_long_run_is_told_with_its_time(away: Away, told: Told) -> None:
    away.run(754)
    assert told == [("small: The run is complete", "It took 12 min 34 s.")]


def test_a_failure_is_told_with_its_reason(away: Away, told: Told) -> None:
    error = ErrorInfo(kind="StorageError", message="The disk is full.", action="")
    away.run(LONG_S, Finished(run="r", outcome="failed", error=error))
    assert told == [("small: The run failed", "The disk is full.")]


def test_nothing_is_told_of_what_is_short_or_was_cancelled_or_is_being_looked_at(away: Away, told: Told) -> None:
    away.run(LONG_S - 1)
    away.run(LONG_S, Finished(run="r", outcome="cancelled"))
    away.here = True
    away.run(LONG_S)
    assert told == []


def test_who_does_not_want_it_is_not_told(away: Away, told: Told, window: MainWindow) -> None:
    window.workspace.settings.notify = False
    away.run(LONG_S)
    assert told == []


def test_a_click_on_the_message_leads_to_the_run_and_the_icon_goes(away: Away, told: Told, window: MainWindow) -> None:
    away.run(LONG_S)
    tray = away.notifier._tray
    assert tray is not None and tray.isVisible()
    tray.messageClicked.emit()
    assert window.commands.place == "run"
    QApplication.sendEvent(window, QEvent(QEvent.Type.WindowActivate))
    assert not tray.isVisible()


def test_where_the_system_says_nothing_nothing_breaks(away: Away, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QSystemTrayIcon, "isSystemTrayAvailable", staticmethod(lambda: False))
    away.run(LONG_S)
    assert away.notifier._tray is None


def test_the_end_of_measuring_and_of_a_study_is_told(
    away: Away, told: Told, window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    for going, then in ((True, 0.0), (False, 90.0)):
        away.now += then
        monkeypatch.setattr(type(window.workspace), "measures", going)
        monkeypatch.setattr(type(window.workspace), "studies", going)
        away.notifier.look_at_phones()
        away.notifier._look_at_study()
    assert [title for title, _ in told] == ["small: Measuring has ended", "small: The study has ended"]


def test_a_real_run_that_was_waited_for_says_nothing(make_window: MakeWindow, qtbot: QtBot, told: Told) -> None:
    window = make_window("good")
    window.workspace.create(window.workspace.settings.projects_folder, "small")
    qtbot.waitUntil(lambda: window.workspace.models.loaded and window.workspace.tasks.active == 0)
    window.commands.start_run()
    qtbot.waitUntil(lambda: window.workspace.run.state == "succeeded", timeout=20_000)
    qtbot.waitUntil(lambda: not window.workspace.jobs.active and window.workspace.tasks.active == 0)
    assert told == [] and window.notifier._began == {}
