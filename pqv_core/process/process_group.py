"""A child process with everything it starts: begun, asked to end, and killed as one."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Protocol

import psutil

from pqv_core.process import inherited


class Process(Protocol):
    """A process with pipes: as much of ``subprocess.Popen`` as is asked for here."""

    @property
    def pid(self) -> int: ...
    @property
    def returncode(self) -> int | None: ...
    @property
    def stdin(self) -> IO[bytes] | None: ...
    @property
    def stdout(self) -> IO[bytes] | None: ...
    @property
    def stderr(self) -> IO[bytes] | None: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...


def start(
    command: Sequence[str], *, environment: Mapping[str, str], together: bool = False, apart: bool = True
) -> subprocess.Popen[bytes]:
    """Start ``command`` with pipes for its streams, as the head of a group of its own.

    A Ctrl-C in the terminal reaches the parent only; the parent decides what becomes of the group.

    Args:
        together: Both output streams go into one pipe.
        apart: False leaves it in the group of this process, so that it ends with whatever ends that.

    Raises:
        OSError: The program cannot be started.
    """
    pipe = subprocess.PIPE
    errors = subprocess.STDOUT if together else pipe
    group = _apart() if apart else {}
    return subprocess.Popen(list(command), stdin=pipe, stdout=pipe, stderr=errors, env=dict(environment), **group)


def start_beside(command: Sequence[str]) -> subprocess.Popen[bytes]:
    """The same with nothing to read and with this process's own output.

    Raises:
        OSError: The program cannot be started.
    """
    return subprocess.Popen(list(command), stdin=subprocess.DEVNULL, **_apart())


def _apart() -> dict[str, Any]:
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    return {"start_new_session": True}


def python_environment() -> dict[str, str]:
    """The environment in which another Python finds the checkout that we run from, and writes UTF-8 on every system."""
    environment = dict(os.environ)
    inherited.without_python(environment)
    environment["PYTHONUTF8"] = "1"
    root = Path(__file__).resolve().parents[2]
    if root.name not in ("site-packages", "dist-packages"):
        others = os.environ.get("PYTHONPATH", "")
        environment["PYTHONPATH"] = f"{root}{os.pathsep}{others}" if others else str(root)
    return environment


def terminate(process: Process) -> None:
    """Ask the whole group to end (SIGTERM); on Windows, where nothing can be asked, kill it."""
    if sys.platform == "win32":
        kill(process)
    else:
        _signal(process, signal.SIGTERM)


def kill(process: Process) -> None:
    """End the whole group at once; does nothing when the process was reaped already."""
    if sys.platform == "win32":
        _kill(_family(process.pid))
    else:
        _signal(process, signal.SIGKILL)


def _signal(process: Process, number: int) -> None:
    if process.returncode is not None or sys.platform == "win32":  # its number may belong to another by now
        return
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):  # macOS says EPERM of a group of zombies
        return


def end(process: Process, *, grace_s: float = 1.0) -> None:
    """Ask the group to end, and then kill all that the process has started, in groups of their own as well."""
    family = _family(process.pid)
    terminate(process)
    psutil.wait_procs(family[:1], timeout=grace_s)
    _kill(family)


def _kill(family: Sequence[psutil.Process]) -> None:
    for member in family:
        with contextlib.suppress(psutil.Error):
            member.kill()


def processor_seconds(pid: int) -> float:
    """What the process, and everything it started, has used of the processor so far, as far as can be seen."""
    return sum(map(_processor_seconds, _family(pid)))


def waits_for_disk(pid: int) -> bool:
    """Whether the system holds the process, or one that it started, until a disk or network drive has answered.

    Linux alone tells.
    """
    return any(_status(member) == psutil.STATUS_DISK_SLEEP for member in _family(pid))


def _family(pid: int) -> list[psutil.Process]:
    try:
        head = psutil.Process(pid)
        return [head, *head.children(recursive=True)]
    except psutil.Error:
        return []


def _status(member: psutil.Process) -> str:
    try:
        return str(member.status())
    except psutil.Error:
        return ""


def _processor_seconds(member: psutil.Process) -> float:
    try:
        times = member.cpu_times()
    except psutil.Error:
        return 0.0
    ended = getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
    return float(times.user + times.system + ended)


def wait_exit(process: Process) -> None:
    """Block until the process has ended, without reaping it where the system can (so its number stays its own)."""
    if hasattr(os, "waitid"):
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    else:
        process.wait()
