"""The benchmark program on the phone: its command line, and the lines that it prints.

The contract is that of ``android_runner`` (``pqv_bench --help``): a JSON object a line, one ``final`` as the last.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from deploy.device import bounded as hostile
from deploy.device.cleanup import PID
from deploy.device.shell import Running, join
from deploy.errors import ConnectionLostError, RunnerError
from deploy.transports.base import Link
from pqv_core.formats import model_errors

PROGRAM = "pqv_bench"
MAX_LINES = 2_000_000
MAX_OPERATORS = 10_000  # that are kept; the program may name more
_LOAD_S = 300.0
_EXIT_CANNOT_LOAD = 3
_KILLED = 128 + 9
_CRASHED = (128 + 4, 128 + 6, 128 + 7, 128 + 8, 128 + 11)  # SIGILL, SIGABRT, SIGBUS, SIGFPE, SIGSEGV

Nanoseconds = Annotated[int, Field(ge=0, lt=10**15)]
Count = Annotated[int, Field(ge=0, lt=10**9)]
Text = Annotated[str, Field(max_length=4000)]


class Line(BaseModel):
    """What all lines share; keys that are not asked for are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False, strict=True)


class Context(Line):
    """The first line: what runs, and on what."""

    type: Literal["context"]
    runner: Text = ""
    torch: Text = ""
    abi: Text = ""
    build: Text = ""
    engine: Text = ""
    engines: list[Text] = Field(default=[], max_length=20)
    processors: list[Count] = Field(default=[], max_length=1024)
    page_size: Count | None = None
    pid: Count | None = None


class Load(Line):
    """Load time."""

    type: Literal["load"]
    ns: Nanoseconds


class Memory(Line):
    """Resident memory; the peak is the kernel's own (VmHWM). The phase ``start`` is before the file is loaded."""

    type: Literal["memory"]
    phase: Text = ""
    rss_bytes: Annotated[int, Field(ge=0, lt=1 << 50)] | None = None
    peak_rss_bytes: Annotated[int, Field(ge=0, lt=1 << 50)] | None = None


class Warmup(Line):
    """Untimed runs that were made."""

    type: Literal["warmup"]
    iterations: Count
    threads: Count = 1


class Iteration(Line):
    """One timed inference."""

    type: Literal["iteration"]
    index: Count
    ns: Annotated[int, Field(gt=0, lt=10**15)]
    threads: Count = 1


class Operator(Line):
    """Time of one operator over all profiled runs; ``self_ns`` without the operators that it calls."""

    name: Annotated[str, Field(max_length=300)]
    calls: Count
    self_ns: Nanoseconds
    total_ns: Nanoseconds


class Operators(Line):
    """Where the time goes, from runs apart from the measured ones, which took ``wall_ns`` together."""

    type: Literal["operators"]
    threads: Count = 1
    iterations: Annotated[int, Field(gt=0, lt=10**6)] = 1
    wall_ns: Nanoseconds = 0
    operators: list[Operator]


class Outputs(Line):
    """The logits were written."""

    type: Literal["outputs"]
    count: Count
    shape: list[Annotated[int, Field(gt=0, lt=1 << 31)]] = Field(default=[], max_length=8)


class Progress(Line):
    """Inputs whose outputs were computed."""

    type: Literal["progress"]
    done: Count
    total: Count


class KnownOperators(Line):
    """What ``--ops`` prints: operators with their argument counts (null: any), and the range of bytecode versions."""

    type: Literal["ops"]
    torch: Text = ""
    bytecode_min: Count
    bytecode_max: Count
    operators: dict[str, Count | None] = Field(max_length=100_000)


class Final(Line):
    """The last line."""

    type: Literal["final"]
    status: Literal["ok", "interrupted", "failed", "timeout"]
    message: Text = ""
    stage: Text = ""
    exit_code: Count = 0


AnyLine = Annotated[
    Context | Load | Memory | Warmup | Iteration | Operators | Outputs | Progress | KnownOperators | Final,
    Field(discriminator="type"),
]
_ADAPTER: TypeAdapter[AnyLine] = TypeAdapter(AnyLine)


def parse(line: str) -> AnyLine | None:
    """The record that a line holds; None when it holds none, such as a print of a library or of the system."""
    if not line.startswith("{"):
        return None
    try:
        return _ADAPTER.validate_json(line)
    except (ValidationError, ValueError):
        return None


@dataclass(frozen=True)
class Spec:
    """One run of the program. All paths are absolute and on the phone.

    Attributes:
        cores: Cores that it may run on; empty for all.
        fixed_performance: Ask Android for a clock that it can hold, for as long as the program runs.
        watch_s: How often the phone's heat is looked at meanwhile; 0 for never.
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

    def words(self) -> list[str]:
        """The program's command line."""
        words = [self.program, "--json", "--model", self.model, "--threads", str(self.threads)]
        words += ["--input-shape", ",".join(map(str, self.input_shape))]
        words += ["--warmup", str(self.warmup), "--min-iters", str(self.iterations)]
        words += ["--max-seconds", f"{self.max_seconds:.3f}"]
        for option, value in (("--engine", self.engine), ("--input", self.input), ("--output", self.output)):
            words += [option, value] if value else []
        return [*words, "--profile"] if self.profile else words


def mask(cores: tuple[int, ...]) -> str:
    """The cores as toybox's ``taskset`` takes them: hexadecimal digits without 0x."""
    return f"{sum(1 << core for core in set(cores)):x}"


# Of $!, for a signal may come before it could be kept in a variable; killed for certain in the end, for a first signal
# is lost on a process that has only just been forked.
_STOP = (
    'trap "" HUP INT TERM; P=$!; [ -n "$P" ] || exit 130; (sleep 3; kill -9 $P) >/dev/null 2>&1 & '
    "kill $P 2>/dev/null; wait $P; kill -9 $! 2>/dev/null; exit 130"
)


