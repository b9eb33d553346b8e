"""Files on one device, from the first question to the last clean-up: check, push, cool, measure in turns, compare."""

from __future__ import annotations

import contextlib
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from deploy.device.info import DeviceInfo
from deploy.device.shell import MARGIN, PushItem, Shell, never
from deploy.device.target import Connect, Target
from deploy.errors import IncompatibleError, RunnerError
from deploy.job import Job
from deploy.kit.kit import FormatFile, Kit, KitChoice
from deploy.measure import agreement, answers, runner
from deploy.measure import steps as measure
from deploy.measure.reference import Reference
from deploy.measure.steps import PhoneConfig
from pqv_core import formats
from pqv_core.errors import DeviceError, PluginError, PqvError, UsageError
from pqv_core.formats import FileFacts, FileFormatError
from pqv_core.results import operators
from pqv_core.results.record import Measurement, OperatorTime, Parity

OF_A_FILE = (IncompatibleError, RunnerError, FileFormatError, UsageError, PluginError)
"""What is wrong with one file; the device itself is well."""
_NO_ENGINE = "none"


@dataclass(frozen=True)
class BenchRequest:
    """What to measure.

    Attributes:
        file: An exported file.
        role: Of the artefact in its run; carried by the samples.
        input_shape: None takes the shape that the file itself names.
        reference: Inputs to answer, compared with this computer's answers; None for none.
    """

    file: Path
    role: str = ""
    input_shape: tuple[int, ...] | None = None
    reference: Reference | None = None


@dataclass(frozen=True)
class BenchResult:
    """What a device said of one file.

    Attributes:
        measurements: One a number of threads; the first carries operators, agreement and accuracy, where asked for.
    """

    info: DeviceInfo
    measurements: tuple[Measurement, ...]
    warnings: tuple[str, ...] = ()

    @property
    def operators(self) -> tuple[OperatorTime, ...]:
        """Time of each operator in one inference, where asked for."""
        return self.measurements[0].operators

    @property
    def parity(self) -> Parity | None:
        """The device's answers against this computer's, where both were asked."""
        return self.measurements[0].parity


@dataclass(frozen=True)
class _Numbered:
    """A request with what tells its files on the device from those of others."""

    request: BenchRequest
    mark: str


def _numbered(requests: Sequence[BenchRequest]) -> list[_Numbered]:
    return [_Numbered(request, str(index) if index else "") for index, request in enumerate(requests)]


@dataclass(frozen=True)
class _Ready:
    """A file that lies on the device."""

    request: BenchRequest
    facts: FileFacts
    info: DeviceInfo
    contender: measure.InterleavedFile


