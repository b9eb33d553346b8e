"""Speaks as the benchmark program does, and really loads and measures the file with the installed torch.

It stands in for the real one where there is no compiler; its answers and its samples are true ones.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import signal
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.jit.mobile import _load_for_lite_interpreter

ABIS = {"x86_64": "x86_64", "AMD64": "x86_64", "aarch64": "arm64-v8a", "arm64": "arm64-v8a"}
PROFILED = 3
SAMPLES: list[int] = []


def say(kind: str, **facts: object) -> None:
    print(json.dumps({"type": kind, **facts}), flush=True)


def memory(phase: str) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    say("memory", phase=phase, peak_rss_bytes=peak, rss_bytes=peak)


def final(status: str, *, code: int, stage: str, message: str = "") -> None:
    """The last line; its figures are those of the samples so far."""
    figures: dict[str, object] = dict.fromkeys(("median_ns", "mean_ns", "min_ns", "p90_ns"))
    if SAMPLES:
        ordered = sorted(SAMPLES)
        figures = {
            "median_ns": statistics.median(ordered),
            "mean_ns": statistics.mean(ordered),
            "min_ns": ordered[0],
            "p90_ns": ordered[-(-9 * len(ordered) // 10) - 1],
        }
    facts = {"iterations": len(SAMPLES), "threads": torch.get_num_threads(), **figures}
    say("final", status=status, exit_code=code, stage=stage, message=message, sweep=[facts] if SAMPLES else [], **facts)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--profile", action="store_true")
    for name in ("--model", "--input-shape", "--threads"):
        parser.add_argument(name, required=True)
    for name in ("--engine", "--input", "--output"):
        parser.add_argument(name, default="")
    parser.add_argument("--warmup", type=int, default=0)
    parser.add_argument("--min-iters", type=int, default=1)
    parser.add_argument("--max-seconds", type=float, default=60)
    return parser.parse_args()


def context(given: argparse.Namespace, shape: list[int], threads: int) -> None:
    engines = [name for name in torch.backends.quantized.supported_engines if name != "none"]
    say(
        "context",
        schema=1,
        runner="0.0.0",
        torch=torch.__version__.split("+")[0],
        platform={"Linux": "linux", "Darwin": "macos"}.get(platform.system(), "posix"),
        abi=ABIS[platform.machine()],
        build="Python",
        engines=engines,
        engine=torch.backends.quantized.engine,
        threads=[threads],
        processors=sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [],
        page_size=os.sysconf("SC_PAGE_SIZE"),
        pid=os.getpid(),
        model=given.model,
        input_shape=shape,
        warmup=given.warmup,
        min_iters=given.min_iters,
        min_seconds=0,
        max_seconds=given.max_seconds,
    )


def answer(model: Any, given: argparse.Namespace, shape: list[int]) -> torch.Tensor:
    """Write the outputs of all inputs; the first input."""
    inputs = torch.from_numpy(np.fromfile(given.input, "<f4").reshape(-1, *shape))
    outputs = [model(one).detach() for one in inputs]
    data = torch.stack(outputs).numpy().astype("<f4").tobytes()
    Path(given.output).write_bytes(data)
    say("progress", done=len(inputs), total=len(inputs))
    say("outputs", path=given.output, count=len(inputs), shape=list(outputs[0].shape), bytes=len(data))
    return inputs[0]


def operators(model: Any, example: torch.Tensor, threads: int) -> None:
    start = time.perf_counter_ns()
    for _ in range(PROFILED):
        model(example)
    plain = time.perf_counter_ns() - start
    start = time.perf_counter_ns()
    with torch.autograd.profiler.profile() as profile:
        for _ in range(PROFILED):
            model(example)
    rows = [
        {
            "name": row.key,
            "calls": row.count,
            "self_ns": round(row.self_cpu_time_total * 1000),
            "total_ns": round(row.cpu_time_total * 1000),
        }
        for row in profile.key_averages()
    ]
    spent = time.perf_counter_ns() - start
    say("operators", threads=threads, iterations=PROFILED, wall_ns=spent, plain_ns=plain, operators=rows)


def main() -> None:
    given = arguments()
    shape, threads = [int(size) for size in given.input_shape.split(",")], int(given.threads)
    torch.set_num_threads(threads)
    if given.engine:
        torch.backends.quantized.engine = given.engine
    context(given, shape, threads)
    memory("start")
    start = time.perf_counter_ns()
    try:
        model = _load_for_lite_interpreter(given.model)
    except (RuntimeError, ValueError) as error:
        final("failed", code=3, stage="load", message=str(error)[:2000])
        sys.exit(3)
    say("load", ns=time.perf_counter_ns() - start)
    memory("loaded")
    example = answer(model, given, shape) if given.input else torch.rand(shape)
    start = time.perf_counter_ns()
    for _ in range(given.warmup):
        model(example)
    say("warmup", threads=threads, iterations=given.warmup, ns=time.perf_counter_ns() - start)
    for index in range(given.min_iters):
        start = time.perf_counter_ns()
        model(example)
        SAMPLES.append(time.perf_counter_ns() - start)
        say("iteration", index=index, ns=SAMPLES[-1], threads=threads)
    if given.profile:
        operators(model, example, threads)
    memory("end")
    final("ok", code=0, stage="end")


def interrupted(*_: object) -> None:
    final("interrupted", code=130, stage="measure", message="asked to end")
    os._exit(130)


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)
    main()
