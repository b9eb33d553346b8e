"""A message inside a page: what happened, what to do, and details to copy."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QWidget

from pqv_core.errors import ErrorInfo
from pqv_gui.i18n import tr
from pqv_gui.style.theme import em
from pqv_gui.widgets.basics import button, column, label, restyle, row


class Banner(QFrame):
    """Hidden until there is something to say."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "banner")
        self.message = label("", "strong", wrap=True)
        self.action = label("", wrap=True)
        for text in (self.message, self.action):
            text.setTextInteractionFlags(
                Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
            )
        self.details = QPlainTextEdit()
        self.details.setReadOnly(True)
        self.details.setAccessibleName(tr("Details of the error"))
        self.details.setTabChangesFocus(True)
        self.details.setMaximumHeight(em(times=8))
        self._toggle = button(tr("Details"), self._flip, kind="link", name=tr("Show details"))
        self._copy = button(tr("Copy details"), self._to_clipboard, kind="link")
        self._close = button(tr("Dismiss"), self.hide, kind="link", name=tr("Dismiss this message"))
        self._extra: list[QWidget] = []
        layout = column(self, gap=0.3, margin=0.7)
        layout.addWidget(self.message)
        layout.addWidget(self.action)
        self._buttons = row(gap=0.6)
        for widget in (self._toggle, self._copy, self._close):
            self._buttons.addWidget(widget)
        self._buttons.addStretch()
        layout.addLayout(self._buttons)
        layout.addWidget(self.details)
        self.hide()

    def present(self, error: ErrorInfo, *, offers: dict[str, Callable[[], object]] | None = None) -> None:
        """Show an error; ``offers`` are buttons that do something about it."""
        restyle(self, role="banner")
        for part in (self._toggle, self._copy):
            part.show()
        self.message.setText(tr(error.message))
        self.action.setText(tr(error.action))
        self.action.setVisible(bool(error.action))
        self.details.setPlainText(f"{error.kind}: {error.message}\n{error.action}\n\n{error.details}".strip())
        self.details.hide()
        self._forget_offers()
        self._extra = [button(text, act) for text, act in (offers or {}).items()]
        for position, widget in enumerate(self._extra):
            self._buttons.insertWidget(position, widget)
        self.setAccessibleName(f"{error.message} {error.action}")
        self.show()

    def tell(self, sentence: str) -> None:
        """Say something that is no error."""
        restyle(self, role="notice")
        self._forget_offers()
        for part in (self.action, self.details, self._toggle, self._copy):
            part.hide()
        self.message.setText(tr(sentence))
        self.setAccessibleName(tr(sentence))
        self.show()

    def _forget_offers(self) -> None:
        for widget in self._extra:
            widget.deleteLater()
        self._extra = []

    def _flip(self) -> None:
        self.details.setVisible(not self.details.isVisible())

    def _to_clipboard(self) -> None:
        QGuiApplication.clipboard().setText(self.details.toPlainText())
