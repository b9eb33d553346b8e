"""Measuring in clean processes: raw samples in turns, true memory, and each failure in words."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
from pathlib import Path
from statistics import median
from typing import Any

import pytest
import torch
from torch import nn

from pqv_core.engine import benchmark, lite_process, lite_writer
from pqv_core.engine.context import Context
from pqv_core.engine.lite_process import LiteFile, Reply, Request
from pqv_core.engine.turns import BLOCK
from pqv_core.errors import BenchmarkError, Cancelled
from pqv_core.events import Event, LatencySample

SHAPE = (1, 3, 8, 8)
# Answers in place of the process that measures, at once; the memory of a file is its key.
ANSWERING = """
import json, sys
request = json.loads(sys.stdin.readline())
keys = [file["key"] for file in request["files"]]
for key in keys:
    print(json.dumps({"type": "sample", "key": key, "ns": 1}))
print(json.dumps({"type": "memory", "base_bytes": 1, "peak_bytes": int(keys[-1])}))
print(json.dumps({"type": "done"}), flush=True)
sys.stdin.read()
"""
DEAD = "raise SystemExit(7)"
DYING = "import sys; sys.stdin.readline(); sys.exit(7)"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lite") / "a.ptl"
    model = nn.Sequential(nn.Flatten(), nn.Linear(192, 4)).eval()
    lite_writer.save(model, path, example=torch.zeros(SHAPE), passes="freeze", description={})
    return path


def request_for(*files: LiteFile, iterations: int = 7) -> Request:
    return Request(task="time", files=files, threads=1, input_shape=SHAPE, iterations=iterations, min_iterations=5)


def test_every_artefact_is_measured_in_the_same_loop(file: Path) -> None:
    events: list[Event] = []
    found = benchmark.measure(
        [LiteFile(key="a", path=str(file)), LiteFile(key="b", path=str(file))],
        input_shape=SHAPE,
        threads=1,
        warmup=1,
        iterations=7,
        max_seconds=60,
        context=Context(run="r", send=events.append),
    )
    assert {len(item.samples_ns) for item in found.values()} == {7}
    assert found["a"].loop == found["b"].loop != ""
    assert all(item.peak_rss_bytes >= item.base_rss_bytes > 0 for item in found.values())
    turns = [event.role for event in events if isinstance(event, LatencySample)]
    assert sorted(turns[:10]) == ["a"] * 5 + ["b"] * 5


def test_the_time_of_operators_covers_the_inference(file: Path) -> None:
    replies: list[Reply] = []
    request = request_for(LiteFile(key="a", path=str(file))).model_copy(update={"task": "profile"})
    context = Context(run="r", send=lambda event: None)
    benchmark.serve(request, replies.append, context=context)
    spent = median(reply.ns for reply in replies if reply.type == "sample")  # without the profiler
    (rows,) = [reply.operators for reply in replies if reply.type == "operators"]
    assert {"aten::linear", "aten::flatten"} <= {row.name for row in rows}
    assert [row.ns for row in rows] == sorted((row.ns for row in rows), reverse=True)
    assert spent / 2 < sum(row.ns for row in rows) < spent * 2
    found = benchmark.profile([LiteFile(key="b", path=str(file))], input_shape=SHAPE, threads=1, context=context)
    assert {row.name for row in found["b"]} >= {"aten::linear"}


def test_the_time_box_ends_the_loop_after_the_least_number_of_turns(file: Path) -> None:
    request = request_for(LiteFile(key="a", path=str(file)), iterations=10**6).model_copy(update={"max_seconds": 0.0})
    timings = benchmark.time_files(request, context=Context(run="r", send=lambda event: None))
    assert len(timings["a"].samples_ns) == 5


def test_a_file_that_cannot_run_is_named(file: Path) -> None:
    request = request_for(LiteFile(key="a", path=str(file))).model_copy(update={"input_shape": (1, 3, 9, 9)})
    with pytest.raises(BenchmarkError, match="could not be run") as caught:
        benchmark.time_files(request, context=Context(run="r", send=lambda event: None))
    assert "9" in caught.value.details or caught.value.details


def test_a_process_that_dies_is_said_with_what_it_last_wrote(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dying = "import os,sys; input(); print('last words', file=sys.stderr, flush=True); os.kill(os.getpid(), 9)"
    real = benchmark.subprocess.Popen
    monkeypatch.setattr(
        benchmark.subprocess, "Popen", lambda command, **options: real([sys.executable, "-c", dying], **options)
    )
    with pytest.raises(BenchmarkError, match="memory") as caught:
        benchmark.time_files(
            request_for(LiteFile(key="a", path=str(file))), context=Context(run="r", send=lambda event: None)
        )
    assert "last words" in caught.value.details


def test_cancelling_ends_the_process(file: Path) -> None:
    cancelled = threading.Event()
    seen: list[Event] = []

    def send(event: Event) -> None:
        seen.append(event)
        cancelled.set()

    context = Context(run="r", send=send, cancelled=cancelled)
    with pytest.raises(Cancelled):
        benchmark.time_files(
            request_for(LiteFile(key="a", path=str(file)), iterations=10**7), context=context, live=True
        )
    assert len(seen) < 10


# in turns -----------------------------------------------------------------------------------------------------


def order(file: Path) -> list[tuple[str, int]]:
    """Whose samples follow each other in a loop of two files: key and number, one entry a turn."""
    replies: list[Reply] = []
    files = (LiteFile(key="a", path=str(file)), LiteFile(key="b", path=str(file)))
    with torch.inference_mode():
        lite_process._time(request_for(*files, iterations=10).model_copy(update={"warmup": 1}), replies.append)
    keys = [reply.key for reply in replies if reply.type == "sample"]
    return [(key, len(list(some))) for key, some in itertools.groupby(keys)]


def test_a_quick_file_takes_several_inferences_a_turn(file: Path) -> None:
    turns = order(file)
    assert sum(count for key, count in turns if key == "a") == 10
    assert {count % BLOCK for _, count in turns} == {0}


def test_a_slow_file_takes_one_inference_a_turn(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lite_process, "_QUICK_NS", 0)
    turns = order(file)
    assert sum(count for key, count in turns if key == "a") == 10
    assert max(count for _, count in turns) <= 2  # the last of a round may be the first of the next


# memory -------------------------------------------------------------------------------------------------------


class Started:
    """Starts a program in place of each process that measures, and keeps them all.

    Attributes:
        at_once: Most of them that were there at the same time.
    """

    def __init__(self, *programs: str) -> None:
        self._start = subprocess.Popen
        self._programs = iter(programs)
        self.processes: list[subprocess.Popen[str]] = []
        self.at_once = 0

    def __call__(self, command: list[str], **options: Any) -> subprocess.Popen[str]:
        program = next(self._programs)
        self.processes.append(self._start([sys.executable, "-c", program], **options))
        if program == DEAD:
            self.processes[-1].wait()
        self.at_once = max(self.at_once, sum(process.returncode is None for process in self.processes))
        return self.processes[-1]


def measured(count: int) -> dict[str, int]:
    """Peak memory by key of so many files; their keys are numbers from 0."""
    found = benchmark.measure(
        [LiteFile(key=str(number), path="") for number in range(count)],
        input_shape=SHAPE,
        threads=1,
        warmup=1,
        iterations=1,
        max_seconds=60,
        context=Context(run="r", send=lambda event: None),
    )
    return {key: item.peak_rss_bytes for key, item in found.items()}


@pytest.mark.parametrize(("count", "at_once"), [(3, 3), (4, 4), (5, 4)])
def test_each_file_has_a_process_of_its_own_for_its_memory_and_few_are_there_at_once(
    monkeypatch: pytest.MonkeyPatch, count: int, at_once: int
) -> None:
    started = Started(*[ANSWERING] * (1 + count))
    monkeypatch.setattr(benchmark.subprocess, "Popen", started)
    assert measured(count) == {str(number): number for number in range(count)}
    assert (len(started.processes), started.at_once) == (1 + count, at_once)
    assert all(process.returncode is not None for process in started.processes)


@pytest.mark.parametrize("dying", [DEAD, DYING], ids=["before its request", "at its request"])
def test_a_process_that_dies_while_others_wait_is_said_and_ends_them(
    monkeypatch: pytest.MonkeyPatch, dying: str
) -> None:
    started = Started(ANSWERING, ANSWERING, dying, ANSWERING, ANSWERING)
    monkeypatch.setattr(benchmark.subprocess, "Popen", started)
    with pytest.raises(BenchmarkError, match=r"ended unexpectedly \(exit status 7\)"):
        measured(4)
    assert len(started.processes) == 5
    assert all(process.returncode is not None for process in started.processes)
