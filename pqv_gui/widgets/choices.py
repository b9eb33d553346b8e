"""One of several, each with a sentence: a radio button on a card that can be clicked anywhere."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QButtonGroup, QFrame, QGridLayout, QLabel, QRadioButton, QWidget

from pqv_gui.style.theme import colors, em
from pqv_gui.widgets.basics import as_tip, column, label
from pqv_gui.widgets.term_mark import with_mark


@dataclass(frozen=True)
class Choice:
    """A value, its name and one sentence; ``note`` is a short figure such as a predicted cost.

    What the glossary has under the name can be looked up on the card.
    """

    value: str
    name: str
    sentence: str
    note: str = ""


class _ChoiceCard(QFrame):
    def __init__(self, choice: Choice) -> None:
        super().__init__()
        self.radio = QRadioButton(choice.name)
        self.radio.setAccessibleName(choice.name.replace("&", ""))
        self.radio.setAccessibleDescription(choice.sentence)
        self.radio.setProperty("role", "strong")
        font = self.radio.font()
        font.setBold(True)
        self.radio.setFont(font)
        self.sentence: QLabel = label(choice.sentence, "caption", wrap=True)
        self.sentence.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.note: QLabel = label(choice.note, "predicted")
        self.note.setVisible(bool(choice.note))
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        layout = column(self, gap=0.25, margin=0.65)
        layout.addWidget(with_mark(self.radio, choice.name.replace("&", ""), apart=True))
        layout.addWidget(self.sentence)
        layout.addWidget(self.note)
        self.radio.toggled.connect(self.update)
        self.radio.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Draw the frame anew when the keyboard comes or goes."""
        if event.type() in (QEvent.Type.FocusIn, QEvent.Type.FocusOut):
            self.update()
        return False

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """The whole card is the button."""
        if self.radio.isEnabled():
            self.radio.click()
            self.radio.setFocus(Qt.FocusReason.MouseFocusReason)

    def paintEvent(self, event: QPaintEvent) -> None:
        """A frame that is stronger while chosen, and double while it has the keyboard."""
        shades = colors(self)
        chosen, focused = self.radio.isChecked(), self.radio.hasFocus()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pen = QPen(QColor(shades.accent if chosen or focused else shades.border), 2 if chosen else 1)
        if focused and not chosen:
            pen.setStyle(Qt.PenStyle.DashLine)
        painter.setPen(pen)
        painter.setBrush(QColor(shades.accent_soft if chosen else shades.surface))
        painter.drawRoundedRect(self.rect().adjusted(1, 1, -2, -2), 8, 8)


class ChoiceCards(QWidget):
    """Cards side by side, as many in a row as there is room for."""

    changed = Signal(object)

    def __init__(self, choices: Iterable[Choice], *, name: str, min_width: float = 12.0) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self._min_width = min_width
        self._columns = 0
        self._group = QButtonGroup(self)
        self._cards: dict[str, _ChoiceCard] = {}
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(em(times=0.6))
        for choice in choices:
            card = _ChoiceCard(choice)
            card.radio.clicked.connect(lambda _=False, value=choice.value: self.changed.emit(value))
            self._group.addButton(card.radio)
            self._cards[choice.value] = card
        self._arrange(min(3, len(self._cards)))

    def get(self) -> str:
        """The chosen value; empty where none is."""
        return next((value for value, card in self._cards.items() if card.radio.isChecked()), "")

    def set_value(self, value: str) -> None:
        """Choose without telling anybody."""
        card = self._cards.get(value)
        if card is not None and not card.radio.isChecked():
            card.radio.setChecked(True)

    def set_note(self, value: str, note: str) -> None:
        """Show a figure on a card."""
        card = self._cards[value]
        card.note.setText(note)
        card.note.setVisible(bool(note))

    def set_available(self, value: str, reason: str) -> None:
        """Take a choice away and say why, or with an empty ``reason`` give it back."""
        card = self._cards[value]
        card.radio.setEnabled(not reason)
        card.setToolTip(as_tip(reason))
        card.radio.setAccessibleDescription(reason or card.sentence.text())

    def radio(self, value: str) -> QRadioButton:
        """The button of a choice."""
        return self._cards[value].radio

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the number of columns to the width."""
        room = self.width() + self._grid.spacing()
        most = max(1, room // (em(self, self._min_width) + self._grid.spacing()))
        self._arrange(min(most, len(self._cards)))

    def _arrange(self, columns: int) -> None:
        rows = -(-len(self._cards) // columns)
        columns = -(-len(self._cards) // rows)  # 4 cards in two rows of 2, not 3 + 1
        if columns == self._columns:
            return
        for index in range(self._grid.columnCount()):
            self._grid.setColumnStretch(index, 0)
        self._columns = columns
        for index, card in enumerate(self._cards.values()):
            self._grid.addWidget(card, index // columns, index % columns)
        for index in range(columns):
            self._grid.setColumnStretch(index, 1)

    def minimumSizeHint(self) -> QSize:
        """Narrow enough for one column."""
        hint = super().minimumSizeHint()
        hint.setWidth(em(self, self._min_width))
        return hint
