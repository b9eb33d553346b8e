"""The controller of a worker process, against real processes that behave badly."""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqv_core.config import RunConfig
from pqv_core.process import process_group, stall, worker_client
from pqv_core.process.child import LineSplitter
from pqv_core.process.events import AnyEvent, Finished, Log, StageStarted
from pqv_core.process.job import BenchJob, Job, RunJob
from pqv_core.process.worker_client import Worker
from tests.fakes.worker import RUN, fake_worker

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals")
JOB = RunJob(run=RUN, project="/nowhere/some.pqv", config=RunConfig())


def outcome(body: str, *, job: Job = JOB) -> tuple[list[AnyEvent], Finished]:
    """All events of a fake worker; the last must be the only Finished."""
    with Worker(job, command=fake_worker(body)) as worker:
        *others, last = worker.events()
    assert isinstance(last, Finished)
    assert not any(isinstance(event, Finished) for event in others)
    assert last.run == RUN
    return others, last


def test_hands_over_the_job_and_yields_the_events_in_order() -> None:
    others, last = outcome("""
job = take_job()
say("log", text=job["project"])
say("progress", stage="prune", done=1, total=2)
finish(result={"answer": 42})
""")
    assert [event.type for event in others] == ["log", "progress"]
    assert others[0] == Log(run=RUN, text="/nowhere/some.pqv")
    assert last.outcome == "succeeded"
    assert last.result == {"answer": 42}


def test_drops_events_of_another_run_and_keeps_the_first_of_two_ends() -> None:
    others, last = outcome("""
take_job()
say("log", run="run-0", text="stale")
finish("failed", run="run-0")
say("log", text="mine")
finish("succeeded")
finish("failed")
""")
    assert [event.text for event in others if isinstance(event, Log)] == ["mine"]
    assert last.outcome == "succeeded"


def test_an_end_without_run_id_is_that_of_a_job_that_could_not_be_read() -> None:
    _, last = outcome("""
finish("failed", run="", error={"kind": "UsageError", "message": "Not a job."})
""")
    assert last.error is not None
    assert last.error.message == "Not a job."


def test_lines_that_are_no_events_become_a_limited_number_of_logs() -> None:
    others, last = outcome(r"""
take_job()
print("stray \x1b[31m print", flush=True)
sys.stdout.buffer.write(b"\xff\xfe\n{\"type\": \"finished\"}\n[]\n\n")
for n in range(5000):
    print("noise", n)
finish()
""")
    texts = [event.text for event in others if isinstance(event, Log)]
    assert texts[0] == "stray  [31m print"
    assert len(texts) == 100
    assert last.outcome == "succeeded"


def test_an_event_of_an_unknown_type_is_said_in_a_sentence() -> None:
    others, last = outcome("""
take_job()
say("dance", step=1)
finish()
""")
    (said,) = others
    assert isinstance(said, Log)
    assert (said.level, "(dance); a newer version may" in said.text) == ("warning", True)
    assert last.outcome == "succeeded"


def test_floods_without_a_line_end_are_bounded_and_do_not_block() -> None:
    others, last = outcome(r"""
take_job()
megabyte = b"x" * (1 << 20)
for _ in range(40):
    sys.stdout.buffer.write(megabyte)
    sys.stderr.buffer.write(megabyte)
sys.stdout.buffer.write(b"\n")
finish()
""")
    assert [len(event.text) for event in others if isinstance(event, Log)] == [500]
    assert last.outcome == "succeeded"


def test_a_worker_that_is_quicker_than_its_listener_waits() -> None:
    others, last = outcome("""
take_job()
for n in range(20_000):
    say("latency_sample", role="compressed", index=n, ns=n + 1)
finish()
""")
    assert [event.index for event in others] == list(range(20_000))  # type: ignore[union-attr]
    assert last.outcome == "succeeded"


