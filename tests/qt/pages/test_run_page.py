"""Runs, with a worker that only pretends: what is seen, cancelling, crashes, and closing in between."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QMessageBox, QPushButton
from pytestqt.qtbot import QtBot

from pqv_core.config import RunConfig
from pqv_core.process import events
from pqv_core.process.job import RunJob
from pqv_core.process.worker_client import Worker
from pqv_gui.app.window import MainWindow
from pqv_gui.pages.run.page import RunPage
from pqv_gui.pages.run.run_parts import LogView
from pqv_gui.services.jobs import JobRunner
from pqv_gui.viewmodels.run_view import RunView
from tests.fakes.described import described
from tests.qt.conftest import FAKE_WORKER, MakeWindow, workers

SOON_MS = 20_000
Start = Callable[[str], MainWindow]


@pytest.fixture
def started(make_window: MakeWindow, qtbot: QtBot, tmp_path: Path) -> Start:
    """Starts a run of a scene and returns its window."""

    def start(scene: str) -> MainWindow:
        window = make_window(scene)
        window.workspace.create(tmp_path / "projects", "small")
        qtbot.waitUntil(lambda: window.workspace.can_run)
        window.commands.start_run()
        return window

    return start


def over(window: MainWindow, qtbot: QtBot) -> RunPage:
    qtbot.waitUntil(lambda: not window.workspace.run.active and not window.workspace.jobs.active, timeout=SOON_MS)
    qtbot.waitUntil(lambda: window.workspace.tasks.active == 0)
    page = window.stack.currentWidget()
    assert isinstance(page, RunPage)
    return page


def test_a_run_shows_stages_curves_latencies_log_and_results(started: Start, qtbot: QtBot) -> None:
    window = started("good")
    page = over(window, qtbot)
    run = window.workspace.run
    assert run.state == "succeeded"
    assert "Prune: 0.500 s" in page.stages.accessibleDescription()
    assert "reused" in page.stages.accessibleDescription()
    assert len(run.now.curves["train_loss"]) == 40
    qtbot.waitUntil(lambda: "Training loss: 0.0250" in page.loss.described())
    qtbot.waitUntil(lambda: "Compressed: 10.0 ms" in page.latency.described())
    said = page.log.text.toPlainText()
    assert "The learning rate is high." in said
    assert re.search(r"^\d\d:\d\d:\d\d   Pruning …$", said, re.MULTILINE)
    assert re.search(r"^\d\d:\d\d:\d\d   Prune: 0.500 s$", said, re.MULTILINE)
    assert said.endswith("The run is complete.")
    assert [card.title for card in page.results._shown] == ["Latency", "File size", "Memory"]
    assert "2.00× vs. fastest FP32" in page.results._shown[0].baselines
    record = run.now.record
    assert record is not None and record.warnings == ("The learning rate is high.",)
    assert page.warnings.isVisible() and all(text in page.warnings.text() for text in record.warnings)
    assert page.start.text() == "R&un again"
    environment = record.environment
    below = page.latency.saver.caption()
    assert below.startswith(f"{environment.processor}, {environment.cores} cores; ")
    assert below.endswith(f"; PQV-Mobile {environment.pqv}")
    outside = "1 operator: aten::sin.out 1 × outside of delegates"
    assert page.delegation.text() == f"Compressed: 2 parts to XnnpackBackend; {outside}"


def test_the_log_can_be_filtered(started: Start, qtbot: QtBot) -> None:
    window = started("good")
    page = over(window, qtbot)
    page.log.filter.setText("nothing like it")
    assert page.log.text.toPlainText() == ""
    page.log.filter.setText("RATE")
    page.log.level.setCurrentIndex(1)
    page.log.level.activated.emit(1)
    assert "learning rate" in page.log.text.toPlainText()
    page.log.level.setCurrentIndex(2)
    page.log.level.activated.emit(2)
    assert page.log.text.toPlainText() == ""


@pytest.mark.parametrize(("count", "first"), [(2_000, 0), (2_001, 1), (2_600, 600)])
def test_the_log_shows_its_last_2000_lines(qtbot: QtBot, count: int, first: int) -> None:
    log, view = LogView(), RunView(now=lambda: datetime(2026, 1, 31, 14, 2, 11, tzinfo=UTC))
    qtbot.addWidget(log)
    view.begin("r")
    for part in (range(600), range(600, count)):
        view.apply(events.Log(run="r", text=f"line {number}") for number in part)
        log.refresh(view)
    assert log.text.toPlainText().splitlines() == [f"14:02:11   line {number}" for number in range(first, count)]


def test_a_run_is_left_while_its_events_wait_for_room(qtbot: QtBot, tmp_path: Path) -> None:
    """Nobody takes them, for the window's loop stands still."""
    jobs = JobRunner(command=(sys.executable, str(FAKE_WORKER), "flood"))
    jobs.start(RunJob(run="r", project=str(tmp_path / "x.pqv"), config=RunConfig()))
    thread = jobs._thread
    assert thread is not None
    while len(thread._mailbox._waiting) < 4_000:
        pass
    (worker,) = workers()
    jobs.close()
    assert not jobs.active
    assert not worker.is_running()


