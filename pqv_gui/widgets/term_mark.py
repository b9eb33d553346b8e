"""The “?” beside a term: what the glossary says of it, and where one reads more."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QKeyEvent
from PySide6.QtWidgets import QFrame, QPushButton, QSizePolicy, QWidget

from pqv_gui.i18n import tr
from pqv_gui.style.theme import em
from pqv_gui.viewmodels import glossary
from pqv_gui.viewmodels.glossary import Term
from pqv_gui.widgets.basics import Card, button, column, label, row


class TermMark(QPushButton):
    """Opens what the glossary says."""

    def __init__(self, term: Term) -> None:
        super().__init__("?")
        self._term = term
        self.setProperty("kind", "mark")
        words = tr("What is “{term}”?").replace("{term}", term.name)
        self.setAccessibleName(words)
        self.setToolTip(words)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAutoDefault(False)
        self.clicked.connect(self._open)

    def _open(self) -> None:
        TermPopup(self, self._term).open_below()


class TermPopup(QFrame):
    """A term, its meaning and a link, until Escape or a click elsewhere."""

    def __init__(self, mark: QWidget, term: Term) -> None:
        super().__init__(mark, Qt.WindowType.Popup)
        self._mark = mark
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setProperty("role", "term")
        self.setAccessibleName(f"{term.name}. {term.text}")
        self.setFixedWidth(min(em(times=25), mark.screen().availableSize().width()))
        title, address = term.more[0][:1].upper() + term.more[0][1:], term.more[1]
        self.link = button(
            tr("More: {chapter}").replace("{chapter}", title),
            lambda: self._read(address),
            kind="link",
            name=tr("{term}: {text} More in the guide: {chapter}").format(
                term=term.name, text=term.text, chapter=title
            ),
        )
        lines = column(self, gap=0.35, margin=0.7)
        lines.addWidget(label(term.name, "strong"))
        lines.addWidget(label(term.text, wrap=True))
        lines.addWidget(self.link, 0, Qt.AlignmentFlag.AlignLeft)

    def open_below(self) -> None:
        """Show it below the mark, or above where the screen ends."""
        self.adjustSize()
        self.resize(self.width(), self.heightForWidth(self.width()))
        room = self._mark.screen().availableGeometry()
        at = self._mark.mapToGlobal(QPoint(0, self._mark.height() + em(times=0.2)))
        if at.y() + self.height() > room.bottom():
            at.setY(self._mark.mapToGlobal(QPoint()).y() - self.height() - em(times=0.2))
        at.setX(max(room.left(), min(at.x(), room.right() - self.width())))
        self.move(at)
        self.show()
        self.link.setFocus(Qt.FocusReason.PopupFocusReason)

    def _read(self, address: str) -> None:
        self.close()
        QDesktopServices.openUrl(QUrl(address))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape closes."""
        if event.key() == Qt.Key.Key_Escape:
            self.close()
        else:
            super().keyPressEvent(event)


def with_mark(widget: QWidget, term: str, *, apart: bool = False) -> QWidget:
    """A widget with the mark of a term at its right; the widget alone where the glossary does not have the term.

    Args:
        apart: The mark stands at the right end of the room, not next to the widget.
    """
    found = glossary.find(term)
    if found is None:
        return widget
    both = QWidget()
    both.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
    line = row(both, gap=0.35)
    line.addWidget(widget, 1 if apart else 0)
    line.addWidget(TermMark(found), 0, Qt.AlignmentFlag.AlignVCenter)
    if not apart:
        line.addStretch(1)
    return both


def explain(card: Card, term: str) -> None:
    """Put the mark of a term beside a card's heading."""
    card.body.insertWidget(0, with_mark(card.heading, term))
