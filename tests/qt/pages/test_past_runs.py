"""Runs that one returns to: chosen on the Run page beside one that goes on, shown from the queue, and used again."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6 import QtGui
from PySide6.QtCore import Qt
from PySide6.QtGui import QTextDocument
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMessageBox, QPushButton
from pytestqt.qtbot import QtBot

from pqv_core.project import project_file as projects
from pqv_core.project import run_label, runs
from pqv_core.results import record as results
from pqv_core.results.record import RunRecord
from pqv_gui.app.window import MainWindow
from pqv_gui.pages.compare.page import ComparePage
from pqv_gui.pages.device.page import DevicePage
from pqv_gui.pages.run.page import RunPage
from pqv_gui.viewmodels import defaults
from pqv_gui.widgets.run_picker import RunPicker
from tests.fakes.records import record
from tests.qt.conftest import MakeWindow

SOON_MS = 20_000
FIRST, SECOND = "10 % L2 · INT8 dynamic · ONEDNN", "20 % L2 · INT8 dynamic · ONEDNN"


def keep(project: Path, run: str, *, ratio: float, with_files: bool = True) -> Path:
    """A run of the project's settings but for the ratio."""
    plain = record(run).model_dump(mode="json")
    plain["config"] = defaults.new_config().model_dump(mode="json")
    plain["config"]["prune"]["ratio"] = ratio
    folder = projects.runs_directory(project) / run
    results.save(folder, RunRecord.model_validate(plain))
    for variant in plain["variants"] if with_files else ():
        (folder / variant["file"]).write_bytes(b"file")
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose settings are those of neither of its two runs."""
    path = tmp_path / "projects" / "small.pqv"
    path.parent.mkdir()
    projects.save(path, projects.Project(config=defaults.new_config()))
    keep(path, "r1", ratio=0.1)
    keep(path, "r2", ratio=0.2)
    return path


def opened(make_window: MakeWindow, qtbot: QtBot, project: Path, scene: str = "good") -> tuple[MainWindow, RunPage]:
    window = make_window(scene)
    window.commands.open_project(project)
    window.commands.go("run")
    rest(window, qtbot)
    page = window.stack.currentWidget()
    assert isinstance(page, RunPage)
    return window, page


def rest(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: window.workspace.tasks.active == 0 and window.workspace.models.loaded, timeout=SOON_MS)


def names(picker: RunPicker) -> list[str]:
    return [picker.itemText(place) for place in range(picker.count())]


def choose(window: MainWindow, qtbot: QtBot, picker: RunPicker, name: str) -> None:
    place = next(place for place, words in enumerate(names(picker)) if words.startswith(name))
    picker.setCurrentIndex(place)
    picker.activated.emit(place)
    rest(window, qtbot)


def test_runs_are_chosen_by_name_the_newest_first(make_window: MakeWindow, qtbot: QtBot, project: Path) -> None:
    window, page = opened(make_window, qtbot, project)
    assert names(page.picker) == [SECOND, FIRST]
    assert page.picker.currentText() == SECOND
    assert page.results.title.toolTip() == f"Results of {SECOND}"
    choose(window, qtbot, page.picker, FIRST)
    assert page.run.now.run == "r1"
    assert page.results.title.toolTip() == f"Results of {FIRST}"
    assert "L2 10.0 %" in page.head.settings.toolTip()
    run_label.save(projects.runs_directory(project) / "r1", name="Mine", note="")
    window.workspace.compare.read()
    rest(window, qtbot)
    assert names(page.picker) == [SECOND, "Mine"]
    assert page.picker.currentText() == "Mine"


def test_the_keyboard_goes_from_run_to_run(make_window: MakeWindow, qtbot: QtBot, project: Path) -> None:
    window, page = opened(make_window, qtbot, project)
    page.picker.setFocus()
    QTest.keyClick(page.picker, Qt.Key.Key_Down)
    rest(window, qtbot)
    assert page.run.now.run == "r1"
    assert page.picker.hasFocus()


def test_what_has_changed_since_is_said_and_its_settings_can_be_used_again(
    make_window: MakeWindow, qtbot: QtBot, project: Path
) -> None:
    window, page = opened(make_window, qtbot, project)
    before = window.workspace.session.config
    assert page.head.changed.toolTip() == "⚠ Settings have changed since: Pruning ratio."
    page.head.use.click()
    assert window.workspace.session.config.prune.ratio == 0.2
    assert not page.head.changed_line.isVisible()
    assert "Undo (Ctrl+Z)" in page.banner.message.text()
    assert page.start.text() == "R&un again"
    window.commands.undo()
    assert window.workspace.session.config == before
    assert page.head.changed_line.isVisible()


def test_settings_of_another_version_cannot_be_used(make_window: MakeWindow, qtbot: QtBot, project: Path) -> None:
    folder = projects.runs_directory(project) / "r2"
    strange = results.load(folder)
    plain = {**strange.config, "quantize": {**strange.config["quantize"], "precision": "int2"}}
    results.save(folder, strange.model_copy(update={"config": plain}))
    window, page = opened(make_window, qtbot, project)
    before = window.workspace.session.config
    assert "'int2' is not known" in page.head.settings.toolTip()
    page.head.use.click()
    assert "'int2' is not known" in page.banner.message.text()
    assert window.workspace.session.config == before


def test_while_a_run_goes_on_another_is_looked_at(make_window: MakeWindow, qtbot: QtBot, project: Path) -> None:
    window, page = opened(make_window, qtbot, project, "hang")
    work = window.workspace
    window.commands.start_run()
    qtbot.waitUntil(lambda: work.run.now.progress is not None, timeout=SOON_MS)
    assert not page.current.isVisible()
    choose(window, qtbot, page.picker, FIRST)
    assert page.headline.text() == "Complete"
    assert (page.run.now.run, work.run.active) == ("r1", True)
    assert not page.cancel.isVisible()
    assert window.job_bar.stop.isVisible()
    page.current.click()
    assert page.run is work.run
    assert page.cancel.isVisible()
    assert page.stages.accessibleDescription()
    page.cancel.click()
    qtbot.waitUntil(lambda: not work.runs.busy and work.tasks.active == 0, timeout=SOON_MS)


def test_a_run_that_begins_is_shown(make_window: MakeWindow, qtbot: QtBot, project: Path) -> None:
    window, page = opened(make_window, qtbot, project)
    choose(window, qtbot, page.picker, FIRST)
    window.commands.start_run()
    assert page.run is window.workspace.run
    qtbot.waitUntil(lambda: window.workspace.run.now.record is not None, timeout=SOON_MS)
    rest(window, qtbot)
    assert len(names(page.picker)) == 3


def test_the_run_that_is_looked_at_is_gone_on_with(make_window: MakeWindow, qtbot: QtBot, project: Path) -> None:
    keep(project, "r3", ratio=0.1)
    window, page = opened(make_window, qtbot, project)
    choose(window, qtbot, page.picker, f"{FIRST} · run 1")
    page.head.use.click()
    page.start.click()
    qtbot.waitUntil(lambda: window.workspace.run.now.record is not None, timeout=SOON_MS)
    rest(window, qtbot)
    assert window.workspace.run.now.run == "r1", "and not r3, which is newer"


def test_what_would_be_gone_on_with_is_said_while_another_run_is_looked_at(
    make_window: MakeWindow, qtbot: QtBot, project: Path
) -> None:
    folder = keep(project, "r3", ratio=defaults.new_config().prune.ratio)
    results.save(folder, results.load(folder).model_copy(update={"state": "cancelled"}))
    window, page = opened(make_window, qtbot, project)
    assert page.start.text() == "Res&ume"
    choose(window, qtbot, page.picker, FIRST)
    assert (page.start.text(), window.summary.start.text()) == ("Res&ume", "Resume")
    page.start.click()
    qtbot.waitUntil(lambda: window.workspace.run.state == "succeeded", timeout=SOON_MS)
    rest(window, qtbot)
    assert window.workspace.run.now.run == "r3"


def test_a_finished_run_of_the_queue_leads_to_its_results(make_window: MakeWindow, qtbot: QtBot, project: Path) -> None:
    window, page = opened(make_window, qtbot, project)
    work = window.workspace
    for ratio in (0.3, 0.4):
        work.session.set("prune.ratio", ratio)
        window.summary.start.click()
    qtbot.waitUntil(lambda: len(work.runs.queue.ended) == 2 and not work.runs.busy, timeout=SOON_MS)
    rest(window, qtbot)
    shown = [each for each in page.queue.findChildren(QPushButton) if each.accessibleName().startswith("Open: ")]
    assert [name.accessibleName().split(" · ")[1] for name in shown] == ["L2 30.0 %", "L2 40.0 %"]
    shown[0].click()
    rest(window, qtbot)
    assert page.picker.currentText().startswith("30 % L2")
    record = page.run.now.record
    assert record is not None and record.config["prune"]["ratio"] == 0.3


def test_a_run_that_is_gone_is_said(make_window: MakeWindow, qtbot: QtBot, project: Path) -> None:
    window, page = opened(make_window, qtbot, project)
    (projects.runs_directory(project) / "r1" / results.RUN_FILE).unlink()
    choose(window, qtbot, page.picker, FIRST)
    assert "no longer exists" in page.banner.message.text()
    assert (page.run.now.run, page.picker.currentText()) == ("r2", SECOND)


def test_a_run_that_is_chosen_is_shown_though_another_is_looked_at_again_meanwhile(
    make_window: MakeWindow, qtbot: QtBot, project: Path
) -> None:
    folder = projects.runs_directory(project) / "r1"
    results.save(folder, results.load(folder).model_copy(update={"state": "running"}))
    keep(project, "r3", ratio=0.3)
    with runs.claimed(folder):
        window, page = opened(make_window, qtbot, project)
        choose(window, qtbot, page.picker, FIRST)
        assert page.headline.text() == "Running in another process"
        desk = window.workspace.runs
        desk.show_run("r2")
        desk._look_again()
        rest(window, qtbot)
        assert page.run.now.run == desk.shown_run == "r2"


def test_what_is_exported_for_phones_is_measured_whichever_run_is_looked_at(
    make_window: MakeWindow, qtbot: QtBot, project: Path
) -> None:
    window, page = opened(make_window, qtbot, project)
    work = window.workspace
    work.phones.files.choose_run(projects.runs_directory(project) / "r2")
    work.export_for_android()
    work.runs.show_run("r1")
    qtbot.waitUntil(lambda: work.run.state == "succeeded" and not work.runs.busy, timeout=SOON_MS)
    qtbot.waitUntil(lambda: work._to_measure is None, timeout=SOON_MS)
    assert page.run.now.run == "r1"
    assert work.phones.files.directory == work.run.now.directory
    rest(window, qtbot)
    assert work.phones.files.directory == work.run.now.directory


def test_a_name_with_markup_stands_as_it_was_written_wherever_it_is_shown(
    make_window: MakeWindow, qtbot: QtBot, project: Path
) -> None:
    name = "a < b <img src='/tmp/x.png'><b>'\"bold\"</b> & c"
    run_label.save(projects.runs_directory(project) / "r2", name=name, note="<i>note</i>")
    window, page = opened(make_window, qtbot, project)
    page.picker.showPopup()
    page.picker.hidePopup()
    tips = [page.picker.toolTip(), page.picker.itemData(0, Qt.ItemDataRole.ToolTipRole), page.results.title.toolTip()]
    window.commands.go("compare")
    rest(window, qtbot)
    compare = window.stack.currentWidget()
    assert isinstance(compare, ComparePage)
    compare.menu.compare.trigger()
    differences = [compare.difference.table.horizontalHeaderItem(place) for place in (1, 2)]
    cell = compare.table.model().index(0, 0)
    tips += [cell.data(Qt.ItemDataRole.ToolTipRole)]
    tips += [differences[1].toolTip()]
    shown = [QTextDocument() for _ in tips]
    for document, tip in zip(shown, tips, strict=True):
        document.setHtml(tip) if QtGui.Qt.mightBeRichText(tip) else document.setPlainText(tip)
    assert [name in document.toPlainText() for document in shown] == [True] * len(tips)
    compare.menu.trash.trigger()
    box = compare.findChild(QMessageBox)
    assert isinstance(box, QMessageBox)
    assert (box.textFormat(), name in box.text()) == (Qt.TextFormat.PlainText, True)
    box.reject()


def test_the_files_of_the_run_that_is_shown_are_sent_to_the_phone(
    make_window: MakeWindow, qtbot: QtBot, project: Path
) -> None:
    window, page = opened(make_window, qtbot, project)
    window.workspace.phones.files.choose_run(projects.runs_directory(project) / "r2")
    choose(window, qtbot, page.picker, FIRST)
    page.send.setEnabled(True)
    page.send.click()
    device = window.stack.currentWidget()
    assert isinstance(device, DevicePage)
    rest(window, qtbot)
    assert names(device.source) == [SECOND, FIRST]
    assert device.source.currentText() == FIRST
    assert device.results.heading.text() == f"Results of {FIRST}"
    assert "Pruning ratio" in device.head.changed.toolTip()
    choose(window, qtbot, device.source, SECOND)
    assert window.workspace.phones.files.directory == projects.runs_directory(project) / "r2"