def test_cancel_stops_and_resume_is_offered(started: Start, qtbot: QtBot) -> None:
    window = started("hang")
    run = window.workspace.run
    qtbot.waitUntil(lambda: run.now.progress is not None, timeout=SOON_MS)
    assert window.job_bar.state.text() == "Fine-tuning"
    assert window.job_bar.left.toolTip().startswith("step 3 of 10 · stage 1 of 8 · ")
    window.job_bar.stop.click()
    assert run.state == "cancelling"
    page = over(window, qtbot)
    assert run.state == "cancelled"
    assert page.start.text() == "Res&ume"
    assert page.start.isEnabled()


def test_a_run_lists_its_stages_before_its_worker_has_said_anything(started: Start, qtbot: QtBot) -> None:
    window = started("silent")
    qtbot.waitUntil(lambda: window.workspace.jobs.active, timeout=SOON_MS)
    page = window.stack.currentWidget()
    assert isinstance(page, RunPage)
    assert page.stages_card.isVisible()
    assert "Load the model: waiting" in page.stages.accessibleDescription()
    assert "Measure latency: waiting" in page.stages.accessibleDescription()
    assert window.job_bar.state.text() == "Starting Python"
    window.workspace.runs.cancel()
    over(window, qtbot)


def test_bar_and_time_left_move_on_while_the_worker_is_silent(started: Start, qtbot: QtBot) -> None:
    window = started("silent")
    qtbot.waitUntil(lambda: window.job_bar.left.toolTip().endswith("left"), timeout=SOON_MS)
    before = window.workspace.run.now.whole.fraction
    qtbot.waitUntil(lambda: window.workspace.run.now.whole.fraction > before, timeout=SOON_MS)
    assert window.job_bar.progress.maximum() == 1000
    window.workspace.runs.cancel()
    over(window, qtbot)
    assert not window.workspace.runs._ticking.isActive()


def test_a_worker_that_crashes_is_one_clear_failure(started: Start, qtbot: QtBot) -> None:
    window = started("crash")
    page = over(window, qtbot)
    assert window.workspace.run.state == "failed"
    assert page.banner.isVisible()
    assert page.banner.message.text().startswith("Prune: ")
    assert page.start.text() == "Res&ume"


def test_a_failure_says_where_why_and_what_to_do(started: Start, qtbot: QtBot) -> None:
    window = started("fail")
    page = over(window, qtbot)
    assert page.banner.message.text() == "Prune: It cannot be pruned."
    assert page.banner.action.text() == "Prune less."
    assert "shape" in page.banner.details.toPlainText()
    (offer,) = page.banner._extra
    assert isinstance(offer, QPushButton) and offer.text() == "Go to Prune"
    offer.click()
    assert window.stack.place == "prune"
    window.commands.go("run")
    page.banner.hide()
    page.refresh()
    assert not page.banner.isVisible()


def test_events_of_another_run_are_not_shown(started: Start, qtbot: QtBot) -> None:
    window = started("stale")
    over(window, qtbot)
    run = window.workspace.run
    assert run.state == "succeeded"
    assert list(run.now.curves["train_loss"].y) == [1.0]


def test_a_flood_of_events_does_not_drown_cancel(started: Start, qtbot: QtBot) -> None:
    window = started("flood")
    run = window.workspace.run
    qtbot.waitUntil(lambda: len(run.now.curves.get("train_loss", ())) > 500, timeout=SOON_MS)
    window.workspace.runs.cancel()
    over(window, qtbot)
    assert run.state == "cancelled"
    assert run.now.logged <= 110


def test_a_second_run_can_follow_the_first(started: Start, qtbot: QtBot) -> None:
    window = started("good")
    over(window, qtbot)
    first = window.workspace.run.now.run
    window.workspace.start_run(fresh=True)
    qtbot.waitUntil(lambda: window.workspace.run.now.run not in ("", first), timeout=SOON_MS)
    over(window, qtbot)
    assert window.workspace.run.state == "succeeded"


def test_the_last_run_is_shown_when_its_project_is_opened_again(started: Start, qtbot: QtBot) -> None:
    window = started("good")
    over(window, qtbot)
    path = window.workspace.session.path
    window.commands.close_project()
    assert window.workspace.run.state == "empty"
    window.commands.open_project(path)
    qtbot.waitUntil(lambda: window.workspace.run.state == "succeeded")
    window.commands.go("run")
    assert [card.title for card in over(window, qtbot).results._shown] == ["Latency", "File size", "Memory"]


