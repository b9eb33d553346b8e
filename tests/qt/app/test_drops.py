"""Dropped onto the window: a project opens, a .ptl tells what stands in it, images are taken, all else is refused."""

from __future__ import annotations

import json
import shutil
import struct
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QProgressDialog, QPushButton
from pytestqt.qtbot import QtBot

from pqv_core.errors import Cancelled
from pqv_core.formats.ptl import ptl_file as ptl
from pqv_core.project import project_file as projects
from pqv_gui.app.window import MainWindow
from pqv_gui.dialogs.exported_file import ExportedFileDialog
from tests.qt.conftest import MakeWindow

TINY = Path(__file__).parents[2] / "data" / "tiny.ptl"


def drop(window: MainWindow, *paths: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    copy, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(9, 9), copy, data, left, none)
    QApplication.sendEvent(window, enter)
    assert enter.isAccepted()
    QApplication.sendEvent(window, QDropEvent(QPointF(9, 9), copy, data, left, none))


def said(window: MainWindow) -> str:
    banner = window.stack.current.banner
    return f"{banner.message.text()} {banner.action.text()}" if banner.isVisible() else ""


def test_a_project_opens(make_window: MakeWindow, qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / "dropped.pqv"
    projects.save(path, projects.Project())
    window = make_window()
    drop(window, path)
    assert window.workspace.session.path == path
    qtbot.waitUntil(lambda: window.workspace.models.loaded and window.workspace.tasks.active == 0)


def test_a_lite_file_tells_what_stands_in_it(make_window: MakeWindow, qtbot: QtBot) -> None:
    window = make_window()
    drop(window, TINY)
    qtbot.waitUntil(lambda: bool(window.findChildren(ExportedFileDialog)))
    (dialog,) = window.findChildren(ExportedFileDialog)
    names = [dialog.facts.item(row, 0).text() for row in range(dialog.facts.rowCount())]
    assert {"Size", "Bytecode", "Android 1.12.2"} <= set(names)
    assert dialog.operators.item(0, 0).text().startswith("aten::")
    with qtbot.waitSignal(dialog.destroyed):
        dialog.close()


@pytest.mark.parametrize("name", ["tiny.pte", "renamed.bin"])
def test_an_executorch_file_is_known_by_its_name_and_by_its_content(
    name: str, make_window: MakeWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    window = make_window()
    drop(window, Path(shutil.copy(TINY.with_suffix(".pte"), tmp_path / name)))
    qtbot.waitUntil(lambda: bool(window.findChildren(ExportedFileDialog)))
    (dialog,) = window.findChildren(ExportedFileDialog)
    facts = {
        dialog.facts.item(row, 0).text(): dialog.facts.item(row, 1).text() for row in range(dialog.facts.rowCount())
    }
    assert (facts["Model"], facts["Delegated"]) == ("tiny", "2 parts to XnnpackBackend")
    assert facts["Android 0.9.3"] == "can run it"
    with qtbot.waitSignal(dialog.destroyed):
        dialog.close()


@pytest.mark.parametrize("content", [b"", b"\x3c\0\0\0ET12eh00cut", b"\x3c\0\0\0ET99" + bytes(90), b"<html>"])
def test_a_damaged_executorch_file_is_refused_in_the_page(
    content: bytes, make_window: MakeWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    window = make_window()
    (tmp_path / "bad.pte").write_bytes(content)
    drop(window, tmp_path / "bad.pte")
    qtbot.waitUntil(lambda: said(window).startswith("bad.pte is "))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04cut", b"<html>"])
def test_a_damaged_lite_file_is_refused_in_the_page(
    content: bytes, make_window: MakeWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    window = make_window()
    (tmp_path / "bad.ptl").write_bytes(content)
    drop(window, tmp_path / "bad.ptl")
    qtbot.waitUntil(lambda: said(window).startswith("bad.ptl is "))


def test_a_folder_of_images_is_taken_by_the_open_project(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    for split in ("train", "val"):
        for name in ("one", "two"):
            (tmp_path / "photos" / split / name).mkdir(parents=True)
            Image.new("RGB", (8, 8)).save(tmp_path / "photos" / split / name / "a.png")
    window.commands.go("export")
    drop(window, tmp_path / "photos")
    assert window.stack.place == "model"
    qtbot.waitUntil(lambda: window.workspace.session.get("data.train") is not None)
    assert window.workspace.session.resolved(window.workspace.session.get("data.train")).name == "train"
    qtbot.waitUntil(lambda: window.workspace.tasks.active == 0)


def test_what_was_said_of_the_last_file_does_not_stay(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "bad.pth").write_bytes(b"")
    (tmp_path / "good.safetensors").write_bytes(struct.pack("<Q", 2) + b"{}")
    for drawn in ("model", "export"):
        window.commands.go(drawn)
        drop(window, tmp_path / "bad.pth")
        qtbot.waitUntil(lambda: said(window).startswith("bad.pth is an empty file"))
        drop(window, tmp_path / "good.safetensors")
        qtbot.waitUntil(lambda: window.workspace.session.get("model.weights") == "file")
        assert (window.stack.place, said(window)) == ("model", "")
        window.workspace.session.set_many({"model.weights": "random", "model.path": None}, label="model.path")
        window.commands.go(drawn)
        assert said(window) == ""
    qtbot.waitUntil(lambda: window.workspace.tasks.active == 0)


def test_what_is_not_used_of_a_folder_is_said(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    for split in ("train", "val", "test"):
        for name in ("one", "two"):
            (tmp_path / "photos" / split / name).mkdir(parents=True)
            Image.new("RGB", (8, 8)).save(tmp_path / "photos" / split / name / "a.png")
    drop(window, tmp_path / "photos")
    qtbot.waitUntil(lambda: "Not used, beside the images that are: test." in said(window))
    qtbot.waitUntil(lambda: window.workspace.tasks.active == 0)


def test_images_without_a_project_are_refused(make_window: MakeWindow, tmp_path: Path) -> None:
    window = make_window()
    drop(window, tmp_path)
    assert "needs a project, but none is open" in said(window)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("notes.txt", b"some words", "notes.txt is a text file. It is not supported here. Choose a project"),
        (
            "net.onnx",
            b"\x08\x07\x12\x07pytorch",
            "net.onnx is an ONNX model. It is not supported here. It is for another",
        ),
        ("net.tflite", b"\x1c\0\0\0TFL3", "net.tflite is a TensorFlow Lite model. It is not supported here."),
        ("net.pth", b"<!DOCTYPE html>", "net.pth is a web page. It is not supported here. A web page was saved"),
        ("net.pth", b"version https://git-lfs.github.com/spec/v1\n", "net.pth is a Git LFS pointer."),
        ("net.pth", b"", "net.pth is an empty file. Copy or download the file again."),
    ],
)
def test_anything_else_is_refused_by_what_it_is(
    name: str, content: bytes, sentence: str, make_window: MakeWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    window = make_window()
    (tmp_path / name).write_bytes(content)
    drop(window, tmp_path / name)
    qtbot.waitUntil(lambda: said(window).startswith(sentence))


def weights(path: Path) -> Path:
    header = json.dumps({"head": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))
    return path


def test_weights_become_those_of_the_model(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    window.commands.go("export")
    drop(window, weights(tmp_path / "odd name.bin"))
    session = window.workspace.session
    qtbot.waitUntil(lambda: session.get("model.weights") == "file")
    assert session.resolved(session.get("model.path")) == tmp_path / "odd name.bin"
    assert window.stack.place == "model"


def test_weights_without_a_project_are_refused(make_window: MakeWindow, qtbot: QtBot, tmp_path: Path) -> None:
    window = make_window()
    drop(window, weights(tmp_path / "a.safetensors"))
    qtbot.waitUntil(lambda: "need a project, but none is open" in said(window))


def test_an_image_stands_for_its_folder(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / "photos" / "train" / name).mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(tmp_path / "photos" / "train" / name / "a.png")
    drop(window, tmp_path / "photos" / "train" / "two" / "a.png")
    qtbot.waitUntil(lambda: window.workspace.session.get("data.train") is not None)
    assert window.workspace.session.resolved(window.workspace.session.get("data.train")).name == "train"
    qtbot.waitUntil(lambda: window.workspace.tasks.active == 0)


def test_looking_at_a_file_can_be_cancelled(
    make_window: MakeWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that never answers: the window says what it waits for, and Cancel ends the waiting."""
    window = make_window()
    begun = threading.Event()

    def endless(path: Path, *, cancelled: Callable[[], bool]) -> None:
        begun.set()
        while not cancelled():
            threading.Event().wait(0.01)
        raise Cancelled

    monkeypatch.setattr(ptl, "read", endless)
    drop(window, TINY)
    assert begun.wait(10)
    waiting = window.findChild(QProgressDialog)
    qtbot.waitUntil(waiting.isVisible)
    assert waiting.labelText() == "Checking tiny.ptl …"
    waiting.findChild(QPushButton).click()
    qtbot.waitUntil(lambda: window.workspace.tasks.active == 0)
    assert not said(window)
    assert not window.findChildren(ExportedFileDialog)


def test_one_thing_at_a_time(make_window: MakeWindow, tmp_path: Path) -> None:
    window = make_window()
    shutil.copy(TINY, tmp_path)
    drop(window, tmp_path / "tiny.ptl", tmp_path / "notes.txt")
    assert said(window).startswith("One file or folder can be dropped here at a time.")
