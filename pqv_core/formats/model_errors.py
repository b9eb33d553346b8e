"""What a file's own code, or PyTorch's, said when it could not be run, as a sentence that names the file.

The words come from a stranger's file or from a phone: they are bounded and printable.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pqv_core.errors import BenchmarkError, ErrorInfo
from pqv_core.files import foreign_text
from pqv_core.process import exit_status

_MAX_LETTERS = 200
_MEMORY_ACTION = "Close other programs to free memory, or choose a smaller model or batch, and run again."
_INPUT_ACTION = "PQV-Mobile measures models with one image input; export that part of the model."
_SHAPE_ACTION = "Give its input shape, for example 1,3,224,224."
_SHAPE_COMMAND = "--shape 1,3,224,224"
_OTHER_ACTION = "Choose another engine, or export the file again."

_BEHIND = re.compile(
    r"Debug info for handle|Module hierarchy:|Traceback of TorchScript|Exception raised from|frame #\d|"
    r"The above operation failed|The following operation failed"
)
_TOKENS = re.compile(r"scalar types?:? (Long|Int)\b|checking arguments for embedding|'indices'|used as indices")
_SEVERAL = re.compile(r"Expected \w+ but got None|missing value for argument|expected at most \d+ argument", re.I)
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_SHAPE = re.compile(
    r"shapes? cannot be multiplied|channels, but got|size mismatch|must match the size|is invalid for input|"
    r"expected input\[|Expected \dD|input size|normalized_shape|Dimension out of range|same shape|kernel size can't|"
    r"does not take an input of",
    re.IGNORECASE,
)


def explained(name: str, text: str, *, own: bool = False, shape: Sequence[int] = ()) -> ErrorInfo:
    """Why a file could not be run.

    Args:
        name: Of the file.
        text: What was said.
        own: The model itself raised it (TorchScript's ``raise`` or ``assert``).
        shape: Of the input that it was given.
    """
    message = words(text)
    given = f", not {' × '.join(map(str, shape))}" if shape else ""
    quoted = f": {message}" if message else ""
    if own:
        what = f"{name} refuses its input{f': “{message}”' if message else ': an assertion in it does not hold'}"
        action = _SHAPE_ACTION
    elif exit_status.is_about_memory(text):
        what, action = f"There is not enough memory to run {name}", _MEMORY_ACTION
    elif _SEVERAL.search(text):
        what, action = f"{name} takes several inputs, not one image{quoted}", _INPUT_ACTION
    elif _TOKENS.search(text):
        what, action = f"{name} takes whole numbers, such as the tokens of a text, not an image{quoted}", _INPUT_ACTION
    elif _SHAPE.search(text):
        what, action = f"{name} expects a different input shape{given}{quoted}", _SHAPE_ACTION
    else:
        what, action = f"{name} could not be run{quoted or '; no reason was given'}", _OTHER_ACTION
    message = what if what.endswith((".", "!", "?")) else f"{what}."
    command = _SHAPE_COMMAND if action == _SHAPE_ACTION else ""
    details = foreign_text.lines(text)
    return ErrorInfo(kind="BenchmarkError", message=message, action=action, details=details, command=command)


def words(text: str) -> str:
    """The part of an exception's text that is meant for people, in one line."""
    text = _COLOURS.sub("", _BEHIND.split(text[:20_000])[0]).replace("\t", " ")
    first = " ".join(part for line in text.splitlines() if (part := foreign_text.line(line, 2 * _MAX_LETTERS)))
    first = re.sub(r"^(RuntimeError|AssertionError|torch\.jit\.Error|builtins\.\w+): ?", "", first).strip()
    return first if len(first) <= _MAX_LETTERS else f"{first[:_MAX_LETTERS].rstrip()} …"


def ended(code: int, stderr: str, name: str) -> BenchmarkError:
    """Why the process that runs a file ended without a word.

    Args:
        code: As ``subprocess.Popen.returncode``: negative for a signal.
        stderr: The last that it wrote.
        name: Of the file, or of the files that it held; may be empty.
    """
    signal = exit_status.signal_name(code)
    running = f" while it ran {name}" if name else ""
    if signal == "SIGKILL" or exit_status.is_about_memory(stderr):
        what = f"The system killed the measuring process{running}, probably because memory ran out."
        action = _MEMORY_ACTION
    elif signal in exit_status.CRASHES:
        what, action = f"The measuring process crashed in compiled code ({signal}){running}.", _OTHER_ACTION
    elif signal:
        what, action = f"The measuring process was terminated from outside ({signal}){running}.", "Run again."
    else:
        what = f"The measuring process ended unexpectedly (exit status {code}){running}."
        action = "Run again; if it recurs, copy the details into a bug report."
    return BenchmarkError(what, action=action, details=foreign_text.lines(stderr))
