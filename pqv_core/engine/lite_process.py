"""A clean process that loads ``.ptl`` files and does nothing else: ``python -m pqv_core.engine.lite_process``.

It reads one JSON object on standard input (``Request``) and answers with JSON lines (``Reply``), so that latency
and memory are measured without the worker's own load, and a crash in a kernel ends only this process. It ends with
its standard input, which is when the worker is gone.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict

from pqv_core import owner
from pqv_core.engine import lite, tensorfile
from pqv_core.engine.environment import peak_rss_bytes, reset_peak_rss
from pqv_core.engine.operator_profile import Turn, operator_times, rows_of
from pqv_core.engine.turns import rounds
from pqv_core.errors import ErrorInfo, PqvError
from pqv_core.results import OperatorTime

# The threads of the file before are awake for some ten milliseconds, which is nothing to longer inferences.
_QUICK_NS = 100_000_000
_SETTLING_NS = 50_000_000


class LiteFile(BaseModel):
    """A file to load; ``key`` names it in the replies."""

    model_config = ConfigDict(frozen=True)

    key: str
    path: str
    engine: str = ""


class Request(BaseModel):
    """What to do with the files.

    Attributes:
        task: ``time`` measures inferences in turns; ``answer`` writes logits; ``profile`` times the operators.
        inputs: For ``answer``: a safetensors file whose tensor ``inputs`` has shape (N, C, H, W).
        outputs: For ``answer``: the safetensors file to write, one tensor of shape (N, classes) a key.
        min_iterations: Timed inferences of each file that are made even beyond the time box.
    """

    model_config = ConfigDict(frozen=True)

    task: Literal["time", "answer", "profile"]
    files: tuple[LiteFile, ...]
    threads: int
    input_shape: tuple[int, ...] = ()
    warmup: int = 0
    iterations: int = 1
    min_iterations: int = 1
    max_seconds: float = 60.0
    inputs: str = ""
    outputs: str = ""


class Reply(BaseModel):
    """One line of the answer."""

    model_config = ConfigDict(frozen=True)

    type: Literal["loaded", "sample", "memory", "operators", "failed", "done"]
    key: str = ""
    ns: int = 0
    base_bytes: int = 0
    peak_bytes: int = 0
    operators: tuple[OperatorTime, ...] = ()
    error: ErrorInfo | None = None


def main() -> int:
    """Serve one request; the exit status is 0 when it was answered."""
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # what libraries print does not mix with the answer

    def reply(line: Reply) -> None:
        stream.write(line.model_dump_json(exclude_defaults=True) + "\n")

    requests = owner.Requests()
    line = requests.line()
    if line is None:
        return owner.GONE
    requests.listen()
    request = Request.model_validate_json(line)
    torch.set_num_threads(request.threads)
    try:
        with torch.inference_mode():
            {"time": _time, "answer": _answer, "profile": _profile}[request.task](request, reply)
    except PqvError as error:
        reply(Reply(type="failed", error=error.info()))
        return 1
    except RuntimeError as error:
        info = ErrorInfo(
            kind="BenchmarkError",
            message="A file could not be run by the Lite Interpreter.",
            action="Check the shape of its input, choose another engine, or export it again.",
            details=str(error),
        )
        reply(Reply(type="failed", error=info))
        return 1
    reply(Reply(type="done"))
    return 0


def _load(file: LiteFile, reply: Callable[[Reply], None]) -> torch.nn.Module:
    began = time.perf_counter_ns()
    module = lite.load(Path(file.path), engine=file.engine)
    reply(Reply(type="loaded", key=file.key, ns=time.perf_counter_ns() - began))
    return module


def _inference(module: torch.nn.Module, example: torch.Tensor) -> int:
    """Nanoseconds of one inference."""
    began = time.perf_counter_ns()
    module(example)
    return time.perf_counter_ns() - began


def _settle(module: torch.nn.Module, example: torch.Tensor) -> None:
    """Inferences that do not count, until caches and threads are this file's."""
    until = time.perf_counter_ns() + _SETTLING_NS
    while time.perf_counter_ns() < until:
        _inference(module, example)


def _time(request: Request, reply: Callable[[Reply], None]) -> None:
    example = torch.randn(request.input_shape, generator=torch.Generator().manual_seed(0))
    base = reset_peak_rss()
    modules = {file.key: _load(file, reply) for file in request.files}
    quick = set()
    for key, module in modules.items():
        warm = [_inference(module, example) for _ in range(request.warmup)]
        if len(modules) > 1 and (not warm or warm[-1] < _QUICK_NS):
            quick.add(key)
    deadline = time.monotonic() + request.max_seconds
    for number, turns in enumerate(rounds(list(modules), quick=quick, iterations=request.iterations)):
        if number >= request.min_iterations and time.monotonic() > deadline:
            break
        for key, count in turns:
            if key in quick:
                _settle(modules[key], example)
            taken = [_inference(modules[key], example) for _ in range(count)]
            for ns in taken:  # told afterwards: who listens works too
                reply(Reply(type="sample", key=key, ns=ns))
    reply(Reply(type="memory", base_bytes=base, peak_bytes=peak_rss_bytes()))


def _profile(request: Request, reply: Callable[[Reply], None]) -> None:
    """Time of each operator in one inference, without that of the operators it calls, by torch's profiler.

    An inference with the profiler follows one without it, so that both find the machine in the same state; before each
    goes one that is not counted, because starting and stopping the profiler empties the caches.
    """
    example = torch.randn(request.input_shape, generator=torch.Generator().manual_seed(0))
    for file in request.files:
        module = _load(file, reply)
        for _ in range(request.warmup):
            _inference(module, example)
        turns = []
        for _ in range(request.iterations):
            _, plain = _inference(module, example), _inference(module, example)
            with torch.autograd.profiler.profile() as profiler:
                _, profiled = _inference(module, example), _inference(module, example)
            turns.append(Turn(plain, profiled, rows_of(profiler, inferences=2)))
            reply(Reply(type="sample", key=file.key, ns=plain))
        reply(Reply(type="operators", key=file.key, operators=operator_times(turns)))


def _answer(request: Request, _: Callable[[Reply], None]) -> None:
    inputs = tensorfile.read(Path(request.inputs))[0]["inputs"]
    answers = {}
    for file in request.files:
        module = lite.load(Path(file.path), engine=file.engine)
        answers[file.key] = torch.cat([module(image[None]) for image in inputs])
    tensorfile.write(Path(request.outputs), answers, {})


if __name__ == "__main__":
    sys.exit(main())
