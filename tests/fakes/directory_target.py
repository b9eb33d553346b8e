"""A kind of devices in one file, as another package would bring it: a folder that programs are copied to and run in.

``BOARD_FOLDER`` names the folder, and ``BOARD_PROGRAM`` the benchmark program for it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from deploy.device.info import DeviceInfo, Reading
from deploy.device.shell import Check, Program, ProgramRun, Pushed, PushItem, Shell
from deploy.device.target import Found, Target
from deploy.errors import CommandError, ConnectionLostError
from deploy.job import Job
from deploy.kit.kit import FormatFile, Kit, KitChoice
from deploy.targets import TargetKind
from pqv_core.formats.base import Problem

INFO = TargetKind(
    key="directory",
    label="Directory",
    sentence="A folder of this computer.",
    implementation="tests.fakes.directory_target:DirectoryTarget",
)
WARM = Reading(status=1, celsius=41.0)


class DirectoryRun(ProgramRun):
    """A program at work in the folder; its heat is read once, before its first line."""

    fixed_performance = False

    def __init__(self, program: Program, check: Check, heard: Callable[[Sequence[Reading]], None]) -> None:
        self._check, self._heard = check, heard
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close()
        self._process = subprocess.Popen(
            program.words,
            cwd=program.folder,
            env={**os.environ, "LD_LIBRARY_PATH": program.libraries},
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )

    @property
    def code(self) -> int | None:
        return self._process.poll()

    @property
    def error_text(self) -> str:
        self._errors.seek(0)
        return self._errors.read().decode("utf-8", "replace")

    def lines(self) -> Iterator[str]:
        self._heard([WARM])
        assert self._process.stdout
        for line in self._process.stdout:
            self._check()
            yield line.rstrip("\n")
        self._process.wait()

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout
        self._process.stdout.close()
        self._errors.close()


class DirectoryShell(Shell):
    """Works in a folder as on a device."""

    def __init__(self, name: str, root: Path, check: Check) -> None:
        if not root.is_dir():
            raise ConnectionLostError(details=f"{root} is gone")
        self.name, self._root, self._check = name, root, check

    def info(self) -> DeviceInfo:
        return DeviceInfo(
            manufacturer="Acme",
            model="Board",
            system="Test OS 1",
            cores=os.cpu_count(),
            free_bytes=shutil.disk_usage(self._root).free,
        )

    def make_folder(self) -> str:
        folder = self._root / "work"
        folder.mkdir(exist_ok=True)
        return str(folder)

    def clear_folder(self, folder: str) -> None:
        shutil.rmtree(folder)

    def push(self, items: Sequence[PushItem], job: Job, *, free: int | None = None) -> Pushed:
        total = sum(item.source.stat().st_size for item in items)
        done = 0
        for item in items:
            self._check()
            Path(item.target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(item.source, item.target)
            Path(item.target).chmod(0o755 if item.executable else 0o644)
            done += item.source.stat().st_size
            job.progress(done, total, unit="bytes")
        return Pushed(total, ())

    def pull(self, source: str, target: Path, *, limit: int) -> None:
        if not Path(source).is_file() or Path(source).stat().st_size > limit:
            raise CommandError(f"reading {source}")
        shutil.copy(source, target)

    def start(self, program: Program, *, silence_s: float, heard: Callable[[Sequence[Reading]], None]) -> DirectoryRun:
        return DirectoryRun(program, self._check, heard)

    def reopen(self, *, check: Check | None = None) -> None:
        self._check = check or self._check

    def close(self) -> None:
        """Nothing is held."""


class DirectoryTarget(Target):
    """The folder of the environment, and any folder that a person names as ``dir:PATH``."""

    def find(self, check: Check) -> list[Found]:
        return [Found(key="board", serial=os.environ["BOARD_FOLDER"], target=INFO.key, model="Board")]

    def watch(self, check: Check, pause: Callable[[float], object]) -> Iterator[list[Found]]:
        known: list[Found] = []
        while True:
            check()
            if (found := self.find(check)) != known:
                known = found
                yield found
            pause(0.01)

    def named(self, text: str) -> Found | None:
        kind, _, path = text.partition(":")
        return Found(key=text, serial=path, target=INFO.key) if kind == "dir" else None

    def connect(self, found: Found, check: Check, *, asked: Callable[[], None] | None = None) -> DirectoryShell:
        return DirectoryShell(found.key, Path(found.serial), check)

    def problems(
        self, info: DeviceInfo, choice: KitChoice, *, file: FormatFile | None, needed_bytes: int
    ) -> list[Problem]:
        full = info.free_bytes is not None and info.free_bytes < needed_bytes
        return [("The board is full.", "Empty it.")] if full else []

    def refusal(self, path: Path, choice: KitChoice, *, cancelled: Callable[[], bool]) -> str:
        return ""

    def kit(self, info: DeviceInfo, choice: KitChoice, *, file: FormatFile, job: Job) -> Kit:
        return Kit(None, "any", Path(os.environ["BOARD_PROGRAM"]), ())
