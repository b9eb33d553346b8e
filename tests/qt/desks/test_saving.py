"""A project's file holds the newest settings, however slow the disk is, and is let go of only when it is written."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QPushButton
from pytest import MonkeyPatch, fixture, raises
from pytestqt.qtbot import QtBot

from pqv_core.errors import StorageError
from pqv_core.project import project_file as projects
from pqv_core.project.lock import ProjectLock, ProjectOpenError
from pqv_gui.app.window import MainWindow
from pqv_gui.services import file_writer
from tests.qt.conftest import MakeWindow


class SlowDisk:
    """Puts the project's file into place when it is let: ``pass_`` lets one writing through, ``open`` all of them."""

    def __init__(self, path: Path, replace: Callable[..., None]) -> None:
        self.path, self._replace = path, replace
        self.reached, self._let = threading.Semaphore(0), threading.Semaphore(0)
        self._is_open = threading.Event()
        self.error: OSError | None = None

    def __call__(self, source: Path, target: Path) -> None:
        if Path(target) == self.path:
            self.reached.release()
            if not self._is_open.is_set():
                self._let.acquire()
            if self.error is not None:
                raise self.error
        self._replace(source, target)

    def pass_(self) -> None:
        self._let.release()

    def open(self) -> None:
        self._is_open.set()
        self._let.release(100)


@fixture
def disk(window: MainWindow, monkeypatch: MonkeyPatch) -> Iterator[SlowDisk]:
    path = window.workspace.session.path
    assert path is not None
    slow = SlowDisk(path, os.replace)
    monkeypatch.setattr(os, "replace", slow)
    yield slow
    slow.open()


def edit(window: MainWindow, ratio: float, *, save: bool = True) -> None:
    """Change a setting; the autosave comes without its pause."""
    window.workspace.session.set("prune.ratio", ratio)
    if save:
        window.workspace._autosave.timeout.emit()


def late_save(window: MainWindow, disk: SlowDisk) -> threading.Timer:
    """A save is under way, a later edit waits behind it, and the disk answers a little later."""
    edit(window, 0.3)
    disk.reached.acquire()
    edit(window, 0.4, save=False)
    late = threading.Timer(0.2, disk.open)
    late.start()
    return late


def ratio_in(path: Path) -> float:
    return projects.load(path).config.prune.ratio


def is_held(path: Path) -> bool:
    other = ProjectLock()
    try:
        with other.moving(path):
            pass
    except ProjectOpenError:
        return True
    other.release()
    return False


def test_edits_during_a_slow_save_are_the_last_on_the_disk(window: MainWindow, disk: SlowDisk, qtbot: QtBot) -> None:
    edit(window, 0.3)
    disk.reached.acquire()
    for ratio in (0.4, 0.5, 0.6):
        edit(window, ratio)
    disk.open()
    qtbot.waitUntil(lambda: not window.workspace.session.unsaved)
    assert ratio_in(disk.path) == 0.6


def test_what_was_undone_during_a_slow_save_is_undone_on_the_disk(
    window: MainWindow, disk: SlowDisk, qtbot: QtBot
) -> None:
    before = ratio_in(disk.path)
    edit(window, 0.6)
    disk.reached.acquire()
    window.workspace.session.undo()
    disk.open()
    window.commands.close_project()
    assert ratio_in(disk.path) == before


def test_closing_waits_for_the_save_that_is_going_and_saves_after_it(
    window: MainWindow, disk: SlowDisk, qtbot: QtBot
) -> None:
    late = late_save(window, disk)
    window.commands.close_project()
    late.join()
    assert ratio_in(disk.path) == 0.4
    assert not is_held(disk.path)
    assert not window.workspace.session.is_open


def test_a_disk_that_does_not_answer_is_said_and_the_project_stays_open_and_held(
    window: MainWindow, disk: SlowDisk, qtbot: QtBot, monkeypatch: MonkeyPatch
) -> None:
    monkeypatch.setattr(file_writer, "PATIENCE_S", 0.1)
    edit(window, 0.3)
    disk.reached.acquire()
    edit(window, 0.4, save=False)
    window.close()
    assert window.isVisible()
    assert "The disk is not responding" in window.stack.current.banner.message.text()
    with raises(StorageError, match="is not responding"):
        window.workspace.close_project()
    assert window.workspace.session.config.prune.ratio == 0.4
    assert is_held(disk.path)
    monkeypatch.setattr(file_writer, "PATIENCE_S", 30.0)
    disk.open()
    window.close()
    assert not window.isVisible()
    assert ratio_in(disk.path) == 0.4
    assert not is_held(disk.path)


