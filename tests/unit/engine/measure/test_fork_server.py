"""Processes that a server forks are clean, answer at once, tell how they ended, and end with their owner."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from pqv_core.engine.measure import fork_server
from pqv_core.engine.measure.fork_server import ForkServer
from pqv_core.process import process_group
from pqv_core.process.child import Child

pytestmark = pytest.mark.skipif(not fork_server.IS_POSSIBLE, reason="Linux")

# Answers each line by what it asks for.
MODULE = """
import os, signal, sys, threading, time
def main():
    for line in sys.stdin:
        task, _, value = line.strip().partition(" ")
        if task == "exit":
            return int(value)
        if task == "kill":
            os.kill(os.getpid(), int(value))
        if task == "fail":
            raise ValueError(value)
        if task == "threads":
            value = threading.active_count()
        if task == "open":
            value = [os.readlink(entry.path) for entry in os.scandir("/proc/self/fd") if entry.is_symlink()]
        if task == "variable":
            value = os.environ[value]
        print(value, flush=True)
    return 0
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ForkServer]:
    (tmp_path / "answering.py").write_text(MODULE)
    environment = process_group.python_environment()
    environment["PYTHONPATH"] = f"{environment.get('PYTHONPATH', '')}{os.pathsep}{tmp_path}"
    environment["OWN"] = "kept"
    server = ForkServer("answering", environment)
    yield server
    server.close()


def asked(child: Child, line: str) -> str:
    child.send(line.encode())
    answer = child.line(within_s=30)
    assert answer is not None
    return answer.decode()


def test_each_has_streams_of_its_own_and_nothing_of_the_others(server: ForkServer) -> None:
    with Child(server.start()) as first, Child(server.start()) as second:
        assert asked(first, "say a") == "a"
        assert asked(second, "say b") == "b"
        assert asked(first, "variable OWN") == "kept"
        for child in (first, second):
            assert asked(child, "threads") == "1"
            *streams, folder = ast.literal_eval(asked(child, "open"))
            assert folder.endswith("/fd")
            assert len(streams) == 3
            assert all(stream.startswith("pipe:") for stream in streams), streams
        assert first.pid != second.pid


@pytest.mark.parametrize(("line", "status"), [("exit 0", 0), ("exit 7", 7), ("kill 9", -9), ("kill 15", -15)])
def test_how_it_ended_is_told(server: ForkServer, line: str, status: int) -> None:
    with Child(server.start()) as child:
        child.send(line.encode())
        assert child.line(within_s=30) is None
        assert child.status() == status


def test_what_it_dies_of_is_on_its_standard_error(server: ForkServer) -> None:
    with Child(server.start()) as child:
        child.send(b"fail of this")
        assert child.line(within_s=30) is None
        assert child.status() == 1
        assert "ValueError: of this" in child.stderr


def test_its_number_stays_its_own_until_the_owner_knows_that_it_ended(server: ForkServer) -> None:
    process = server.start()
    seen = psutil.Process(process.pid)
    process.stdin.write(b"exit 0\n")
    process.stdin.close()
    deadline = time.monotonic() + 30
    while seen.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
    assert process.wait(30) == 0
    while seen.is_running():
        assert time.monotonic() < deadline


def test_without_its_server_a_process_works_to_its_end_and_no_other_is_forked(server: ForkServer) -> None:
    with Child(server.start()) as child:
        psutil.Process(server._process.pid).kill()
        assert asked(child, "say on") == "on"
        with pytest.raises(OSError, match=r"fork server is gone|Broken pipe|reset"):
            server.start()


OWNER = """
import sys, time
from pqv_core.process import process_group
from pqv_core.engine.measure.fork_server import ForkServer
server = ForkServer("answering", process_group.python_environment())
child = server.start()  # one that nobody holds ends by itself
print(server._process.pid, child.pid, flush=True)
time.sleep(600)
"""


def test_all_end_with_an_owner_that_is_killed(tmp_path: Path) -> None:
    (tmp_path / "answering.py").write_text(MODULE)
    environment = process_group.python_environment()
    environment["PYTHONPATH"] = f"{environment.get('PYTHONPATH', '')}{os.pathsep}{tmp_path}"
    command = [sys.executable, "-c", OWNER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as owner:
        assert owner.stdout is not None
        try:
            processes = [psutil.Process(int(word)) for word in owner.stdout.readline().split()]
            assert len(processes) == 2
        finally:
            owner.kill()
    _, alive = psutil.wait_procs(processes, timeout=30)
    assert not alive
