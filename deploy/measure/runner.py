"""The benchmark program on a device: its command line, and the lines that it prints.

The contract is that of ``android_runner`` (``pqv_bench --help``): a JSON object a line, one ``final`` as the last.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from deploy.device import bounded
from deploy.device.info import Reading
from deploy.device.shell import Program, Shell
from deploy.errors import ConnectionLostError, RunnerError
from deploy.measure.heat import HeatLog
from pqv_core.formats import model_errors

PROGRAM = "pqv_bench"
MAX_LINES = 2_000_000
MAX_OPERATORS = 10_000  # that are kept; the program may name more
_LOAD_S = 300.0
_EXIT_CANNOT_LOAD = 3
_KILLED = 128 + 9
_LACKING = ("ops cannot be found", "Unknown builtin op", "lacks the operators", "lacks the delegate")
_CRASHED = (128 + 4, 128 + 6, 128 + 7, 128 + 8, 128 + 11)  # SIGILL, SIGABRT, SIGBUS, SIGFPE, SIGSEGV

Nanoseconds = Annotated[int, Field(ge=0, lt=10**15)]
Count = Annotated[int, Field(ge=0, lt=10**9)]
Text = Annotated[str, Field(max_length=4000)]


class RunnerRecord(BaseModel):
    """What all lines share; keys that are not asked for are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False, strict=True)


class ContextRecord(RunnerRecord):
    """The first line: what runs, and on what; ``torch`` or ``executorch`` is the version of the runtime."""

    type: Literal["context"]
    runner: Text = ""
    torch: Text = ""
    executorch: Text = ""
    abi: Text = ""
    build: Text = ""
    engine: Text = ""
    engines: list[Text] = Field(default=[], max_length=20)
    processors: list[Count] = Field(default=[], max_length=1024)
    page_size: Count | None = None
    pid: Count | None = None


class LoadRecord(RunnerRecord):
    """Load time."""

    type: Literal["load"]
    ns: Nanoseconds


class MemoryRecord(RunnerRecord):
    """Resident memory; the peak is the kernel's own (VmHWM). The phase ``start`` is before the file is loaded."""

    type: Literal["memory"]
    phase: Text = ""
    rss_bytes: Annotated[int, Field(ge=0, lt=1 << 50)] | None = None
    peak_rss_bytes: Annotated[int, Field(ge=0, lt=1 << 50)] | None = None


class WarmupRecord(RunnerRecord):
    """Untimed runs that were made."""

    type: Literal["warmup"]
    iterations: Count
    threads: Count = 1


class IterationRecord(RunnerRecord):
    """One timed inference."""

    type: Literal["iteration"]
    index: Count
    ns: Annotated[int, Field(gt=0, lt=10**15)]
    threads: Count = 1


class OperatorRow(RunnerRecord):
    """Time of one operator over all profiled runs; ``self_ns`` without the operators that it calls."""

    name: Annotated[str, Field(max_length=300)]
    calls: Count
    self_ns: Nanoseconds
    total_ns: Nanoseconds


class OperatorsRecord(RunnerRecord):
    """Where the time goes, from runs apart from the measured ones.

    Attributes:
        wall_ns: Of these runs together.
        plain_ns: Of as many runs that took turns with them and were not watched; None from a program that makes none.
    """

    type: Literal["operators"]
    threads: Count = 1
    iterations: Annotated[int, Field(gt=0, lt=10**6)] = 1
    wall_ns: Nanoseconds = 0
    plain_ns: Nanoseconds | None = None
    operators: list[OperatorRow]


class OutputsRecord(RunnerRecord):
    """The logits were written."""

    type: Literal["outputs"]
    count: Count
    shape: list[Annotated[int, Field(gt=0, lt=1 << 31)]] = Field(default=[], max_length=8)


class ProgressRecord(RunnerRecord):
    """Inputs whose outputs were computed."""

    type: Literal["progress"]
    done: Count
    total: Count


class KnownOperatorsRecord(RunnerRecord):
    """What ``--ops`` prints: operators with their argument counts (null: any), and PyTorch's bytecode versions."""

    type: Literal["ops"]
    torch: Text = ""
    executorch: Text = ""
    bytecode_min: Count | None = None
    bytecode_max: Count | None = None
    operators: dict[str, Count | None] = Field(max_length=100_000)


class FinalRecord(RunnerRecord):
    """The last line."""

    type: Literal["final"]
    status: Literal["ok", "interrupted", "failed", "timeout"]
    message: Text = ""
    stage: Text = ""
    exit_code: Count = 0


AnyRecord = Annotated[
    ContextRecord
    | LoadRecord
    | MemoryRecord
    | WarmupRecord
    | IterationRecord
    | OperatorsRecord
    | OutputsRecord
    | ProgressRecord
    | KnownOperatorsRecord
    | FinalRecord,
    Field(discriminator="type"),
]
_ADAPTER: TypeAdapter[AnyRecord] = TypeAdapter(AnyRecord)


def parse(line: str) -> AnyRecord | None:
    """The record that a line holds; None when it holds none, such as a print of a library or of the system."""
    if not line.startswith("{"):
        return None
    try:
        return _ADAPTER.validate_json(line)
    except (ValidationError, ValueError):
        return None