def script(spec: Spec, marker: str) -> str:
    """What the phone's shell runs: the program, a watch over the heat, and an end that puts everything back.

    The end also comes when the cable is pulled: adbd then sends SIGHUP. The watch prints to the standard error, so
    that it never stands inside a line of the program.
    """
    program = join(*(["taskset", mask(spec.cores)] if spec.cores else []), *spec.words())
    fixed = "cmd power set-fixed-performance-mode-enabled"
    lines = [f"cd {join(spec.folder)} || exit 90", f"echo $$ > {PID}", "W="]
    undo = f"{fixed} false >/dev/null 2>&1; " if spec.fixed_performance else ""
    lines.append(
        f'end() {{ trap - EXIT; trap "" HUP INT TERM; [ -n "$W" ] && kill -9 $W 2>/dev/null; {undo}rm -f {PID}; }}'
    )
    lines.append(f"trap end EXIT; trap '{_STOP}' HUP INT TERM")
    if spec.fixed_performance:
        lines.append(f"{fixed} true >/dev/null 2>&1; echo {marker}:fixed:$? >&2")
    if spec.watch_s:
        lines.append(f"({_watch(marker, spec.watch_s)}) & W=$!")
    library_path = join(spec.libraries)
    lines.append(f"LD_LIBRARY_PATH={library_path} {program} &")
    lines.append("wait $!")
    return "\n".join(lines)


def _watch(marker: str, seconds: float) -> str:
    # Its end is a file that vanishes and a kill -9: a plain kill is lost on a shell that has only just been forked.
    power, cpu = "/sys/class/power_supply/battery", "/sys/devices/system/cpu/cpufreq"
    parts = (
        "dumpsys thermalservice 2>/dev/null | grep -m1 'Thermal Status'",
        f"cat {cpu}/policy*/scaling_max_freq 2>/dev/null",
        f"cat {power}/current_now 2>/dev/null",
        f"cat {power}/voltage_now 2>/dev/null",
        f"cat {power}/temp 2>/dev/null",
    )
    said = "'|'".join(f"$({part})" for part in parts)
    return f"while [ -e {PID} ]; do echo {marker}:heat:{said} >&2; sleep {seconds:g} >/dev/null 2>&1; done"


def run(
    link: Link,
    spec: Spec,
    marker: str,
    *,
    on_error: Callable[[str], None],
    clock: Callable[[], float] = time.monotonic,
) -> Generator[AnyLine, None, None]:
    """Start the program and yield its records as they come; the last is ``Final``.

    Args:
        on_error: Takes what comes on the standard error, the lines of the watch among it.
        clock: Seconds on a clock that never goes back.

    Raises:
        ConnectionLostError: The phone is gone.
        RunnerError: The program did not start, hangs, does not stop, or ended without a last word.
    """
    silence, last = _LOAD_S + spec.max_seconds, clock()

    def heard(text: str) -> None:
        if clock() - last > silence:  # the watch still speaks, but the program does not
            raise RunnerError(
                "The benchmark program hangs on the phone.", action="Restart the phone, then run again.", details=text
            )
        on_error(text)

    with Running(link, script(spec, marker), silence_s=silence, on_error=heard) as running:
        ended = False
        for number, text in enumerate(running.lines()):
            record = parse(text)
            if number > MAX_LINES:
                raise RunnerError("The benchmark program does not stop.", action="Ask for fewer iterations.")
            if record is not None:
                ended, last = ended or isinstance(record, Final), clock()
                yield record
        if not ended:
            raise no_last_word(running.code or 0, running.error_text, spec.name)


def no_last_word(code: int, printed: str, name: str) -> RunnerError | ConnectionLostError:
    """Why the program ended without its ``final`` line, running the file ``name``."""
    tail = hostile.lines(printed[-4000:])
    if "CANNOT LINK EXECUTABLE" in tail or "error while loading shared libraries" in tail:
        remedy = "Fetch the runtime again (pqv runner fetch); phones with 16 KB pages need a newer runtime."
        return RunnerError("The phone cannot load the runtime's libraries.", action=remedy, details=tail)
    if code in (126, 127):
        remedy = "Choose a runner for this phone's processor (pqv runner info)."
        return RunnerError("The phone cannot start the benchmark program.", action=remedy, details=tail)
    if code == _KILLED:
        what = f"The benchmark program was killed by the phone while it ran {name}, probably because memory ran out."
        return RunnerError(what, action="Close other apps and run again.", details=tail)
    if code in _CRASHED:
        remedy = "Choose another engine, or export the file again."
        return RunnerError(f"The benchmark program crashed while it ran {name}.", action=remedy, details=tail)
    return RunnerError(
        f"The benchmark program ended without a result (exit code {code}).",
        action="Replug the phone and run again.",
        details=tail,
    )


def failure(final: Final, spec: Spec) -> RunnerError:
    """The error that a ``final`` line of status ``failed`` means: which file, and what was said of it."""
    if "ops cannot be found" in final.message or "Unknown builtin op" in final.message:
        remedy = "Export for the Android target, which avoids operators that its runtime lacks."
        return RunnerError(
            f"{spec.name} uses operators that the runtime lacks.", action=remedy, details=hostile.lines(final.message)
        )
    if final.exit_code == _EXIT_CANNOT_LOAD:
        said = model_errors.words(final.message) or "no reason given"
        details = hostile.lines(final.message)
        return RunnerError(f"{spec.name} could not be loaded: {said}.", action="Export it again.", details=details)
    info = model_errors.explained(spec.name, final.message, shape=spec.input_shape)
    return RunnerError(info.message, action=info.action, details=info.details)
