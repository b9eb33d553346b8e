"""A process ends with the one that it works for, whatever both are doing."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from pqv_core.process import owner, supervised

ROOT = Path(__file__).resolve().parents[4]


@contextmanager
def program(body: str) -> Iterator[subprocess.Popen[str]]:
    """A process with pipes, killed at the end."""
    command = [sys.executable, "-c", textwrap.dedent(body)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            yield process
        finally:
            process.kill()


def say(process: subprocess.Popen[str], text: str) -> None:
    assert process.stdin is not None
    process.stdin.write(text)
    process.stdin.flush()


def hear(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().rstrip("\n")


ECHO = """
    import os, sys, threading
    from pqv_core.process import owner
    def say(what):
        os.write(1, repr(what).encode() + b"\\n")
    requests = owner.Requests()
    say(requests.line())
    requests.listen(say{options})
    say(sys.stdin.read())
    threading.Event().wait(20)
"""


def test_lines_come_whole_and_standard_input_is_empty_for_everybody_else() -> None:
    with program(ECHO.format(options="")) as process:
        say(process, "the job\nsecond\r\n\nthi")
        assert hear(process) == "b'the job'"
        assert sorted([hear(process), hear(process), hear(process)]) == ["''", "b''", "b'second'"]
        say(process, "rd\n")
        assert hear(process) == "b'third'"


def test_the_end_of_the_owner_ends_the_process_even_while_its_main_thread_sleeps() -> None:
    with program(ECHO.format(options="")) as process:
        say(process, "the job\n")
        hear(process)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(timeout=10) == owner.GONE


def test_a_process_may_outlive_its_owner() -> None:
    with program(ECHO.format(options=", gone=lambda: None").replace("wait(20)", "wait(1)")) as process:
        say(process, "the job\n")
        hear(process)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(timeout=20) == 0


def test_a_process_started_anyhow_ends_with_its_launcher() -> None:
    steps = ("import time", "owner.end_with_launcher()", "print('up', flush=True)", "time.sleep(60)")
    child = "; ".join(("from pqv_core.process import owner", *steps))
    launcher = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    with program(launcher) as process:
        assert hear(process) == "up"
        [started] = psutil.Process(process.pid).children()
        process.kill()
        _, alive = psutil.wait_procs([started], timeout=10)
    assert alive == []


@pytest.mark.skipif(sys.platform == "win32", reason="there a process whose parent is gone sees that it has none")
def test_a_process_whose_launcher_was_gone_before_it_looked_ends_too() -> None:
    late = """
import os, sys, time
from pqv_core.process import owner
while os.getppid() == int(sys.argv[1]):
    time.sleep(0.02)
owner.end_with_launcher()
time.sleep(60)
"""
    body = f"""
        import os, subprocess, sys
        os.environ["TORCHELASTIC_RUN_ID"] = "1"
        command = [sys.executable, "-c", {late!r}, str(os.getpid())]
        print(subprocess.Popen(command, stdout=subprocess.DEVNULL).pid, flush=True)
    """
    with program(body) as process:
        orphan = psutil.Process(int(hear(process)))
        process.wait(timeout=10)
        _, alive = psutil.wait_procs([orphan], timeout=15)
    assert alive == []


def test_a_program_that_knows_nothing_of_us_ends_with_its_owner_too() -> None:
    grandchild = "[sys.executable, '-c', 'import time; time.sleep(60)'], start_new_session=True"  # as Ninja does
    # It ends when it is asked to, but not at once, and leaves its child to others.
    child = (
        "import signal, subprocess, sys, time; "
        "signal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.2), sys.exit())); "
        f"subprocess.Popen({grandchild}).wait()"
    )
    body = f"""
        import sys
        from pqv_core.process import supervised
        supervised.run([sys.executable, "-c", {child!r}])
    """
    with program(body) as process:
        head = psutil.Process(process.pid)
        while len(family := head.children(recursive=True)) < 3:
            assert process.poll() is None
        process.kill()
        _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []


def test_a_program_that_is_supervised_ends_as_it_would_without() -> None:
    loud = supervised.run([sys.executable, "-c", "import sys; print('out', flush=True); sys.exit('err')"])
    assert (loud.returncode, loud.stdout.split()) == (1, [b"out", b"err"])
    assert supervised.run(["/nowhere/cmake"]).returncode == 127


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_nobody_waits_for_the_lock_of_the_one_who_listens() -> None:
    """What happened: a forked child first closes ``sys.stdin``, whose lock the listening thread had."""
    body = """
        import multiprocessing
        from pqv_core.process import owner
        requests = owner.Requests()
        requests.line()
        requests.listen()
        child = multiprocessing.get_context("fork").Process(target=print, args=("forked",), kwargs={"flush": True})
        child.start()
        child.join(20)
    """
    with program(body) as process:
        say(process, "the job\n")
        assert hear(process) == "forked"
        assert process.wait(timeout=20) == 0
