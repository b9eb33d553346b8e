"""The Study page: making, running, stopping and following a study, its trials, and what is done with them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMessageBox
from pytestqt.qtbot import QtBot

from pqv_core.project import project_file as projects
from pqv_core.results import record as results
from pqv_core.study import new_study, storage, study_file
from pqv_core.study.new_study import Choices
from pqv_gui.app.window import MainWindow
from pqv_gui.pages.study.page import StudyPage
from pqv_gui.pages.study.study_state import Phase
from pqv_gui.pages.study.values_input import NumbersFromTo
from pqv_gui.viewmodels import defaults
from tests.fakes import many_trials
from tests.qt.app.test_frame import controls, cut_off, name_of, require_fit, settle
from tests.qt.conftest import MakeWindow

SOON_MS = 30_000
Opened = Callable[..., tuple[MainWindow, StudyPage]]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    path = tmp_path / "projects" / "small.pqv"
    path.parent.mkdir()
    projects.save(path, projects.Project(config=defaults.new_config()))
    return path


@pytest.fixture
def opened(make_window: MakeWindow, qtbot: QtBot, project: Path) -> Opened:
    """Opens the project on the Study page, with its studies found."""

    def make(scene: str = "good") -> tuple[MainWindow, StudyPage]:
        window = make_window(scene)
        window.commands.open_project(project)
        window.commands.go("study")
        page = window.stack.current
        assert isinstance(page, StudyPage)
        qtbot.waitUntil(lambda: page.state.phase not in ("filling", "reading"), timeout=SOON_MS)
        qtbot.waitUntil(lambda: window.workspace.tasks.active == 0 and window.workspace.models.loaded)
        return window, page

    return make


def ask(project: Path, *vary: str, **more: object) -> Path:
    """A study for latency and size, of two trials."""
    folder = study_file.named(project.with_name("asked"))
    asked = Choices(project=project, vary=vary or ("prune.ratio=0.2,0.4",), **more)  # type: ignore[arg-type]
    study_file.create(folder, new_study.build(asked))
    return folder


def reach(page: StudyPage, qtbot: QtBot, phase: Phase) -> None:
    qtbot.waitUntil(lambda: page.state.phase == phase, timeout=SOON_MS)


def drawn(page: StudyPage, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: page._drawn == page._shown_now() and not page._turn, timeout=SOON_MS)


def texts(page: StudyPage, column: int) -> list[str]:
    model = page.table.model()
    return [model.index(row, column).data() for row in range(model.rowCount())]


# its states --------------------------------------------------------------------------------------------------


def test_without_a_study_one_can_be_made_and_run_to_its_end(opened: Opened, qtbot: QtBot, project: Path) -> None:
    window, page = opened()
    assert page.headline.text() == "No study yet"
    assert not page.start.isVisible()
    page.new.click()
    draft = page.state.draft
    assert [item.name for item in draft.varied] == ["prune.ratio", "quantize.precision"]
    assert draft.objectives == ("latency", "size")
    ratio = page.form.varied.rows[0].findChild(NumbersFromTo)
    assert ratio is not None
    ratio.step.clear()
    QTest.keyClicks(ratio.step, "0.25")
    assert page.form.count.text() == "6 combinations"
    page.form.varied.rows[1].findChildren(type(page.start))[-1].click()  # Remove
    assert page.form.count.text() == "3 combinations"
    page.form.make.click()
    reach(page, qtbot, "waiting")
    assert study_file.load(project.with_name("small.study")).vary == {"prune.ratio": "0.1:0.6:0.25"}
    page.start.click()
    reach(page, qtbot, "finished")
    drawn(page, qtbot)
    assert page.position._whole.startswith("3 of 3 trials · 3 done · ")
    assert "Every combination was tried" in page.position._whole or "limit" in page.position._whole
    assert sorted(texts(page, 2)) == ["0.1", "0.35", "0.6"]
    assert not page.start.isEnabled()
    assert "over" in page.why_not.text()
    qtbot.waitUntil(lambda: window.workspace.compare.view.count == 3, timeout=SOON_MS)


def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_made(opened: Opened, project: Path) -> None:
    _, page = opened()
    page.new.click()
    ratio = page.form.varied.rows[0].findChild(NumbersFromTo)
    assert ratio is not None
    ratio.high.clear()
    QTest.keyClicks(ratio.high, "7")
    said = page.form.varied.rows[0].problem
    assert said.isVisible()
    assert "ratio" in said.text()
    assert not page.form.make.isEnabled()
    assert page.form.why_not.text() == said.text()
    page.desk.create()
    assert not study_file.beside(project)
    page.form.leave.click()
    assert not page.form.isVisible()


def test_a_study_that_is_stopped_goes_on_later(opened: Opened, qtbot: QtBot, project: Path) -> None:
    ask(project)
    window, page = opened("hang")
    reach(page, qtbot, "waiting")
    page.start.click()
    qtbot.waitUntil(lambda: page.state.activity == "Fine-tuning", timeout=SOON_MS)
    assert window.job_bar.state.text() == "Study asked"
    assert window.steps.buttons["study"].accessibleName() == "Study, running"
    assert page.stop.isVisible()
    window.job_bar.stop.click()
    reach(page, qtbot, "stopped")
    assert page.start.text() == "Cont&inue"
    assert page.start.isEnabled()
    assert texts(page, 1) == ["‖ Interrupted"]


def test_a_run_waits_for_the_study_and_a_study_for_the_run(opened: Opened, qtbot: QtBot, project: Path) -> None:
    ask(project)
    window, page = opened("hang")
    reach(page, qtbot, "waiting")
    page.start.click()
    qtbot.waitUntil(lambda: page.state.activity == "Fine-tuning", timeout=SOON_MS)
    assert window.summary.start.text() == "Add to queue"
    assert window.summary.why_not.text() == "A study is running: runs start when it ends or is stopped."
    window.commands.start_run()
    assert len(window.workspace.runs.queue.waiting) == 1
    window.commands.cancel()
    qtbot.waitUntil(lambda: window.workspace.run.running_stage == "finetune", timeout=SOON_MS)
    window.commands.go("study")
    reach(page, qtbot, "stopped")
    assert not page.start.isEnabled()
    assert page.why_not.text() == "A run is in progress: start the study when it has finished."
    window.commands.cancel()
    qtbot.waitUntil(page.start.isEnabled, timeout=SOON_MS)
    qtbot.waitUntil(lambda: window.workspace.tasks.active == 0, timeout=SOON_MS)


def test_what_another_process_runs_is_followed(opened: Opened, qtbot: QtBot, project: Path) -> None:
    folder = many_trials.made(project, trials=40)
    journal = many_trials.opened(folder)
    with storage.held(folder):
        _, page = opened()
        reach(page, qtbot, "elsewhere")
        assert page.why_not.text() == "Another process runs this study; it is followed here."
        assert not page.start.isEnabled()
        many_trials.add(journal, 12)
        qtbot.waitUntil(lambda: page.table.model().rowCount() == 12, timeout=SOON_MS)
        many_trials.add(journal, 8)
        qtbot.waitUntil(lambda: page.table.model().rowCount() == 20, timeout=SOON_MS)
        assert "20 of 40 trials" in page.position._whole
        assert "left" in page.position._whole
        qtbot.waitUntil(lambda: page.decides.chart is not None, timeout=SOON_MS)
    reach(page, qtbot, "stopped")


def test_a_damaged_study_is_said_with_its_cure(opened: Opened, qtbot: QtBot, project: Path) -> None:
    folder = ask(project)
    whole = (folder / study_file.STUDY_FILE).read_text()
    (folder / study_file.STUDY_FILE).write_text("{")
    _, page = opened()
    assert page.headline.text() == "The study cannot be read"
    assert page.banner.isVisible()
    assert "damaged" in page.banner.message.text()
    (folder / study_file.STUDY_FILE).write_text(whole)
    page.again.click()
    reach(page, qtbot, "waiting")


def test_in_a_project_that_is_open_to_read_studies_can_be_looked_at_only(
    opened: Opened, qtbot: QtBot, project: Path
) -> None:
    many_trials.add(many_trials.opened(many_trials.made(project)), 5)
    window, page = opened()
    window.workspace.session.open(project, writer="somebody")
    page.state.select(2)
    assert not page.new.isEnabled()
    assert not page.start.isEnabled()
    assert not page.use.isEnabled()
    assert "read-only" in page.why_not.text()
    assert page.table.model().rowCount() == 5


def test_another_project_has_other_studies(opened: Opened, qtbot: QtBot, project: Path, tmp_path: Path) -> None:
    ask(project)
    window, page = opened()
    reach(page, qtbot, "waiting")
    window.workspace.create(tmp_path / "projects", "other")
    window.commands.go("study")
    reach(page, qtbot, "empty")
    window.workspace.close_project()
    assert window.stack.place == "start"
    qtbot.waitUntil(lambda: window.workspace.tasks.active == 0)


def test_the_window_asks_before_it_stops_a_study(opened: Opened, qtbot: QtBot, project: Path) -> None:
    ask(project)
    window, page = opened("hang")
    reach(page, qtbot, "waiting")
    page.start.click()
    qtbot.waitUntil(lambda: page.state.activity == "Fine-tuning", timeout=SOON_MS)
    window.commands.open_project(project)
    assert page.banner.message.text() == "A study of this project is running."
    assert not window.close()
    box = QApplication.activeModalWidget()
    assert isinstance(box, QMessageBox)
    assert box.text() == "Stop the study and close?"
    stop = next(each for each in box.buttons() if each.text() == "&Stop and close")
    stop.click()
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=SOON_MS)


# trials and charts -------------------------------------------------------------------------------------------


def test_a_thousand_trials_are_listed_and_drawn(opened: Opened, qtbot: QtBot, project: Path) -> None:
    many_trials.add(many_trials.opened(many_trials.made(project)), 1000)
    window, page = opened()
    window.resize(1280, 900)
    drawn(page, qtbot)
    chart = page.state.chart
    assert page.state.phase == "finished"
    assert page.table.model().rowCount() == 1000
    assert chart is not None
    assert len(chart.points) == 980
    below = page.front.saver.caption()
    assert f"study {page.state.name}; 1,000 of 1,000 trials" in below and "PQV-Mobile" in below
    lines = page.parallel.plot
    qtbot.waitUntil(lambda: not lines._turn.isActive() and not lines._front.picture.isNull(), timeout=SOON_MS)
    assert lines.shown is not None
    assert len(lines.shown.names) == 980
    qtbot.waitUntil(lambda: page.decides.chart is not None, timeout=SOON_MS)
    assert "Pruning ratio" in page.decides.plot.accessibleDescription()
    front = page.state.front
    assert {line.number for line in front} == {point_number(point.name) for point in chart.front}


def point_number(name: str) -> int:
    return int(name.removeprefix("Trial "))


def test_a_point_a_line_and_a_row_are_the_same_trial(opened: Opened, qtbot: QtBot, project: Path) -> None:
    many_trials.add(many_trials.opened(many_trials.made(project)), 30)
    _, page = opened()
    drawn(page, qtbot)
    page.table.setCurrentIndex(page.table.model().index(3, 0))
    assert page.state.selected == 26
    assert page.chosen.text().startswith("Trial 26: Pruning ratio 0.")
    assert page.front._ring.data["x"].size == 1
    assert page.parallel.plot.row == list(page.parallel.plot.shown.names).index("Trial 26")  # type: ignore[union-attr]
    chart = page.state.chart
    assert chart is not None
    page.front.chosen.emit(chart.points[0].name)
    assert page.state.selected == point_number(chart.points[0].name)
    row = page.table.currentIndex().row()
    assert page.state.lines[row].number == page.state.selected


def test_trials_are_sorted_by_a_column_and_figures_drawn_as_wished(opened: Opened, qtbot: QtBot, project: Path) -> None:
    many_trials.add(many_trials.opened(many_trials.made(project)), 30)
    _, page = opened()
    drawn(page, qtbot)
    page.table.sort_wanted.emit(2)
    ratios = [float(text) for text in texts(page, 2)]
    assert ratios == sorted(ratios)
    page.table.sort_wanted.emit(2)
    assert [float(text) for text in texts(page, 2)] == ratios[::-1]
    page.along.setCurrentIndex(page.along.findData("size"))
    page.along.activated.emit(page.along.currentIndex())
    drawn(page, qtbot)
    assert page.state.chart is not None
    assert page.state.chart.x_name == "Size"
    assert not page.state.chart.line


# what it is good for -----------------------------------------------------------------------------------------


def test_the_settings_of_a_trial_come_into_the_project_and_can_be_taken_back(
    opened: Opened, qtbot: QtBot, project: Path
) -> None:
    many_trials.add(many_trials.opened(many_trials.made(project)), 8)
    window, page = opened()
    assert not page.use.isEnabled()
    before = window.workspace.session.config
    page.state.select(3)
    page.use.click()
    line = page.state.chosen
    assert line is not None
    config = window.workspace.session.config
    assert config.prune.ratio == pytest.approx(float(str(line.trial.params["prune.ratio"])), rel=1e-4)
    assert config.quantize.precision == line.trial.params["quantize.precision"]
    assert "trial 3" in page.banner.message.text()
    assert window.menus.undo.text() == "&Undo: Trial of a study"
    window.menus.undo.trigger()
    assert window.workspace.session.config == before


def test_a_trial_is_opened_in_compare(opened: Opened, qtbot: QtBot, project: Path) -> None:
    ask(project)
    window, page = opened()
    reach(page, qtbot, "waiting")
    page.start.click()
    reach(page, qtbot, "finished")
    qtbot.waitUntil(lambda: window.workspace.compare.view.count == 2, timeout=SOON_MS)
    page.state.select(0)
    run = page.state.chosen
    assert run is not None
    page.compare.click()
    assert window.stack.place == "compare"
    qtbot.waitUntil(lambda: window.workspace.tasks.active == 0, timeout=SOON_MS)
    assert window.workspace.compare.view.selected == run.trial.run


def test_why_the_front_cannot_be_measured_stands_beside_the_button(opened: Opened, qtbot: QtBot, project: Path) -> None:
    ask(project)
    window, page = opened("hang")
    assert not page.send.isEnabled()
    assert "empty" in page.why_not_send.text()
    many_trials.add(many_trials.opened(many_trials.made(project)), 8)
    page.desk.find()
    qtbot.waitUntil(lambda: len(page.state.folders) == 2, timeout=SOON_MS)
    page.desk.look_at(next(folder for folder in page.state.folders if folder.stem != "asked"))
    qtbot.waitUntil(page.send.isEnabled, timeout=SOON_MS)
    assert page.send.text() == "Measure the front together"
    window.commands.start_run()
    window.commands.go("study")
    qtbot.waitUntil(lambda: not page.send.isEnabled(), timeout=SOON_MS)
    assert page.why_not_send.text() == "A run or study is in progress: measure afterwards."
    window.commands.cancel()
    qtbot.waitUntil(page.send.isEnabled, timeout=SOON_MS)
    qtbot.waitUntil(lambda: window.workspace.tasks.active == 0, timeout=SOON_MS)


def test_the_front_is_measured_in_one_loop_on_the_computer_that_measured_its_trials(
    opened: Opened, qtbot: QtBot, project: Path
) -> None:
    many_trials.add(many_trials.opened(many_trials.made(project)), 8)
    window, page = opened()
    runs = [projects.runs_directory(project) / line.trial.run for line in page.state.front]
    for directory in runs:
        keep_run(directory)
    phones = window.workspace.phones
    phones.files.tick(runs[0] / results.load(runs[0]).results[0].file, False)
    phones.files.add(Path(__file__).parents[2] / "data" / "tiny.ptl")
    page.send.click()
    qtbot.waitUntil(lambda: phones.run.targets != {} and not phones.run.active, timeout=SOON_MS)
    assert window.stack.place == "device"
    (target,) = phones.run.targets.values()
    assert target.key == results.LOCAL
    assert [file.name for file in target.files] == [f"{line.name}, Compressed" for line in page.state.front]
    qtbot.waitUntil(lambda: window.workspace.tasks.active == 0)
    for directory in runs:
        trial, together = results.load(directory).results[0].measurements
        assert together.samples_ns != trial.samples_ns
        assert together.threads == trial.threads


def test_a_front_is_not_measured_once_its_project_is_closed(opened: Opened, qtbot: QtBot, project: Path) -> None:
    many_trials.add(many_trials.opened(many_trials.made(project)), 8)
    window, page = opened()
    for line in page.state.front:
        keep_run(projects.runs_directory(project) / line.trial.run)
    page.send.click()
    window.commands.close_project()
    qtbot.waitUntil(lambda: window.workspace.tasks.active == 0 and page.desk._tasks.active == 0, timeout=SOON_MS)
    assert window.stack.place == "start"
    assert not window.workspace.phones.run.targets
    assert window.workspace.phones.files.group is None


def test_the_front_is_offered_on_the_device_page_as_one(opened: Opened, qtbot: QtBot, project: Path) -> None:
    folder = many_trials.made(project, target="android")
    many_trials.add(many_trials.opened(folder), 8)
    window, page = opened()
    for line in page.state.front:
        keep_run(projects.runs_directory(project) / line.trial.run)
    page.send.click()
    qtbot.waitUntil(lambda: window.stack.place == "device", timeout=SOON_MS)
    files = window.workspace.phones.files
    assert files.grouped
    assert [file.name for file in files.chosen] == [f"{line.name}, Compressed" for line in page.state.front]
    qtbot.waitUntil(lambda: window.workspace.tasks.active == 0)


def keep_run(directory: Path) -> None:
    from tests.fakes.records import record

    made = record(directory.name)
    results.save(directory, made)
    for variant in made.variants:
        (directory / variant.file).write_bytes((Path(__file__).parents[2] / "data" / "tiny.ptl").read_bytes())


# the keyboard, screen readers and small windows --------------------------------------------------------------


@pytest.mark.parametrize(("size", "scale"), [((1024, 700), 100), ((1024, 700), 200), ((1600, 1000), 100)])
def test_nothing_is_cut_off_and_everything_has_a_name(
    opened: Opened, qtbot: QtBot, project: Path, size: tuple[int, int], scale: int
) -> None:
    many_trials.add(many_trials.opened(many_trials.made(project, target="android")), 30)
    window, page = opened()
    window.theme.set_text_scale(scale)
    window.resize(*size)
    drawn(page, qtbot)
    page.state.select(3)
    for drafting in (False, True):
        if drafting:
            page.begin()
            page.state.draft.bind()
            page.state.draft.vary("quantize.engine")
        settle(window, page, qtbot)
        require_fit(page)
        assert cut_off(window) == []
        assert all(name_of(widget) for widget in controls(page))


def test_pointing_at_a_line_names_it(opened: Opened, qtbot: QtBot, project: Path) -> None:
    many_trials.add(many_trials.opened(many_trials.made(project)), 6)
    _, page = opened()
    drawn(page, qtbot)
    lines = page.parallel.plot
    at = lines._line(2).first().toPoint()
    lines.mouseMoveEvent(mouse_at(at))
    assert page.parallel.tip.text().startswith("Trial 2 · Pruning ratio ")
    QTest.mouseClick(lines, Qt.MouseButton.LeftButton, pos=at)
    assert page.state.selected == 2
    assert page.parallel.as_csv().count("\n") == 7


def mouse_at(at: QPoint) -> object:
    from PySide6.QtCore import QEvent, QPointF
    from PySide6.QtGui import QMouseEvent

    none = Qt.MouseButton.NoButton
    return QMouseEvent(QEvent.Type.MouseMove, QPointF(at), QPointF(at), none, none, Qt.KeyboardModifier.NoModifier)
