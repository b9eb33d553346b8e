"""Saving a chart as PNG, SVG or CSV: by a right click on it, or by its button."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import (
    QBuffer,
    QByteArray,
    QIODevice,
    QObject,
    QPoint,
    QRect,
    QRectF,
    QSize,
    QStandardPaths,
    Qt,
    Signal,
)
from PySide6.QtGui import QAction, QColor, QImage, QPaintDevice, QPainter, QRegion
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QFileDialog, QGraphicsView, QMenu, QPushButton, QWidget

from pqv_core.errors import PqvError, StorageError
from pqv_core.files.fsio import replacing, write_text
from pqv_gui.i18n import tr
from pqv_gui.style.theme import colors, em, scaled_font
from pqv_gui.widgets.basics import button

FORMS = ("png", "svg", "csv")
_SHARPNESS = 2  # pixels of a picture for one of the window
_MARGIN = 12


class Saver(QObject):
    """A chart's menu for saving it.

    Args:
        area: What is right-clicked.
        title: What the chart is called.
        parts: What a picture shows below the title, from top to bottom.
        csv: The figures as the text of a CSV file.
        svg: The chart as the text of an SVG file.
    """

    failed = Signal(object)  # ErrorInfo

    def __init__(
        self,
        area: QWidget,
        *,
        title: Callable[[], str],
        parts: Sequence[QWidget],
        csv: Callable[[], str],
        svg: Callable[[], str],
    ) -> None:
        super().__init__(area)
        self._area, self._title, self._parts = area, title, parts
        self._texts = {"svg": svg, "csv": csv}
        self.menu = QMenu(area)
        self.actions: dict[str, QAction] = {}
        for form in FORMS:
            action = self.menu.addAction(tr("Save as {form} …").replace("{form}", form.upper()))
            action.triggered.connect(lambda _=False, form=form: self._ask(form))
            self.actions[form] = action
        area.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        area.customContextMenuRequested.connect(self._show)

    def button(self) -> QPushButton:
        """A button that shows the same menu, for the keyboard."""
        made = button(tr("Save"), lambda: None, kind="link", name=f"{tr('Save the chart')}: {self._title()}")
        made.setMenu(self.menu)
        return made

    def _show(self, where: QPoint) -> None:
        self.menu.popup(self._area.mapToGlobal(where))

    def _ask(self, form: str) -> None:
        folder = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.PicturesLocation) or str(Path.home())
        name = "".join(letter if letter.isalnum() else "-" for letter in self._title().lower()).strip("-")
        chosen, _ = QFileDialog.getSaveFileName(
            self._area, tr("Save the chart"), str(Path(folder, f"{name}.{form}")), f"{form.upper()} (*.{form})"
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
        image = QImage(self._size() * _SHARPNESS, QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(_SHARPNESS)
        self._paint(image)
        with replacing(path) as temporary:
            if not image.save(str(temporary), "PNG"):  # type: ignore[call-overload]
                raise StorageError(f"The image {path.name} could not be saved.", action="Choose another folder.")

    def drawn(self) -> str:
        """The parts as the text of an SVG file."""
        store = QByteArray()
        buffer = QBuffer(store)
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        generator = QSvgGenerator()
        generator.setOutputDevice(buffer)
        generator.setSize(self._size())
        generator.setViewBox(QRect(QPoint(0, 0), self._size()))
        generator.setTitle(self._title())
        self._paint(generator)
        return bytes(store.data()).decode("utf-8", "replace")

    @property
    def _shown(self) -> list[QWidget]:
        return [part for part in self._parts if part.isVisibleTo(part.window())]

    def _size(self) -> QSize:
        width = max((part.width() for part in self._shown), default=1)
        return QSize(width + 2 * _MARGIN, em(times=1.6) + sum(part.height() for part in self._shown) + 2 * _MARGIN)

    def _paint(self, device: QPaintDevice) -> None:
        """The title and the parts, one below the other."""
        painter = QPainter(device)
        try:
            self._paint_parts(painter)
        finally:
            painter.end()  # a device must not go before what paints on it

    def _paint_parts(self, painter: QPainter) -> None:
        shades, top = colors(self._area), _MARGIN + em(times=1.6)
        painter.fillRect(0, 0, self._size().width(), self._size().height(), QColor(shades.surface))
        painter.setFont(scaled_font(self._area, 1.0, bold=True))
        painter.setPen(QColor(shades.text))
        painter.drawText(QPoint(_MARGIN, _MARGIN + em()), self._title())
        for part in self._shown:
            if isinstance(part, QGraphicsView):
                part.render(painter, QRectF(_MARGIN, top, part.width(), part.height()), part.viewport().rect())
            else:
                part.render(painter, QPoint(_MARGIN, top), QRegion(), QWidget.RenderFlag.DrawChildren)
            top += part.height()
