"""The worker's side of a process that holds one exported file (``file_process.py``): starts it, asks it, ends it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict

from pqv_core.engine.context import Context
from pqv_core.engine.measure import fork_server
from pqv_core.engine.measure.file_process import FileReply, FileRequest
from pqv_core.engine.measure.fork_server import ForkServer
from pqv_core.errors import BenchmarkError, PqvError
from pqv_core.formats import model_errors
from pqv_core.process import inherited, process_group
from pqv_core.process.child import Child, Overdue
from pqv_core.results import wait_policy

_MODULE = "pqv_core.engine.measure.file_process"
_PROGRAM = (sys.executable, "-P", "-m", _MODULE)
_servers: dict[str, ForkServer] = {}


class ExportedFile(BaseModel):
    """A file to load; ``key`` names it in what is found.

    Attributes:
        format: Key of its format.
        engine: What its weights are packed for; empty for the runtime's default.
        input_shape: Batch first; empty for that of the loop's other files.
        every_policy: It is timed, and kept, under each wait policy, not only under the one in which it is quicker.
    """

    model_config = ConfigDict(frozen=True)

    key: str
    path: str
    format: str
    engine: str = ""
    input_shape: tuple[int, ...] = ()
    every_policy: bool = False


class FileClient:
    """A process for one file at a time. Used as a context manager; it starts at once and is gone at the end.

    Args:
        policy: What OpenMP's threads do while they wait (``pqv_core/results/wait_policy.py``).
        threads: Threads of the runtime.
        context: Its end is the end of the process.

    Raises:
        BenchmarkError: Of all that it is asked for: the file could not be run, or the process died or stands still.
        Cancelled: Of all that it is asked for: the end was asked for.
    """

    def __init__(self, *, policy: str, threads: int, context: Context) -> None:
        self.policy = policy
        self._threads = threads
        self._context = context
        self._child = Child(_process(policy, check=context.check_cancelled))
        self._file = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process. May be called twice."""
        self._child.close()

    def ready(self) -> None:
        """Wait until it has started."""
        self._ask(FileRequest(task="ready"))

    def load(self, file: ExportedFile, *, input_shape: tuple[int, ...] = ()) -> FileReply:
        """Load a file, in place of the one before; time and memory that this took."""
        self._file = Path(file.path).name
        request = FileRequest(
            task="load",
            path=file.path,
            format=file.format,
            engine=file.engine,
            threads=self._threads,
            input_shape=input_shape,
        )
        return self._found(request)

    def measure(self, count: int) -> tuple[int, ...]:
        """Nanoseconds of each of ``count`` inferences; others that do not count come before."""
        return self._found(FileRequest(task="measure", count=count)).samples_ns

    def profile(self) -> FileReply:
        """The time of each operator in one inference, and of the inferences as a whole."""
        return self._found(FileRequest(task="profile"))

    def answer(self, inputs: Path, outputs: Path) -> None:
        """Write the logits of the tensor ``inputs`` of one safetensors file as ``logits`` of another."""
        self._ask(FileRequest(task="answer", inputs=str(inputs), outputs=str(outputs)))

    def _found(self, request: FileRequest) -> FileReply:
        found = self._ask(request)
        assert found is not None
        return found

    def _ask(self, request: FileRequest) -> FileReply | None:
        self._child.send(request.model_dump_json().encode())
        found = None
        try:
            while (line := self._child.line(check=self._context.check_cancelled)) is not None:
                reply = FileReply.model_validate_json(line)
                if reply.error is not None:
                    raise _as_exception(reply)
                if reply.type == "done":
                    return found
                found = reply
        except Overdue as error:
            running = f" while it ran {self._file}" if self._file else ""
            raise BenchmarkError(
                f"The measuring process {error}{running}, so it was terminated.",
                action="Choose another engine, or a smaller model or batch, and run again.",
                details=self._child.stderr,
            ) from error
        raise model_errors.ended(self._child.status(), self._child.stderr, self._file)


def prepare(policies: Iterable[str]) -> None:
    """Let what is needed to start processes under these policies begin to start, at once."""
    for policy in policies:
        if fork_server.IS_POSSIBLE and policy not in _servers:
            _servers[policy] = ForkServer(_MODULE, _environment(policy))


def _process(policy: str, *, check: Callable[[], None]) -> process_group.Process:
    try:
        if fork_server.IS_POSSIBLE:
            prepare([policy])
            return _servers[policy].start(check=check)
    except OSError:  # its server was killed: a process can also start by itself, if not as soon
        if (server := _servers.pop(policy, None)) is not None:
            server.close()
    return process_group.start(_PROGRAM, environment=_environment(policy), apart=False)


def _environment(policy: str) -> dict[str, str]:
    environment = process_group.python_environment()
    inherited.set_aside(environment)
    if policy:
        environment[wait_policy.VARIABLE] = policy
    return environment


def _as_exception(reply: FileReply) -> PqvError:
    assert reply.error is not None
    return BenchmarkError(reply.error.message, action=reply.error.action, details=reply.error.details)
