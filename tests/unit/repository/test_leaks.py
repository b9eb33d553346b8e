"""The suite's own watchman: what it must notice, and what it must let pass."""

import subprocess
import sys
import threading
from collections.abc import Callable

import pytest
from PySide6 import QtCore, QtWidgets
from pytestqt.qtbot import QtBot

from tests import leaks
from tests.leaks import LeftBehind


@pytest.fixture(autouse=True)
def short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaks, "GRACE_S", 0.1)


def found_after(action: Callable[[], object]) -> list[str]:
    watch = LeftBehind()
    with watch:
        action()
    return watch.found


def test_a_thread_is_noticed() -> None:
    end = threading.Event()
    thread = threading.Thread(target=end.wait, name="forgotten")

    assert found_after(thread.start) == ["thread forgotten"]

    end.set()
    thread.join()


def test_a_process_is_noticed_and_ended() -> None:
    code = "import sys; sys.stdin.read()"
    started: list[subprocess.Popen[bytes]] = []

    found = found_after(lambda: started.append(subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)))

    assert len(found) == 1 and str(started[0].pid) in found[0]
    with started[0] as process:
        assert process.wait() != 0


def test_a_window_is_noticed(qapp: QtWidgets.QApplication) -> None:
    kept: list[QtWidgets.QMainWindow] = []

    def forget() -> None:
        kept.append(QtWidgets.QMainWindow())
        kept[0].setWindowTitle("lost")

    assert found_after(forget) == ["window QMainWindow 'lost'"]


def test_a_running_timer_is_noticed(qapp: QtWidgets.QApplication) -> None:
    timer = QtCore.QTimer()

    assert found_after(lambda: timer.start(1000)) == ["running QTimer of None"]


def test_a_running_qthread_is_noticed(qapp: QtWidgets.QApplication) -> None:
    thread = QtCore.QThread()

    assert found_after(lambda: thread.start()) == ["running QThread"]

    thread.quit()
    assert thread.wait(5000)


def test_what_ended_is_let_pass(qtbot: QtBot) -> None:
    def tidy() -> None:
        thread = threading.Thread(target=lambda: None)
        thread.start()
        thread.join()
        subprocess.run([sys.executable, "-c", ""], check=True)
        timer = QtCore.QTimer()
        timer.start(1000)
        timer.stop()
        window = QtWidgets.QMainWindow()
        window.show()
        window.close()
        window.deleteLater()

    assert found_after(tidy) == []
