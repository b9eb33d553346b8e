"""Runs that wait for one another, with a worker that only pretends."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QLabel, QMessageBox, QPushButton
from pytestqt.qtbot import QtBot

from pqv_core.project import project_file as projects
from pqv_core.results import record as results
from pqv_gui.app.window import MainWindow
from pqv_gui.pages.run.page import RunPage
from pqv_gui.widgets.basics import ElidedLabel
from tests.qt.conftest import MakeWindow

SOON_MS = 20_000


def begin(make_window: MakeWindow, qtbot: QtBot, folder: Path, scene: str, *, ratios: tuple[float, ...]) -> MainWindow:
    """A window that runs the first ratio; the others wait."""
    window = make_window(scene)
    window.workspace.create(folder, "small")
    qtbot.waitUntil(lambda: window.workspace.can_run)
    for ratio in ratios:
        window.workspace.session.set("prune.ratio", ratio)
        window.summary.start.click()
    return window


def page_of(window: MainWindow) -> RunPage:
    page = window.stack.currentWidget()
    assert isinstance(page, RunPage)
    return page


def lines(window: MainWindow) -> list[str]:
    card = page_of(window).queue
    return [line.toolTip() for line in card.lines.findChildren(ElidedLabel) if line.isVisible()]


def press(window: MainWindow, *words: str) -> None:
    buttons = (each for each in page_of(window).queue.findChildren(QPushButton) if each.isVisible())
    next(each for each in buttons if all(word in each.accessibleName() for word in words)).click()


def going(window: MainWindow, qtbot: QtBot, ratio: float) -> None:
    runs = window.workspace.runs
    qtbot.waitUntil(
        lambda: runs.view.now.progress is not None and runs._item.config.prune.ratio == ratio, timeout=SOON_MS
    )


def quiet(window: MainWindow, qtbot: QtBot) -> None:
    work = window.workspace
    qtbot.waitUntil(lambda: not work.runs.busy and work.tasks.active == 0, timeout=SOON_MS)


@pytest.mark.parametrize("scene", ["good", "fail"])
def test_each_run_follows_the_one_before_with_the_settings_it_was_asked_with(
    make_window: MakeWindow, qtbot: QtBot, tmp_path: Path, scene: str
) -> None:
    window = begin(make_window, qtbot, tmp_path / "projects", scene, ratios=(0.125, 0.25, 0.5))
    assert page_of(window).start.text() == "Add to &queue"
    assert [item.config.prune.ratio for item in window.workspace.runs.queue.waiting] == [0.25, 0.5]
    qtbot.waitUntil(lambda: len(window.workspace.runs.queue.ended) == 3, timeout=SOON_MS)
    quiet(window, qtbot)
    sign = "✓" if scene == "good" else "✖"
    qtbot.waitUntil(lambda: [line[0] for line in lines(window)] == [sign] * 3)
    if scene == "fail":
        assert lines(window)[0].endswith("It cannot be pruned.")
        assert page_of(window).start.text() == "Res&ume"
        press(window, "Queue again")
        assert window.workspace.runs.busy
        quiet(window, qtbot)
        assert page_of(window).start.text() == "R&un"  # the one that ended last had other settings
        return
    path = window.workspace.session.path
    assert path is not None
    records, _ = results.load_all(projects.runs_directory(path))
    assert sorted(record.config["prune"]["ratio"] for record in records) == [0.125, 0.25, 0.5]


def test_after_a_cancel_the_queue_waits_for_the_person(make_window: MakeWindow, qtbot: QtBot, tmp_path: Path) -> None:
    window = begin(make_window, qtbot, tmp_path / "projects", "hang", ratios=(0.125, 0.25, 0.5))
    going(window, qtbot, 0.125)
    assert window.job_bar.left.toolTip().endswith("2 more in the queue")
    qtbot.waitUntil(lambda: [line.split(" · ")[1] for line in lines(window)] == ["L2 25.0 %", "L2 50.0 %"])
    press(window, "Move up", "50.0 %")
    window.job_bar.stop.click()
    quiet(window, qtbot)
    assert "Paused" in page_of(window).queue.findChildren(QLabel)[1].text()
    assert window.job_bar.message.toolTip() == "The queue is paused."
    press(window, "Continue")
    going(window, qtbot, 0.5)
    press(window, "Remove", "25.0 %")
    assert lines(window) == []
    window.job_bar.stop.click()
    quiet(window, qtbot)
    qtbot.waitUntil(lambda: len(lines(window)) == 1)  # it was cancelled, and waits again


def test_the_queue_survives_the_window(make_window: MakeWindow, qtbot: QtBot, tmp_path: Path) -> None:
    window = begin(make_window, qtbot, tmp_path / "projects", "hang", ratios=(0.125, 0.25))
    going(window, qtbot, 0.125)
    path = window.workspace.session.path
    assert path is not None
    assert not window.close()
    [box] = window.findChildren(QMessageBox)
    assert "The queue is saved" in box.informativeText()
    box.buttons()[0].click()
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=SOON_MS)
    later = make_window("good")
    later.commands.open_project(path)
    later.commands.go("run")
    qtbot.waitUntil(lambda: len(lines(later)) == 1)
    press(later, "Continue")
    qtbot.waitUntil(lambda: len(later.workspace.runs.queue.ended) == 1, timeout=SOON_MS)
    quiet(later, qtbot)
    assert projects.load(path).queue == () or later.workspace.session.unsaved
