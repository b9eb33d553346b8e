"""A second start hands its file to the window that is there; whatever else arrives on the socket does nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QTimer
from PySide6.QtNetwork import QLocalServer, QLocalSocket
from pytestqt.qtbot import QtBot

from pqv_core.project import project_file as projects
from pqv_gui.app import single_instance
from pqv_gui.app.single_instance import LIMIT_BYTES, Instance, StartRequest, parse
from pqv_gui.app.window import MainWindow
from pqv_gui.main import come_forward

SECOND_START = """
import sys
from PySide6.QtCore import QCoreApplication
from pqv_gui.app.single_instance import StartRequest, hand_over
app = QCoreApplication([])
taken = hand_over(StartRequest(project=sys.argv[2]), name=sys.argv[1], wait_ms=20000)
print(taken.window if taken else "", end="")
sys.exit(0 if taken else 3)
"""


@pytest.fixture
def name(tmp_path: Path) -> str:
    return str(tmp_path / "socket") if sys.platform != "win32" else f"pqv-test-{tmp_path.name}"


@pytest.fixture
def instance(name: str, qtbot: QtBot) -> Iterator[Instance]:
    made = Instance()
    assert made.listen(name)
    yield made
    made.close()
    made.deleteLater()


def test_a_second_start_hands_its_file_over_and_ends(
    window: MainWindow, instance: Instance, name: str, qtbot: QtBot, tmp_path: Path
) -> None:
    other = tmp_path / "other.pqv"
    projects.save(other, projects.Project())
    instance.asked.connect(lambda asked: come_forward(window, asked))
    instance.title = window.windowTitle
    start = [sys.executable, "-c", SECOND_START, name, str(other)]
    with subprocess.Popen(start, stdout=subprocess.PIPE, encoding="utf-8") as second:
        with qtbot.waitSignal(instance.asked, timeout=20_000):
            pass
        assert second.stdout is not None
        told = second.stdout.read()
    assert second.returncode == 0
    assert told == "small – PQV-Mobile", "the window that took it"
    assert window.workspace.session.path == other
    qtbot.waitUntil(lambda: window.workspace.tasks.active == 0 and instance._callers == 0)


def test_two_windows_do_not_listen_under_one_name(instance: Instance, name: str) -> None:
    second = Instance()
    assert not second.listen(name)
    second.close()
    second.deleteLater()


@pytest.mark.skipif(sys.platform == "win32", reason="a pipe ends with its process")
def test_what_a_crashed_process_left_is_taken_over(name: str, qtbot: QtBot) -> None:
    leave = "import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])"
    subprocess.run([sys.executable, "-c", leave, name], check=True)
    assert Path(name).exists()
    made = Instance()
    assert made.listen(name)
    assert Path(name).stat().st_mode & 0o077 == 0  # nobody else may connect
    made.close()
    made.deleteLater()


def test_without_a_place_for_the_socket_there_is_none(tmp_path: Path, qtbot: QtBot) -> None:
    made = Instance()
    assert not made.listen("")
    assert not made.listen(str(tmp_path / "gone" / "socket"))
    made.deleteLater()


def called(name: str) -> QLocalSocket:
    socket = QLocalSocket()
    socket.connectToServer(name)
    assert socket.waitForConnected(5000)
    return socket


def is_over(socket: QLocalSocket) -> bool:
    return socket.state() == QLocalSocket.LocalSocketState.UnconnectedState


@pytest.mark.parametrize(
    "sent", [b"\n", b"{}x\n", b'{"project": "relative.pqv"}\n', b'{"run": "rm"}\n', b"x" * (LIMIT_BYTES + 1)]
)
def test_what_makes_no_sense_is_hung_up_on(sent: bytes, instance: Instance, name: str, qtbot: QtBot) -> None:
    asked: list[StartRequest] = []
    instance.asked.connect(asked.append)
    socket = called(name)
    socket.write(sent)
    qtbot.waitUntil(lambda: is_over(socket))
    qtbot.waitUntil(lambda: instance._callers == 0)
    assert asked == []
    assert isinstance(instance._server, QLocalServer)
    assert instance._server.isListening()


def test_of_nine_silent_callers_the_ninth_is_hung_up_on_and_the_others_once_patience_ends(
    instance: Instance, name: str, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(single_instance, "_PATIENCE_MS", 600_000)
    silent = []
    for count in range(1, 9):
        silent.append(called(name))
        qtbot.waitUntil(lambda count=count: instance._callers == count)  # type: ignore[misc]
    ninth = called(name)
    qtbot.waitUntil(lambda: is_over(ninth))
    assert not any(is_over(socket) for socket in silent)
    for patience in instance.findChildren(QTimer):
        assert patience.remainingTime() > 300_000
        patience.start(0)
    qtbot.waitUntil(lambda: all(is_over(socket) for socket in silent))
    assert instance._callers == 0
    tenth = called(name)
    with qtbot.waitSignal(instance.asked):
        tenth.write(b"{}\n")
    qtbot.waitUntil(lambda: tenth.canReadLine())
    assert json.loads(tenth.readAll().data()) == {"window": "PQV-Mobile"}


def test_a_silent_caller_has_two_seconds(instance: Instance, name: str, qtbot: QtBot) -> None:
    socket = called(name)
    qtbot.waitUntil(lambda: instance._callers == 1)
    (patience,) = instance.findChildren(QTimer)
    assert patience.isActive() and patience.interval() == 2000
    socket.abort()
    qtbot.waitUntil(lambda: instance._callers == 0)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_without_harm(line: bytes) -> None:
    request = parse(line)
    assert request is None or request.path is None or request.path.is_absolute()


@given(st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=50), st.booleans())
def test_what_is_sent_is_what_arrives(tail: str, demo: bool) -> None:
    request = StartRequest(project=str(Path.cwd() / f"a{tail}"), demo=demo)
    assert parse(request.model_dump_json().encode()) == request


@pytest.mark.parametrize("path", ["small.pqv", "../small.pqv", "/a\0b", 7, ["/a"]])
def test_only_absolute_paths_are_taken(path: object) -> None:
    assert parse(json.dumps({"project": path}).encode()) is None


FIRST_START = """
import sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from pqv_gui import main
app = QApplication([])
def look():
    window = next(window for window in app.topLevelWidgets() if window.isVisible())
    window.workspace.opened.connect(lambda: print(window.workspace.session.path, flush=True))
    window.workspace.opened.connect(lambda: QTimer.singleShot(0, window.close))
    print("there", flush=True)
QTimer.singleShot(0, look)
sys.exit(main.main([]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the pipe's name is the person's own there")
def test_the_real_program_started_twice_has_one_window(tmp_path: Path) -> None:
    project = tmp_path / "small.pqv"
    projects.save(project, projects.Project())
    own = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path)}  # the session is kept there
    with subprocess.Popen([sys.executable, "-c", FIRST_START], stdout=subprocess.PIPE, text=True, env=own) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "there\n"
        second = subprocess.run([sys.executable, "-c", "from pqv_gui import main; raise SystemExit(main.main())",
                                 project.name], cwd=tmp_path, check=False, stdout=subprocess.PIPE)  # fmt: skip
        assert second.returncode == 0
        assert second.stdout.decode().strip() == "small.pqv was sent to the window that is already open: “PQV-Mobile”."
        assert first.stdout.readline() == f"{project}\n"
    assert first.returncode == 0
