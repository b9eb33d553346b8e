"""A job from the command line: what goes to which stream, and what Ctrl-C does."""

from __future__ import annotations

import json
import os
import re
import signal
import sys

import pytest

from pqv_core.cli import run_job as cli_job
from pqv_core.config import RunConfig
from pqv_core.process.job import Job, RunJob
from pqv_core.process.worker_client import Worker
from tests.fakes.worker import RUN, fake_worker

JOB = RunJob(run=RUN, project="/nowhere/some.pqv", config=RunConfig())
posix = pytest.mark.skipif(sys.platform == "win32", reason="signals")

BODY = """
take_job()
print("a stray print")
say("stage_started", stage="finetune", index=3, total=8)
say("metric", name="train_loss", step=1, value=0.5)
say("metric", name="val_top1", step=1, value=0.75, epoch=1.0)
say("log", text="[red]not markup[/red]", level="warning")
say("stage_finished", stage="finetune", seconds=2.0)
finish()
"""


def do(body: str, *, as_json: bool = False) -> str:
    def worker(job: Job) -> Worker:
        return Worker(job, command=fake_worker(body), grace_s=3600)

    return cli_job.do(JOB, as_json=as_json, worker=worker).outcome


def test_for_a_person_everything_goes_to_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    assert do(BODY) == "succeeded"
    said = capfd.readouterr()
    assert said.out == ""
    lines = said.err.splitlines()
    assert all(re.match(r"\d\d:\d\d:\d\d ", line) for line in lines)
    assert [line[9:] for line in lines] == [
        "      a stray print",
        "[4/8] Fine-tuning …",
        "      epoch 1.00: loss 0.500 · top-1 75.0 %",
        "      Warning: [red]not markup[/red]",
        "      Fine-tune: 2.00 s (loss 0.500 · top-1 75.0 %)",
    ]


def test_as_json_every_line_on_standard_output_is_an_event(capfd: pytest.CaptureFixture[str]) -> None:
    assert do(BODY, as_json=True) == "succeeded"
    plain = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [item["type"] for item in plain] == [
        "log",
        "stage_started",
        "metric",
        "metric",
        "log",
        "stage_finished",
        "finished",
    ]
    assert {item["run"] for item in plain} == {RUN}


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_the_worker(number: int, capfd: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(number)
    assert do(f"take_job(); os.kill(os.getppid(), {int(number)}); sys.stdin.readline(); finish('cancelled')") == (
        "cancelled"
    )
    assert "Ctrl-C again" in capfd.readouterr().err
    assert signal.getsignal(number) is before


@posix
def test_a_signal_while_the_worker_starts_asks_it_too() -> None:
    class Slow(Worker):
        def start(self) -> None:
            os.kill(os.getpid(), signal.SIGINT)
            super().start()

    command = fake_worker("take_job(); sys.stdin.readline(); finish('cancelled')")
    done = cli_job.do(JOB, as_json=False, worker=lambda job: Slow(job, command=command, grace_s=3600))
    assert done.outcome == "cancelled"


@posix
def test_the_second_signal_kills_a_worker_that_does_not_listen() -> None:
    body = """
take_job()
os.kill(os.getppid(), signal.SIGINT)
sys.stdin.readline()
os.kill(os.getppid(), signal.SIGINT)
signal.pause()
"""
    assert do(body) == "cancelled"
