"""The list of phones: a card each, with its tick, state, facts, and what to do where it is not ready."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QWidget

from pqv_gui.i18n import tr
from pqv_gui.pages.device.phone_list import STATES, PhoneList, PhoneRow
from pqv_gui.style.theme import em
from pqv_gui.widgets.basic_inputs import CheckInput, TextInput
from pqv_gui.widgets.basics import Card, button, column, label, restyle, row

_MARKS = {"ready": "●", "asking": "○", "waiting": "◐"}
_TONES = {"ready": "good", "asking": "", "waiting": ""}
_STEPS = (
    "On the phone, open Settings, About phone, and tap Build number seven times.",
    "In Developer options, turn on USB debugging.",
    "Connect the phone with a data cable, unlock it, and tap Allow.",
)


class PhoneCard(Card):
    """One phone, or this computer."""

    ticked = Signal(str, bool)
    again = Signal(str)
    removed = Signal(str)

    def __init__(self, row_shown: PhoneRow) -> None:
        super().__init__(gap=0.25)
        self._row: PhoneRow | None = None
        key = row_shown.key
        self.tick = CheckInput(row_shown.name)
        self.tick.changed.connect(lambda wanted: self.ticked.emit(key, wanted))
        font = self.tick.font()
        font.setBold(True)
        self.tick.setFont(font)
        self.state = label("", "strong")
        top = row(gap=0.5)
        top.addWidget(self.tick, 1)
        top.addWidget(self.state)
        self.body.addLayout(top)
        self.connection = label("", "caption", wrap=True)
        self.facts = label("", "muted", wrap=True)
        self.sentence = label("", wrap=True)
        self.sentence.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.warning = label("", "caption", wrap=True)
        for widget in (self.facts, self.connection, self.sentence, self.warning):
            self.body.addWidget(widget)
        self.retry = button(tr("Try again"), lambda: self.again.emit(key))
        self.remove = button(tr("Remove"), lambda: self.removed.emit(key))
        buttons = row(gap=0.5)
        for each in (self.retry, self.remove):
            buttons.addWidget(each)
        buttons.addStretch()
        self.body.addLayout(buttons)
        self.body.addStretch()

    def show_row(self, shown: PhoneRow, *, wanted: bool) -> None:
        """Show its present state."""
        self.tick.set_value(wanted and shown.ready)
        if shown == self._row:
            return
        self._row = shown
        self.tick.setText(shown.name.replace("&", "&&"))
        self.tick.setEnabled(shown.ready)
        words = tr(STATES[shown.state])
        self.tick.setAccessibleName(f"{shown.name}, {words}")
        self.state.setText(f"{_MARKS.get(shown.state, '!')} {words}")
        restyle(self.state, tone=_TONES.get(shown.state, "bad"))
        for widget, text in (
            (self.connection, shown.connection),
            (self.facts, "\n".join(shown.facts) if shown.found is not None else tr("Measured in a clean process.")),
            (self.sentence, shown.sentence),
            (self.warning, f"⚠ {tr(shown.warning)}" if shown.warning else ""),
        ):
            widget.setText(text)
            widget.setVisible(bool(text))
        failed = shown.found is not None and shown.state not in ("ready", "asking", "waiting")
        self.retry.setVisible(failed)
        self.retry.setAccessibleName(f"{tr('Try again')}: {shown.name}")
        self.remove.setVisible(shown.by_hand)
        self.remove.setAccessibleName(f"{tr('Remove')}: {shown.name}")


class PhoneCards(QWidget):
    """All cards, side by side as far as there is room; without a phone, the steps to connect one.

    Args:
        after: The control from which Tab leads to the first card.
    """

    ticked = Signal(str, bool)
    again = Signal(str)
    removed = Signal(str)

    def __init__(self, *, after: QWidget) -> None:
        super().__init__()
        self._after = after
        self._cards: dict[str, PhoneCard] = {}
        self._order: tuple[tuple[str, ...], int] = ((), 0)
        self.steps = Card(tr("No phone found"), gap=0.3)
        self.steps.setProperty("role", "notice")
        for number, words in enumerate(_STEPS, start=1):
            self.steps.body.addWidget(label(f"{number}.  {tr(words)}", wrap=True))
        hint = tr("Phones appear here automatically. If not, try another cable or port, or connect over Wi-Fi.")
        self.steps.body.addWidget(label(hint, "caption", wrap=True))
        self.looking = label(tr("Looking for phones …"), "muted")
        layout = column(self, gap=0.6)
        layout.addWidget(self.looking)
        layout.addWidget(self.steps)
        self._grid = QGridLayout()
        self._grid.setSpacing(em(times=0.6))
        layout.addLayout(self._grid)

    def refresh(self, phones: PhoneList) -> None:
        """Show what is there now."""
        self.looking.setVisible(not phones.looked and not phones.phones)
        self.steps.setVisible(phones.looked and not phones.phones)
        rows = phones.rows
        for gone in set(self._cards) - {each.key for each in rows}:
            card = self._cards.pop(gone)
            self._grid.removeWidget(card)
            card.hide()
            card.deleteLater()
        for each in rows:
            if each.key not in self._cards:
                self._add(each)
            self._cards[each.key].show_row(each, wanted=phones.is_ticked(each.key))
        self._arrange()

    def card(self, key: str) -> PhoneCard:
        """The card of a phone."""
        return self._cards[key]

    def _add(self, each: PhoneRow) -> None:
        card = PhoneCard(each)
        card.ticked.connect(self.ticked)
        card.again.connect(self.again)
        card.removed.connect(self.removed)
        self._cards[each.key] = card

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the number of columns to the width."""
        self._arrange()

    def _arrange(self) -> None:
        columns = max(1, min(3, self.width() // em(self, 17)))
        # This computer comes last; a new phone takes its place before it.
        keys = tuple(sorted(self._cards, key=lambda key: (key == "local", list(self._cards).index(key))))
        if (keys, columns) == self._order:
            return
        for index in range(self._grid.columnCount()):
            self._grid.setColumnStretch(index, 0)
        self._order = (keys, columns)
        before = self._after
        for index, key in enumerate(keys):
            self._grid.addWidget(self._cards[key], index // columns, index % columns)
            QWidget.setTabOrder(before, self._cards[key].tick)
            self._chain(self._cards[key])
            before = self._cards[key].remove
        for index in range(columns):
            self._grid.setColumnStretch(index, 1)

    def _chain(self, card: PhoneCard) -> None:
        for one, other in ((card.tick, card.sentence), (card.sentence, card.retry), (card.retry, card.remove)):
            QWidget.setTabOrder(one, other)


class AddressLine(QWidget):
    """HOST:PORT of a phone on Wi-Fi, and Connect."""

    entered = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.text = TextInput(placeholder=tr("HOST:PORT, such as 192.168.1.20:5555"))
        self.text.setAccessibleName(tr("Address of the phone on Wi-Fi"))
        self.text.setToolTip(tr("As the phone shows it under Developer options, Wireless debugging"))
        self.text.returnPressed.connect(self._enter)
        self.connect_button = button(tr("Connect"), self._enter, name=tr("Connect the phone on Wi-Fi"))
        line = row(self, gap=0.5)
        line.addWidget(self.text, 1)
        line.addWidget(self.connect_button)

    def _enter(self) -> None:
        self.entered.emit(self.text.text())
