"""A process of ours is heard on both pipes, within bounds, and never outlives the one that listens."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading

import psutil
import pytest

from pqv_core.errors import Cancelled
from pqv_core.process import process_group, supervised
from pqv_core.process.child import Child, Overdue


def command(body: str) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(body)]


def program(body: str) -> process_group.Process:
    return process_group.start(command(body), environment=os.environ, apart=False)


SILENT = "import sys; print('up', flush=True); sys.stdin.read()"
SPINNING = "print('up', flush=True)\nwhile True: pass"


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid)


def test_lines_go_there_and_back_until_it_ends() -> None:
    with Child(program("import sys; print(sys.stdin.readline() * 2, end='', flush=True); sys.exit(7)")) as child:
        child.send("größer".encode())
        assert [child.line(), child.line(), child.line()] == ["größer".encode()] * 2 + [None]
        assert child.status() == 7
    assert is_gone(child.pid)


@pytest.mark.parametrize("stream", ["stderr", "stdout"])
def test_ten_megabytes_on_either_pipe_before_the_answer_stop_nobody(stream: str) -> None:
    body = f"import sys; sys.{stream}.write('line of noise\\n' * 750_000); sys.{stream}.flush(); print('answer')"
    with Child(program(body)) as child:
        last = None
        while (line := child.line()) is not None:
            last = line
        assert last == b"answer"
        assert child.status() == 0
        assert len(child.stderr) <= 16 << 10


def test_of_its_standard_error_the_end_is_kept() -> None:
    with Child(program("import sys; sys.stderr.write('noise' * 100_000 + 'last words'); sys.exit(3)")) as child:
        assert child.line() is None
        assert child.status() == 3
        assert child.stderr.endswith("last words")


def test_a_process_that_does_not_read_holds_nobody_up() -> None:
    with Child(program(SILENT.replace("sys.stdin.read()", "import time; time.sleep(60)"))) as child:
        child.send(b"x" * (10 << 20))
        assert child.line() == b"up"
    assert is_gone(child.pid)


@pytest.mark.parametrize("body", [SILENT, SPINNING], ids=["silent", "spinning"])
def test_cancel_is_seen_while_it_says_nothing(body: str) -> None:
    asked = threading.Event()

    def check() -> None:
        if asked.is_set():
            raise Cancelled

    with Child(program(body)) as child:
        assert child.line() == b"up"
        threading.Timer(0.2, asked.set).start()
        with pytest.raises(Cancelled):
            child.line(check=check, within_s=50)
    assert is_gone(child.pid)


def test_a_process_that_computes_without_end_is_overdue() -> None:
    with Child(program(SPINNING)) as child:
        assert child.line() == b"up"
        with pytest.raises(Overdue, match="did not answer within 1 s"):
            child.line(within_s=1)
    assert is_gone(child.pid)


def test_a_process_that_says_and_computes_nothing_is_overdue_long_before() -> None:
    with Child(program(SILENT), stall_s=11) as child:
        assert child.line() == b"up"
        with pytest.raises(Overdue, match="silent and idle for 1"):
            child.line(within_s=100)


def test_one_that_dies_while_what_it_started_holds_its_pipes_is_over() -> None:
    body = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(3)']); sys.exit(4)"
    with Child(program(body)) as child:
        assert child.line(within_s=50) is None
        assert child.status() == 4


def test_an_error_of_the_listener_takes_the_process_and_its_children_along() -> None:
    body = """
        import subprocess, sys, time
        print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]).pid, flush=True)
        time.sleep(60)
    """
    with pytest.raises(ZeroDivisionError), Child(program(body)) as child:
        below = int(child.line() or b"0")
        raise ZeroDivisionError
    assert is_gone(child.pid)
    _, alive = psutil.wait_procs([psutil.Process(below)] if psutil.pid_exists(below) else [], timeout=10)
    assert not alive


def test_a_program_that_is_supervised_is_ended_with_its_deadline() -> None:
    with pytest.raises(Overdue, match="did not answer"):
        supervised.run(command("import time; print('up', flush=True); time.sleep(60)"), within_s=2)
    assert not [child for child in psutil.Process().children(recursive=True) if "time.sleep(60)" in child.cmdline()]


def test_of_a_supervised_program_the_last_megabytes_are_kept() -> None:
    done = supervised.run(command("import sys; sys.stdout.write('0123456789\\n' * 1_000_000); sys.exit(5)"))
    assert isinstance(done, subprocess.CompletedProcess)
    assert (done.returncode, len(done.stdout)) == (5, 4 << 20)
    assert done.stdout.endswith(b"789\n")