def test_no_other_project_while_a_run_is_going(started: Start, qtbot: QtBot, tmp_path: Path) -> None:
    window = started("hang")
    qtbot.waitUntil(lambda: window.workspace.run.state == "running", timeout=SOON_MS)
    window.commands.open_project(tmp_path / "other.pqv")
    assert "run of this project is in progress" in window.stack.current.banner.message.text()
    assert window.workspace.session.name == "small"
    window.workspace.runs.cancel()
    over(window, qtbot)


def question(window: MainWindow) -> QMessageBox:
    [box] = window.findChildren(QMessageBox)
    return box


def test_closing_while_a_run_is_going_asks_and_leaves_nothing(started: Start, qtbot: QtBot) -> None:
    window = started("hang")
    qtbot.waitUntil(lambda: window.workspace.run.state == "running", timeout=SOON_MS)
    assert not window.close()
    stop, stay = question(window).buttons()
    assert question(window).defaultButton() is stay
    stop.click()
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=SOON_MS)
    assert not window.workspace.jobs.active
    assert window.workspace.run.state == "cancelled"


def test_closing_can_be_thought_better_of(started: Start, qtbot: QtBot) -> None:
    window = started("hang")
    qtbot.waitUntil(lambda: window.workspace.run.state == "running", timeout=SOON_MS)
    window.close()
    question(window).defaultButton().click()
    assert window.isVisible()
    assert window.workspace.run.state == "running"
    window.workspace.runs.cancel()
    over(window, qtbot)


def test_no_page_brings_torch_into_the_windows_process() -> None:
    pages = ", ".join(f"pqv_gui.pages.{name}.page" for name in ("start", "model", "prune", "backend", "export", "run"))
    mine = f"import sys; import pqv_gui.main, {pages}"
    probe = f"{mine}; print(sorted({{n.split('.')[0] for n in sys.modules}} & {{'torch', 'timm', 'torch_pruning'}}))"
    found = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_a_disabled_run_says_why_beside_it_and_in_its_tool_tip(
    make_window: MakeWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    window = make_window("hang")
    work = window.workspace
    work.create(tmp_path / "projects", "small")
    qtbot.waitUntil(lambda: work.can_run)
    window.commands.go("run")
    page = window.stack.current
    assert isinstance(page, RunPage)

    def says(words: str) -> None:
        for start, beside in ((page.start, page.missing), (window.summary.start, window.summary.why_not)):
            assert not start.isEnabled()
            assert words in start.toolTip()
            assert beside.isVisible()
            assert beside.text() == start.toolTip()

    work.session.set("finetune.epochs", 3)
    says("Fine-tuning needs training images")
    work.session.set("finetune.epochs", 0)
    assert page.start.isEnabled() and not page.missing.isVisible() and not window.summary.why_not.isVisible()
    QTest.mouseClick(page.start, Qt.MouseButton.LeftButton)
    says("These settings are already running")
    qtbot.waitUntil(lambda: work.run.state == "running", timeout=20_000)
    work.runs.cancel()
    qtbot.waitUntil(lambda: not work.runs.busy and work.tasks.active == 0, timeout=20_000)


def test_what_an_app_needs_is_written_where_the_person_says(
    started: Start, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = started("good")
    page = over(window, qtbot)
    directory = window.workspace.run.now.directory
    assert directory is not None and page.app_kit.isVisible()
    described(directory / "compressed.ptl")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "kit"), ""))
    page.app_kit.click()
    assert not page.app_kit.isEnabled() and page.app_kit.text() == "Writing …"
    qtbot.waitUntil(page.written_line.isVisible, timeout=SOON_MS)
    assert page.app_kit.isEnabled() and "kit" in page.written.toolTip()
    assert (tmp_path / "kit" / "README.md").is_file()


def test_why_nothing_was_written_for_an_app_is_said_on_the_page(
    started: Start, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = over(started("good"), qtbot)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "kit"), ""))
    page.app_kit.click()
    qtbot.waitUntil(page.banner.isVisible, timeout=SOON_MS)
    assert "does not say how its input is made" in page.banner.message.text()
    assert page.app_kit.isEnabled() and not (tmp_path / "kit").exists()


def test_a_window_that_closes_ends_what_is_written_for_an_app(
    started: Start, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = started("good")
    page = over(window, qtbot)
    directory = window.workspace.run.now.directory
    assert directory is not None
    described(directory / "compressed.ptl")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "kit"), ""))
    window.workspace.app_kit._worker = partial(Worker, command=(sys.executable, str(FAKE_WORKER), "hang"))
    page.app_kit.click()
    window.close()
    assert not (tmp_path / "kit").exists()
    assert not workers()
