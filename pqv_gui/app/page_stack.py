"""The pages in the middle of the window, each imported and built when it is first shown."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QStackedWidget

from pqv_gui.desks.workspace import Workspace
from pqv_gui.pages import PAGES, in_group
from pqv_gui.pages.shared.base_page import Page


class PageStack(QStackedWidget):
    """Shows one page; what a page asks for is handed on by signals.

    Attributes:
        place: Which page is shown, by its key.
        pages: Those that have been built, by their keys.
    """

    arrived = Signal(str)  # key of the page that is shown now
    go = Signal(str)  # key of the page to which one leads
    open_wanted = Signal(object)  # Path of a project
    browse_wanted = Signal()

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        self.place = in_group("start")[0]
        self.pages: dict[str, Page] = {}

    def page(self, place: str) -> Page:
        """A page, built where it has not been yet."""
        if place not in self.pages:
            page: Page = PAGES.load(place)(self._workspace)
            page.go.connect(self.go)
            page.open_wanted.connect(self.open_wanted)
            page.browse_wanted.connect(self.browse_wanted)
            self.pages[place] = page
            self.addWidget(page)
        return self.pages[place]

    @property
    def current(self) -> Page:
        """The page that is shown."""
        return self.page(self.place)

    def visible(self, place: str) -> Page | None:
        """A page, if it is to be seen now."""
        page = self.pages.get(place)
        return page if page is not None and page.isVisible() else None

    def show_page(self, place: str) -> None:
        """Show a page."""
        page = self.page(place)
        self._workspace.visited.add(place)
        self.place = place
        self.setCurrentWidget(page)
        self.arrived.emit(place)
