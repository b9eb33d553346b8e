"""A child process with everything it starts: begun, asked to end, and killed as one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence

import psutil

Process = subprocess.Popen[bytes]


def start(command: Sequence[str], *, environment: Mapping[str, str]) -> Process:
    """Start ``command`` with pipes for its three streams, as the head of a group of its own.

    A Ctrl-C in the terminal reaches the parent only; the parent decides what becomes of the group.

    Raises:
        OSError: The program cannot be started.
    """
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
        return _popen(command, environment, creationflags=flags)
    return _popen(command, environment, start_new_session=True)


def _popen(
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    creationflags: int = 0,
    start_new_session: bool = False,
) -> Process:
    return subprocess.Popen(
        list(command),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(environment),
        creationflags=creationflags,
        start_new_session=start_new_session,
    )


def terminate(process: Process) -> None:
    """Ask the whole group to end (SIGTERM); on Windows, where nothing can be asked, kill it."""
    if sys.platform == "win32":
        kill(process)
    else:
        _signal(process, signal.SIGTERM)


def kill(process: Process) -> None:
    """End the whole group at once; does nothing when the process was reaped already."""
    if sys.platform == "win32":
        _kill_tree(process.pid)
    else:
        _signal(process, signal.SIGKILL)


def _signal(process: Process, number: int) -> None:
    if process.returncode is not None or sys.platform == "win32":  # its number may belong to another by now
        return
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):  # macOS says EPERM of a group of zombies
        return


def _kill_tree(pid: int) -> None:
    try:
        parent = psutil.Process(pid)
        family = [*parent.children(recursive=True), parent]
    except psutil.NoSuchProcess:
        return
    for member in family:
        try:
            member.kill()
        except psutil.NoSuchProcess:
            continue


def wait_exit(process: Process) -> None:
    """Block until the process has ended, without reaping it where the system can (so its number stays its own)."""
    if hasattr(os, "waitid"):
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    else:
        process.wait()
