"""Files on one phone, from the first question to the last clean-up: check, push, cool, measure in turns, compare."""

from __future__ import annotations

import contextlib
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from deploy.device import cleanup
from deploy.device.device import Device, Opener
from deploy.device.info import DeviceInfo
from deploy.device.push import MARGIN, Item, pull, push
from deploy.errors import IncompatibleError, RunnerError
from deploy.job import Job
from deploy.kit import compat, runtimes
from deploy.kit import programs as runners
from deploy.measure import answers, runner
from deploy.measure import steps as measure
from deploy.measure.inputs import Questions
from deploy.measure.steps import PhoneConfig
from deploy.transports.base import never
from pqv_core import formats
from pqv_core.errors import DeviceError, PqvError, UsageError
from pqv_core.formats import FileFormatError
from pqv_core.formats.base import Runtime
from pqv_core.results import operators
from pqv_core.results.record import Measurement, OperatorTime, Parity

OF_A_FILE = (IncompatibleError, RunnerError, FileFormatError, UsageError)
"""What is wrong with one file; the phone itself is well."""


@dataclass(frozen=True)
class Kit:
    """What has to be on the phone besides the file: the program, and its libraries. ``runtime`` says what it can."""

    runtime: Runtime
    abi: str
    program: Path
    libraries: tuple[Path, ...]


@dataclass(frozen=True)
class Request:
    """What to measure.

    Attributes:
        file: An exported file.
        role: Of the artefact in its run; carried by the samples.
        input_shape: None takes the shape that the file itself names.
        questions: Inputs to answer, compared with this computer's answers; None for none.
    """

    file: Path
    role: str = ""
    input_shape: tuple[int, ...] | None = None
    questions: Questions | None = None


@dataclass(frozen=True)
class Result:
    """What a phone said of one file.

    Attributes:
        measurements: One a number of threads; the first carries operators, agreement and accuracy, where asked for.
    """

    info: DeviceInfo
    measurements: tuple[Measurement, ...]
    torch: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def operators(self) -> tuple[OperatorTime, ...]:
        """Time of each operator in one inference, where asked for."""
        return self.measurements[0].operators

    @property
    def parity(self) -> Parity | None:
        """The phone's answers against this computer's, where both were asked."""
        return self.measurements[0].parity


@dataclass(frozen=True)
class _Numbered:
    """A request with what tells its files on the phone from those of others."""

    request: Request
    mark: str


def _numbered(requests: Sequence[Request]) -> list[_Numbered]:
    return [_Numbered(request, str(index) if index else "") for index, request in enumerate(requests)]


@dataclass(frozen=True)
class _Ready:
    """A file that lies on the phone."""

    request: Request
    info: DeviceInfo
    contender: measure.Contender


