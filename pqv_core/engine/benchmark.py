"""Latency, memory and load time of ``.ptl`` files on this computer, each in a clean process."""

from __future__ import annotations

import contextlib
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from pqv_core.engine import environment
from pqv_core.engine.context import Context
from pqv_core.engine.lite_process import LiteFile, Reply, Request
from pqv_core.errors import BenchmarkError, PqvError
from pqv_core.events import LatencySample
from pqv_core.results import Measurement, OperatorTime

MIN_ITERATIONS = 5
_MEMORY_ITERATIONS = 2
_STARTED_AT_ONCE = 4
_PROFILE_WARMUP, _PROFILE_TURNS = 2, 7
_STDERR_TAIL = 4000


@dataclass
class Timing:
    """What one interleaved loop gave for one file."""

    samples_ns: list[int] = field(default_factory=list)
    load_ns: int = 0


def measure(
    files: Sequence[LiteFile],
    *,
    input_shape: tuple[int, ...],
    threads: int,
    warmup: int,
    iterations: int,
    max_seconds: float,
    context: Context,
) -> dict[str, Measurement]:
    """Measure files in one interleaved loop, then each one's memory in a process of its own.

    Returns:
        A measurement by ``LiteFile.key``; all carry the same ``loop`` id.

    Raises:
        BenchmarkError: A file could not be run, or the measuring process died.
    """
    request = Request(
        task="time",
        files=tuple(files),
        threads=threads,
        input_shape=input_shape,
        warmup=warmup,
        iterations=iterations,
        min_iterations=min(MIN_ITERATIONS, iterations),
        max_seconds=max_seconds,
    )
    busy = environment.busy()  # this process only waits: it is others that work
    timings = time_files(request, context=context, live=True)
    loop = secrets.token_hex(4)
    return {
        file.key: Measurement(
            loop=loop,
            engine=file.engine,
            threads=threads,
            batch=input_shape[0],
            warmup=warmup,
            samples_ns=tuple(timings[file.key].samples_ns),
            load_ns=timings[file.key].load_ns,
            busy=busy,
            base_rss_bytes=memory.base_bytes,
            peak_rss_bytes=memory.peak_bytes,
        )
        for file, memory in zip(files, _memories(files, request, context), strict=True)
    }


def time_files(request: Request, *, context: Context, live: bool = False) -> dict[str, Timing]:
    """Run the interleaved loop of ``request``; ``live`` reports each sample as an event."""
    timings = {file.key: Timing() for file in request.files}
    total = len(request.files) * request.iterations
    done = 0

    def take(reply: Reply) -> None:
        nonlocal done
        if reply.type == "loaded":
            timings[reply.key].load_ns = reply.ns
        elif reply.type == "sample":
            samples = timings[reply.key].samples_ns
            samples.append(reply.ns)
            done += 1
            if live:
                context.send(LatencySample(run=context.run, role=reply.key, index=len(samples) - 1, ns=reply.ns))
                context.progress(done, total, unit="inferences")

    serve(request, take, context=context)
    return timings


def profile(
    files: Sequence[LiteFile], *, input_shape: tuple[int, ...], threads: int, context: Context
) -> dict[str, tuple[OperatorTime, ...]]:
    """Time of each operator in one inference and of what passes between them, by ``LiteFile.key``; the longest first.

    Raises:
        BenchmarkError: A file could not be run, or the measuring process died.
    """
    found: dict[str, tuple[OperatorTime, ...]] = {}
    request = Request(
        task="profile",
        files=tuple(files),
        threads=threads,
        input_shape=input_shape,
        warmup=_PROFILE_WARMUP,
        iterations=_PROFILE_TURNS,
    )

    def take(reply: Reply) -> None:
        if reply.type == "operators":
            found[reply.key] = reply.operators
            context.progress(len(found), len(files), unit="files")

    serve(request, take, context=context)
    return found


def _memories(files: Sequence[LiteFile], request: Request, context: Context) -> Iterator[Reply]:
    """The resident memory before loading each file, and the highest after running it, in a process of its own.

    Some processes start at once: that takes longer than what each does, one after the other.
    """
    alone = request.model_copy(update={"warmup": 0, "iterations": _MEMORY_ITERATIONS, "min_iterations": 1})
    for first in range(0, len(files), _STARTED_AT_ONCE):
        some = files[first : first + _STARTED_AT_ONCE]
        with contextlib.ExitStack() as stack:
            processes = [stack.enter_context(_process()) for _ in some]
            for file, process in zip(some, processes, strict=True):
                seen: list[Reply] = []
                _exchange(process, alone.model_copy(update={"files": (file,)}), seen.append, context)
                yield next(reply for reply in seen if reply.type == "memory")


def serve(request: Request, take: Callable[[Reply], None], *, context: Context) -> None:
    """Start a clean process for ``request`` and hand each reply to ``take``.

    Raises:
        BenchmarkError: The process failed or died.
        Cancelled: The end was asked for; the process is gone.
    """
    with _process() as process:
        _exchange(process, request, take, context)


@contextlib.contextmanager
def _process() -> Iterator[subprocess.Popen[str]]:
    """A clean process that waits for its request; it is gone at the end of the block."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "pqv_core.engine.lite_process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def _exchange(
    process: subprocess.Popen[str], request: Request, take: Callable[[Reply], None], context: Context
) -> None:
    assert process.stdin and process.stdout and process.stderr
    try:
        process.stdin.write(request.model_dump_json() + "\n")
        process.stdin.flush()  # it stays open: its end would tell the process that we are gone
    except OSError as error:  # a broken pipe, which Windows calls an invalid argument
        with contextlib.suppress(OSError):
            process.stdin.close()  # drops what was not sent, which closing would try to send again
        raise _died(process) from error
    for line in process.stdout:
        context.check_cancelled()
        reply = Reply.model_validate_json(line)
        if reply.type == "done":
            return
        if reply.error is not None:
            raise _as_exception(reply)
        take(reply)
    raise _died(process)


def _as_exception(reply: Reply) -> PqvError:
    assert reply.error is not None
    return BenchmarkError(reply.error.message, action=reply.error.action, details=reply.error.details)


def _died(process: subprocess.Popen[str]) -> BenchmarkError:
    assert process.stderr
    code = process.wait()
    return BenchmarkError(
        f"The measuring process ended unexpectedly ({_cause(code)}).",
        action="Close other programs to free memory, or choose another engine, and run again.",
        details=process.stderr.read()[-_STDERR_TAIL:],
    )


def _cause(code: int) -> str:
    if code == -9:
        return "killed, perhaps for want of memory"
    return f"signal {-code}" if code < 0 else f"exit status {code}"
