"""All that can be done on a connected phone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from deploy.device.info import Reading
from deploy.device.shell import Program, Pushed, PushItem, Shell
from deploy.job import Job
from deploy.targets.android import cleanup
from deploy.targets.android.connection import AdbConnection
from deploy.targets.android.program import AdbProgram
from deploy.targets.android.push import pull, push


class AdbShell(AdbConnection, Shell):
    """A connection to one phone."""

    def make_folder(self) -> str:
        """Make our folder; its path on the phone."""
        folder = cleanup.folder()
        cleanup.make(self, folder)
        return folder

    def clear_folder(self, folder: str) -> None:
        """End what still runs from our folder, and remove it."""
        cleanup.clear(self, folder)

    def push(self, items: Sequence[PushItem], job: Job, *, free: int | None = None) -> Pushed:
        """Bring files to the phone, those that are not there yet."""
        return push(self, items, job, free=free)

    def pull(self, source: str, target: Path, *, limit: int) -> None:
        """Bring a file from the phone, whole or not at all."""
        pull(self, source, target, limit=limit)

    def start(self, program: Program, *, silence_s: float, heard: Callable[[Sequence[Reading]], None]) -> AdbProgram:
        """Start a program."""
        return AdbProgram(self.link, program, silence_s=silence_s, heard=heard)
