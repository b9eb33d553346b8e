"""Starts the window."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

from pqv_core.errors import PqvError
from pqv_core.resource_files import resource
from pqv_gui import logfile
from pqv_gui.error_presenter import ErrorPresenter
from pqv_gui.settings import Settings
from pqv_gui.theme import Theme
from pqv_gui.window import MainWindow
from pqv_gui.workspace import Workspace

SWITCH_S = 0.0005
"""How long a thread that reads events may keep Python from drawing; the default is ten times as much."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Show the window until it is closed; returns the exit code."""
    wanted = _parser().parse_args(sys.argv[1:] if arguments is None else arguments)
    app = QApplication.instance() or QApplication(["pqv-gui"])
    assert isinstance(app, QApplication)
    log = logfile.start()
    window, presenter = build(app)
    window.show()
    if wanted.demo:
        window.workspace.open_demo()
    elif wanted.project is not None:
        window.open_project(wanted.project)
    code = app.exec()
    presenter.uninstall()
    logfile.stop(log)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pqv-gui", description="The window of PQV-Mobile.")
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
        window.present(error.info())
    presenter = ErrorPresenter(window)
    presenter.presented.connect(window.present)
    presenter.install()
    return window, presenter
