"""Puts ``pqv`` together: each room brings its own commands; Qt is imported for ``pqv gui`` only."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from deploy.cli import commands as phone_cli
from pqv_core.cli import app as cli_app
from pqv_core.cli import commands as core_cli
from pqv_core.process import owner

_DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")


def main(arguments: Sequence[str] | None = None) -> int:
    """The entry point of ``pqv``; returns the exit code."""
    code = cli_app.run(build(), sys.argv[1:] if arguments is None else arguments)
    if sys.flags.inspect:  # PYTHONINSPECT, left from debugging, would show the exit as a traceback
        owner.leave(code)
    return code


def build() -> typer.Typer:
    """``pqv`` with the commands of all rooms."""
    app = cli_app.new_app()
    core_cli.register(app)
    phone_cli.register(app)
    app.command()(gui)
    return app


def gui(
    project: Annotated[Path | None, typer.Argument(help="The project to open.", metavar="[PROJECT]")] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Open the demo project.")] = False,
) -> int:
    """Open the window."""
    from pqv_core.errors import StorageError

    _check_display()
    try:
        from pqv_gui import main as window
    except ImportError as error:  # one of the system's libraries, as a rule
        raise StorageError(
            "The window cannot open: a library that Qt needs is missing.",
            action="Install it (on Debian: libegl1, libxkbcommon0, libxcb-cursor0), or use the CLI: pqv --help.",
            details=str(error),
        ) from error
    return window.main([*(["--demo"] if demo else []), *(["--", str(project)] if project is not None else [])])


def _check_display() -> None:
    """Qt ends the whole process where it finds no display."""
    from pqv_core.errors import UsageError

    if sys.platform != "linux" or any(os.environ.get(name) for name in _DISPLAYS):
        return
    raise UsageError("No display is available for a window.", action="Use pqv run PROJECT or pqv demo.")
