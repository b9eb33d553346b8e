"""Whatever is pressed, typed and chosen, in whatever order: every error is one that was foreseen, every state true."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from PySide6.QtCore import QPoint, Qt, QTimer, QUrl
from PySide6.QtGui import QAction, QDesktopServices, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QFileDialog,
    QLineEdit,
    QMessageBox,
    QScrollBar,
    QWidget,
)
from pytestqt.qtbot import QtBot

from pqv_gui.app.window import MainWindow
from pqv_gui.charts.chart import Chart
from pqv_gui.pages import PAGES
from pqv_gui.widgets.banner import Banner
from tests.qt.conftest import MakeWindow
from tests.qt.endurance.agreement import disagreements

TEXTS = (
    "",
    "a",
    "0",
    "-1",
    "1e309",
    "nan",
    "½",
    "../..",
    "/",
    "ü" * 300,
    "~nobody",
    "deit_tinny",
    "%s",
    "<b>x</b>",
    "a b",
)
LETTERS = (Qt.Key.Key_Z, Qt.Key.Key_Y, Qt.Key.Key_R, Qt.Key.Key_F)
KEYS = (
    *(Qt.Key.Key_Return, Qt.Key.Key_Escape, Qt.Key.Key_Down, Qt.Key.Key_Up, Qt.Key.Key_Space, Qt.Key.Key_Delete),
    *(Qt.Key.Key_Tab, Qt.Key.Key_PageDown, Qt.Key.Key_A),
)
USED = (QAbstractButton, QAbstractItemView, QAbstractSlider, QAbstractSpinBox, QComboBox, QLineEdit, Chart)
STEPS = 300
SOON_MS, AGREES_MS = 20_000, 8_000


class Monkey:
    """Does one thing after another, as its numbers fall; ``done`` names them for whoever must repeat it."""

    def __init__(self, window: MainWindow, draw: random.Random) -> None:
        self.window, self.draw = window, draw
        self.done: list[str] = []

    def step(self) -> None:
        """One thing, and what follows from it at once."""
        act = self.draw.choices(
            (self._go, self._menu, self._shortcut, self._key, self._resize, self._use), (4, 4, 6, 6, 2, 78)
        )
        act[0]()
        QApplication.processEvents()

    def _note(self, what: str) -> None:
        self.done = [*self.done[-5:], what]

    def _go(self) -> None:
        self._note("go")
        self.window.commands.go(self.draw.choice(list(PAGES)))

    def _menu(self) -> None:
        bar = self.window.menuBar()
        menus = [action.menu() for action in bar.actions() if action.menu() is not None]
        found = [action for menu in menus for action in menu.actions() if action.isEnabled() and action.text()]
        action: QAction = self.draw.choice(found)
        if action.menu() is None and action.shortcut() != QKeySequence("Ctrl+Q"):
            self._note(f"menu {action.text()}")
            action.trigger()

    def _shortcut(self) -> None:
        self._note("shortcut")
        QTest.keyClick(self.window, self.draw.choice(LETTERS), Qt.KeyboardModifier.ControlModifier)

    def _key(self) -> None:
        focused = QApplication.focusWidget()
        if focused is not None:
            self._note(f"key in {focused.accessibleName()}")
            QTest.keyClick(focused, self.draw.choice(KEYS))

    def _resize(self) -> None:
        self._note("resize")
        self.window.resize(self.draw.randint(600, 2000), self.draw.randint(400, 1400))

    def _use(self) -> None:
        found = [
            widget
            for widget in self.window.findChildren(QWidget)
            if isinstance(widget, USED) and widget.isVisible() and widget.isEnabled()
        ]
        widget = self.draw.choice([each for each in found if not isinstance(each, QScrollBar)])
        self._note(f"{type(widget).__name__} {widget.accessibleName()}")
        uses: tuple[tuple[type[QWidget], Callable[..., None]], ...] = (
            (QAbstractButton, lambda button: button.click()),
            (QLineEdit, self._type),
            (QAbstractSpinBox, lambda box: box.stepBy(self.draw.randint(-50, 50))),
            (QComboBox, lambda box: box.setCurrentIndex(self.draw.randrange(max(1, box.count())))),
            (QAbstractSlider, lambda slider: slider.setValue(self.draw.randint(slider.minimum(), slider.maximum()))),
            (QAbstractItemView, self._choose_row),
            (
                Chart,
                lambda chart: QTest.mouseMove(chart.plot, QPoint(self.draw.randint(0, 200), self.draw.randint(0, 90))),
            ),
        )
        next(use for kind, use in uses if isinstance(widget, kind))(widget)

    def _type(self, line: QLineEdit) -> None:
        line.setFocus()
        line.selectAll()
        line.insert(self.draw.choice(TEXTS))
        line.textEdited.emit(line.text())
        if self.draw.random() < 0.5:
            QTest.keyClick(line, Qt.Key.Key_Return)

    def _choose_row(self, view: QAbstractItemView) -> None:
        model = view.model()
        if model is not None and model.rowCount(view.rootIndex()):
            index = model.index(self.draw.randrange(model.rowCount(view.rootIndex())), 0, view.rootIndex())
            view.setCurrentIndex(index)
            (view.activated if self.draw.random() < 0.3 else view.clicked).emit(index)


@pytest.fixture
def draw(request: pytest.FixtureRequest) -> random.Random:
    return random.Random(request.param)


@pytest.fixture
def answers(draw: random.Random, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Someone who answers every dialog: with a path that may be good, a yes, a no, or by closing it."""
    paths = ["", str(tmp_path / "nothing"), str(tmp_path), str(tmp_path / "a.pqv"), "/proc/none/x.pqv", "x" * 300]
    buttons = QMessageBox.StandardButton
    replies = (buttons.Yes, buttons.No, buttons.Cancel, buttons.Ok)
    for name in ("getOpenFileName", "getSaveFileName"):
        monkeypatch.setattr(QFileDialog, name, lambda *_, **__: (draw.choice(paths), ""))
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_, **__: (draw.sample(paths[1:], 2), ""))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_, **__: draw.choice(paths))
    for name in ("question", "warning", "information", "critical"):
        monkeypatch.setattr(QMessageBox, name, lambda *_, **__: draw.choice(replies))

    def opened(_: QUrl) -> bool:
        return True

    monkeypatch.setattr(QDesktopServices, "openUrl", opened)

    def close() -> None:
        dialog = QApplication.activePopupWidget() or QApplication.activeModalWidget()
        if isinstance(dialog, QDialog):
            dialog.done(draw.choice((0, 1)))
        elif dialog is not None:
            dialog.close()

    timer = QTimer()
    timer.timeout.connect(close)
    timer.start(20)
    yield
    timer.stop()
    timer.deleteLater()


