"""What a long day does to the window: many runs, a worker that stands still, a thousand projects."""

from __future__ import annotations

import gc
import os
import signal
import threading
from pathlib import Path

import psutil
import pytest
from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from pqv_gui.app.window import MainWindow
from tests.qt.conftest import MakeWindow, workers

SOON_MS = 20_000
RUNS, BEFORE = 100, 20
MORE_MEMORY = 1.05


def run_once(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: window.workspace.can_run, timeout=SOON_MS)
    window.workspace.start_run(fresh=True)
    ended(window, qtbot)
    assert window.workspace.run.state == "succeeded"


def ended(window: MainWindow, qtbot: QtBot) -> None:
    work = window.workspace
    qtbot.waitUntil(lambda: not work.run.active and not work.jobs.active and work.tasks.active == 0, timeout=SOON_MS)


def what_is_there(window: MainWindow) -> dict[str, int]:
    gc.collect()
    objects = window.findChildren(QObject) + window.workspace.findChildren(QObject)
    return {
        # What Python calls a dummy is a thread of Qt's pool, which grows and shrinks by itself.
        "threads": sum(not isinstance(thread, threading._DummyThread) for thread in threading.enumerate()),
        "processes": len(psutil.Process().children(recursive=True)),
        "widgets": sum(isinstance(item, QWidget) for item in objects),
        "timers": sum(isinstance(item, QTimer) for item in objects),
    }


@pytest.mark.slow
def test_a_hundred_runs_leave_nothing_behind(make_window: MakeWindow, qtbot: QtBot, tmp_path: Path) -> None:
    window = make_window("good")
    window.workspace.create(tmp_path / "projects", "small")
    window.commands.go("run")
    for _ in range(BEFORE):
        run_once(window, qtbot)
    there, memory = what_is_there(window), psutil.Process().memory_info().rss
    for _ in range(RUNS - BEFORE):
        run_once(window, qtbot)
    # A thread of an earlier moment may have ended meanwhile, and one of this moment ends soon: fewer are no leak.
    qtbot.waitUntil(lambda: all(count <= there[name] for name, count in what_is_there(window).items()), timeout=SOON_MS)
    assert psutil.Process().memory_info().rss < MORE_MEMORY * memory


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="this system cannot stop a process")
def test_a_worker_that_stands_still_is_ended_by_cancel(make_window: MakeWindow, qtbot: QtBot, tmp_path: Path) -> None:
    window = make_window("hang")
    window.workspace.create(tmp_path / "projects", "small")
    qtbot.waitUntil(lambda: window.workspace.can_run, timeout=SOON_MS)
    window.commands.start_run()
    qtbot.waitUntil(lambda: window.workspace.run.now.progress is not None, timeout=SOON_MS)
    (worker,) = workers()
    os.kill(worker.pid, signal.SIGSTOP)
    window.job_bar.stop.click()
    ended(window, qtbot)
    assert window.workspace.run.state == "cancelled"
    assert not worker.is_running()


def test_a_thousand_recent_projects_are_no_burden(make_window: MakeWindow, tmp_path: Path) -> None:
    first = make_window(show=False)
    first.workspace.settings.recents.write([str(tmp_path / f"p{number}" / "a.pqv") for number in range(1_000)])
    first.workspace.settings.flush()
    window = make_window()
    assert window.stack.place == "start"
    assert 0 < len(window.workspace.recents.paths) <= 1_000
    assert len(window.findChildren(QWidget)) < 1_000