@posix
@pytest.mark.parametrize(
    ("number", "words"),
    [
        (signal.SIGKILL, "probably because memory ran out"),
        (signal.SIGSEGV, "crashed in compiled code (SIGSEGV)"),
        (signal.SIGABRT, "crashed in compiled code (SIGABRT)"),
        (signal.SIGILL, "an instruction this processor does not support"),
        (signal.SIGTERM, "terminated from outside (SIGTERM)"),
    ],
)
def test_a_death_by_signal_is_one_failure_with_a_sentence(number: int, words: str) -> None:
    _, last = outcome(f"""
take_job()
say("stage_started", stage="prune", index=2, total=8)
print("last words", file=sys.stderr, flush=True)
os.kill(os.getpid(), {int(number)})
""")
    assert last.outcome == "failed"
    assert last.stage == "prune"
    assert last.error is not None
    assert words in last.error.message
    assert last.error.action.endswith(".")
    assert last.error.details.endswith("last words")


@pytest.mark.parametrize("code", [0, 1, 3, 77])
def test_an_exit_without_a_result_is_a_failure_with_the_end_of_stderr(code: int) -> None:
    _, last = outcome(f"""
take_job()
print("x" * 100_000 + " the end", file=sys.stderr, flush=True)
sys.exit({code})
""")
    assert last.outcome == "failed"
    assert last.error is not None
    assert f"exit code {code}" in last.error.message
    assert last.error.details.endswith("x the end")
    assert len(last.error.details) < 20_000


def test_a_program_that_cannot_be_started_is_a_failure() -> None:
    with Worker(JOB, command=("/nowhere/python",)) as worker:
        (last,) = worker.events()
        assert list(worker.events()) == []
    assert isinstance(last, Finished)
    assert last.outcome == "failed"
    assert last.error is not None
    assert "could not be started" in last.error.message


def test_an_end_that_was_said_counts_even_if_the_process_then_crashes() -> None:
    _, last = outcome("take_job(); finish('succeeded'); os._exit(9)")
    assert last.outcome == "succeeded"


def test_a_last_line_without_its_end_counts() -> None:
    _, last = outcome("""
take_job()
sys.stdout.write(json.dumps({"type": "finished", "run": RUN, "outcome": "succeeded"}))
""")
    assert last.outcome == "succeeded"


def test_cancel_is_a_line_that_a_worker_can_answer() -> None:
    body = """
take_job()
say("log", text="ready")
line = sys.stdin.readline()
say("log", text="heard " + line.strip())
finish("cancelled", stage="prune")
"""
    with Worker(JOB, command=fake_worker(body)) as worker:
        heard = []
        for event in worker.events():
            if isinstance(event, Log):
                heard.append(event.text)
                worker.cancel()
    assert heard[:2] == ["ready", "heard cancel"]
    assert isinstance(event, Finished)
    assert (event.outcome, event.stage) == ("cancelled", "prune")


@posix
@pytest.mark.parametrize(
    "habit",
    [
        pytest.param("wait_for_end()", id="does not answer"),
        pytest.param("signal.signal(signal.SIGTERM, signal.SIG_IGN); wait_for_end()", id="ignores SIGTERM"),
        pytest.param("os.kill(os.getpid(), signal.SIGSTOP)", id="stopped"),
        pytest.param("signal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: say('log', text='0')", id="floods"),
        pytest.param("os.close(1); os.close(2); wait_for_end()", id="closed its streams"),
    ],
)
def test_cancel_ends_what_does_not_listen(habit: str) -> None:
    body = f"take_job(); signal.alarm(60); say('log', text=str(os.getpid()))\n{habit}"
    pid = 0
    with Worker(JOB, command=fake_worker(body)) as worker:
        for event in worker.events():
            if isinstance(event, Log) and not pid:
                pid = int(event.text)
                worker.cancel()
    assert isinstance(event, Finished)
    assert event.outcome == "cancelled"
    assert not psutil.pid_exists(pid)


@posix
def test_cancel_ends_a_worker_that_never_reads_a_job_larger_than_the_pipe() -> None:
    job = BenchJob(run=RUN, files=tuple(f"/nowhere/{'x' * 200}{n}.ptl" for n in range(2_000)))
    with Worker(job, command=fake_worker("say('log', text='up'); signal.pause()")) as worker:
        last = None
        for last in worker.events():  # noqa: B007 - the last one is looked at below
            worker.cancel()
    assert isinstance(last, Finished)
    assert last.outcome == "cancelled"


