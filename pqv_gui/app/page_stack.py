"""The pages in the middle of the window, each imported and built when it is first shown."""

from __future__ import annotations

from importlib import import_module

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QStackedWidget

from pqv_gui.desks.workspace import Workspace
from pqv_gui.pages.shared.base_page import Page
from pqv_gui.viewmodels.places import Place

_PAGES = {
    Place.START: ("pqv_gui.pages.start.page", "StartPage"),
    Place.MODEL: ("pqv_gui.pages.model.page", "ModelPage"),
    Place.PRUNE: ("pqv_gui.pages.prune.page", "PrunePage"),
    Place.BACKEND: ("pqv_gui.pages.backend.page", "BackendPage"),
    Place.EXPORT: ("pqv_gui.pages.export.page", "ExportPage"),
    Place.RUN: ("pqv_gui.pages.run.page", "RunPage"),
    Place.DEVICE: ("pqv_gui.pages.device.page", "DevicePage"),
    Place.COMPARE: ("pqv_gui.pages.compare.page", "ComparePage"),
}


class PageStack(QStackedWidget):
    """Shows one page; what a page asks for is handed on by signals.

    Attributes:
        place: Which page is shown.
        pages: Those that have been built.
    """

    arrived = Signal(object)  # Place that is shown now
    go = Signal(object)  # Place that a page leads to
    open_wanted = Signal(object)  # Path of a project
    browse_wanted = Signal()

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        self.place = Place.START
        self.pages: dict[Place, Page] = {}

    def page(self, place: Place) -> Page:
        """A page, built where it has not been yet."""
        if place not in self.pages:
            module, name = _PAGES[place]
            page: Page = getattr(import_module(module), name)(self._workspace)
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

    def visible(self, place: Place) -> Page | None:
        """A page, if it is to be seen now."""
        page = self.pages.get(place)
        return page if page is not None and page.isVisible() else None

    def show_page(self, place: Place) -> None:
        """Show a page."""
        page = self.page(place)
        self._workspace.visited.add(place)
        self.place = place
        self.setCurrentWidget(page)
        self.arrived.emit(place)
