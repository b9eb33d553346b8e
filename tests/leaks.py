"""Finds what a test leaves behind: threads, child processes, windows, running QThreads and QTimers."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from typing import Any, Self

import psutil

GRACE_S = 5.0
# Python's own helper of the spawn method; one a process, ends with it.
_HELPERS = ("multiprocessing.resource_tracker", "multiprocessing.forkserver")
_FORK_SERVER = "pqv_core.engine.measure.fork_server"  # kept for the next measurement, and ends with its owner


class LeftBehind:
    """Compares before and after; what was started in between has ``GRACE_S`` to end by itself."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._stack = contextlib.ExitStack()
        self._qt_objects: list[weakref.ref[Any]] = []

    def __enter__(self) -> Self:
        self._threads = set(threading.enumerate())
        self._processes = set(_children())
        self._windows = {id(window) for window in _windows()}
        self._stack.enter_context(self._recorded_starts())
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        self.found = [*self._left_threads(), *self._left_processes(), *self._left_qt()]

    def _left_threads(self) -> Iterator[str]:
        deadline = time.monotonic() + GRACE_S
        for thread in set(threading.enumerate()) - self._threads:
            if isinstance(thread, threading._DummyThread):  # Python's view of a thread that Qt or C++ made
                continue
            if thread.name == "tqdm_monitor":  # of a bar that torch.export shows to nobody; ends with the process
                continue
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                yield f"thread {thread.name}"

    def _left_processes(self) -> Iterator[str]:
        fresh = [child for child in _children() if child not in self._processes and not _is_helper(child)]
        _, alive = psutil.wait_procs(fresh, timeout=GRACE_S) if fresh else ([], [])
        for child in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                yield f"process {child.pid} ({' '.join(child.cmdline())[:120]})"
                child.kill()

    def _left_qt(self) -> Iterator[str]:
        if "PySide6.QtWidgets" not in sys.modules:
            return
        from PySide6 import QtCore, QtWidgets
        from shiboken6 import isValid

        if QtCore.QCoreApplication.instance() is not None:
            QtCore.QCoreApplication.sendPostedEvents(None, QtCore.QEvent.Type.DeferredDelete.value)
        for reference in self._qt_objects:
            started = reference()
            if started is None or not isValid(started):
                continue
            if isinstance(started, QtCore.QThread) and not started.wait(int(GRACE_S * 1000)):
                yield f"running {type(started).__name__}"
            if isinstance(started, QtCore.QTimer) and started.isActive():
                yield f"running {type(started).__name__} of {started.parent()!r}"
                started.stop()
        for window in _windows():
            is_frame = isinstance(window, QtWidgets.QMainWindow | QtWidgets.QDialog)
            if id(window) not in self._windows and (is_frame or window.isVisible()):
                yield f"window {type(window).__name__} {window.windowTitle()!r}"
                window.deleteLater()

    @contextlib.contextmanager
    def _recorded_starts(self) -> Iterator[None]:
        """Keep a weak reference to each QThread and QTimer that Python code starts."""
        if "PySide6.QtCore" not in sys.modules:
            yield
            return
        from PySide6 import QtCore

        seen = self._qt_objects
        originals: dict[Any, Any] = {kind: kind.start for kind in (QtCore.QThread, QtCore.QTimer)}

        def recorded(kind: Any) -> Any:
            def start(self: Any, *arguments: Any) -> None:
                seen.append(weakref.ref(self))
                originals[kind](self, *arguments)

            return start

        for kind in originals:
            kind.start = recorded(kind)
        try:
            yield
        finally:
            for kind, original in originals.items():
                kind.start = original


def _children() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


def _is_helper(child: psutil.Process) -> bool:
    try:
        command = " ".join(child.cmdline())
        if _FORK_SERVER in command and child.ppid() == os.getpid():  # what it forks is to be gone
            return True
    except psutil.Error:
        return False
    return any(helper in command for helper in _HELPERS)


def _windows() -> list[Any]:
    if "PySide6.QtWidgets" not in sys.modules:
        return []
    from PySide6 import QtWidgets

    return list(QtWidgets.QApplication.topLevelWidgets()) if QtWidgets.QApplication.instance() else []
