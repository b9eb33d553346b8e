"""What a person can ask for from anywhere in the window: menus, keys, drops, pages and later starts all ask here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QFileDialog, QInputDialog, QWidget

from pqv_core.errors import ErrorInfo, PqvError
from pqv_core.project import own_presets
from pqv_core.project.lock import ProjectOpenError
from pqv_core.project.project_file import FolderGoneError
from pqv_gui.app.page_stack import PageStack
from pqv_gui.desks.workspace import Workspace
from pqv_gui.i18n import tr
from pqv_gui.pages import PAGES, in_group, page_of
from pqv_gui.pages.compare import INFO as COMPARE
from pqv_gui.pages.device import INFO as DEVICE
from pqv_gui.pages.run import INFO as RUN
from pqv_gui.pages.shared.base_page import FormPage
from pqv_gui.pages.start import INFO as START
from pqv_gui.viewmodels.undoable import Undoable

Offers = dict[str, Callable[[], object]]
"""What can be done about an error: the words of a button, and what it does."""


class Commands(QObject):
    """Does what is asked; what goes wrong is said in the page that is shown, with what can be done about it.

    Args:
        window: Parent of the dialogs.
    """

    def __init__(self, window: QWidget, workspace: Workspace, stack: PageStack) -> None:
        super().__init__(window)
        self._window, self._work, self._stack = window, workspace, stack
        stack.go.connect(self.go)
        stack.open_wanted.connect(self.open_project)
        stack.browse_wanted.connect(self.browse)

    # going from page to page ---------------------------------------------------------------------------------

    @property
    def place(self) -> str:
        """Which page is shown, by its key."""
        return self._stack.place

    def go(self, place: str) -> None:
        """Show a page. Without a project there is only Start."""
        self._stack.show_page(place if self._work.session.is_open else START.key)

    def show_setting(self, name: str) -> None:
        """Show the page on which a setting is edited, with the keyboard on its field."""
        self.go(page_of(name))
        page = self._stack.current
        if isinstance(page, FormPage):
            page.show_field(name)

    def step(self, by: int) -> None:
        """Go so many steps on or back: from the wizard's first to Start, from its last to the first working page."""
        order = in_group("wizard", "working")
        target = order.index(self.place) + by
        self.go(START.key if target < 0 else order[min(target, len(order) - 1)])

    def new_project(self) -> None:
        """Go to where a project is named."""
        self.go(START.key)
        self._stack.page(START.key).begin()

    # files ---------------------------------------------------------------------------------------------------

    def browse(self) -> None:
        """Ask for a project file and open it."""
        folder, kinds = self._work.settings.projects_folder, tr("PQV-Mobile projects (*.pqv);;All files (*)")
        chosen, _ = QFileDialog.getOpenFileName(self._stack.current, tr("Open project"), str(folder), kinds)
        if chosen:
            self.open_project(Path(chosen))

    def open_project(self, path: Path) -> None:
        """Open a project."""
        if self._busy():
            return
        try:
            self._work.open(path)
        except PqvError as error:
            self._stack.current.present(error.info(), offers=self._offers_at(path, error))

    def restore(self) -> None:
        """Go on where the last window was closed; a project that is not there any more is said in the page."""
        path, place = self._work.settings.session
        if path is None:
            return
        self.open_project(path)
        known = {info.label: key for key, info in PAGES.items()}
        if self._work.session.is_open and place in known:
            self.go(known[place])

    def look_again(self) -> None:
        """Show what the project, which another window changes, holds now; change it here where that one is gone."""
        path, place = self._work.session.path, self.place
        if path is not None:
            self.attempt(lambda: self._work.open_to_read(path))
            self.go(place)

    def save(self) -> None:
        """Save now."""
        self.attempt(self._work.flush)

    def save_as(self) -> None:
        """Ask for a place and go on with a copy there; while a run is going, stay with the project that it is of."""
        path, going = self._work.session.path, self._work.works
        if path is None:
            return
        heading = tr("Save a copy of the project") if going else tr("Save project as")
        chosen, _ = QFileDialog.getSaveFileName(self._window, heading, str(path), tr("PQV-Mobile projects (*.pqv)"))
        if chosen:
            save = self._work.save_copy if self._work.works else self._work.save_as
            self.attempt(lambda: save(Path(chosen)))

    def close_project(self) -> None:
        """Put the project away and go to Start."""
        if not self._busy():
            self.attempt(self._work.close_project)

    def quit(self) -> None:
        """Close the window, which may ask first."""
        self._window.close()

    def _busy(self) -> bool:
        if self._work.works:
            study = self._work.studies
            message = (
                tr("A study of this project is running.") if study else tr("A run of this project is in progress.")
            )
            action = tr("Cancel it or wait for it to finish before opening or closing a project.")
            self._stack.current.present(ErrorInfo(kind="Busy", message=message, action=action))
            return True
        return False

    # work ----------------------------------------------------------------------------------------------------

    def start_run(self) -> None:
        """Start the run and show it; where something is missing, go there."""
        if not self._work.session.is_open:
            return
        if self._work.problems:
            self.go(page_of(self._work.problems[0].field))
            return
        self.go(RUN.key)
        self.attempt(self._work.start_run)

    def cancel(self) -> None:
        """Ask for the end of the run or of the study that goes on."""
        if self._work.studies:
            self._work.study.cancel()
        else:
            self._work.runs.cancel()

    def measure_on_phones(self) -> None:
        """Measure what is ticked on the Device page, and show it."""
        if self._work.session.is_open:
            self.go(DEVICE.key)
            self._work.phones.start()

    def connect_phone(self) -> None:
        """Go to where the address of a phone on Wi-Fi is typed."""
        if self._work.session.is_open:
            self.go(DEVICE.key)
            self._stack.page(DEVICE.key).begin()

    def export_report(self) -> None:
        """Ask for a place and write a report of the runs there."""
        from pqv_gui.pages.compare.export_report import ask_for_report

        self.go(COMPARE.key)
        ask_for_report(self._window, self._work.compare)

    @property
    def edited(self) -> Undoable:
        """The settings that a person sees, whose changes are undone: the project's, or how phones are measured."""
        return self._work.phones.settings if self.place == DEVICE.key else self._work.session

    def undo(self) -> None:
        """Take the last change of what is edited back."""
        self.edited.undo()

    def redo(self) -> None:
        """Make the change again that was taken back last."""
        self.edited.redo()

    def save_preset(self) -> None:
        """Ask for a name, and keep the settings under it as a preset."""
        dialog = QInputDialog(self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setWindowTitle(tr("Save as preset"))
        dialog.setLabelText(tr("Keeps what is cut, the precision and the target, but no model and no images. Name:"))
        dialog.textValueSelected.connect(lambda name: self.attempt(lambda: self._work.keep_preset(name)))
        dialog.open()

    def remove_preset(self, name: str) -> None:
        """Forget a preset of one's own."""
        self.attempt(lambda: own_presets.remove(name))

    # errors --------------------------------------------------------------------------------------------------

    def attempt(self, act: Callable[[], object]) -> None:
        """Do something about files; what goes wrong is said in the page."""
        try:
            act()
        except PqvError as error:
            self.present(error.info())

    def present(self, error: ErrorInfo, place: str | None = None, offers: Offers | None = None) -> None:
        """Show an error in the page where it belongs, if that is to be seen, else in the one that is shown.

        Args:
            offers: What can be done about it; by default what is known of errors of this kind.
        """
        page = self._stack.visible(place) if place is not None else None
        (page or self._stack.current).present(error, offers=self._offers(error) if offers is None else offers)

    def forget(self, place: str) -> None:
        """Take away what is said on the page that is shown and on another: something else is asked for now."""
        for page in (self._stack.current, self._stack.pages.get(place)):
            if page is not None:
                page.banner.hide()

    def _offers(self, error: ErrorInfo) -> Offers:
        """What can be done about an error of the open project."""
        if error.kind == FolderGoneError.__name__:
            return {tr("Save as …"): self.save_as, tr("Try again"): self.save}
        return {}

    def _offers_at(self, path: Path, error: PqvError) -> Offers:
        """What can be done about a project at ``path`` that did not open."""
        if isinstance(error, ProjectOpenError):
            return {
                tr("Open read-only"): lambda: self.attempt(lambda: self._work.open_to_read(path)),
                tr("Open a copy"): lambda: self.attempt(lambda: self._work.open_copy(path)),
                tr("Try again"): lambda: self.open_project(path),
            }
        if path in self._work.recents.paths:
            return {tr("Remove from list"): lambda: self._work.recents.forget(path)}
        return self._offers(error.info())
