"""What may be dropped onto the window: a project, a PyTorch Lite file, a folder of images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QMimeData, QObject
from PySide6.QtGui import QDragEnterEvent, QDropEvent

from pqv_core import file_facts, ptl
from pqv_core import project as projects
from pqv_core.errors import ErrorInfo
from pqv_gui.i18n import tr
from pqv_gui.viewmodels.steps import Place

if TYPE_CHECKING:
    from pqv_gui.window import MainWindow

Told = tuple[list[tuple[str, str]], list[tuple[str, str]]]


class Drops(QObject):
    """Takes what is dropped anywhere on a window where no field takes it."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
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
        paths = [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]
        if len(paths) != 1 or len(data.urls()) != 1:
            self._refuse(tr("One file or folder can be dropped here at a time."))
        elif paths[0].suffix == projects.SUFFIX:
            self._window.open_project(paths[0])
        elif paths[0].suffix == ".ptl":
            self.show_file(paths[0])
        elif paths[0].is_dir():
            self._images(paths[0])
        else:
            self._refuse(tr("{name} cannot be used here.").replace("{name}", paths[0].name))

    def _images(self, folder: Path) -> None:
        if not self._window.workspace.session.is_open:
            self._refuse(
                tr("A folder of images belongs to a project, and none is open."),
                tr("Open a project, or create one, and drop the folder then."),
            )
            return
        self._window.go(Place.MODEL)
        self._window.workspace.choose_images(folder)

    def show_file(self, path: Path) -> None:
        """Tell what stands in a PyTorch Lite file."""
        self._window.workspace.tasks.start(
            lambda _: _read(path), done=lambda told: self._show(path.name, told), failed=self._window.present
        )

    def _show(self, name: str, told: Told) -> None:
        from pqv_gui.dialogs.lite_file import LiteFileDialog

        facts, operators = told
        LiteFileDialog(self._window, name=name, facts=facts, operators=operators).open()

    def _refuse(self, message: str, action: str = "") -> None:
        usual = tr("Drop a project (.pqv), a PyTorch Lite file (.ptl) or a folder of images.")
        self._window.present(ErrorInfo(kind="UsageError", message=message, action=action or usual))


def _read(path: Path) -> Told:
    file = ptl.read(path)
    operators = [
        (name[: file_facts.SHOWN], str(count) if count >= 0 else tr("any"))
        for name, count in sorted(file.operators.items())
    ]
    return file_facts.rows(file, file_facts.android(file)), operators
