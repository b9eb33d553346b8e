"""Tells a person who is elsewhere that long work has ended: by the task bar, and by a message of the system."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QSystemTrayIcon, QWidget

from pqv_core import formatting
from pqv_core.process.events import Finished
from pqv_gui.app.commands import Commands
from pqv_gui.desks.workspace import Workspace
from pqv_gui.i18n import tr
from pqv_gui.pages.device import INFO as DEVICE
from pqv_gui.pages.run import INFO as RUN
from pqv_gui.pages.study import INFO as STUDY

LONG_S = 60.0
"""Work that takes less is waited for."""


def _in_front() -> bool:
    return QGuiApplication.applicationState() == Qt.ApplicationState.ApplicationActive


class Notifier(QObject):
    """Looks for how long runs, studies and measurements on phones go on.

    Args:
        in_front: Whether one of the program's windows has the keyboard.
        clock: Seconds from any moment on.
    """

    def __init__(
        self,
        window: QWidget,
        commands: Commands,
        workspace: Workspace,
        *,
        in_front: Callable[[], bool] = _in_front,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(window)
        self._window, self._commands, self._work = window, commands, workspace
        self._in_front, self._clock = in_front, clock
        self._began: dict[str, float] = {}
        self._tray: QSystemTrayIcon | None = None
        self._place = RUN.key  # the page that the last message was about
        window.installEventFilter(self)
        workspace.jobs.active_changed.connect(self._run_began)
        workspace.jobs.ended.connect(self._run_ended)
        workspace.study_changed.connect(self._look_at_study)
        workspace.study_ended.connect(self._look_at_study)

    def look_at_phones(self) -> None:
        """Something is measured on phones now, or nothing is any more."""
        if (seconds := self._over(DEVICE.key, self._work.measures)) is not None:
            self._tell(DEVICE.key, tr("Measuring has ended"), tr("It took {time}."), seconds)

    def _look_at_study(self) -> None:
        if (seconds := self._over(STUDY.key, self._work.studies)) is not None:
            self._tell(STUDY.key, tr("The study has ended"), tr("It took {time}."), seconds)

    def _run_began(self, active: bool) -> None:
        if active:
            self._over(RUN.key, True)

    def _run_ended(self, last: Finished) -> None:
        seconds = self._over(RUN.key, False)
        if seconds is None or last.outcome == "cancelled":
            return
        if last.outcome == "succeeded":
            self._tell(RUN.key, tr("The run is complete"), tr("It took {time}."), seconds)
        else:
            self._tell(RUN.key, tr("The run failed"), tr(last.error.message) if last.error else "", seconds)

    def _over(self, what: str, going: bool) -> float | None:
        """How many seconds something took that has ended just now; None while it goes on, or where nothing did."""
        if going:
            self._began.setdefault(what, self._clock())
            return None
        began = self._began.pop(what, None)
        return None if began is None else self._clock() - began

    def _tell(self, place: str, title: str, text: str, seconds: float) -> None:
        if seconds < LONG_S or self._in_front() or not self._work.settings.notify:
            return
        self._place = place
        QApplication.alert(self._window)
        if QSystemTrayIcon.isSystemTrayAvailable() and QSystemTrayIcon.supportsMessages():
            heading = f"{self._work.session.name}: {title}" if self._work.session.is_open else title
            self._message(heading, text.replace("{time}", formatting.duration(seconds)))

    def _message(self, title: str, text: str) -> None:
        """Say it through the system; its icon is there only until one comes back."""
        if self._tray is None:
            self._tray = QSystemTrayIcon(self._window.windowIcon(), self)
            self._tray.setToolTip("PQV-Mobile")
            self._tray.messageClicked.connect(self._come_forward)
            self._tray.activated.connect(lambda _: self._come_forward())
        self._tray.show()
        self._tray.showMessage(title, text, self._window.windowIcon())

    def _come_forward(self) -> None:
        self._window.setWindowState(self._window.windowState() & ~Qt.WindowState.WindowMinimized)
        self._window.raise_()
        self._window.activateWindow()
        self._commands.go(self._place)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The person is back."""
        if event.type() == QEvent.Type.WindowActivate and self._tray is not None:
            self._tray.hide()
        return False