_GRANDCHILD = """
take_job()
fifo = os.open({fifo!r}, os.O_WRONLY)
program = "import os, sys, time; time.sleep(60); os.write(int(sys.argv[1]), b'survived')"
subprocess.Popen([sys.executable, "-I", "-S", "-c", program, str(fifo)], pass_fds=[fifo])
say("log", text="up")
"""


@posix
@pytest.mark.parametrize("end", ["wait_for_end()", "os.kill(os.getpid(), signal.SIGSEGV)"])
def test_what_the_worker_started_ends_with_it(tmp_path: Path, end: str) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    with Worker(JOB, command=fake_worker(_GRANDCHILD.format(fifo=str(fifo)) + end), grace_s=0.0) as worker:
        events = worker.events()
        assert isinstance(next(events), Log)
        if end == "wait_for_end()":
            worker.cancel()
        (last,) = events
    os.set_blocking(reader, True)
    assert os.read(reader, 100) == b""  # the end of the file: nobody is left who could write
    os.close(reader)
    assert isinstance(last, Finished)
    assert last.outcome != "succeeded"


@posix
def test_kill_does_not_ask() -> None:
    body = "take_job(); say('log', text='up'); signal.pause()"
    with Worker(JOB, command=fake_worker(body), grace_s=3600) as worker:
        for event in worker.events():
            if isinstance(event, Log):
                worker.kill()
    assert isinstance(event, Finished)
    assert event.outcome == "cancelled"


def test_cancel_from_another_thread_wakes_the_listener() -> None:
    with Worker(JOB, command=fake_worker("take_job(); wait_for_end()"), grace_s=0.0) as worker:
        canceller = threading.Thread(target=worker.cancel)
        canceller.start()
        *_, last = worker.events()
        canceller.join()
    assert isinstance(last, Finished)
    assert last.outcome == "cancelled"


def test_success_before_the_wish_to_cancel_was_heard_stays_success() -> None:
    with Worker(JOB, command=fake_worker("take_job(); say('log', text='up'); finish()")) as worker:
        last = None
        for last in worker.events():  # noqa: B007 - the last one is looked at below
            worker.cancel()
    assert isinstance(last, Finished)
    assert last.outcome == "succeeded"


@posix
@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("", r"The job made no progress for \d+ s: the process was silent and idle."),
        ('say("stage_started", stage="evaluate", index=1, total=9)', r"“Baseline accuracy” made no progress for \d+ s"),
        (
            """
say("stage_started", stage="evaluate", index=1, total=9)
say("progress", stage="evaluate", done=1600, total=4000, unit="images")
""",
            r"“Baseline accuracy”, after 1,600 of 4,000 images, made no progress for \d+ s",
        ),
    ],
)
def test_a_worker_that_neither_speaks_nor_works_is_ended_with_what_it_was_at(
    monkeypatch: pytest.MonkeyPatch, said: str, words: str
) -> None:
    monkeypatch.setattr(stall, "STALL_S", 2.0)
    monkeypatch.setattr(stall, "_WATCHED_FROM_S", 0.5)
    _, last = outcome(f"take_job()\n{said}\nos.kill(os.getpid(), signal.SIGSTOP)")
    assert last.outcome == "failed"
    assert last.error is not None
    assert re.match(words, last.error.message)


@posix
def test_a_worker_that_not_even_a_kill_ends_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """As one does that waits for a network drive that is gone."""
    monkeypatch.setattr(stall, "STALL_S", 1.0)
    monkeypatch.setattr(stall, "_WATCHED_FROM_S", 0.3)
    worker = Worker(JOB, command=fake_worker("take_job(); os.kill(os.getpid(), signal.SIGSTOP)"))
    real, processes = process_group.kill, []
    monkeypatch.setattr(process_group, "kill", processes.append)
    with worker:
        [last] = worker.events()
        began = time.monotonic()
    assert time.monotonic() - began < 3
    real(processes[0])
    assert isinstance(last, Finished)
    assert last.error is not None
    assert "made no progress" in last.error.message


