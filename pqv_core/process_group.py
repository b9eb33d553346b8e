"""A child process with everything it starts: begun, asked to end, and killed as one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

Process = subprocess.Popen[bytes]


def start(command: Sequence[str], *, environment: Mapping[str, str]) -> Process:
    """Start ``command`` with pipes for its three streams, as the head of a group of its own.

    A Ctrl-C in the terminal reaches the parent only; the parent decides what becomes of the group.

    Raises:
        OSError: The program cannot be started.
    """
    return _popen(command, environment, stream=subprocess.PIPE)


def start_beside(command: Sequence[str]) -> Process:
    """The same with nothing to read and with this process's own output.

    Raises:
        OSError: The program cannot be started.
    """
    return _popen(command, os.environ, stream=None)


def _popen(command: Sequence[str], environment: Mapping[str, str], *, stream: int | None) -> Process:
    apart: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        apart = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    return subprocess.Popen(
        list(command),
        stdin=stream if stream is not None else subprocess.DEVNULL,
        stdout=stream,
        stderr=stream,
        env=dict(environment),
        **apart,
    )


def python_environment() -> dict[str, str]:
    """The environment in which another Python finds the checkout that we run from, and writes UTF-8 on every system."""
    environment = {**os.environ, "PYTHONUTF8": "1"}
    root = Path(__file__).resolve().parents[1]
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


def processor_seconds(process: Process) -> float:
    """What the process, and everything it started, has used of the processor so far, as far as can be seen."""
    try:
        head = psutil.Process(process.pid)
        family = [head, *head.children(recursive=True)]
    except psutil.Error:
        return 0.0
    return sum(map(_processor_seconds, family))


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
