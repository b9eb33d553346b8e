"""One file on one phone, from the first question to the last clean-up: check, push, cool, measure, compare."""

from __future__ import annotations

import contextlib
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from deploy import answers, cleanup, compat, measure, runner, runners, runtimes
from deploy.device import Device, Opener
from deploy.device_info import DeviceInfo
from deploy.job import Job
from deploy.measure import PhoneConfig
from deploy.push import MARGIN, Item, pull, push
from deploy.questions import Questions
from deploy.transports.base import never
from pqv_core import android_runtime, operators, ptl
from pqv_core.android_runtime import Runtime
from pqv_core.errors import DeviceError, UsageError
from pqv_core.results import Measurement, OperatorTime, Parity


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
        file: A ``.ptl``.
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


@dataclass
class Phone:
    """Measures files on one phone.

    Attributes:
        name: Under which its results are kept, usually its serial.
        connect: Makes connections to it.
        kit: None takes the installation's runner and fetches the runtime's libraries.
        version: Of the Android runtime.
        aar: A file to take the libraries from instead of fetching them.
        skip_cooling: Set when the person does not want to wait for a cool phone any longer.
    """

    name: str
    connect: Opener
    job: Job
    config: PhoneConfig = field(default_factory=PhoneConfig)
    kit: Kit | None = None
    version: str = android_runtime.DEFAULT
    aar: Path | None = None
    skip_cooling: threading.Event = field(default_factory=threading.Event)

    def bench(self, request: Request, *, loop: str = "") -> Result:
        """Measure a file; nothing of ours stays on the phone unless ``config.keep``.

        Args:
            loop: Id of the session that it belongs to.

        Raises:
            PqvError: It cannot be done, or the phone was lost.
            Cancelled: The person asked for the end.
        """
        self.job.enter("check")
        lite = ptl.read(request.file, cancelled=self.job.cancelled.is_set)
        ptl.check_input(lite, request.file.name)
        shape = request.input_shape or lite.input_shape
        if shape is None:
            raise UsageError(
                f"{request.file.name} does not say the shape of its input.",
                action="Give it: --input-shape 1,3,224,224.",
            )
        with Device(self.name, self.connect, self.job.check) as device:
            info = device.info()
            kit = self._kit(device, info, lite, request)
            with self._folder(device) as folder:
                self.job.enter("push")
                spec = self._push(device, kit, request, shape, folder=folder, free=info.free_bytes)
                found, taken = measure.measure(
                    device, spec, self.config, self.job, role=request.role, loop=loop, skip=self.skip_cooling
                )
                times = operators.shared_out(taken.operators, found[0].median_ns)
                found[0] = found[0].model_copy(update={"operators": times})
                if request.questions and taken.outputs:
                    parity, accuracy = request.questions.judge(self._answers(device, spec, request.questions))
                    found[0] = found[0].model_copy(update={"parity": parity, "accuracy": accuracy})
            self.job.leave()
        return Result(
            info=info,
            measurements=tuple(found),
            torch=taken.context.torch if taken.context else "",
            warnings=tuple(_warnings(found)),
        )

    def _kit(self, device: Device, info: DeviceInfo, lite: ptl.LiteFile, request: Request) -> Kit:
        """The kit, once all that can be known before a push is known to be well."""
        runtime = self.kit.runtime if self.kit else android_runtime.load(self.version)
        abis = (self.kit.abi,) if self.kit else runners.abis()
        asked = request.questions.inputs.stat().st_size if request.questions else 0
        needed = lite.size_bytes + asked + MARGIN
        compat.check(lite, runtime, info, abis=abis, needed_bytes=needed)
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
        self, device: Device, kit: Kit, request: Request, shape: tuple[int, ...], *, folder: str, free: int | None
    ) -> runner.Spec:
        kit_folder = f"{folder}/{runtimes.fingerprint([kit.program, *kit.libraries])}"
        device.run(f"mkdir -p {kit_folder}", "making a folder")
        program, model = f"{kit_folder}/{runner.PROGRAM}", f"{folder}/model_{_plain(request.file.name)}"
        items = [Item(path, f"{kit_folder}/{_plain(path.name)}") for path in kit.libraries]
        items += [Item(kit.program, program, executable=True), Item(request.file, model)]
        sent, received = f"{folder}/inputs.f32", f"{folder}/logits.f32"
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