@posix
@pytest.mark.parametrize(
    "life",
    [
        pytest.param("while time.monotonic() < end: pass", id="it computes"),
        pytest.param(
            "subprocess.run([sys.executable, '-c', 'import time\\nwhile time.process_time() < 3: pass'])",
            id="a child of its computes",
        ),
        pytest.param(
            "while time.monotonic() < end: print('50 %', end='\\r', file=sys.stderr, flush=True); time.sleep(0.2)",
            id="a library tells how far it is",
        ),
    ],
)
def test_a_worker_that_is_at_work_may_be_silent(monkeypatch: pytest.MonkeyPatch, life: str) -> None:
    monkeypatch.setattr(stall, "STALL_S", 1.0)
    monkeypatch.setattr(stall, "_WATCHED_FROM_S", 0.3)
    _, last = outcome(f"take_job()\nend = time.monotonic() + 3\n{life}\nfinish()")
    assert last.outcome == "succeeded"


@posix
def test_a_worker_that_closed_its_streams_and_goes_on_is_ended_and_not_for_want_of_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker_client, "_SILENT_EXIT_S", 0.3)
    _, last = outcome("take_job(); os.close(1); os.close(2); wait_for_end()")
    assert last.outcome == "failed"
    assert last.error is not None
    assert last.error.message == "The job’s process stopped responding and was terminated."


def test_a_listener_that_comes_late_hears_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """As after Ctrl-Z in the terminal: the worker has said all and ended long ago."""
    monkeypatch.setattr(worker_client, "_SILENT_EXIT_S", 0.1)
    with Worker(
        JOB, command=fake_worker("take_job()\nfor n in range(50): say('log', text=str(n))\nfinish()")
    ) as worker:
        heard = worker.events()
        first = next(heard)
        pause = threading.Event()
        while worker._exited_at is None:
            pause.wait(0.01)
        rest = [event for event in heard if not pause.wait(0.02)]
    assert [first, *rest][-2] == Log(run=RUN, text="49")
    assert len(rest) == 50


@posix
def test_what_a_dead_worker_left_behind_does_not_keep_its_listener() -> None:
    """A process in a session of its own escapes the kill of the group, and holds the streams open."""
    program = "import time; time.sleep(60)"
    body = f"""
take_job()
child = subprocess.Popen([sys.executable, "-I", "-S", "-c", {program!r}], start_new_session=True)
say("log", text=str(child.pid))
os.kill(os.getpid(), signal.SIGKILL)
"""
    with Worker(JOB, command=fake_worker(body)) as worker:
        log, last = worker.events()
        assert isinstance(log, Log)
        psutil.Process(int(log.text)).kill()  # it is still there: it was not waited for
    assert isinstance(last, Finished)
    assert last.outcome == "failed"


@posix
def test_a_worker_that_has_said_its_last_word_is_not_waited_for() -> None:
    body = "take_job(); signal.signal(signal.SIGTERM, signal.SIG_IGN); say('log', text=str(os.getpid())); finish()"
    others, last = outcome(f"{body}\nwhile True: time.sleep(1)")
    assert last.outcome == "succeeded"
    assert isinstance(others[0], Log)
    assert not psutil.pid_exists(int(others[0].text))


def test_leaving_early_ends_the_process() -> None:
    with Worker(JOB, command=fake_worker("take_job(); say('log', text=str(os.getpid())); wait_for_end()")) as worker:
        first = next(worker.events())
    assert isinstance(first, Log)
    assert not psutil.pid_exists(int(first.text))
    worker.close()


def test_a_stage_is_remembered_for_the_end() -> None:
    others, last = outcome("take_job(); say('stage_started', stage='export', index=5, total=8); sys.exit(1)")
    assert isinstance(others[0], StageStarted)
    assert last.stage == "export"


@given(chunks=st.lists(st.binary(max_size=30)), limit=st.integers(1, 20))
def test_lines_are_the_same_however_the_bytes_arrive(chunks: list[bytes], limit: int) -> None:
    splitter = LineSplitter(limit=limit)
    lines = [line for chunk in chunks for line in splitter.feed(chunk)]
    lines.append(splitter.rest())
    assert lines == [line[:limit] for line in b"".join(chunks).split(b"\n")]
