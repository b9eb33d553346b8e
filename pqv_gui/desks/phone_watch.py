"""Watches which phones come and go, and asks each what it is and how warm it is."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from deploy.device.info import DeviceInfo
from deploy.device.target import Found
from deploy.kit.kit import Kit
from pqv_core.errors import ErrorInfo
from pqv_gui.desks import phone_work
from pqv_gui.pages.device.phone_list import PhoneList
from pqv_gui.services.jobs import Handle, Progressing, Tasks
from pqv_gui.services.settings import Settings

ASK_AGAIN_MS = 30_000


@dataclass(frozen=True)
class Around:
    """What the project says: its validation images, and whether runs of it may be written."""

    val: Path | None = None
    writable: bool = True


class PhoneWatch(QObject):
    """Keeps the list of phones true.

    Args:
        around: What the project says.
        busy: Whether something is measured on the phone with this key, so that it must not be asked.

    Attributes:
        kit: What will be pushed to phones; None for the installation's own.
    """

    failed = Signal(object)  # ErrorInfo

    def __init__(
        self,
        settings: Settings,
        tasks: Tasks,
        parent: QObject,
        *,
        around: Callable[[], Around],
        busy: Callable[[str], bool],
    ) -> None:
        super().__init__(parent)
        self.phones = PhoneList(settings.store("phones/addresses"))
        self.kit: Kit | None = None
        self._tasks, self._around, self._busy = tasks, around, busy
        self._watch: Handle | None = None
        self._asks: dict[str, Handle] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._again = QTimer(self)
        self._again.setInterval(ASK_AGAIN_MS)
        self._again.timeout.connect(self._ask_again)

    def stop(self) -> None:
        """Ask no more; what goes on ends with the tasks."""
        self._again.stop()

    def look(self) -> None:
        """Watch for phones from now on; does nothing while that goes on."""
        if self._watch is not None:
            return

        def work(task: Progressing) -> None:
            for found in phone_work.watch(task.cancelled, task.pause):
                task.say(found)

        self._watch = self._tasks.start(work, done=lambda _: None, failed=self._on_failed, said=self._on_found)
        self._again.start()
        for row in self.phones.phones:
            self.ask(row.key)

    def look_again(self) -> None:
        """Look for phones anew, and ask all of them."""
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        self.look()

    def ask_or_look(self, key: str) -> None:
        """Try a phone again that was not ready."""
        row = self.phones.get(key)
        if row is not None and row.found is not None and row.found.state == "ready":
            self.ask(key)
        else:
            self.look_again()

    def connect_address(self, text: str) -> None:
        """Add a phone on Wi-Fi and ask it.

        Raises:
            UsageError: It is no address.
        """
        key = self.phones.add_address(text)
        self.phones.tick(key, True)
        self.ask(key)

    def alone_with(self, key: str) -> threading.Lock:
        """What holds off others while somebody talks to a phone; a question that goes on is given up."""
        if key in self._asks:
            self._asks.pop(key).cancel()
        return self._locks.setdefault(key, threading.Lock())

    def ask(self, key: str) -> None:
        """Ask a phone for its facts, unless something is measured on it."""
        row = self.phones.get(key)
        if row is None or row.found is None or row.found.state != "ready" or self._busy(key):
            return
        found, kit, lock = row.found, self.kit, self.alone_with(key)

        def work(task: Progressing) -> tuple[DeviceInfo, ErrorInfo | None]:
            with lock:
                return phone_work.ask(found, kit=kit, cancelled=task.cancelled, asked=lambda: task.say(key))

        def done(told: tuple[DeviceInfo, ErrorInfo | None]) -> None:
            self._asks.pop(key, None)
            self.phones.told(key, *told)

        def failed(error: ErrorInfo) -> None:
            self._asks.pop(key, None)
            self.phones.failed(key, error)

        self.phones.asking(key)
        self._asks[key] = self._tasks.start(work, done=done, failed=failed, said=self.phones.waiting)

    def _on_failed(self, error: ErrorInfo) -> None:
        self._watch = None
        self.failed.emit(error)

    def _on_found(self, found: list[Found]) -> None:
        for key in self.phones.take(found):
            self.ask(key)

    @Slot()
    def _ask_again(self) -> None:
        for row in self.phones.phones:
            if row.key not in self._asks and row.found is not None and not row.found.exclusive:
                self.ask(row.key)
