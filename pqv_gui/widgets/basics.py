"""Labels, cards and buttons with the same spacing everywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from PySide6 import QtGui
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QDialog, QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from pqv_gui.style.theme import em

Role = Literal["title", "heading", "strong", "figure", "muted", "caption", "problem", "predicted", "amber", "plain"]
Kind = Literal["plain", "primary", "link", "mark"]
FIELD_HEIGHT = 1.75  # of an editor, in lines of text
_SCREEN_SHARE = 0.92  # of a dialog at most: the system draws a frame around it


def label(text: str = "", role: Role = "plain", *, wrap: bool = False) -> QLabel:
    """A line or a paragraph of text."""
    made = QLabel(text)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setProperty("role", role)
    if wrap:
        made.setWordWrap(True)
        made.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
    return made


def button(
    text: str, clicked: Callable[[], object], *, kind: Kind = "plain", name: str = "", tip: str = ""
) -> QPushButton:
    """A push button. ``name`` is what a screen reader says, where that is more than the text."""
    made = QPushButton(text)
    made.setProperty("kind", kind)
    made.setAccessibleName(name or text.replace("&", ""))
    made.setToolTip(tip)
    if kind == "link":
        made.setCursor(Qt.CursorShape.PointingHandCursor)
    made.clicked.connect(lambda: clicked())
    return made


def plain(text: str) -> str:
    """A menu's or a button's text as it is read, without its Alt letter."""
    return text.replace("&&", "\0").replace("&", "").replace("\0", "&").removesuffix("…").strip()


def as_tip(text: str) -> str:
    """A text as a tool tip that shows it as it stands: of markup in a name or a path Qt would fetch the images."""
    return QtGui.Qt.convertFromPlainText(text) if QtGui.Qt.mightBeRichText(text) else text


def restyle(widget: QWidget, **properties: str) -> None:
    """Set properties that the style sheet looks at."""
    if all(widget.property(key) == value for key, value in properties.items()):
        return
    for key, value in properties.items():
        widget.setProperty(key, value)
    widget.style().unpolish(widget)
    widget.style().polish(widget)


def column(parent: QWidget | None = None, *, gap: float = 0.5, margin: float = 0.0) -> QVBoxLayout:
    """A vertical layout; ``gap`` and ``margin`` in lines of text."""
    layout = QVBoxLayout() if parent is None else QVBoxLayout(parent)
    space = em(times=margin)
    layout.setContentsMargins(space, space, space, space)
    layout.setSpacing(em(times=gap))
    return layout


def row(parent: QWidget | None = None, *, gap: float = 0.5, margin: float = 0.0) -> QHBoxLayout:
    """A horizontal layout; ``gap`` and ``margin`` in lines of text."""
    layout = QHBoxLayout() if parent is None else QHBoxLayout(parent)
    space = em(times=margin)
    layout.setContentsMargins(space, space, space, space)
    layout.setSpacing(em(times=gap))
    return layout


def fit(dialog: QDialog, wide: float, high: float) -> None:
    """Make a dialog so large, in lines of text, but no larger than the screen has room for."""
    room = dialog.screen().availableSize() * _SCREEN_SHARE
    dialog.resize(QSize(em(times=wide), em(times=high)).boundedTo(room))


def rule() -> QFrame:
    """A thin horizontal line."""
    line = QFrame()
    line.setProperty("role", "rule")
    return line


class Card(QFrame):
    """A framed group of controls with a heading; its ``body`` takes the content."""

    def __init__(self, heading: str = "", sentence: str = "", *, gap: float = 0.6) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self.body = column(self, gap=gap, margin=0.85)
        self.heading = label(heading, "heading")
        if heading:
            self.body.addWidget(self.heading)
        if sentence:
            self.body.addWidget(label(sentence, "muted", wrap=True))


class Disclosure(QWidget):
    """A heading that shows and hides what is below it; closed at first."""

    def __init__(self, text: str, content: QWidget) -> None:
        super().__init__()
        self._text = text
        self._content = content
        self.toggle = button("", self._flip, kind="link", name=text)
        self.toggle.setCheckable(True)
        layout = column(self, gap=0.5)
        layout.addWidget(self.toggle, 0, Qt.AlignmentFlag.AlignLeft)
        layout.addWidget(content)
        self.set_open(False)

    def _flip(self) -> None:
        self.set_open(not self._content.isVisibleTo(self))

    def set_open(self, is_open: bool) -> None:
        """Show or hide the content."""
        self._content.setVisible(is_open)
        self.toggle.setChecked(is_open)
        self.toggle.setText(f"{'▾' if is_open else '▸'} {self._text}")


class ElidedLabel(QLabel):
    """One line that is shortened with … where there is no room; the whole is its tool tip.

    It paints itself: unlike a label's, a new text does not have the whole page laid out anew, so it may change often.
    """

    def __init__(self, text: str = "", role: Role = "plain") -> None:
        super().__init__()
        self.setProperty("role", role)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._whole = ""
        self.set_text(text)

    def set_text(self, text: str) -> None:
        """Show ``text``."""
        if text != self._whole:
            self._whole = text
            self.setToolTip(as_tip(text))
            self.setAccessibleName(text)
            self.update()

    def sizeHint(self) -> QSize:
        """One line high."""
        margins = self.contentsMargins()
        height = self.fontMetrics().height() + margins.top() + margins.bottom()
        return QSize(self.fontMetrics().horizontalAdvance(self._whole), height)

    def minimumSizeHint(self) -> QSize:
        """As narrow as there is room."""
        return QSize(0, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw as much of the text as fits."""
        area = self.contentsRect()
        painter = QPainter(self)
        painter.setPen(self.palette().windowText().color())
        shown = self.fontMetrics().elidedText(self._whole, Qt.TextElideMode.ElideRight, area.width())
        painter.drawText(area, self.alignment(), shown)
