"""Opens the guide: at the chapter of a page, or where a link in the window leads."""

from __future__ import annotations

from PySide6.QtCore import QObject, QUrl, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QWidget

from pqv_core.errors import PqvError
from pqv_gui.app.commands import Commands
from pqv_gui.pages import PAGES
from pqv_gui.viewmodels import guide


class Help(QObject):
    """Owns the window of the guide, which is made when it is first wanted.

    Whoever shows a link opens an address of the scheme ``guide`` by ``QDesktopServices``, and need not know of this.
    """

    def __init__(self, window: QWidget, commands: Commands) -> None:
        super().__init__(window)
        self._window, self._commands = window, commands
        self._guide: QWidget | None = None
        QDesktopServices.setUrlHandler(guide.SCHEME, self, "open_link")  # type: ignore[arg-type] # its stub is wrong

    def open_here(self) -> None:
        """Open the guide at the chapter of the page that is shown, which has the page's name."""
        self.show_place(guide.GUIDE, guide.anchor_of(PAGES[self._commands.place].label))

    @Slot(QUrl)
    def open_link(self, url: QUrl) -> None:
        """Open the guide where an address leads."""
        self.show_place(url.path(), url.fragment())

    def show_place(self, name: str, anchor: str) -> None:
        """Open the guide at a heading of a document."""
        from pqv_gui.dialogs.guide import GuideDialog

        try:
            if not isinstance(self._guide, GuideDialog):
                self._guide = GuideDialog(self._window, guide.documents())
        except PqvError as error:
            self._commands.present(error.info())
            return
        self._guide.show()
        self._guide.raise_()
        self._guide.activateWindow()
        self._guide.show_place(name, anchor)
