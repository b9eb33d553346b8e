"""Opens the guide: at the chapter of a page, or where a link in the window leads; from modal dialogs too.

While a modal dialog is open, keys of the window's menus are not heard, and only windows of the dialog can be used. So
each such dialog hears the guide's keys itself, and owns the guide until it closes.
"""

from __future__ import annotations

from PySide6.QtCore import QObject, QUrl, Slot
from PySide6.QtGui import QAction, QDesktopServices, QGuiApplication, QShortcut, QWindow
from PySide6.QtWidgets import QApplication, QDialog, QWidget
from shiboken6 import isValid

from pqv_core.errors import PqvError
from pqv_gui.app.commands import Commands
from pqv_gui.pages import PAGES
from pqv_gui.viewmodels import guide

_HEARS = "hears the keys of the guide"


class Help(QObject):
    """Owns the window of the guide, which is made when it is first wanted.

    Whoever shows a link opens an address of the scheme ``guide`` by ``QDesktopServices``, and need not know of this.
    """

    def __init__(self, window: QWidget, commands: Commands) -> None:
        super().__init__(window)
        self._window, self._commands = window, commands
        self._guide: QWidget | None = None
        self.action: QAction | None = None  # whose keys open the guide
        QGuiApplication.instance().focusWindowChanged.connect(self._hear_in_dialog)  # type: ignore[union-attr]
        QDesktopServices.setUrlHandler(guide.SCHEME, self, "open_link")  # type: ignore[arg-type] # its stub is wrong

    def open_here(self) -> None:
        """Open the guide at the chapter of the page that is shown, which has the page's name."""
        self.show_place(guide.GUIDE, guide.anchor_of(PAGES[self._commands.place].label))

    def _hear_in_dialog(self, _: QWindow | None) -> None:
        """Have a modal dialog that comes to the front open the guide by its keys."""
        dialog = QApplication.activeModalWidget()
        if dialog is None or self.action is None or dialog.property(_HEARS):
            return
        dialog.setProperty(_HEARS, True)
        for keys in self.action.shortcuts():
            QShortcut(keys, dialog).activated.connect(self.open_here)

    def _give(self, owner: QWidget) -> None:
        """Make the guide a window of this one, so that it can be used."""
        made = self._guide
        if made is None or not isValid(made) or made.parentWidget() is owner:
            return
        seen = made.isVisible()
        made.setParent(owner, made.windowFlags())
        made.setVisible(seen)
        if isinstance(owner, QDialog):
            owner.finished.connect(lambda _: self._give(self._window))

    @Slot(QUrl)
    def open_link(self, url: QUrl) -> None:
        """Open the guide where an address leads."""
        self.show_place(url.path(), url.fragment())

    def show_place(self, name: str, anchor: str) -> None:
        """Open the guide at a heading of a document."""
        from pqv_gui.dialogs.guide import GuideDialog

        try:
            if not isinstance(self._guide, GuideDialog) or not isValid(self._guide):
                self._guide = GuideDialog(self._window, guide.documents())
        except PqvError as error:
            self._commands.present(error.info())
            return
        self._give(QApplication.activeModalWidget() or self._window)
        self._guide.show()
        self._guide.raise_()
        self._guide.activateWindow()
        self._guide.show_place(name, anchor)
