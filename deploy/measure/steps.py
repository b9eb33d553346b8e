"""Measuring on a device so that the figure can be believed: cool, on the big cores, heat watched, all put back."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated

from pydantic import Field

from deploy.device.info import DeviceInfo, Reading
from deploy.device.shell import Shell
from deploy.errors import OverheatedError, RunnerError
from deploy.job import Job
from deploy.measure import heat, runner
from deploy.measure.heat import HeatLog
from pqv_core.config.base import Config
from pqv_core.results import interleaving
from pqv_core.results.operators import INTERPRETER
from pqv_core.results.record import Measurement, OperatorTime

ROUNDS = 5
"""In which several files take turns. Each turn loads its file anew: with more rounds, loading would take the time."""

_POLL_S = 5.0
_STEADY_POLLS = 3


class PhoneConfig(Config):
    """How a phone is measured.

    Attributes:
        threads: Thread counts, each measured in a process of its own.
        pin: Run on the big cores only, as long as there are as many of them as threads.
        cool_down: Wait until the phone does not throttle.
        cool_limit_s: Longest such wait.
        fixed_performance: Ask for a clock that the phone can hold (Android 11 and later).
        images: Most validation images whose answers are compared with this computer's.
        keep: Leave program, libraries and file on the phone, so that the next push is short.
    """

    threads: tuple[Annotated[int, Field(ge=1, le=256)], ...] = Field(default=(4,), min_length=1, max_length=16)
    engine: str = ""
    warmup: int = Field(default=5, ge=0, le=10_000)
    iterations: int = Field(default=50, ge=1, le=1_000_000)
    max_seconds: float = Field(default=60.0, gt=0, le=86_400)
    pin: bool = True
    cool_down: bool = True
    cool_limit_s: float = Field(default=300.0, ge=0, le=7200)
    fixed_performance: bool = False
    profile: bool = False
    images: int = Field(default=32, ge=1, le=100_000)
    watch_s: float = Field(default=2.0, ge=0, le=60)
    keep: bool = False


@dataclass
class ProgramOutput:
    """What one run of the program said.

    Attributes:
        operators: Time of each operator in one inference.
        outputs: Number of inputs whose logits were written.
    """

    context: runner.ContextRecord | None = None
    samples: list[int] = field(default_factory=list)
    warmup: int = 0
    load_ns: int | None = None
    base_rss_bytes: int | None = None
    peak_rss_bytes: int | None = None
    operators: tuple[OperatorTime, ...] = ()
    outputs: int = 0
    final: runner.FinalRecord | None = None


def cool_down(shell: Shell, config: PhoneConfig, job: Job, skip: threading.Event) -> DeviceInfo:
    """Wait until the phone does not throttle; its facts afterwards.

    A cap that stays the same while the phone reports no heat is the phone's habit, and is not waited for.

    Args:
        skip: Set when the person does not want to wait any longer.
    """
    start, steady = job.clock(), 0
    last: tuple[int, ...] = ()
    info = shell.info()
    while config.cool_down and info.hot and not skip.is_set():
        caps = tuple(policy.cap_khz or 0 for policy in info.policies)
        steady = steady + 1 if caps == last and not info.thermal_status else 0
        last = caps
        spent = job.clock() - start
        if steady >= _STEADY_POLLS:
            break
        if spent >= config.cool_limit_s:
            job.log("The device is still warm after the maximum cool-down; measuring anyway.", level="warning")
            break
        job.progress(int(spent), int(config.cool_limit_s), unit="s")
        job.pause(min(_POLL_S, config.cool_limit_s - spent))
        info = shell.info()
    return info


def cores_for(info: DeviceInfo, threads: int, config: PhoneConfig) -> tuple[int, ...]:
    """The cores to run on: the big ones that are online, where there are enough; else all (empty)."""
    big = tuple(core for core in info.big_cores() if not info.online or core in info.online)
    return big if config.pin and len(big) >= threads else ()


@dataclass
class InterleavedFile:
    """A file that takes turns with others on one phone.

    Attributes:
        role: Of the artefact in its run; carried by the samples.
        spec: What the program is asked; threads, cores and inferences differ from turn to turn.
        measurements: One a number of threads whose loop came to its end.
        first: What the program said with the first number of threads, operators and outputs among it.
        error: Why it takes no further turns.
    """

    role: str
    spec: runner.Spec
    measurements: list[Measurement] = field(default_factory=list)
    first: ProgramOutput | None = None
    error: RunnerError | None = None


@dataclass
class _Series:
    """What one number of threads has given of a file so far."""

    contender: InterleavedFile
    spec: runner.Spec
    heat: HeatLog = field(default_factory=HeatLog)
    taken: ProgramOutput = field(default_factory=ProgramOutput)

    def turn(self, count: int) -> runner.Spec:
        """What the program is asked next; answers and operators, only the first time."""
        spec = timed_only(self.spec) if self.taken.samples else self.spec
        return replace(spec, iterations=count, max_seconds=spec.max_seconds - sum(self.taken.samples) / 1e9)


def timed_only(spec: runner.Spec) -> runner.Spec:
    """The same without answers and operators, which are asked for once."""
    return replace(spec, input="", output="", profile=False)


def measure(
    shell: Shell,
    contenders: Sequence[InterleavedFile],
    config: PhoneConfig,
    job: Job,
    *,
    loop: str = "",
    skip: threading.Event | None = None,
) -> None:
    """Measure files in turns at every thread count of ``config``; what comes of it stands in ``contenders``.

    In each of ``ROUNDS`` rounds every file is loaded in a process of its own, warmed up, and makes its share of the
    inferences. So a phone that becomes warm does so for all of them. A file alone has one round.

    Args:
        loop: Id of the session; files measured in the same one may be compared.

    Raises:
        OverheatedError: The phone became so hot that of some file nothing could be measured.
        DeviceError: The phone is lost.
        Cancelled: The person asked for the end; the program on the phone ends too.
    """
    for index, threads in enumerate(config.threads):
        job.enter("cool")
        before = cool_down(shell, config, job, skip or threading.Event())
        job.enter("measure")
        cores, there = cores_for(before, threads, config), [one for one in contenders if one.error is None]
        specs = [timed_only(one.spec) if index else one.spec for one in there]
        loops = [_Series(*pair) for pair in zip(there, specs, strict=True)]
        for each in loops:
            each.spec = replace(each.spec, threads=threads, cores=cores)
        severe = _take_turns(shell, loops, config, job, before)
        after = shell.info()
        for each in loops:
            if each.contender.error is None and each.taken.samples:
                each.contender.first = each.contender.first or each.taken
                each.contender.measurements.append(_measurement(shell, each, before=before, after=after, loop=loop))
        if severe is not None:
            if not all(one.measurements or one.error for one in contenders):
                raise OverheatedError(severe)
            job.log(OverheatedError(severe).message, level="warning")
            break
    job.leave()


def _take_turns(
    shell: Shell, loops: Sequence[_Series], config: PhoneConfig, job: Job, before: DeviceInfo
) -> int | None:
    """All rounds of one number of threads; the thermal status that ended them early, if one did."""
    block = -(-config.iterations // (ROUNDS if len(loops) > 1 else 1))
    for order in interleaving.rounds(loops, iterations=config.iterations, block=max(block, interleaving.BLOCK)):
        for each, count in order:
            one = each.contender
            if one.error is not None or each.turn(count).max_seconds <= 0:
                continue
            done = sum(len(other.taken.samples) for other in loops)
            try:
                _run(shell, each, count, job, before=before, done=done, total=len(loops) * config.iterations)
            except RunnerError as error:
                one.error = error
            if each.heat.severe is not None:
                return each.heat.severe
    return None


def _run(shell: Shell, each: _Series, count: int, job: Job, *, before: DeviceInfo, done: int, total: int) -> None:
    spec, log, taken, role = each.turn(count), each.heat, each.taken, each.contender.role
    steps = itertools.count(len(log.readings))

    def heard(item: Reading) -> None:
        step = next(steps)
        for name, value in heat.live(item, before).items():
            job.metric(name, step, value)
        if log.severe is not None:
            raise OverheatedError(log.severe)

    known = len(taken.samples)
    taken.final = None
    with contextlib.closing(runner.run(shell, spec, log, heard=heard)) as records:
        try:
            for record in records:
                _take(taken, record)
                if isinstance(record, runner.IterationRecord):
                    job.sample(role, known + record.index, record.ns, shell.name)
                    job.progress(done + len(taken.samples) - known, total, unit="iterations")
                if isinstance(record, runner.OperatorsRecord) and len(record.operators) > runner.MAX_OPERATORS:
                    many, kept = len(record.operators), runner.MAX_OPERATORS
                    job.log(f"Kept the slowest {kept:,} of {many:,} operators.", level="warning")
        except OverheatedError:
            return
    if taken.final and taken.final.status == "failed":
        raise runner.failure(taken.final, spec)
    if not taken.samples:
        raise RunnerError(
            "The benchmark program measured nothing within its time limit.",
            action="Allow more time, or choose a smaller model.",
            details=taken.final.message if taken.final else "",
        )


def _take(taken: ProgramOutput, record: runner.AnyRecord) -> None:
    match record:
        case runner.ContextRecord():
            taken.context = record
        case runner.LoadRecord():
            taken.load_ns = min(record.ns, taken.load_ns or record.ns)
        case runner.MemoryRecord():
            if record.phase == "start":
                taken.base_rss_bytes = record.rss_bytes or None
            taken.peak_rss_bytes = max(record.peak_rss_bytes or 0, taken.peak_rss_bytes or 0) or None
        case runner.WarmupRecord():
            taken.warmup = record.iterations
        case runner.IterationRecord():
            taken.samples.append(record.ns)
        case runner.OutputsRecord():
            taken.outputs = record.count
        case runner.OperatorsRecord():
            taken.operators = operators(record)
        case runner.FinalRecord():
            taken.final = record
        case _:
            pass


def operators(record: runner.OperatorsRecord) -> tuple[OperatorTime, ...]:
    """Time of each operator in one inference and of what passes between them, the longest first.

    What watching takes is the same at every call, and is taken off by calls. Of very many operators, those that take
    the least are left out.
    """
    longest = sorted(record.operators, key=lambda row: -row.self_ns)[: runner.MAX_OPERATORS]
    watching = max(0, record.wall_ns - record.plain_ns) if record.plain_ns else 0
    cost = watching / max(1, sum(row.calls for row in record.operators))
    rows = [
        OperatorTime(
            name=row.name,
            calls=round(row.calls / record.iterations),
            ns=max(0, round((row.self_ns - cost * row.calls) / record.iterations)),
        )
        for row in longest
    ]
    between = round((record.wall_ns - sum(row.self_ns for row in record.operators)) / record.iterations)
    if between > 0:
        rows.append(OperatorTime(name=INTERPRETER, calls=1, ns=between))
    return tuple(sorted(rows, key=lambda row: -row.ns))


def _measurement(shell: Shell, each: _Series, *, before: DeviceInfo, after: DeviceInfo, loop: str) -> Measurement:
    taken, log, spec = each.taken, each.heat, each.spec
    facts = heat.summary(taken.samples, before=before, after=after, log=log)
    facts["cores"] = list(spec.cores) or None
    if log.severe is not None:
        facts["stopped"] = log.severe
    return Measurement(
        target=f"{before.name} ({shell.name})",
        engine=(taken.context.engine if taken.context else "") or spec.engine,
        loop=loop,
        threads=spec.threads,
        batch=spec.input_shape[0],
        warmup=taken.warmup,
        samples_ns=tuple(taken.samples),
        base_rss_bytes=taken.base_rss_bytes,
        peak_rss_bytes=taken.peak_rss_bytes,
        load_ns=taken.load_ns,
        throttled=heat.throttled(taken.samples, before, log),
        heat={name: value for name, value in facts.items() if value is not None},
    )
