"""A fake phone to measure on, with a program that speaks as pqv_bench does, and what was said meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from deploy.job import Job
from deploy.kit.kit import Kit, KitChoice
from deploy.measure.device_bench import DeviceBench
from deploy.measure.steps import PhoneConfig
from deploy.targets.android.connection import Opener
from deploy.targets.android.shell import AdbShell
from deploy.targets.android.target import AndroidTarget
from pqv_core.formats.ptl.android_runtime import LiteRuntime
from pqv_core.process.events import Event
from tests.fakes.adbd import Adbd

TINY = Path(__file__).parents[1] / "data" / "tiny.ptl"
QUICK = PhoneConfig(iterations=12, warmup=1, max_seconds=20, watch_s=0.05, threads=(1,))

PROGRAM = (Path(__file__).parent / "pqv_bench.sh").read_text()


def program(tmp_path: Path, body: str = "") -> Path:
    path = tmp_path / "pqv_bench"
    path.write_text(PROGRAM.replace("BODY", body))
    return path


def runtime(**changes: object) -> LiteRuntime:
    operators = {"aten::flatten.using_ints": 3, "aten::linear": 3, "aten::gelu": 1}
    facts: dict[str, object] = {
        "version": "1.12.2",
        "program": "lite",
        "archives": [],
        "abis": ["x86_64"],
        "bytecode_min": 4,
        "bytecode_max": 9,
        "operators": operators,
    }
    return LiteRuntime.model_validate({**facts, **changes})


class Bench:
    """A phone to measure on, and what was said meanwhile."""

    def __init__(self, opener: Callable[[Adbd], Opener], daemon: Adbd, kit: Kit) -> None:
        self.events: list[Event] = []
        self.now = 0.0
        self.job = Job(send=self.events.append, clock=lambda: self.now, wait=self._wait)
        connect = opener(daemon)
        self.phone = DeviceBench(
            "FAKE0001",
            AndroidTarget(),
            lambda check: AdbShell("FAKE0001", connect, check),
            self.job,
            QUICK,
            KitChoice(kit=kit),
        )
        self.waits: list[float] = []
        self.while_waiting: Callable[[], None] = lambda: None

    @property
    def kit(self) -> Kit:
        """What is pushed beside the file."""
        assert self.phone.choice.kit
        return self.phone.choice.kit

    @kit.setter
    def kit(self, kit: Kit) -> None:
        self.phone.choice = KitChoice(kit=kit)

    def _wait(self, seconds: float) -> None:
        self.now += seconds
        self.waits.append(seconds)
        self.while_waiting()

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]
