"""Phones with Android as a kind of devices to measure on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from deploy.device.info import DeviceInfo
from deploy.device.shell import Check
from deploy.device.target import Found, Target
from deploy.job import Job
from deploy.kit import compat, programs, runtimes
from deploy.kit.kit import FormatFile, Kit, KitChoice
from deploy.targets.android import adb_devices
from deploy.targets.android.adb_devices import AdbPhone
from deploy.targets.android.connection import opener
from deploy.targets.android.shell import AdbShell
from pqv_core import formats
from pqv_core.formats import FORMATS
from pqv_core.formats.base import Problem, Runtime


class AndroidTarget(Target):
    """Phones and tablets with Android."""

    def find(self, check: Check) -> list[Found]:
        """The phones that ADB sees now."""
        return [*adb_devices.find(check)]

    def watch(self, check: Check, pause: Callable[[float], object]) -> Iterator[list[Found]]:
        """The same now, and again after every change."""
        for found in adb_devices.watch(check, pause):
            yield [*found]

    def named(self, text: str) -> Found | None:
        """The phone at HOST:PORT."""
        return adb_devices.named(text)

    def connect(self, found: Found, check: Check, *, asked: Callable[[], None] | None = None) -> AdbShell:
        """Connect to a phone."""
        assert isinstance(found, AdbPhone)
        return AdbShell(found.key, opener(found, asked), check)

    def problems(
        self, info: DeviceInfo, choice: KitChoice, *, file: FormatFile | None, needed_bytes: int
    ) -> list[Problem]:
        """Every reason why nothing, or this file, can be measured on a phone."""
        runtime = _runtime(choice, file)
        return compat.problems(file, runtime, info, abis=_abis(choice, runtime), needed_bytes=needed_bytes)

    def refusal(self, path: Path, choice: KitChoice, *, cancelled: Callable[[], bool]) -> str:
        """Why no phone can run the file, as far as is known without one."""
        given = choice.kit.runtime if choice.kit else None
        return compat.refusal(path, version=choice.version, runtime=given, cancelled=cancelled)

    def kit(self, info: DeviceInfo, choice: KitChoice, *, file: FormatFile, job: Job) -> Kit:
        """The installation's program for the file's format, and its runtime's libraries."""
        if choice.kit:
            return choice.kit
        runtime = _runtime(choice, file)
        abi = compat.choose_abi(info, runtime, _abis(choice, runtime))
        assert abi is not None, "a phone without a fitting processor has problems"
        program = programs.verified(runtime.program, abi)
        archives = runtimes.archives(runtime, job, given=choice.archives)
        return Kit(runtime, abi, program, tuple(runtimes.libraries(runtime, abi, archives)))


def _runtime(choice: KitChoice, file: FormatFile | None) -> Runtime:
    if choice.kit and choice.kit.runtime:
        return choice.kit.runtime
    return formats.chosen_runtime(file[0] if file else FORMATS[formats.default()], choice.version)


def _abis(choice: KitChoice, runtime: Runtime) -> tuple[str, ...]:
    return (choice.kit.abi,) if choice.kit else programs.abis(runtime.program)