def test_who_closes_without_saving_lets_go_once_nothing_is_written_any_more(
    window: MainWindow, disk: SlowDisk, qtbot: QtBot, monkeypatch: MonkeyPatch
) -> None:
    monkeypatch.setattr(file_writer, "PATIENCE_S", 0.1)
    edit(window, 0.3)
    disk.reached.acquire()
    window.close()
    banner = window.stack.current.banner
    give_up = next(
        one for one in banner.findChildren(QPushButton) if one.text().replace("&", "") == "Close without saving"
    )
    qtbot.mouseClick(give_up, Qt.MouseButton.LeftButton)
    assert not window.isVisible()
    assert is_held(disk.path)
    disk.open()
    monkeypatch.setattr(file_writer, "PATIENCE_S", 30.0)
    assert window.workspace.writer.wait()
    assert not is_held(disk.path)


def test_saving_elsewhere_does_not_wait_for_a_dead_disk_which_stays_held(
    window: MainWindow, disk: SlowDisk, qtbot: QtBot, tmp_path: Path, monkeypatch: MonkeyPatch
) -> None:
    edit(window, 0.3)
    disk.reached.acquire()
    edit(window, 0.4, save=False)
    elsewhere = tmp_path / "safe.pqv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(elsewhere), ""))
    window.commands.save_as()
    assert window.workspace.session.path == elsewhere
    assert ratio_in(elsewhere) == 0.4
    assert is_held(disk.path) and is_held(elsewhere)
    disk.open()
    assert window.workspace.writer.wait()
    assert ratio_in(disk.path) == 0.3
    assert not is_held(disk.path)
    qtbot.waitUntil(lambda: window.workspace.tasks.active == 0)
    assert ratio_in(elsewhere) == 0.4


def test_saving_under_the_same_name_comes_after_the_save_that_is_going(
    window: MainWindow, disk: SlowDisk, qtbot: QtBot
) -> None:
    late = late_save(window, disk)
    window.workspace.save_as(disk.path)
    late.join()
    assert ratio_in(disk.path) == 0.4
    qtbot.waitUntil(lambda: window.workspace.tasks.active == 0)


def test_a_save_that_fails_is_told_keeps_the_edits_and_is_tried_again_with_the_next_one(
    window: MainWindow, disk: SlowDisk, qtbot: QtBot
) -> None:
    disk.error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    disk.open()
    with qtbot.waitSignal(window.workspace.failed):
        edit(window, 0.3)
    assert "The disk is full" in window.stack.current.banner.message.text()
    assert window.workspace.session.unsaved
    window.close()
    assert window.isVisible()
    assert window.workspace.session.config.prune.ratio == 0.3
    disk.error = None
    edit(window, 0.4)
    qtbot.waitUntil(lambda: not window.workspace.session.unsaved)
    assert ratio_in(disk.path) == 0.4


def test_save_as_while_a_run_is_going_writes_a_copy_and_says_so(
    make_window: MakeWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: MonkeyPatch
) -> None:
    window = make_window("hang")
    work, own = window.workspace, tmp_path / "projects" / "small.pqv"
    work.create(own.parent, own.stem)
    qtbot.waitUntil(lambda: work.can_run)
    window.commands.start_run()
    qtbot.waitUntil(lambda: work.run.now.progress is not None, timeout=20_000)
    work.session.set("prune.ratio", 0.3)
    copy = tmp_path / "copy.pqv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(copy), ""))
    window.menus.save_as.trigger()
    assert ratio_in(copy) == 0.3
    assert not is_held(copy)
    assert (work.session.path, work.run.state) == (own, "running")
    banner = window.stack.current.banner
    assert banner.isVisible()
    said = "A copy was saved as copy.pqv. This window stays on small.pqv, whose run is in progress."
    assert banner.message.text() == said
    work.runs.cancel()
    qtbot.waitUntil(lambda: not work.runs.busy and work.tasks.active == 0, timeout=20_000)
    window.menus.save_as.trigger()
    assert work.session.path == copy
    qtbot.waitUntil(lambda: work.tasks.active == 0)