@pytest.mark.slow
@pytest.mark.usefixtures("answers")
@pytest.mark.parametrize(
    ("draw", "scene"),
    [(1, "good"), (2, "crash"), (3, "hang"), (4, "fail"), (5, "flood"), (6, "stale"), (7, "deaf")],
    indirect=["draw"],
)
def test_every_error_is_one_that_was_foreseen(
    make_window: MakeWindow,
    qtbot: QtBot,
    tmp_path: Path,
    draw: random.Random,
    scene: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    window = make_window(scene)
    window.workspace.create(tmp_path / "projects", "small")
    qtbot.waitUntil(lambda: window.workspace.models.loaded)
    monkey = Monkey(window, draw)
    for _ in range(STEPS):
        monkey.step()
        unforeseen = [record.exc_text or record.message for record in caplog.records if record.levelno >= logging.ERROR]
        assert unforeseen == [], monkey.done
        told = [banner.message.text() for banner in window.findChildren(Banner)]
        assert not [text for text in told if "unexpected error" in text], monkey.done
        agrees(window, qtbot, monkey.done)
    window.workspace.runs.cancel()
    window.workspace.phones.cancel()
    qtbot.waitUntil(lambda: not window.workspace.runs.busy, timeout=SOON_MS)
    agrees(window, qtbot, monkey.done)
    path = window.workspace.session.path
    if path is not None:
        window.commands.close_project()
        window.commands.open_project(path)
        agrees(window, qtbot, ["opened again"])


def agrees(window: MainWindow, qtbot: QtBot, done: list[str]) -> None:
    """What is said of runs comes to agree with the disk, whenever no run is going."""
    left: list[str] = []

    def same() -> bool:
        left[:] = [] if window.workspace.runs.busy else disagreements(window)
        return not left

    try:
        qtbot.waitUntil(same, timeout=AGREES_MS)
    except qtbot.TimeoutError:
        raise AssertionError(f"{left} after {done}") from None


class Runner:
    """Begins, queues, cancels, kills and reopens, as its numbers fall."""

    def __init__(self, window: MainWindow, qtbot: QtBot, draw: random.Random) -> None:
        self.window, self.qtbot, self.draw = window, qtbot, draw
        self.done: list[str] = []

    def step(self) -> None:
        """One thing, and a moment in which it may begin to work."""
        act = self.draw.choice(
            (self._run, self._run, self._cancel, self._kill, self._go_on, self._reopen, self._trash, self._look)
        )
        self.done = [*self.done[-8:], act.__name__]
        self.window.commands.go(self.draw.choice(("run", "device", "compare")))
        act()
        self.qtbot.wait(self.draw.choice((0, 30, 200, 400)))

    def _run(self) -> None:
        self.window.workspace.session.set("prune.ratio", self.draw.choice((0.125, 0.25, 0.5)))
        self.window.summary.start.click()

    def _cancel(self) -> None:
        self.window.workspace.runs.cancel()

    def _kill(self) -> None:
        for child in psutil.Process().children():
            child.kill()

    def _go_on(self) -> None:
        self.window.workspace.runs.go_on()

    def _reopen(self) -> None:
        path = self.window.workspace.session.path
        if not self.window.workspace.run.active:
            self.window.commands.close_project()
            self.window.commands.open_project(path)

    def _look(self) -> None:
        """Look at some run, or at the one that goes on or was last."""
        known = [choice.key for choice in self.window.workspace.compare.view.choices]
        run = self.draw.choice(["", *known])
        if run:
            self.window.workspace.runs.show_run(run)
        else:
            self.window.workspace.runs.show_current()

    def _trash(self) -> None:
        chosen = self.window.workspace.compare.view.chosen
        if chosen is not None and not self.window.workspace.runs.busy:
            self.window.workspace.compare.trash(chosen.directory)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("draw", "scene"),
    [(1, "good"), (2, "crash"), (3, "hang"), (4, "fail"), (5, "deaf"), (6, "hang"), (7, "deaf"), (8, "good")],
    indirect=["draw"],
)
def test_whatever_becomes_of_runs_the_window_says_what_the_disk_says(
    make_window: MakeWindow,
    qtbot: QtBot,
    tmp_path: Path,
    draw: random.Random,
    scene: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))  # a trash of its own
    window = make_window(scene)
    window.workspace.create(tmp_path / "projects", "small")
    qtbot.waitUntil(lambda: window.workspace.can_run)
    runner = Runner(window, qtbot, draw)
    for _ in range(40):
        runner.step()
        agrees(window, qtbot, runner.done)
    window.workspace.runs.queue.hold("cancelled")
    window.workspace.runs.cancel()
    qtbot.waitUntil(lambda: not window.workspace.runs.busy, timeout=SOON_MS)
    agrees(window, qtbot, runner.done)
