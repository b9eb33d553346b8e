"""What may be dropped onto the window: a project, an exported model, weights, a folder of images or one of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import QEvent, QMimeData, QObject
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QProgressDialog, QWidget

from pqv_core import formats
from pqv_core.data import layout as dataset_layout
from pqv_core.errors import ErrorInfo
from pqv_core.files import inspection as file_look
from pqv_core.files.foreign_text import line
from pqv_core.files.inspection import Inspection
from pqv_core.files.kind import Kind
from pqv_core.project import project_file as projects
from pqv_gui.app.commands import Commands
from pqv_gui.desks.workspace import Workspace
from pqv_gui.i18n import tr
from pqv_gui.pages.model import INFO as MODEL

T = TypeVar("T")
_SHOWN_AFTER_MS = 400
_LETTERS = 80
Told = tuple[list[tuple[str, str]], list[tuple[str, str]]]


class Drops(QObject):
    """Takes what is dropped anywhere on a window where no field takes it."""

    def __init__(self, window: QWidget, commands: Commands, workspace: Workspace) -> None:
        super().__init__(window)
        self._window, self._commands, self._work = window, commands, workspace
        window.setAcceptDrops(True)
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take files; leave everything else alone."""
        if isinstance(event, QDragEnterEvent) and event.mimeData().hasUrls():
            event.acceptProposedAction()
            return True
        if isinstance(event, QDropEvent) and event.type() == QEvent.Type.Drop and event.mimeData().hasUrls():
            event.acceptProposedAction()
            self.take(event.mimeData())
            return True
        return False

    def take(self, data: QMimeData) -> None:
        """Do what is meant by one file or folder; refuse anything else in a sentence."""
        self._commands.forget(MODEL.key)  # or a refusal of the last file would seem to be about this one
        paths = [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]
        if len(paths) != 1 or len(data.urls()) != 1:
            self._refuse(tr("One file or folder can be dropped here at a time."))
        elif paths[0].suffix == projects.SUFFIX:
            self._commands.open_project(paths[0])
        elif formats.named(paths[0]) is not None:
            self.show_file(paths[0])
        elif paths[0].is_dir():
            self._images(paths[0])
        else:
            self._look(paths[0], lambda cancelled: file_look.inspect(paths[0], cancelled=cancelled), self._take_by_kind)

    def _take_by_kind(self, found: Inspection) -> None:
        """Do what is meant by a file whose name does not tell."""
        if found.kind is Kind.PROJECT:
            self._commands.open_project(found.path)
        elif formats.of_kind(found.kind) is not None:
            self.show_file(found.path)
        elif found.kind is Kind.IMAGE:
            self._images(_folder_of(found.path))
        elif found.kind in file_look.WEIGHTS and found.advice == file_look.AS_WEIGHTS:
            self._weights(found)
        else:
            self._refuse(f"{found.sentence} {tr('It is not supported here.')}", found.advice)

    def _weights(self, found: Inspection) -> None:
        session = self._work.session
        if not session.is_open:
            self._refuse(
                tr("{name} contains weights, which need a project, but none is open.").replace(
                    "{name}", found.path.name
                ),
                tr("Open or create a project, then drop the file again."),
            )
            return
        self._commands.go(MODEL.key)
        session.set_many({"model.weights": "file", "model.path": session.stored(found.path)}, label="model.path")

    def _images(self, folder: Path) -> None:
        if not self._work.session.is_open:
            self._refuse(
                tr("An image folder needs a project, but none is open."),
                tr("Open or create a project, then drop the folder again."),
            )
            return
        self._commands.go(MODEL.key)
        self._work.choose_images(folder)

    def show_file(self, path: Path) -> None:
        """Tell what stands in an exported model."""
        self._look(path, lambda cancelled: _read(path, cancelled), lambda told: self._show(path.name, told))

    def _look(self, path: Path, work: Callable[[Callable[[], bool]], T], done: Callable[[T], None]) -> None:
        """Look at a file in a thread; where that takes long, a person sees it and can end it."""
        waiting = QProgressDialog(
            tr("Checking {name} …").replace("{name}", path.name), tr("Cancel"), 0, 0, self._window
        )
        waiting.setWindowTitle(self._window.windowTitle())
        waiting.setMinimumDuration(_SHOWN_AFTER_MS)

        def over() -> None:
            waiting.reset()
            waiting.deleteLater()

        def ended(found: T) -> None:
            over()
            done(found)

        def failed(error: ErrorInfo) -> None:
            over()
            self._commands.present(error)

        task = self._work.tasks.start(lambda task: work(task.cancelled), done=ended, failed=failed)
        waiting.canceled.connect(task.cancel)
        waiting.canceled.connect(waiting.deleteLater)

    def _show(self, name: str, told: Told) -> None:
        from pqv_gui.dialogs.exported_file import ExportedFileDialog

        facts, operators = told
        ExportedFileDialog(self._window, name=name, facts=facts, operators=operators).open()

    def _refuse(self, message: str, action: str = "") -> None:
        usual = tr("Drop a project (.pqv), an exported model, weights or a folder of images.")
        self._commands.present(ErrorInfo(kind="UsageError", message=message, action=action or usual))


def _folder_of(image: Path) -> Path:
    """The folder of images that one of them belongs to: above its class, and above training or validation."""
    above = image.parent.parent
    return above.parent if above.name.lower() in (*dataset_layout.TRAIN_NAMES, *dataset_layout.VAL_NAMES) else above


def _read(path: Path, cancelled: Callable[[], bool]) -> Told:
    info, facts = formats.read(path, cancelled=cancelled)
    operators = [
        (line(name, _LETTERS), str(count) if count >= 0 else tr("any"))
        for name, count in sorted(facts.operators.items())
    ]
    return formats.rows(info, facts), operators
