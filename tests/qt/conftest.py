"""A window of its own for each test, with settings and projects in a temporary folder."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from PySide6.QtCore import QEvent, QPoint
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from deploy.targets.android import adb_devices
from pqv_gui.app.window import MainWindow
from pqv_gui.main import build
from pqv_gui.services.settings import Settings
from tests.fakes import extras

FAKE_WORKER = Path(__file__).parents[1] / "fakes" / "window_worker.py"
MakeWindow = Callable[..., MainWindow]


@pytest.fixture(autouse=True)
def no_adb_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test talks to the phones of the person who runs it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(free.getsockname()[1]))
    monkeypatch.setattr(adb_devices, "_on_bus", list)


@pytest.fixture(autouse=True)
def without_extras(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every computer offers the same: the formats that need nothing more."""
    extras.leave_out(monkeypatch)


def workers() -> list[psutil.Process]:
    """The workers that this process has started: a fork server of earlier tests may be kept beside them."""
    return [child for child in psutil.Process().children() if str(FAKE_WORKER) in child.cmdline()]


def point_to(widget: QWidget, at: QPoint) -> None:
    """Move the pointer to a place of a widget, as the system tells it; what it was on before is left."""
    QTest.mouseMove(widget.window().windowHandle(), widget.mapTo(widget.window(), at))
    QApplication.processEvents()


@pytest.fixture
def make_window(no_adb_server: None, qapp: QApplication, qtbot: QtBot, tmp_path: Path) -> Iterator[MakeWindow]:
    """Builds windows whose worker is a small script that plays ``scene``; closes them at the end."""
    made: list[MainWindow] = []
    presenters = []

    def make(scene: str = "good", *, show: bool = True) -> MainWindow:
        settings = Settings(tmp_path / "settings.ini")
        settings.projects_folder = tmp_path / "projects"
        window, presenter = build(qapp, settings=settings, command=(sys.executable, str(FAKE_WORKER), scene))
        presenters.append(presenter)
        made.append(window)
        if show:
            window.show()
            window.activateWindow()
            qtbot.waitUntil(window.isActiveWindow)
        return window

    yield make
    for window, presenter in zip(made, presenters, strict=True):
        presenter.uninstall()
        window.workspace.close()
        window.hide()
        window.deleteLater()
    themes = [window.theme for window in made]
    qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    for theme in themes:
        theme.set_text_scale(100)


@pytest.fixture
def window(make_window: MakeWindow, qtbot: QtBot, tmp_path: Path) -> MainWindow:
    """A window with a new project without images, on the Model page."""
    made = make_window()
    made.workspace.create(tmp_path / "projects", "small")
    qtbot.waitUntil(lambda: made.workspace.models.loaded and made.workspace.tasks.active == 0)
    return made
