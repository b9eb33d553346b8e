"""Saving a chart as PNG, SVG or CSV: by a right click on it, or by its button."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QPoint, QStandardPaths, Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFileDialog, QMenu, QPushButton, QWidget

from pqv_core.errors import PqvError, StorageError
from pqv_core.fsio import replacing, write_text
from pqv_gui.i18n import tr
from pqv_gui.widgets.basics import button

FORMS = ("png", "svg", "csv")


class Saver(QObject):
    """A chart's menu for saving it.

    Args:
        picture: What is right-clicked, and pictured as PNG.
        title: What the chart is called.
        svg: The chart as the text of an SVG file.
        csv: Its figures as the text of a CSV file.
    """

    failed = Signal(object)  # ErrorInfo

    def __init__(
        self, picture: QWidget, *, title: Callable[[], str], svg: Callable[[], str], csv: Callable[[], str]
    ) -> None:
        super().__init__(picture)
        self._picture, self._title, self._texts = picture, title, {"svg": svg, "csv": csv}
        self.menu = QMenu(picture)
        self.actions: dict[str, QAction] = {}
        for form in FORMS:
            action = self.menu.addAction(tr("Save as {form} …").replace("{form}", form.upper()))
            action.triggered.connect(lambda _=False, form=form: self._ask(form))
            self.actions[form] = action
        picture.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        picture.customContextMenuRequested.connect(self._show)

    def button(self) -> QPushButton:
        """A button that shows the same menu, for the keyboard."""
        made = button(tr("Save"), lambda: None, kind="link", name=f"{tr('Save the chart')}: {self._title()}")
        made.setMenu(self.menu)
        return made

    def _show(self, where: QPoint) -> None:
        self.menu.popup(self._picture.mapToGlobal(where))

    def _ask(self, form: str) -> None:
        folder = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.PicturesLocation) or str(Path.home())
        name = "".join(letter if letter.isalnum() else "-" for letter in self._title().lower()).strip("-")
        chosen, _ = QFileDialog.getSaveFileName(
            self._picture, tr("Save the chart"), str(Path(folder, f"{name}.{form}")), f"{form.upper()} (*.{form})"
        )
        if chosen:
            self.save(Path(chosen), form)

    def save(self, path: Path, form: str) -> None:
        """Write the chart, whole or not at all; what goes wrong is told by ``failed``."""
        try:
            if form == "png":
                self._save_picture(path)
            else:
                write_text(path, self._texts[form]())
        except PqvError as error:
            self.failed.emit(error.info())

    def _save_picture(self, path: Path) -> None:
        with replacing(path) as temporary:
            if not self._picture.grab().save(str(temporary), "PNG"):
                raise StorageError(f"The picture {path.name} could not be written.", action="Choose another folder.")
