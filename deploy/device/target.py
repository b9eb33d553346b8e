"""What a kind of devices has to offer: finding them, connecting to one, and what a file needs there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from deploy.device.info import DeviceInfo
from deploy.device.shell import Check, Shell
from deploy.errors import OfflineError
from deploy.job import Job
from deploy.kit.kit import FormatFile, Kit, KitChoice
from pqv_core.errors import DeviceError
from pqv_core.formats.base import Problem

State = Literal["ready", "unauthorized", "offline", "no_permission", "busy", "wrong_mode"]
Connect = Callable[[Check], Shell]
"""Makes connections to one device, whose waits end by the given check."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """A device that can be seen.

    Attributes:
        key: Names this one among all that are connected, even where two have the same serial.
        target: Key of its kind.
    """

    key: str
    serial: str
    target: str
    state: State = "ready"
    model: str = ""

    @property
    def connection(self) -> str:
        """What a person calls the way to it: ``USB``."""
        return ""

    @property
    def through(self) -> str:
        """What carries the connection, for other programs: ``server``."""
        return ""

    @property
    def session(self) -> str:
        """Is another one after it was gone: what was learned of it before may not hold."""
        return ""

    @property
    def exclusive(self) -> bool:
        """Whether asking it takes it from other programs for a moment."""
        return False

    def problem(self) -> DeviceError | None:
        """Why it cannot be used yet, with what to do; None when it is ready."""
        return None if self.state == "ready" else OfflineError()

    @property
    def sentence(self) -> str:
        """Its state for a person."""
        problem = self.problem()
        return str(problem) if problem else "Ready."


class Target(Protocol):
    """A kind of devices. Its state, if any, is shared by threads."""

    def find(self, check: Check) -> list[Found]:
        """All devices of this kind that can be seen now, also those that are not ready."""

    def watch(self, check: Check, pause: Callable[[float], object]) -> Iterator[list[Found]]:
        """The same now, and again after every change, until ``check`` or ``pause`` raises.

        Args:
            check: Asked several times a second.
            pause: Lets the given number of seconds pass.
        """

    def named(self, text: str) -> Found | None:
        """The device at an address that a person wrote; None where the text is no such address."""

    def connect(self, found: Found, check: Check, *, asked: Callable[[], None] | None = None) -> Shell:
        """Connect to a device of this kind.

        Args:
            check: Ends the waits of the connection.
            asked: Called when the device shows its question, so that the person can be told to look at it.

        Raises:
            DeviceError: It does not answer, or refuses.
        """

    def problems(
        self, info: DeviceInfo, choice: KitChoice, *, file: FormatFile | None, needed_bytes: int
    ) -> list[Problem]:
        """Every reason why nothing, or this file, can be measured on a device, each with its remedy.

        Args:
            file: None where only the device is in question.
            needed_bytes: Of everything that would be pushed.
        """

    def refusal(self, path: Path, choice: KitChoice, *, cancelled: Callable[[], bool]) -> str:
        """Why no device of this kind can run the file, as far as is known without one; empty where one may.

        Raises:
            StorageError: It cannot be read.
            Cancelled: ``cancelled`` said so.
        """

    def kit(self, info: DeviceInfo, choice: KitChoice, *, file: FormatFile, job: Job) -> Kit:
        """Program and libraries for a file on a device that has no ``problems``; fetched where they are not here yet.

        Raises:
            DeviceError: They cannot be had.
            Cancelled: The person asked for the end.
        """
