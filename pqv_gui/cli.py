"""Puts ``pqv`` together: each room brings its own commands; Qt is imported for ``pqv gui`` only."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from pqv_core import cli as core_cli
from pqv_core import cli_app


def main(arguments: Sequence[str] | None = None) -> int:
    """The entry point of ``pqv``; returns the exit code."""
    return cli_app.run(build(), sys.argv[1:] if arguments is None else arguments)


def build() -> typer.Typer:
    """``pqv`` with the commands of all rooms."""
    app = cli_app.new_app()
    core_cli.register(app)
    app.command()(gui)
    return app


def gui(
    project: Annotated[Path | None, typer.Argument(help="The project to open.", metavar="[PROJECT]")] = None,
) -> int:
    """Open the window."""
    from pqv_gui import main as window

    return window.main([str(project)] if project is not None else [])
