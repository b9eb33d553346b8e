"""Starts the window."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

from pqv_core.errors import PqvError
from pqv_core.files.resource_files import resource
from pqv_gui.app.error_presenter import ErrorPresenter
from pqv_gui.app.single_instance import Instance, StartReply, StartRequest, default_name, hand_over
from pqv_gui.app.window import MainWindow
from pqv_gui.desks.workspace import Workspace
from pqv_gui.i18n import tr
from pqv_gui.services import logfile
from pqv_gui.services.settings import Settings
from pqv_gui.style.theme import Theme

SWITCH_S = 0.0005
"""How long a thread that reads events may keep Python from drawing; the default is ten times as much."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Show the window until it is closed; returns the exit code."""
    wanted = _parser().parse_args(sys.argv[1:] if arguments is None else arguments)
    app = QApplication.instance() or QApplication(["pqv-gui"])
    assert isinstance(app, QApplication)
    log = logfile.start()
    request = StartRequest(project=str(wanted.project.absolute()) if wanted.project else None, demo=wanted.demo)
    name = default_name()
    taken = hand_over(request, name=name)
    if taken is not None:
        print(said_of(taken, request))
        logfile.stop(log)
        return 0
    window, presenter = build(app)
    window.show()
    if request == StartRequest():
        window.commands.restore()
    else:
        answer(window, request)
    instance = Instance(title=window.windowTitle)
    instance.asked.connect(lambda asked: come_forward(window, asked))
    instance.listen(name)
    code = app.exec()
    instance.close()
    presenter.uninstall()
    logfile.stop(log)
    return code


def said_of(taken: StartReply, request: StartRequest) -> str:
    """What a second start says before it ends: where its file went."""
    title = "".join(letter for letter in taken.window if letter.isprintable())
    what = request.path.name if request.path is not None else tr("The demo") if request.demo else ""
    if not what:
        return tr("The window “{title}” is already open.").replace("{title}", title)
    return tr("{file} was sent to the window that is already open: “{title}”.").format(file=what, title=title)


def answer(window: MainWindow, request: StartRequest) -> None:
    """Open what was asked for."""
    if request.demo:
        window.workspace.open_demo()
    elif request.path is not None:
        window.commands.open_project(request.path)


def come_forward(window: MainWindow, request: StartRequest) -> None:
    """Bring the window to the front with what a later start asked for."""
    window.setWindowState(window.windowState() & ~Qt.WindowState.WindowMinimized)
    window.show()
    window.raise_()
    window.activateWindow()
    if window.isActiveWindow() or QApplication.activeModalWidget() is None:
        answer(window, request)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pqv-gui", description="Desktop app of PQV-Mobile.")
    parser.add_argument("project", nargs="?", type=Path, help="project file to open (.pqv)")
    parser.add_argument("--demo", action="store_true", help="open the demo project")
    return parser


def build(
    app: QApplication, *, settings: Settings | None = None, command: Sequence[str] | None = None
) -> tuple[MainWindow, ErrorPresenter]:
    """The window, ready to be shown.

    Args:
        settings: Other settings than the person's own.
        command: Program to start instead of the worker of this installation.
    """
    sys.setswitchinterval(SWITCH_S)
    app.setApplicationName("PQV-Mobile")
    app.setOrganizationName("PQV-Mobile")
    app.setStyle("Fusion")
    settings = settings or Settings()
    theme = Theme(app, mode=settings.mode, text_scale=settings.text_scale)
    window = MainWindow(Workspace(settings, command=command), theme)
    try:
        window.setWindowIcon(QIcon(str(resource("icons", "pqv.svg"))))
    except PqvError as error:
        window.commands.present(error.info())
    presenter = ErrorPresenter(window)
    presenter.presented.connect(window.commands.present)
    presenter.install()
    return window, presenter
