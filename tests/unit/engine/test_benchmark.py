"""Measuring in clean processes: raw samples in turns, true memory, and each failure in words."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from statistics import median

import pytest
import torch
from torch import nn

from pqv_core.engine import benchmark, lite_writer
from pqv_core.engine.context import Context
from pqv_core.engine.lite_process import LiteFile, Reply, Request
from pqv_core.errors import BenchmarkError, Cancelled
from pqv_core.events import Event, LatencySample

SHAPE = (1, 3, 8, 8)


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
    dying = "import os,sys; sys.stdin.read(); print('last words', file=sys.stderr, flush=True); os.kill(os.getpid(), 9)"
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