@dataclass(frozen=True)
class Spec:
    """One run of the program. All paths are absolute and on the device.

    Attributes:
        cores: As ``fixed_performance`` and ``watch_s``, see ``Program``.
        name: What a person calls the file.
    """

    folder: str
    program: str
    libraries: str
    model: str
    input_shape: tuple[int, ...]
    warmup: int
    iterations: int
    max_seconds: float
    threads: int
    engine: str = ""
    cores: tuple[int, ...] = ()
    profile: bool = False
    input: str = ""
    output: str = ""
    fixed_performance: bool = False
    watch_s: float = 2.0
    name: str = "The file"

    def launch(self) -> Program:
        """What the device is asked to run."""
        return Program(
            words=tuple(self.words()),
            folder=self.folder,
            libraries=self.libraries,
            cores=self.cores,
            fixed_performance=self.fixed_performance,
            watch_s=self.watch_s,
        )

    def words(self) -> list[str]:
        """The program's command line."""
        words = [self.program, "--json", "--model", self.model, "--threads", str(self.threads)]
        words += ["--input-shape", ",".join(map(str, self.input_shape))]
        words += ["--warmup", str(self.warmup), "--min-iters", str(self.iterations)]
        words += ["--max-seconds", f"{self.max_seconds:.3f}"]
        for option, value in (("--engine", self.engine), ("--input", self.input), ("--output", self.output)):
            words += [option, value] if value else []
        return [*words, "--profile"] if self.profile else words


def run(
    shell: Shell,
    spec: Spec,
    log: HeatLog,
    *,
    heard: Callable[[Reading], None],
    clock: Callable[[], float] = time.monotonic,
) -> Generator[AnyRecord, None, None]:
    """Start the program and yield its records as they come; the last is ``FinalRecord``.

    Args:
        log: Takes what is told of the device's heat meanwhile.
        heard: Called with each reading once it stands in ``log``; what it raises ends the program.
        clock: Seconds on a clock that never goes back.

    Raises:
        ConnectionLostError: The device is gone.
        RunnerError: The program did not start, hangs, does not stop, or ended without a last word.
    """
    silence, last = _LOAD_S + spec.max_seconds, clock()

    def take(readings: Sequence[Reading]) -> None:
        if clock() - last > silence:  # the watch still speaks, but the program does not
            raise RunnerError(
                "The benchmark program hangs on the device.",
                action="Restart the device, then run again.",
                details=bounded.lines(running.error_text[-4000:]),
            )
        for item in readings:
            log.add(item)
            heard(item)

    with contextlib.closing(shell.start(spec.launch(), silence_s=silence, heard=take)) as running:
        ended = False
        try:
            for number, text in enumerate(running.lines()):
                record = parse(text)
                if number > MAX_LINES:
                    raise RunnerError("The benchmark program does not stop.", action="Ask for fewer iterations.")
                if record is not None:
                    ended, last = ended or isinstance(record, FinalRecord), clock()
                    yield record
        finally:
            log.fixed_performance = running.fixed_performance
        if not ended:
            raise no_last_word(running.code or 0, running.error_text, spec.name)


def no_last_word(code: int, printed: str, name: str) -> RunnerError | ConnectionLostError:
    """Why the program ended without its ``final`` line, running the file ``name``."""
    tail = bounded.lines(printed[-4000:])
    if "CANNOT LINK EXECUTABLE" in tail or "error while loading shared libraries" in tail:
        remedy = "Fetch the runtime again (pqv runner fetch); phones with 16 KB pages need a newer runtime."
        return RunnerError("The device cannot load the runtime's libraries.", action=remedy, details=tail)
    if code in (126, 127):
        remedy = "Choose a runner for this device's processor (pqv runner info)."
        return RunnerError("The device cannot start the benchmark program.", action=remedy, details=tail)
    if code == _KILLED:
        what = f"The benchmark program was killed by the device while it ran {name}, probably because memory ran out."
        return RunnerError(what, action="Close other apps and run again.", details=tail)
    if code in _CRASHED:
        remedy = "Choose another engine, or export the file again."
        return RunnerError(f"The benchmark program crashed while it ran {name}.", action=remedy, details=tail)
    return RunnerError(
        f"The benchmark program ended without a result (exit code {code}).",
        action="Reconnect the device and run again.",
        details=tail,
    )


def failure(final: FinalRecord, spec: Spec) -> RunnerError:
    """The error that a ``final`` line of status ``failed`` means: which file, and what was said of it."""
    if any(words in final.message for words in _LACKING):
        remedy = "Export for the Android target, which avoids operators that its runtime lacks."
        return RunnerError(
            f"{spec.name} uses operators that the runtime lacks.", action=remedy, details=bounded.lines(final.message)
        )
    if final.exit_code == _EXIT_CANNOT_LOAD:
        said = model_errors.words(final.message) or "no reason given"
        details = bounded.lines(final.message)
        return RunnerError(f"{spec.name} could not be loaded: {said}.", action="Export it again.", details=details)
    info = model_errors.explained(spec.name, final.message, shape=spec.input_shape)
    return RunnerError(info.message, action=info.action, details=info.details)
