"""Why a worker process ended without a word, in a sentence for a person."""

from __future__ import annotations

import signal

from pqv_core.errors import ErrorInfo

_KEPT = "finished work is kept."
_MEMORY = ErrorInfo(
    kind="WorkerError",
    message="The system killed the job, probably because memory ran out.",
    action=f"Close other programs, or choose a smaller batch or model, and run again: {_KEPT}",
)
_LITTLE_MEMORY = ErrorInfo(
    kind="WorkerError",
    message="The job ended because there was not enough memory.",
    action="Close other programs, choose a smaller batch or model, or raise a limit that is set (ulimit -v), and run "
    f"again: {_KEPT}",
)
_CRASH_ACTION = f"Run again: {_KEPT} If it recurs, choose another engine and copy the details into a bug report."
CRASHES = {"SIGSEGV", "SIGBUS", "SIGABRT", "SIGFPE", "SIGTRAP", "SIGSYS"}
_WINDOWS = {
    0xC0000005: "SIGSEGV",  # access violation
    0xC000001D: "SIGILL",  # illegal instruction
    0xC0000409: "SIGABRT",  # fast fail
    0xC0000017: "SIGKILL",  # no memory
    0xC000012D: "SIGKILL",  # commitment limit
}


_ABOUT_MEMORY = (
    *(
        "can't allocate memory",
        "cannot allocate memory",
        "not enough memory",
        "out of memory",
        "bad_alloc",
        "memoryerror",
    ),
    "failed to map segment",  # the system's loader, for a library that finds no room
)


def is_about_memory(text: str) -> bool:
    """Whether a library's or the system's words say that memory ran out."""
    lower = text.lower()
    return any(words in lower for words in _ABOUT_MEMORY)


def explain(code: int, *, stderr: str = "") -> ErrorInfo:
    """Words for the exit of a worker that did not say how its job ended.

    Args:
        code: As ``subprocess.Popen.returncode``: negative for a signal.
        stderr: The last lines that the process wrote.
    """
    name = signal_name(code)
    what = f"signal {name}" if name else f"exit code {code}"
    details = f"The worker process ended with {what}.\n{stderr}".strip()
    words = _LITTLE_MEMORY if name == "SIGABRT" and is_about_memory(stderr) else _words(name, code)
    return words.model_copy(update={"details": details})


def signal_name(code: int) -> str:
    """The signal, or on Windows its like, that a process ended by; empty where it ended by itself."""
    if code < 0:
        try:
            return signal.Signals(-code).name
        except ValueError:
            return f"{-code}"
    return _WINDOWS.get(code & 0xFFFFFFFF, "")


def _words(name: str, code: int) -> ErrorInfo:
    if name == "SIGKILL":
        return _MEMORY
    if name in CRASHES:
        message, action = f"The job crashed in compiled code ({name}).", _CRASH_ACTION
    elif name == "SIGILL":
        message = "The job used an instruction this processor does not support (SIGILL)."
        action = "Choose another engine and run again."
    elif name:
        message, action = f"The job was terminated from outside ({name}).", f"Run again: {_KEPT}"
    else:
        message = f"The job ended without a result (exit code {code})."
        action = f"Run again: {_KEPT} If it recurs, copy the details into a bug report."
    return ErrorInfo(kind="WorkerError", message=message, action=action)
