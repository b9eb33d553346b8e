"""A person at the keyboard of the real window: python window_robot.py demo|photographs|many FOLDER

Runs inside the program's process: it presses keys on what has the focus, waits for what it expects to see, and at the
end prints as JSON what the screen says. It touches no widget but by its keys; what it reads are their texts.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

from PySide6.QtCore import QAbstractItemModel, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QTableView, QWidget

from pqv_gui import main
from pqv_gui.app.window import MainWindow

LOOK_MS = 20
MOST_TABS = 400
PATIENCE_MS = 240_000
CTRL = Qt.KeyboardModifier.ControlModifier
Reached = Callable[[], bool]
Walk = Iterator[Reached]


class Robot:
    """Goes a walk, one step each time that what it waits for is there."""

    def __init__(self, walk: Callable[[Robot], Walk]) -> None:
        self.said: dict[str, object] = {"platform": QApplication.platformName()}
        self._walk = walk(self)
        self._reached: Reached = self._in_front
        self._waits = 0
        self._timer = QTimer()
        self._timer.timeout.connect(self._look)
        self._timer.start(LOOK_MS)

    def _in_front(self) -> bool:
        """Do what a window manager does with a new window."""
        for top in QApplication.topLevelWidgets():
            if isinstance(top, MainWindow):
                top.activateWindow()
        return QApplication.activeWindow() is not None

    def _look(self) -> None:
        self._waits += 1
        try:
            if self._reached():
                self._waits, self._reached = 0, lambda: False  # a step may let timers pass
                self._reached = next(self._walk)
            elif self._waits * LOOK_MS > PATIENCE_MS:
                raise AssertionError("what the walk waits for does not come")
        except StopIteration:
            self._timer.stop()
            self.window.close()
        except Exception:  # noqa: BLE001 - the test is told
            self._timer.stop()
            self.said["failure"] = traceback.format_exc()
            self.window.workspace.close()
            QApplication.exit(1)

    @property
    def window(self) -> MainWindow:
        """The program's window."""
        return next(top for top in QApplication.topLevelWidgets() if isinstance(top, MainWindow))

    # what a person does --------------------------------------------------------------------------------------

    def press(self, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        """A key, to what has the focus."""
        QTest.keyClick(QApplication.focusWidget() or self.window, key, modifier)

    def go_to(self, *names: str, key: Qt.Key = Qt.Key.Key_Tab) -> QWidget:
        """Press Tab, or another key, until what has one of these accessible names has the focus."""
        for _ in range(MOST_TABS):
            widget = QApplication.focusWidget()
            if widget is not None and widget.accessibleName() in names:
                return widget
            self.press(key)
        raise AssertionError(f"the keyboard does not come to {names}")

    def type(self, name: str, text: str) -> None:
        """Replace what a field holds."""
        field = self.go_to(name)
        self.press(Qt.Key.Key_A, CTRL)
        QTest.keyClicks(field, text)
        self.press(Qt.Key.Key_Tab)

    def push(self, name: str) -> None:
        """Press a button, or tick a box."""
        self.go_to(name)
        self.press(Qt.Key.Key_Space)

    # what a person sees --------------------------------------------------------------------------------------

    def at(self, place: str) -> Reached:
        """Whether a page is shown and the window has come to rest."""
        return lambda: self.window.stack.place == place and self.window.isActiveWindow() and self.rests()

    def rests(self) -> bool:
        """Whether nothing goes on beside the window."""
        return self.window.workspace.tasks.active == 0 and self.window.workspace.models.loaded

    def texts(self) -> list[str]:
        """Every label of the page that is shown."""
        page = self.window.stack.currentWidget()
        assert page is not None
        labels = (part for part in page.findChildren(QLabel) if part.isVisible())
        return [text for part in labels if (text := part.text() or part.accessibleName())]

    def table(self) -> list[dict[str, str]]:
        """The rows of the page's table, by the heads of its columns."""
        page = self.window.stack.currentWidget()
        assert page is not None
        model = page.findChildren(QTableView)[0].model()
        return [_row(model, row) for row in range(model.rowCount())]


def _row(model: QAbstractItemModel, row: int) -> dict[str, str]:
    across = Qt.Orientation.Horizontal
    columns = range(model.columnCount())
    return {str(model.headerData(column, across)): str(model.index(row, column).data() or "") for column in columns}


def demo(robot: Robot) -> Walk:
    """Try the demo, and only press Next."""
    robot.push("Try the demo")
    yield from _through_the_steps(robot)


def photographs(robot: Robot) -> Walk:
    """A project of one's own: another network, folders of images."""
    yield from _own_project(robot)
    yield from _through_the_steps(robot)


def many(robot: Robot) -> Walk:
    """The same with images that are read by other processes, and an epoch of training."""
    yield from _own_project(robot)
    robot.type("Reading processes", "2")
    yield from _through_the_steps(robot, epochs=1)


def _own_project(robot: Robot) -> Walk:
    folder = Path(sys.argv[2])
    robot.press(Qt.Key.Key_N, CTRL)
    robot.type("New project name", "photographs")
    robot.type("New project folder", str(folder / "projects"))
    robot.push("Create project")
    yield robot.at("model")
    robot.type("Search the models", "vit tiny patch16 224")
    robot.go_to("Models")
    robot.press(Qt.Key.Key_Home)
    robot.go_to("Published", "From a file", "Random")
    robot.go_to("Random", key=Qt.Key.Key_Right)
    robot.type("Training images", str(folder / "images" / "train"))
    robot.type("Validation images", str(folder / "images" / "val"))
    yield robot.at("model")
    robot.push("More settings")
    robot.type("Model arguments", "img_size=32, patch_size=8, embed_dim=48, depth=2")


def _through_the_steps(robot: Robot, *, epochs: int | None = None) -> Walk:
    yield robot.at("model")
    for place in ("prune", "backend", "export"):
        robot.push("Next")
        yield robot.at(place)
        if place == "prune" and epochs is not None:
            robot.type("Epochs", str(epochs))
    robot.type("Timed runs", "20")
    robot.push("Next")
    yield robot.at("run")
    robot.push("Run")
    run = robot.window.workspace.run
    yield lambda: run.now.record is not None and not run.active and robot.rests()
    robot.said["run"] = robot.texts()
    robot.press(Qt.Key.Key_7, CTRL)
    yield robot.at("compare")
    robot.said["compare"] = robot.table()


if __name__ == "__main__":
    app = QApplication(["pqv-gui"])
    robot = Robot({"demo": demo, "photographs": photographs, "many": many}[sys.argv[1]])
    code = main.main([])
    print(json.dumps(robot.said))
    sys.exit(code)
