"""A clean process that holds one exported file and works when it is asked to.

It is started with ``python -m pqv_core.engine.measure.file_process``.

It reads JSON objects on standard input (``FileRequest``) and answers each with JSON lines (``FileReply``), of which
the last is ``done``. Its file has it to itself, so nothing that another file leaves behind (threads, a heap) reaches
its figures, and a crash in a kernel ends only this process. Between two requests it is at rest. It ends with its
standard input, which is when the worker is gone; ``engine/measure/file_client.py`` is the worker's side.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import queue
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict

from pqv_core.engine.formats.inference_session import InferenceSession, open_file
from pqv_core.engine.measure.environment import MemoryWatch
from pqv_core.engine.models import tensorfile
from pqv_core.errors import ErrorInfo, PqvError
from pqv_core.formats import FORMATS
from pqv_core.process import owner
from pqv_core.results.record import OperatorTime

_SETTLING_NS = 50_000_000
_MEMORY_INFERENCES = 2
_REST_S = 0.5  # some runtimes let threads spin for 0.2 s
_LOOK_S = 0.02
_REST_NS = 2_000_000
_OMP_PAUSE_HARD = 2


class FileRequest(BaseModel):
    """What to do; all but ``ready`` and ``load`` are about the file that was loaded last.

    Attributes:
        task: ``ready`` answers once this process can work; ``load`` loads a file, in place of the one before;
            ``measure`` times inferences; ``profile`` times the operators; ``answer`` writes logits.
        format: For ``load``: key of the file's format.
        engine: For ``load``: what the weights are packed for.
        input_shape: For ``load``: shape of the input, batch first; empty where only answers are wanted.
        count: For ``measure``: inferences that count.
        inputs: For ``answer``: a safetensors file whose tensor ``inputs`` has shape (N, C, H, W).
        outputs: For ``answer``: the safetensors file to write, with one tensor ``logits`` of shape (N, classes).
    """

    model_config = ConfigDict(frozen=True)

    task: Literal["ready", "load", "measure", "profile", "answer"]
    path: str = ""
    format: str = ""
    engine: str = ""
    threads: int = 1
    input_shape: tuple[int, ...] = ()
    count: int = 1
    inputs: str = ""
    outputs: str = ""


class FileReply(BaseModel):
    """One line of an answer.

    Attributes:
        load_ns: Load time.
        base_bytes: Resident memory before loading.
        peak_bytes: Highest resident memory since then, running the file.
        samples_ns: Timed inferences in order.
    """

    model_config = ConfigDict(frozen=True)

    type: Literal["loaded", "samples", "operators", "failed", "done"]
    load_ns: int = 0
    base_bytes: int = 0
    peak_bytes: int = 0
    samples_ns: tuple[int, ...] = ()
    operators: tuple[OperatorTime, ...] = ()
    error: ErrorInfo | None = None


def main() -> int:
    """Serve requests until the first that fails, or the end of the owner."""
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # what libraries print does not mix with the answer

    def reply(line: FileReply) -> None:
        stream.write(line.model_dump_json(exclude_defaults=True) + "\n")

    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    owner.Requests().listen(lines.put)
    process = FileProcess()
    while True:
        try:
            with torch.inference_mode():
                found = process.serve(FileRequest.model_validate_json(lines.get()))
            rest()
        except PqvError as error:
            reply(FileReply(type="failed", error=error.info()))
            return 1
        if found is not None:
            reply(found)  # told afterwards: who listens works too
        reply(FileReply(type="done"))


class FileProcess:
    """What the process does with its one file."""

    def __init__(self) -> None:
        self._session: InferenceSession | None = None
        self._format = ""
        self._example = torch.empty(0)

    def serve(self, request: FileRequest) -> FileReply | None:
        """Do what is asked; what was found, where there is something to tell."""
        tasks: dict[str, Callable[[FileRequest], FileReply | None]] = {
            "ready": lambda request: None,
            "load": self._load,
            "measure": self._measure,
            "profile": self._profile,
            "answer": self._answer,
        }
        self._format = request.format or self._format
        with FORMATS.blaming(self._format):
            return tasks[request.task](request)

    def _load(self, request: FileRequest) -> FileReply:
        self._session = None
        memory = MemoryWatch()
        began = time.perf_counter_ns()
        self._session = open_file(request.format, Path(request.path), engine=request.engine, threads=request.threads)
        spent = time.perf_counter_ns() - began
        memory.look()
        if request.input_shape:
            self._example = torch.randn(request.input_shape, generator=torch.Generator().manual_seed(0))
            for _ in range(_MEMORY_INFERENCES):
                self._inference()
                memory.look()
        return FileReply(type="loaded", load_ns=spent, base_bytes=memory.base, peak_bytes=memory.peak)

    def _measure(self, request: FileRequest) -> FileReply:
        self._settle()
        return FileReply(type="samples", samples_ns=tuple(self._inference() for _ in range(request.count)))

    def _profile(self, request: FileRequest) -> FileReply:
        assert self._session is not None
        found = self._session.profile(self._example)
        return FileReply(type="operators", operators=found.operators, samples_ns=found.samples_ns)

    def _answer(self, request: FileRequest) -> None:
        assert self._session is not None
        inputs = tensorfile.read(Path(request.inputs))[0]["inputs"]
        logits = torch.cat([self._session.run(image[None]) for image in inputs])
        tensorfile.write(Path(request.outputs), {"logits": logits}, {})

    def _inference(self) -> int:
        """Nanoseconds of one inference."""
        assert self._session is not None
        began = time.perf_counter_ns()
        self._session.run(self._example)
        return time.perf_counter_ns() - began

    def _settle(self) -> None:
        """Inferences that do not count, until threads are awake and caches are this file's."""
        until = time.perf_counter_ns() + _SETTLING_NS
        while time.perf_counter_ns() < until:
            self._inference()


def rest() -> None:
    """Wait until the threads of this process sleep, so that they take nothing from whoever is next.

    OpenMP's can be told to spin for ever (``OMP_WAIT_POLICY=ACTIVE``): then they are given back, and come anew with the
    next inference.
    """
    if not _sleeps_within(_REST_S):
        with contextlib.suppress(OSError, AttributeError):  # a runtime older than OpenMP 5
            runtime = ctypes.CDLL("libiomp5md.dll" if sys.platform == "win32" else None)
            runtime.omp_pause_resource_all(_OMP_PAUSE_HARD)


def _sleeps_within(seconds: float) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        used = time.process_time_ns()  # of all threads
        time.sleep(_LOOK_S)
        if time.process_time_ns() - used < _REST_NS:
            return True
    return False


if __name__ == "__main__":
    sys.exit(main())
