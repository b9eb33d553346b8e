"""What can be done on a connected device, whatever carries the connection."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from deploy.device.info import DeviceInfo, Reading
from deploy.job import Job

Check = Callable[[], None]
MARGIN = 16 << 20
"""Bytes that stay free on the device for itself."""


def never() -> None:
    """The check of work that nobody cancels."""


@dataclass(frozen=True)
class PushItem:
    """A file and where it goes; ``target`` is an absolute path on the device."""

    source: Path
    target: str
    executable: bool = False


@dataclass(frozen=True)
class Pushed:
    """What was done: bytes sent, and the files that were there already."""

    sent_bytes: int
    skipped: tuple[str, ...]


@dataclass(frozen=True)
class Program:
    """A program to run on a device. All paths are absolute and on the device.

    Attributes:
        words: Its command line.
        folder: Where it runs.
        libraries: Folder of its shared libraries; empty where it needs none of its own.
        cores: Cores that it may run on; empty for all.
        fixed_performance: Ask the device for a clock that it can hold, for as long as the program runs.
        watch_s: How often the device's heat is looked at meanwhile; 0 for never.
    """

    words: tuple[str, ...]
    folder: str
    libraries: str = ""
    cores: tuple[int, ...] = ()
    fixed_performance: bool = False
    watch_s: float = 0.0


class ProgramRun(Protocol):
    """A program at work on a device."""

    @property
    def code(self) -> int | None:
        """Its exit code, once its lines have ended."""

    @property
    def error_text(self) -> str:
        """The last that came on its standard error."""

    @property
    def fixed_performance(self) -> bool:
        """Whether the device has granted a clock that it can hold."""

    def lines(self) -> Iterator[str]:
        """Lines of its standard output as they come, each of bounded length.

        Raises:
            ConnectionLostError: The device is gone, or nothing came for too long.
        """

    def close(self) -> None:
        """Leave it; a program that still runs is ended, and what it changed on the device is put back."""


class Shell(Protocol):
    """A connection to one device, for one piece of work in one thread.

    Every wait can be ended by a ``Check``, which is asked about ten times a second, and raises to end it. All methods
    raise ``DeviceError`` where the device refuses or is lost.

    Attributes:
        name: The name under which its results are kept, usually the serial.
    """

    name: str

    def info(self) -> DeviceInfo:
        """The device's facts, as they are now."""

    def make_folder(self) -> str:
        """Make the folder of this user of this computer, always the same one; its path on the device.

        Raises:
            DeviceError: A measurement of ours is running there, or the folder cannot be made.
        """

    def clear_folder(self, folder: str) -> None:
        """End what still runs from our folder, and remove it with what is in it."""

    def push(self, items: Sequence[PushItem], job: Job, *, free: int | None = None) -> Pushed:
        """Bring files there, those that are not there yet, and make their folders.

        A file never stands under its name before it is whole.

        Args:
            free: Bytes that are free on the device, where that is known.

        Raises:
            StorageError: A file here cannot be read, or changes meanwhile.
            DeviceFullError: Too little space.
            Cancelled: The person asked for the end.
        """

    def pull(self, source: str, target: Path, *, limit: int) -> None:
        """Bring a file of at most ``limit`` bytes from there, whole or not at all.

        Raises:
            StorageError: ``target`` cannot be written.
        """

    def start(self, program: Program, *, silence_s: float, heard: Callable[[Sequence[Reading]], None]) -> ProgramRun:
        """Start a program.

        Args:
            silence_s: How long nothing may come from it.
            heard: Called whenever something came that is not the program's output, with the readings of heat in it;
                what it raises ends ``lines``.
        """

    def reopen(self, *, check: Check | None = None) -> None:
        """Connect anew: after a failure or a cancel, an old connection may stand in the middle of something.

        Args:
            check: For the new connection; None keeps the old one's.
        """

    def close(self) -> None:
        """End the connection. Never raises."""