@dataclass
class DeviceBench:
    """Measures files on one device.

    Attributes:
        name: Under which its results are kept, usually its serial.
        target: Its kind.
        connect: Makes connections to it.
        choice: Which program and libraries it gets.
        skip_cooling: Set when the person does not want to wait for a cool phone any longer.
    """

    name: str
    target: Target
    connect: Connect
    job: Job
    config: PhoneConfig = field(default_factory=PhoneConfig)
    choice: KitChoice = field(default_factory=KitChoice)
    skip_cooling: threading.Event = field(default_factory=threading.Event)

    def bench(self, request: BenchRequest, *, loop: str = "") -> BenchResult:
        """Measure a file alone.

        Args:
            loop: Id of the session that it belongs to.

        Raises:
            PqvError: It cannot be done, or the device was lost.
            Cancelled: The person asked for the end.
        """
        results: dict[Path, BenchResult] = {}
        failures: dict[Path, PqvError] = {}
        self.bench_all([request], loop=loop, results=results, failures=failures)
        if request.file in failures:
            raise failures[request.file]
        return results[request.file]

    def bench_all(
        self,
        requests: Sequence[BenchRequest],
        *,
        loop: str,
        results: dict[Path, BenchResult],
        failures: dict[Path, PqvError],
    ) -> None:
        """Push files, then measure them in turns; nothing of ours stays on the device unless ``config.keep``.

        Args:
            loop: Id of the session that they belong to.
            results: Takes what was measured, by file, also where the device is lost later.
            failures: Takes why a file cannot be run there.

        Raises:
            PqvError: The device was lost, or became too hot.
            Cancelled: The person asked for the end.
        """
        with contextlib.closing(self.connect(self.job.check)) as shell, self._folder(shell) as folder:
            pushed = [self._ready(shell, folder, each, failures) for each in _numbered(requests)]
            ready = [one for one in pushed if one is not None]
            try:
                files = [one.contender for one in ready]
                if files:
                    measure.measure(shell, files, self.config, self.job, loop=loop, skip=self.skip_cooling)
            finally:
                for one in ready:
                    if one.contender.error is not None:
                        failures[one.request.file] = one.contender.error
                    elif one.contender.measurements:
                        results[one.request.file] = _result(one)
            for one in ready:
                if one.request.file in results:
                    results[one.request.file] = self._compared(shell, one, results[one.request.file])
            self.job.leave()

    def runtime(self, request: BenchRequest) -> tuple[DeviceInfo, str]:
        """The device's facts, and name and version of what will run a file there; nothing is pushed.

        Raises:
            PqvError: It cannot be run there, or the device was lost.
            Cancelled: The person asked for the end.
        """
        self.job.enter("check")
        with contextlib.closing(self.connect(self.job.check)) as shell:
            file, info = self._read(request.file), shell.info()
            kit = self._kit(info, file, request)
        self.job.leave()
        return info, f"{file[0].label} {kit.runtime.version if kit.runtime else ''}".strip()

    @contextlib.contextmanager
    def keeping(self) -> Iterator[DeviceBench]:
        """The same bench, whose files stay on the device from one push to the next until the block ends.

        Raises:
            DeviceError: They cannot be removed at the end.
        """
        try:
            yield replace(self, config=self.config.changed(keep=True))
        except BaseException:
            with contextlib.suppress(DeviceError, PluginError):  # the reason for the end says more
                self._clear()
            raise
        if not self.config.keep:
            self._clear()

    def _clear(self) -> None:
        with contextlib.closing(self.connect(never)) as shell:
            shell.clear_folder(shell.make_folder())

    def _read(self, path: Path) -> FormatFile:
        found, facts = formats.read(path, cancelled=self.job.cancelled.is_set)
        found.check_input(facts, path.name)
        return found, facts

    def _ready(self, shell: Shell, folder: str, each: _Numbered, failures: dict[Path, PqvError]) -> _Ready | None:
        """A file that is on the device and can be run; None where it cannot, and ``failures`` says why."""
        request = each.request
        try:
            self.job.enter("check")
            found, facts = self._read(request.file)
            shape = request.input_shape or facts.input_shape
            if shape is None:
                raise UsageError(
                    f"{request.file.name} does not state its input shape.",
                    action="Give it with: --input-shape 1,3,224,224.",
                )
            info = shell.info()
            kit = self._kit(info, (found, facts), request)
            self.job.enter("push")
            spec = self._push(shell, kit, each, shape, folder=folder, free=info.free_bytes)
            if set(found.engines.get("android", ())) <= {_NO_ENGINE}:
                spec = replace(spec, engine="")  # the choice is another format's
        except OF_A_FILE as error:
            failures[request.file] = error
            return None
        return _Ready(request, facts, info, measure.InterleavedFile(request.role, spec))

    def _compared(self, shell: Shell, one: _Ready, result: BenchResult) -> BenchResult:
        """The result with the device's answers beside this computer's, where it was asked."""
        reference, first = one.request.reference, one.contender.first
        if reference is None or first is None or not first.outputs:
            return result
        parity, accuracy = reference.judge(self._answers(shell, one.contender.spec, reference))
        asked = result.measurements[0].model_copy(update={"parity": parity, "accuracy": accuracy})
        apart = agreement.remark(one.request.file, one.facts, parity)
        warnings = (*result.warnings, apart) if apart else result.warnings
        return replace(result, measurements=(asked, *result.measurements[1:]), warnings=warnings)

    def _kit(self, info: DeviceInfo, file: FormatFile, request: BenchRequest) -> Kit:
        """The kit, once all that can be known before a push is known to be well."""
        asked = request.reference.inputs.stat().st_size if request.reference else 0
        needed = file[1].size_bytes + asked + MARGIN
        if problems := self.target.problems(info, self.choice, file=file, needed_bytes=needed):
            raise IncompatibleError(problems)
        return self.target.kit(info, self.choice, file=file, job=self.job)

    @contextlib.contextmanager
    def _folder(self, shell: Shell) -> Iterator[str]:
        """Our folder; removed at the end, by a new connection after a failure."""
        folder = shell.make_folder()
        try:
            yield folder
        except BaseException:
            with contextlib.suppress(DeviceError, PluginError):  # the reason for the end says more
                shell.reopen(check=never)
                shell.clear_folder(folder)
            raise
        if not self.config.keep:
            shell.clear_folder(folder)

    def _push(
        self, shell: Shell, kit: Kit, each: _Numbered, shape: tuple[int, ...], *, folder: str, free: int | None
    ) -> runner.Spec:
        request, mark = each.request, each.mark
        kit_folder = f"{folder}/{kit.fingerprint()}"
        program, model = f"{kit_folder}/{runner.PROGRAM}", f"{folder}/model{mark}_{_plain(request.file.name)}"
        items = [PushItem(path, f"{kit_folder}/{_plain(path.name)}") for path in kit.libraries]
        items += [PushItem(kit.program, program, executable=True), PushItem(request.file, model)]
        sent, received = f"{folder}/inputs{mark}.f32", f"{folder}/logits{mark}.f32"
        if request.reference:
            items.append(PushItem(request.reference.inputs, sent))
        shell.push(items, self.job, free=free)
        config = self.config
        return runner.Spec(
            folder=folder,
            program=program,
            libraries=kit_folder,
            model=model,
            name=request.file.name,
            input_shape=shape,
            warmup=config.warmup,
            iterations=config.iterations,
            max_seconds=config.max_seconds,
            threads=config.threads[0],
            engine=config.engine,
            profile=config.profile,
            input=sent if request.reference else "",
            output=received if request.reference else "",
            fixed_performance=config.fixed_performance,
            watch_s=config.watch_s,
        )

    def _answers(self, shell: Shell, spec: runner.Spec, reference: Reference) -> answers.Logits:
        self.job.enter("compare")
        with tempfile.TemporaryDirectory(prefix="pqv-answers-") as scratch:
            target = Path(scratch) / "logits.f32"
            shell.pull(spec.output, target, limit=answers.MAX_BYTES)
            return answers.read_logits(target, reference.count)


def _result(one: _Ready) -> BenchResult:
    """What was measured of a file, before its answers are looked at."""
    found, first = one.contender.measurements, one.contender.first
    times = operators.shared_out(first.operators, found[0].median_ns) if first else ()
    return BenchResult(
        info=one.info,
        measurements=(found[0].model_copy(update={"operators": times}), *found[1:]),
        warnings=tuple(_warnings(found)),
    )


def _plain(name: str) -> str:
    """A file name that every shell and file system takes."""
    return "".join(letter if letter.isascii() and (letter.isalnum() or letter in "._-+") else "_" for letter in name)


def _warnings(found: list[Measurement]) -> Iterator[str]:
    for item in found:
        if item.throttled:
            threads = "1 thread" if item.threads == 1 else f"{item.threads} threads"
            yield f"The phone throttled while measuring with {threads}."
        if item.heat and "stopped" in item.heat:
            yield "The measurement was stopped because the phone was too hot."
