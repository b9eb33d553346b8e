"""One way in which every error reaches a person: a banner in the page where it belongs."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from types import TracebackType

from PySide6.QtCore import QObject, Signal

from pqv_core.errors import ErrorInfo
from pqv_gui.services.jobs import in_words

Hook = Callable[[type[BaseException], BaseException, TracebackType | None], object]


class ErrorPresenter(QObject):
    """Also catches what nobody caught in a slot, which would otherwise only be printed."""

    presented = Signal(object)  # ErrorInfo

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._before: Hook | None = None

    def install(self) -> None:
        """Take over what happens to errors that nobody caught."""
        self._before = sys.excepthook
        sys.excepthook = self._uncaught

    def uninstall(self) -> None:
        """Give it back."""
        if self._before is not None:
            sys.excepthook = self._before
            self._before = None

    def present(self, error: ErrorInfo) -> None:
        """Show an error."""
        self.presented.emit(error)

    def _uncaught(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not isinstance(error, Exception):
            sys.__excepthook__(kind, error, trace)
            return
        logging.getLogger("pqv").error("uncaught", exc_info=(kind, error, trace))
        self.present(in_words(error))