@dataclass
class Phone:
    """Measures files on one phone.

    Attributes:
        name: Under which its results are kept, usually its serial.
        connect: Makes connections to it.
        kit: None takes the installation's runner and fetches the runtime's libraries.
        version: Of the runtime; empty for the usual one of each format.
        aar: A file to take the libraries from instead of fetching them.
        skip_cooling: Set when the person does not want to wait for a cool phone any longer.
    """

    name: str
    connect: Opener
    job: Job
    config: PhoneConfig = field(default_factory=PhoneConfig)
    kit: Kit | None = None
    version: str = ""
    aar: Path | None = None
    skip_cooling: threading.Event = field(default_factory=threading.Event)

    def bench(self, request: Request, *, loop: str = "") -> Result:
        """Measure a file alone.

        Args:
            loop: Id of the session that it belongs to.

        Raises:
            PqvError: It cannot be done, or the phone was lost.
            Cancelled: The person asked for the end.
        """
        results: dict[Path, Result] = {}
        failures: dict[Path, PqvError] = {}
        self.bench_all([request], loop=loop, results=results, failures=failures)
        if request.file in failures:
            raise failures[request.file]
        return results[request.file]

    def bench_all(
        self, requests: Sequence[Request], *, loop: str, results: dict[Path, Result], failures: dict[Path, PqvError]
    ) -> None:
        """Push files, then measure them in turns; nothing of ours stays on the phone unless ``config.keep``.

        Args:
            loop: Id of the session that they belong to.
            results: Takes what was measured, by file, also where the phone is lost later.
            failures: Takes why a file cannot be run there.

        Raises:
            PqvError: The phone was lost, or became too hot.
            Cancelled: The person asked for the end.
        """
        with Device(self.name, self.connect, self.job.check) as device, self._folder(device) as folder:
            pushed = [self._ready(device, folder, each, failures) for each in _numbered(requests)]
            ready = [one for one in pushed if one is not None]
            try:
                files = [one.contender for one in ready]
                if files:
                    measure.measure(device, files, self.config, self.job, loop=loop, skip=self.skip_cooling)
            finally:
                for one in ready:
                    if one.contender.error is not None:
                        failures[one.request.file] = one.contender.error
                    elif one.contender.measurements:
                        results[one.request.file] = _result(one)
            for one in ready:
                if one.request.file in results:
                    results[one.request.file] = self._compared(device, one, results[one.request.file])
            self.job.leave()

    def _ready(self, device: Device, folder: str, each: _Numbered, failures: dict[Path, PqvError]) -> _Ready | None:
        """A file that is on the phone and can be run; None where it cannot, and ``failures`` says why."""
        request = each.request
        try:
            self.job.enter("check")
            found, facts = formats.read(request.file, cancelled=self.job.cancelled.is_set)
            found.check_input(facts, request.file.name)
            shape = request.input_shape or facts.input_shape
            if shape is None:
                raise UsageError(
                    f"{request.file.name} does not state its input shape.",
                    action="Give it with: --input-shape 1,3,224,224.",
                )
            info = device.info()
            kit = self._kit(info, (found, facts), request)
            self.job.enter("push")
            spec = self._push(device, kit, each, shape, folder=folder, free=info.free_bytes)
        except OF_A_FILE as error:
            failures[request.file] = error
            return None
        return _Ready(request, info, measure.Contender(request.role, spec))

    def _compared(self, device: Device, one: _Ready, result: Result) -> Result:
        """The result with the phone's answers beside this computer's, where it was asked."""
        questions, first = one.request.questions, one.contender.first
        if questions is None or first is None or not first.outputs:
            return result
        parity, accuracy = questions.judge(self._answers(device, one.contender.spec, questions))
        asked = result.measurements[0].model_copy(update={"parity": parity, "accuracy": accuracy})
        return replace(result, measurements=(asked, *result.measurements[1:]))

    def _kit(self, info: DeviceInfo, file: compat.File, request: Request) -> Kit:
        """The kit, once all that can be known before a push is known to be well."""
        runtime = self.kit.runtime if self.kit else formats.chosen_runtime(file[0], self.version)
        abis = (self.kit.abi,) if self.kit else runners.abis()
        asked = request.questions.inputs.stat().st_size if request.questions else 0
        needed = file[1].size_bytes + asked + MARGIN
        compat.check(file, runtime, info, abis=abis, needed_bytes=needed)
        if self.kit:
            return self.kit
        abi = compat.choose_abi(info, runtime, abis)
        assert abi is not None
        program = runners.verified(abi)
        archive = runtimes.aar(runtime, self.job, given=self.aar)
        return Kit(runtime, abi, program, tuple(runtimes.libraries(runtime, abi, archive)))

    @contextlib.contextmanager
    def _folder(self, device: Device) -> Iterator[str]:
        """Our folder; removed at the end, by a new connection after a failure."""
        folder = cleanup.folder()
        cleanup.make(device, folder)
        try:
            yield folder
        except BaseException:
            with contextlib.suppress(DeviceError):  # the reason for the end says more
                device.reopen(check=never)
                cleanup.clear(device, folder)
            raise
        if not self.config.keep:
            cleanup.clear(device, folder)

    def _push(
        self, device: Device, kit: Kit, each: _Numbered, shape: tuple[int, ...], *, folder: str, free: int | None
    ) -> runner.Spec:
        request, mark = each.request, each.mark
        kit_folder = f"{folder}/{runtimes.fingerprint([kit.program, *kit.libraries])}"
        device.run(f"mkdir -p {kit_folder}", "making a folder")
        program, model = f"{kit_folder}/{runner.PROGRAM}", f"{folder}/model{mark}_{_plain(request.file.name)}"
        items = [Item(path, f"{kit_folder}/{_plain(path.name)}") for path in kit.libraries]
        items += [Item(kit.program, program, executable=True), Item(request.file, model)]
        sent, received = f"{folder}/inputs{mark}.f32", f"{folder}/logits{mark}.f32"
        if request.questions:
            items.append(Item(request.questions.inputs, sent))
        push(device, items, self.job, free=free)
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
            input=sent if request.questions else "",
            output=received if request.questions else "",
            fixed_performance=config.fixed_performance,
            watch_s=config.watch_s,
        )

    def _answers(self, device: Device, spec: runner.Spec, questions: Questions) -> answers.Logits:
        self.job.enter("compare")
        with tempfile.TemporaryDirectory(prefix="pqv-answers-") as scratch:
            target = Path(scratch) / "logits.f32"
            pull(device, spec.output, target, limit=answers.MAX_BYTES)
            return answers.read_logits(target, questions.count)


def _result(one: _Ready) -> Result:
    """What was measured of a file, before its answers are looked at."""
    found, first = one.contender.measurements, one.contender.first
    times = operators.shared_out(first.operators, found[0].median_ns) if first else ()
    return Result(
        info=one.info,
        measurements=(found[0].model_copy(update={"operators": times}), *found[1:]),
        torch=first.context.torch if first and first.context else "",
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
