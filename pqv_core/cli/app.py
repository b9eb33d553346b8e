"""The outermost boundary of ``pqv``: every end is an exit code and a sentence, never a traceback.

Exit codes: 0 done, 1 failed with a message, 2 wrong usage, 130 cancelled.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import typer

from pqv_core.files.foreign_text import without_control
from pqv_core.process import streams

if TYPE_CHECKING:
    from pqv_core.errors import ErrorInfo

DONE, FAILED, WRONG_USAGE, CANCELLED = 0, 1, 2, 130
_JSON_FLAG = "--json"
# typer carries its own click since 0.26, and does not export the base of its usage errors.
_BadCommandLine = cast(type[Exception], typer.BadParameter.__base__)


def new_app() -> typer.Typer:
    """An empty ``pqv``, to which each room adds its commands."""
    return typer.Typer(
        name="pqv",
        help="Prune, quantize, export and measure Vision Transformers for phones.",
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def run(app: typer.Typer, arguments: Sequence[str]) -> int:
    """Do what the command line says; returns the exit code.

    With ``PQV_DEBUG=1`` in the environment what is unexpected is raised, with its traceback.
    """
    as_json = _JSON_FLAG in arguments
    streams.prepare(as_json=as_json)
    try:
        command = typer.main.get_command(app)
        code = command.main(list(arguments) or ["--help"], prog_name="pqv", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else DONE
    except BrokenPipeError:  # the reader (head, less) has seen enough
        streams.silence()
        return FAILED
    except (KeyboardInterrupt, typer.Abort):
        print("Cancelled.", file=sys.stderr)
        return CANCELLED
    except _BadCommandLine as error:
        report(_usage(error), as_json=as_json)
        return WRONG_USAGE
    except Exception as error:  # noqa: BLE001 - the outermost boundary
        return _failed(error, as_json=as_json)


def _failed(error: Exception, *, as_json: bool) -> int:
    from pqv_core.errors import PqvError

    if isinstance(error, PqvError):
        report(error.info(), as_json=as_json)
        return error.exit_code
    if os.environ.get("PQV_DEBUG"):
        raise error
    report(_unexpected(error), as_json=as_json)
    return FAILED


def _usage(error: Exception) -> ErrorInfo:
    """What the parser of the command line says, as one of our errors."""
    from pqv_core.errors import ErrorInfo

    message = str(cast(Any, error).format_message()).strip()
    context = getattr(error, "ctx", None)
    if not message or context is None:
        return ErrorInfo(kind="UsageError", message=message or "Wrong usage.", action="See: pqv --help.")
    sentence = message if message.endswith((".", "?", "!")) else f"{message}."
    return ErrorInfo(kind="UsageError", message=sentence, action=f"See: {context.command_path} --help.")


def report(error: ErrorInfo, *, as_json: bool) -> None:
    """Say an error to the person, and with ``--json`` to the program that reads standard output, too."""
    print(f"Error: {without_control(error.message)}", file=sys.stderr)
    if error.action:
        print(without_control(error.action), file=sys.stderr)
    if error.command:
        print(f"Command: {without_control(error.command)}", file=sys.stderr)
    if error.details and os.environ.get("PQV_DEBUG"):
        print(error.details, file=sys.stderr)
    elif error.details and error.kind == "WorkerError":
        log = write_details(error)
        if log is not None:
            print(f"Details: {log}", file=sys.stderr)
    if as_json:
        try:
            print(json.dumps({"type": "error", **error.model_dump()}), flush=True)
        except OSError:  # a full disk, or a reader that has gone, is what the error may be about
            streams.silence()


def _unexpected(error: Exception) -> ErrorInfo:
    from pqv_core import errors

    if isinstance(error, OSError):
        return errors.from_os_error(error).info()
    if isinstance(error, MemoryError):
        message, action = "There is not enough memory.", "Close other programs and try again."
    else:
        message = f"An unexpected error stopped the program: {type(error).__name__}."
        action = "Copy the details into a bug report."
    details = "".join(traceback.format_exception(error))
    return errors.ErrorInfo(kind="WorkerError", message=message, action=action, details=details)


def write_details(error: ErrorInfo) -> Path | None:
    """Keep the technical details of an error in the user's log folder; None where that is not possible."""
    import platformdirs

    folder = Path(platformdirs.user_log_dir("pqv-mobile", appauthor=False))
    path = folder / f"error-{datetime.now(UTC):%Y%m%d-%H%M%S}-{os.getpid()}.log"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{error.kind}: {error.message}\n\n{error.details}\n", encoding="utf-8")
    except OSError:
        return None
    return path
