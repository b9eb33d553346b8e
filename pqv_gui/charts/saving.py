"""Saving a chart as PNG, SVG or CSV, and copying it as a picture: by a right click on it, or by its button.

Pictures are made to be printed: light, whatever the window is, unless a person wants them as they are seen; and below
them stands of what they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
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
from PySide6.QtGui import (
    QAction,
    QColor,
    QFontMetricsF,
    QGuiApplication,
    QImage,
    QPaintDevice,
    QPainter,
    QPalette,
    QRegion,
)
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QFileDialog, QGraphicsView, QMenu, QPushButton, QWidget

from pqv_core.errors import PqvError, StorageError
from pqv_core.files.fsio import replacing, write_text
from pqv_gui.i18n import tr
from pqv_gui.style.theme import DARK, LIGHT, colors, em, palette_of, scaled_font
from pqv_gui.widgets.basics import button

FORMS = ("png", "svg", "csv")
_SHARPNESS = 2  # pixels of a picture for one of the window
_MARGIN = 12
_SMALL = 0.92  # of the text's size: the caption
_HIGH = 10_000  # pixels, more than any caption needs


def _nothing(begins: bool) -> None:
    """For charts that are the same in a picture as in the window."""


class Saver(QObject):
    """A chart's menu for saving and copying it.

    Attributes:
        caption: What stands below a picture: device, run, date, versions.

    Args:
        area: What is right-clicked.
        title: What the chart is called.
        parts: What a picture shows below the title, from top to bottom.
        csv: The figures as the text of a CSV file.
        svg: The chart as the text of an SVG file.
        pictured: Told True before the parts are drawn into a picture, and False after that.
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
        pictured: Callable[[bool], None] = _nothing,
    ) -> None:
        super().__init__(area)
        self._area, self._title, self._parts = area, title, parts
        self._texts = {"svg": svg, "csv": csv}
        self._pictured = pictured
        self.caption: Callable[[], str] = str
        self.menu = QMenu(area)
        self.copy = self.menu.addAction(tr("Copy picture"), self.copy_picture)
        self.actions: dict[str, QAction] = {}
        for form in FORMS:
            action = self.menu.addAction(tr("Save as {form} …").replace("{form}", form.upper()))
            action.triggered.connect(lambda _=False, form=form: self._ask(form))
            self.actions[form] = action
        self.as_seen = self.menu.addAction(tr("Pictures in dark colors"))
        self.as_seen.setCheckable(True)
        self.menu.aboutToShow.connect(lambda: self.as_seen.setVisible(colors(area) is DARK))
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
                with self._dressed():
                    text = self._texts[form]()
                write_text(path, text)
        except PqvError as error:
            self.failed.emit(error.info())

    def copy_picture(self) -> None:
        """Put the chart into the clipboard, as a picture."""
        QGuiApplication.clipboard().setImage(self.picture())

    def picture(self) -> QImage:
        """The chart with its title and its caption."""
        with self._dressed():
            image = QImage(self._size() * _SHARPNESS, QImage.Format.Format_RGB32)
            image.setDevicePixelRatio(_SHARPNESS)
            self._paint(image)
        return image

    @contextmanager
    def _dressed(self) -> Iterator[None]:
        """Within this the chart has the colours of a picture; nothing of it is painted in the window."""
        chart = self._area.parentWidget() or self._area
        if self.as_seen.isChecked() or colors(chart) is LIGHT:
            yield
            return
        dressed = (*self._parts, chart)  # below a style sheet, none takes over another's
        for widget in dressed:
            widget.setPalette(palette_of(LIGHT))
        try:
            yield
        finally:
            for widget in dressed:
                widget.setPalette(QPalette())

    def _save_picture(self, path: Path) -> None:
        image = self.picture()
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

    @property
    def _width(self) -> int:
        return max((part.width() for part in self._shown), default=1)

    def _caption_height(self) -> float:
        text, metrics = self.caption(), QFontMetricsF(scaled_font(self._area, _SMALL))
        room = QRectF(0, 0, self._width, _HIGH)
        return metrics.boundingRect(room, Qt.TextFlag.TextWordWrap, text).height() + em(times=0.4) if text else 0.0

    def _size(self) -> QSize:
        height = em(times=1.6) + sum(part.height() for part in self._shown) + self._caption_height()
        return QSize(self._width + 2 * _MARGIN, round(height) + 2 * _MARGIN)

    def _paint(self, device: QPaintDevice) -> None:
        """The title, the parts and the caption, one below the other."""
        painter = QPainter(device)
        self._pictured(True)
        try:
            self._paint_parts(painter)
        finally:
            painter.end()  # a device must not go before what paints on it
            self._pictured(False)

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
        painter.setFont(scaled_font(self._area, _SMALL))
        painter.setPen(QColor(shades.muted))
        room = QRectF(_MARGIN, top + em(times=0.4), self._width, _HIGH)
        painter.drawText(room, Qt.TextFlag.TextWordWrap, self.caption())
