"""What the window says of runs is what lies on the disk: after a cancel, a kill, a restart, another project."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from pqv_core.errors import ErrorInfo
from pqv_core.project import runs
from pqv_core.results import record as results
from pqv_gui.app.window import MainWindow
from pqv_gui.pages.device.page import DevicePage
from pqv_gui.pages.device.phone_list import LOCAL
from pqv_gui.pages.model.page import ModelPage
from pqv_gui.pages.run.page import RunPage
from pqv_gui.pages.start.page import StartPage
from pqv_gui.widgets.path_input import PathInput
from tests.qt.conftest import MakeWindow

SOON_MS = 20_000
TINY = Path(__file__).parents[2] / "data" / "tiny.ptl"
LEFT, PLAIN = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


def rests(window: MainWindow, qtbot: QtBot) -> None:
    work = window.workspace
    qtbot.waitUntil(lambda: not work.runs.busy and work.tasks.active == 0 and work.models.loaded, timeout=SOON_MS)


def opened(make_window: MakeWindow, qtbot: QtBot, scene: str, path: Path) -> MainWindow:
    window = make_window(scene)
    window.commands.open_project(path)
    rests(window, qtbot)
    return window


def begun(make_window: MakeWindow, qtbot: QtBot, tmp_path: Path, scene: str) -> MainWindow:
    """A window whose first run is at work."""
    window = make_window(scene)
    window.workspace.create(tmp_path / "projects", "small")
    rests(window, qtbot)
    window.commands.start_run()
    qtbot.waitUntil(lambda: window.workspace.run.now.progress is not None, timeout=SOON_MS)
    return window


def done(window: MainWindow, qtbot: QtBot) -> Path:
    """Have a run done, with real files; its folder."""
    window.commands.start_run()
    rests(window, qtbot)
    directory = window.workspace.run.now.directory
    assert directory is not None
    for role in ("paper_fp32", "fast_fp32", "compressed"):
        shutil.copy(TINY, directory / f"{role}.ptl")
    return directory


def on_disk(window: MainWindow) -> str:
    directory = window.workspace.run.now.directory
    assert directory is not None
    return results.as_written(directory).state


def run_page(window: MainWindow) -> RunPage:
    window.commands.go("run")
    page = window.stack.currentWidget()
    assert isinstance(page, RunPage)
    return page


def device_page(window: MainWindow) -> DevicePage:
    window.commands.go("device")
    page = window.stack.currentWidget()
    assert isinstance(page, DevicePage)
    return page


# cancel, kill, restart -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scene", ["hang", "deaf"])
def test_a_cancelled_run_is_cancelled_on_the_disk_too(
    make_window: MakeWindow, qtbot: QtBot, tmp_path: Path, scene: str
) -> None:
    window = begun(make_window, qtbot, tmp_path, scene)
    window.job_bar.stop.click()
    rests(window, qtbot)
    assert (window.workspace.run.state, on_disk(window)) == ("cancelled", "cancelled")
    path = window.workspace.session.path
    assert path is not None
    window.commands.close_project()

    later = opened(make_window, qtbot, "good", path)

    assert later.workspace.run.state == "cancelled"
    assert [run.record.state for run in later.workspace.compare.view.comparison.runs] == ["cancelled"]
    assert later.summary.start.text() == run_page(later).start.text().replace("&", "") == "Resume"


def test_a_run_whose_worker_crashed_has_failed_on_the_disk_too(
    make_window: MakeWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    window = make_window("crash")
    window.workspace.create(tmp_path / "projects", "small")
    rests(window, qtbot)
    window.commands.start_run()
    rests(window, qtbot)
    assert (window.workspace.run.state, on_disk(window)) == ("failed", "failed")
    record = window.workspace.run.now.record
    assert record is not None and record.error == window.workspace.run.now.error


def test_a_run_that_was_killed_with_its_window_is_interrupted_and_can_be_resumed(
    make_window: MakeWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    window = begun(make_window, qtbot, tmp_path, "deaf")
    path = window.workspace.session.path
    assert path is not None
    directory = window.workspace.run.now.directory
    assert directory is not None
    window.workspace.runs.cancel()
    rests(window, qtbot)
    window.commands.close_project()
    as_a_kill_leaves_it = results.as_written(directory).model_copy(update={"state": "running"})
    results.save(directory, as_a_kill_leaves_it)

    later = opened(make_window, qtbot, "good", path)

    assert run_page(later).headline.text() == "Interrupted"
    assert later.job_bar.message.toolTip() == "The last run was interrupted. Finished work is kept."
    assert [run.record.state for run in later.workspace.compare.view.comparison.runs] == ["interrupted"]
    assert run_page(later).start.text() == "Res&ume" and run_page(later).start.isEnabled()


def test_a_run_of_another_process_is_followed_to_its_end(make_window: MakeWindow, qtbot: QtBot, tmp_path: Path) -> None:
    window = begun(make_window, qtbot, tmp_path, "hang")
    path, directory = window.workspace.session.path, window.workspace.run.now.directory
    assert path is not None and directory is not None
    window.job_bar.stop.click()
    rests(window, qtbot)
    window.commands.close_project()
    with runs.claimed(directory):
        results.save(directory, results.as_written(directory).model_copy(update={"state": "running"}))
        later = opened(make_window, qtbot, "good", path)
        assert run_page(later).headline.text() == "Running in another process"
        assert [run.record.state for run in later.workspace.compare.view.comparison.runs] == ["running"]
        later.workspace.runs._look.setInterval(0)
        later.workspace.runs.show_newest()
    qtbot.waitUntil(lambda: later.workspace.run.state == "interrupted", timeout=SOON_MS)
    rests(later, qtbot)
    assert [run.record.state for run in later.workspace.compare.view.comparison.runs] == ["interrupted"]


def test_a_run_that_goes_on_is_running_on_compare(make_window: MakeWindow, qtbot: QtBot, tmp_path: Path) -> None:
    window = begun(make_window, qtbot, tmp_path, "hang")
    view = window.workspace.compare.view
    qtbot.waitUntil(lambda: [run.record.state for run in view.comparison.runs] == ["running"], timeout=SOON_MS)
    window.job_bar.stop.click()
    rests(window, qtbot)
    assert [run.record.state for run in view.comparison.runs] == ["cancelled"]


def test_the_time_shown_is_that_on_the_clock(make_window: MakeWindow, qtbot: QtBot, tmp_path: Path) -> None:
    window = begun(make_window, qtbot, tmp_path, "hang")
    window.job_bar.stop.click()
    rests(window, qtbot)
    assert run_page(window).position.toolTip() == "after 1 min 17 s"  # its stages say nothing
    record = window.workspace.run.now.record
    assert record is not None
    window.workspace.run.attach(record.model_copy(update={"spans": (77.0, 40.0)}))
    assert run_page(window).position.toolTip() == "after 40.0 s; started 2 times, 1 min 57 s in total"


def test_a_cancelled_run_of_the_queue_can_be_resumed(make_window: MakeWindow, qtbot: QtBot, tmp_path: Path) -> None:
    window = begun(make_window, qtbot, tmp_path, "hang")
    work = window.workspace
    work.session.set("prune.ratio", 0.5)
    window.summary.start.click()  # waits
    work.session.set("prune.ratio", 0.25)
    window.job_bar.stop.click()
    rests(window, qtbot)
    work.runs.go_on()
    qtbot.waitUntil(lambda: work.run.now.progress is not None, timeout=SOON_MS)
    work.session.set("prune.ratio", 0.5)
    window.job_bar.stop.click()
    rests(window, qtbot)
    page = run_page(window)
    assert (page.start.text(), window.summary.start.text()) == ("Res&ume", "Resume")
    assert page.start.isEnabled() and window.summary.start.isEnabled()

    page.start.click()

    qtbot.waitUntil(lambda: work.run.now.progress is not None, timeout=SOON_MS)
    assert work.runs.queue.waiting == ()  # it is being done, and does not wait as well
    window.job_bar.stop.click()
    rests(window, qtbot)


# Device ----------------------------------------------------------------------------------------------------------


def test_device_says_why_there_are_no_files(make_window: MakeWindow, qtbot: QtBot, tmp_path: Path) -> None:
    window = begun(make_window, qtbot, tmp_path, "hang")
    page = device_page(window)
    assert page.files.empty.text().startswith("The current run has not written a file yet.")
    window.job_bar.stop.click()
    rests(window, qtbot)
    assert page.files.empty.text().startswith("The last run was stopped before it wrote a file")


def test_device_offers_the_files_and_figures_of_earlier_runs(
    make_window: MakeWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    window = make_window("good")
    window.workspace.create(tmp_path / "projects", "small")
    rests(window, qtbot)
    first = done(window, qtbot)
    window.workspace.session.set("prune.ratio", 0.5)
    second = done(window, qtbot)
    path = window.workspace.session.path
    assert path is not None
    window.commands.close_project()

    later = opened(make_window, qtbot, "good", path)
    page, files = device_page(later), later.workspace.phones.files

    assert page.headline.text() == "Measured earlier" and page.results.isVisible()
    assert page.table.rowCount() == 3
    assert files.directory == second
    page.source.setCurrentIndex(page.source.findData(str(first)))
    page.source.activated.emit(page.source.currentIndex())
    assert files.directory == first
    assert {file.path.parent for file in files.files} == {first}


def test_figures_and_errors_of_phones_go_with_their_project(
    make_window: MakeWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    window = make_window("good")
    window.workspace.create(tmp_path / "projects", "small")
    rests(window, qtbot)
    page, desk = device_page(window), window.workspace.phones
    page.add_file(TINY)
    desk.phones.tick(LOCAL, True)
    page.start.click()
    qtbot.waitUntil(lambda: desk.run.state == "succeeded", timeout=SOON_MS)
    (target,) = desk.run.targets.values()
    desk.run.finished(target.id, "failed", error=ErrorInfo(kind="X", message="The phone is gone."))
    assert page.banner.isVisible()
    rests(window, qtbot)

    window.workspace.create(tmp_path / "projects", "other")
    rests(window, qtbot)
    page = device_page(window)

    assert not page.banner.isVisible() and not page.results.isVisible()
    assert page.headline.text() == "Nothing measured yet"


# another project, and what the mouse does ------------------------------------------------------------------------


def test_another_project_begins_with_its_pages_anew(make_window: MakeWindow, qtbot: QtBot, tmp_path: Path) -> None:
    window = make_window("good")
    window.workspace.create(tmp_path / "projects", "small")
    rests(window, qtbot)
    page = window.stack.currentWidget()
    assert isinstance(page, ModelPage)
    page.network.search.setText("deit")
    page.advanced.set_open(True)
    page.present(ErrorInfo(kind="X", message="This was of the project before."))
    bar = page.scroller.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0)
    bar.setValue(bar.maximum())

    window.workspace.create(tmp_path / "projects", "other")
    rests(window, qtbot)

    assert window.stack.place == "model"
    assert not page.banner.isVisible()
    assert (bar.value(), page.network.search.text(), page.advanced.toggle.isChecked()) == (0, "", False)


def double_click(window: MainWindow, widget: QWidget, at: QPoint) -> None:
    """As the system sends it: to the window, whatever lies there by the time of each half."""
    handle, where = window.windowHandle(), widget.mapTo(window, at)
    QTest.mouseDClick(handle, LEFT, PLAIN, where)


def test_a_double_click_on_a_recent_project_presses_nothing_on_its_page(
    make_window: MakeWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    window = make_window("good")
    for name in ("small", "other"):
        window.workspace.create(tmp_path / "projects", name)
        rests(window, qtbot)
    window.commands.close_project()
    start = window.stack.currentWidget()
    assert isinstance(start, StartPage)
    recent = start.recent
    qtbot.waitUntil(recent.isVisible)
    model = window.stack.page("model")
    assert isinstance(model, ModelPage)
    pressed: list[bool] = []
    cover = QWidget(model)  # stands for whatever lies below: the whole page is a button
    cover.mousePressEvent = cover.mouseReleaseEvent = lambda event: pressed.append(True)  # type: ignore[method-assign]
    cover.setGeometry(0, 0, 3000, 3000)
    cover.show()

    double_click(window, recent.viewport(), recent.visualRect(recent.model().index(0, 0)).center())

    assert window.workspace.session.is_open and window.stack.place == "model"
    assert pressed == []
    rests(window, qtbot)
    QTest.mouseClick(window.windowHandle(), LEFT, PLAIN, cover.mapTo(window, QPoint(200, 200)))
    assert pressed == [True, True]  # the next click is a click again


def test_a_double_click_on_one_button_is_two_presses(make_window: MakeWindow, qtbot: QtBot, tmp_path: Path) -> None:
    window = make_window("good")
    window.workspace.create(tmp_path / "projects", "small")
    rests(window, qtbot)
    double_click(window, window.next, window.next.rect().center())
    assert window.stack.place == "backend"


@pytest.mark.parametrize("names", [("train", "val"), ("train2017", "val2017")])
def test_a_folder_that_holds_train_and_val_is_no_folder_of_two_classes(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, names: tuple[str, str]
) -> None:
    for split in names:
        for each in ("cat", "dog"):
            (tmp_path / "set" / split / each).mkdir(parents=True)
            QImage(8, 8, QImage.Format.Format_RGB32).save(str(tmp_path / "set" / split / each / "0.png"))
    (tmp_path / "set" / "docs").mkdir()
    page = window.stack.currentWidget()
    assert isinstance(page, ModelPage)
    editor = page.form.editor("data.train")
    assert isinstance(editor, PathInput)

    editor.pick(tmp_path / "set")

    images = window.workspace.images
    qtbot.waitUntil(lambda: images.train.state == "failed", timeout=SOON_MS)
    assert images.classes is None
    assert window.steps.buttons["model"].state == "invalid"
    assert all(str(tmp_path / "set" / name) in images.train.sentence for name in names)
    window.workspace.choose_images(tmp_path / "set")
    qtbot.waitUntil(lambda: (images.train.state, images.val.state) == ("ok", "ok"), timeout=SOON_MS)
    assert images.classes == 2
    rests(window, qtbot)


def test_a_text_file_as_weights_gets_no_tick(window: MainWindow, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("layer norm, attention\n")
    window.workspace.session.set("prune.ratio", 7)  # something else is wrong as well
    weights = {"model.weights": "file", "model.path": str(tmp_path / "notes.txt")}
    window.workspace.session.set_many(weights, label="model.path")
    assert window.steps.buttons["model"].state == "invalid"
    assert "notes.txt is a text file, not weights." in window.missing.toolTip()
