"""The frame: steps at the left, the page in the middle, the summary at the right, the job at the bottom."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QCloseEvent, QResizeEvent
from PySide6.QtWidgets import QFileDialog, QFrame, QMainWindow, QStackedWidget, QVBoxLayout, QWidget

from pqv_core import plugins
from pqv_core.errors import ErrorInfo, PqvError
from pqv_gui.app import error_actions
from pqv_gui.app.close_guard import CloseGuard
from pqv_gui.app.double_clicks import DoubleClicks
from pqv_gui.app.drops import Drops
from pqv_gui.app.job_bar import JobBar
from pqv_gui.app.menus import Menus
from pqv_gui.app.read_only_bar import ReadOnlyBar
from pqv_gui.app.step_list import StepList
from pqv_gui.app.summary_panel import SummaryPanel
from pqv_gui.desks.workspace import Workspace
from pqv_gui.i18n import tr
from pqv_gui.pages.shared.base_page import Page
from pqv_gui.pages.start.page import StartPage, ask_for_project
from pqv_gui.style.theme import Theme, em
from pqv_gui.viewmodels import places
from pqv_gui.viewmodels.overview import overview
from pqv_gui.viewmodels.places import WIZARD, Place
from pqv_gui.viewmodels.undoable import Undoable
from pqv_gui.widgets.basics import ElidedLabel, button, row
from pqv_gui.widgets.focus import FocusKeeper

_PAGES = {
    Place.MODEL: ("pqv_gui.pages.model.page", "ModelPage"),
    Place.PRUNE: ("pqv_gui.pages.prune.page", "PrunePage"),
    Place.BACKEND: ("pqv_gui.pages.backend.page", "BackendPage"),
    Place.EXPORT: ("pqv_gui.pages.export.page", "ExportPage"),
    Place.RUN: ("pqv_gui.pages.run.page", "RunPage"),
    Place.DEVICE: ("pqv_gui.pages.device.page", "DevicePage"),
    Place.COMPARE: ("pqv_gui.pages.compare.page", "ComparePage"),
}
"""A page is imported and built when it is first shown: the window is there at once."""

_FRAME = QSize(4, 40)  # about what the system draws around a window
_SUMMARY_FITS = 62.0  # width of the window, in lines of text, from which on the summary is shown


class MainWindow(QMainWindow):
    """The one window of the program."""

    def __init__(self, workspace: Workspace, theme: Theme) -> None:
        super().__init__()
        self.workspace = workspace
        self.theme = theme
        self.place = Place.START
        self._pages: dict[Place, Page] = {}
        self._opened: Path | None = None
        self._watching = self._measured = False
        self._summary_wanted = True
        self.setWindowTitle("PQV-Mobile")
        self.steps = StepList()
        self.stack = QStackedWidget()
        self.summary = SummaryPanel()
        self.job_bar = JobBar()
        self._build()
        self.menus = Menus(self)
        self.drops = Drops(self)
        self.close_guard = CloseGuard(self)
        self.double_clicks = DoubleClicks(self)
        self.focus = FocusKeeper(self)
        self.steps.setFixedWidth(em(times=10.4))
        self.summary.setFixedWidth(em(times=16.5))
        self._connect()
        self.resize(1280, 800)
        if not workspace.settings.geometry.isEmpty():
            self.restoreGeometry(workspace.settings.geometry)
        self._fit_screen()
        self.go(Place.START)
        self._refresh()

    # building ------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        centre = QWidget()
        outer = QVBoxLayout(centre)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        middle = row(gap=0)
        middle.addWidget(self.steps)
        self._left_edge = _upright()
        middle.addWidget(self._left_edge)
        page = QVBoxLayout()
        page.setSpacing(0)
        self.read_only_bar = ReadOnlyBar(self._look_again)
        page.addWidget(self.read_only_bar)
        page.addWidget(self.stack, 1)
        page.addWidget(self._footer())
        middle.addLayout(page, 1)
        self._edge = _upright()
        middle.addWidget(self._edge)
        middle.addWidget(self.summary)
        outer.addLayout(middle, 1)
        outer.addWidget(self.job_bar)
        self.setCentralWidget(centre)

    def _footer(self) -> QWidget:
        self.footer = QWidget()
        self.footer.setProperty("role", "bar")
        self.footer.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        line = row(self.footer, gap=0.6, margin=0.6)
        self.missing = ElidedLabel("", "problem")
        self.back = button(tr("◂ Back"), lambda: self._move(-1), name=tr("Back"))
        self.next = button(tr("Next ▸"), lambda: self._move(1), kind="primary", name=tr("Next"))
        line.addWidget(self.missing, 1)
        line.addWidget(self.back)
        line.addWidget(self.next)
        return self.footer

    def _connect(self) -> None:
        work = self.workspace
        self.steps.chosen.connect(self.go)
        self.summary.run.connect(self.start_run)
        self.summary.preset.connect(work.fill_in)
        self.job_bar.cancel.connect(work.runs.cancel)
        self.job_bar.go.connect(lambda: self.go(Place.RUN))
        self.job_bar.go_device.connect(lambda: self.go(Place.DEVICE))
        work.changed.connect(self._refresh)
        work.run_changed.connect(self._refresh_run)
        work.opened.connect(self._on_opened)
        work.failed.connect(self._on_failed)
        work.said.connect(lambda sentence: self.current_page().banner.tell(sentence))
        self.theme.changed.connect(self._on_theme)

    def _page(self, place: Place) -> Page:
        if place not in self._pages:
            if place is Place.START:
                page: Page = self._start_page()
            else:
                module, name = _PAGES[place]
                page = getattr(import_module(module), name)(self.workspace)
            page.go.connect(self.go)
            self._pages[place] = page
            self.stack.addWidget(page)
        return self._pages[place]

    def _start_page(self) -> StartPage:
        page = StartPage(self.workspace)
        page.open_wanted.connect(self.open_project)
        page.browse_wanted.connect(self.browse)
        return page

    # going from page to page ---------------------------------------------------------------------------------

    def go(self, place: Place) -> None:
        """Show a page. Without a project there is only Start."""
        if not self.workspace.session.is_open:
            place = Place.START
        page = self._page(place)
        self.workspace.visited.add(place)
        self.place = place
        self.stack.setCurrentWidget(page)
        self.steps.set_current(place)
        self._refresh()
        self.menus.refresh()

    def _move(self, by: int) -> None:
        order = (*WIZARD, Place.RUN)
        target = order.index(self.place) + by
        if target < 0:
            self.go(Place.START)
        else:
            self.go(order[min(target, len(order) - 1)])
        if self.next.isVisible():
            self.next.setFocus()

    def new_project(self) -> None:
        """Go to where a project is named."""
        self.go(Place.START)
        page = self._page(Place.START)
        assert isinstance(page, StartPage)
        page.begin()

    # files ---------------------------------------------------------------------------------------------------

    def browse(self) -> None:
        """Ask for a project file and open it."""
        path = ask_for_project(self._pages.get(self.place), self.workspace.settings.projects_folder)
        if path is not None:
            self.open_project(path)

    def open_project(self, path: Path) -> None:
        """Open a project; what goes wrong is said in the page."""
        if self._busy():
            return
        try:
            self.workspace.open(path)
        except PqvError as error:
            self._page(self.place).present(error.info(), offers=error_actions.offers(self, path, error))

    def save(self) -> None:
        """Save now."""
        self.attempt(self.workspace.flush)

    def save_as(self) -> None:
        """Ask for a place and go on with a copy there; while a run is going, stay with the project that it is of."""
        session = self.workspace.session
        if session.path is None:
            return
        going = self.workspace.run.active
        heading = tr("Save a copy of the project") if going else tr("Save project as")
        chosen, _ = QFileDialog.getSaveFileName(self, heading, str(session.path), tr("PQV-Mobile projects (*.pqv)"))
        if chosen:
            save = self.workspace.save_copy if self.workspace.run.active else self.workspace.save_as
            self.attempt(lambda: save(Path(chosen)))

    def export_report(self) -> None:
        """Ask for a place and write a report of the runs there."""
        self.go(Place.COMPARE)
        from pqv_gui.pages.compare.export_report import ask_for_report

        ask_for_report(self, self.workspace.compare)

    def close_project(self) -> None:
        """Put the project away and go to Start."""
        if not self._busy():
            self.attempt(self.workspace.close_project)

    def _look_again(self) -> None:
        """Show what the project, which another window changes, holds now; change it here where that one is gone."""
        path, place = self.workspace.session.path, self.place
        if path is not None:
            self.attempt(lambda: self.workspace.open_to_read(path))
            self.go(place)

    def _busy(self) -> bool:
        if self.workspace.run.active:
            self._page(self.place).present(
                ErrorInfo(
                    kind="Busy",
                    message=tr("A run of this project is in progress."),
                    action=tr("Cancel it or wait for it to finish before opening or closing a project."),
                )
            )
            return True
        return False

    def attempt(self, act: Callable[[], object]) -> None:
        """Do something about files; what goes wrong is said in the page, with what can be done about it."""
        try:
            act()
        except PqvError as error:
            self.present(error.info())

    # the run -------------------------------------------------------------------------------------------------

    def start_run(self) -> None:
        """Start the run and show it; where something is missing, go there."""
        if not self.workspace.session.is_open:
            return
        if self.workspace.problems:
            self.go(places.place_of(self.workspace.problems[0].field))
            return
        self.go(Place.RUN)
        self.attempt(self.workspace.start_run)

    # what is shown -------------------------------------------------------------------------------------------

    @property
    def edited(self) -> Undoable:
        """The settings that a person sees, whose changes are undone: the project's, or how phones are measured."""
        return self.workspace.phones.settings if self.place is Place.DEVICE else self.workspace.session

    def _refresh(self) -> None:
        work = self.workspace
        is_open = work.session.is_open
        for widget in (self.steps, self._left_edge, self.footer):
            widget.setVisible(is_open)
        self._show_sides()
        if is_open:
            states = places.states(work.problems, work.visited)
            self.steps.show_steps(states)
            self.summary.refresh(overview(work.session.config, models=work.models, images=work.images))
            self._show_footer(states)
        self._refresh_run_controls()
        self.menus.refresh()
        self._title()
        self.read_only_bar.setVisible(not work.session.writable)
        self.summary.presets.setEnabled(work.session.writable)
        if work.session.writer is not None:
            self.read_only_bar.show_writer(work.session.writer)
        page = self._pages.get(self.place)
        if page is not None and page.isVisible():
            page.refresh()
        self.focus.settle()

    def _show_footer(self, states: tuple[places.Step, ...]) -> None:
        here = next((step for step in states if step.place is self.place), None)
        self.footer.setVisible(here is not None)
        if here is not None:
            self.missing.set_text(tr(here.message))
            self.next.setEnabled(here.state != "invalid")
            self.next.setToolTip(tr(here.message))

    def _refresh_run(self) -> None:
        self._refresh_run_controls()
        page = self._pages.get(Place.RUN)
        if page is not None and page.isVisible():
            page.refresh()
        self.focus.settle()

    def _refresh_run_controls(self) -> None:
        work = self.workspace
        self.job_bar.setVisible(work.session.is_open)
        self.job_bar.refresh(work.run, waiting=len(work.runs.queue.waiting))
        idle = tr("Resume") if work.runs.resumes else tr("Run ▸")
        self.summary.show_start(tr("Add to queue") if work.runs.busy else idle, why_not=tr(work.why_not_run))
        self.menus.refresh_run()

    def _title(self) -> None:
        session = self.workspace.session
        state = tr("not saved yet") if session.unsaved or session.problems else tr("saved")
        state = state if session.writable else tr("read-only")
        self.menus.corner.set_text(f"{session.name} · {state}" if session.is_open else "")
        self.setWindowTitle(f"{session.name} – PQV-Mobile" if session.is_open else "PQV-Mobile")

    def _show_sides(self) -> None:
        wide = self.width() >= em(times=_SUMMARY_FITS)
        shown = self.workspace.session.is_open and self._summary_wanted and wide
        self.summary.setVisible(shown)
        self._edge.setVisible(shown)

    def show_summary(self, wanted: bool) -> None:
        """Show the summary, where there is room, or leave it out."""
        self._summary_wanted = wanted
        self._show_sides()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave the summary out where the page would become too narrow."""
        super().resizeEvent(event)
        self._show_sides()

    def _fit_screen(self) -> None:
        """No larger than the screen has room for, also where the text is large."""
        room = self.screen().availableSize() - _FRAME
        smallest = QSize(em(times=38), em(times=27))
        self.setMinimumSize(smallest.boundedTo(room))
        if not self.isMaximized() and not self.isFullScreen():
            self.resize(self.size().boundedTo(room))

    def _on_theme(self) -> None:
        self._fit_screen()
        self.menus.corner.updateGeometry()
        self._show_sides()

    # phones --------------------------------------------------------------------------------------------------

    def _meet_phones(self) -> None:
        """Watch for phones, and read the runs, from the first project on."""
        if self._watching:
            return
        self._watching = True
        desk = self.workspace.phones
        desk.changed.connect(self._refresh_phones)
        desk.run_changed.connect(self._refresh_phone_run)
        desk.failed.connect(lambda error: self._on_failed(error, Place.DEVICE))
        desk.ended.connect(self.close_guard.go_on)
        desk.watch.look()
        self.workspace.compare.changed.connect(self._refresh_compare)
        self._refresh_compare()

    def _refresh_compare(self) -> None:
        count, shown = self.workspace.compare.view.count, self._pages.get(Place.COMPARE)
        self.menus.refresh_compare()
        words = tr("{count} runs").replace("{count}", str(count)) if count else ""
        self.steps.buttons[Place.COMPARE].set_state("todo", words, f"({count})" if count else "")
        if shown is not None and shown.isVisible():
            shown.refresh()

    def _refresh_phones(self) -> None:
        desk, shown = self.workspace.phones, self._pages.get(Place.DEVICE)
        count = len(desk.phones.ready)
        words = tr("{count} ready").replace("{count}", str(count)) if count else ""
        self.steps.buttons[Place.DEVICE].set_state("todo", words, f"({count})" if count else "")
        self.job_bar.show_device(desk.status)
        self.menus.refresh_phones()
        self.menus.refresh_edit()
        if shown is not None and shown.isVisible():
            shown.refresh()
        self.focus.settle()

    def _refresh_phone_run(self) -> None:
        self.job_bar.show_device(self.workspace.phones.status)
        self.menus.refresh_phones()
        if self._measured != self.workspace.measures:
            self._measured = self.workspace.measures
            self._refresh_run_controls()
        shown = self._pages.get(Place.DEVICE)
        if shown is not None and shown.isVisible():
            shown.refresh_run()
        self.focus.settle()

    def measure_on_phones(self) -> None:
        """Measure what is ticked on the Device page, and show it."""
        if self.workspace.session.is_open:
            self.go(Place.DEVICE)
            self.workspace.phones.start()

    def connect_phone(self) -> None:
        """Go to where the address of a phone on Wi-Fi is typed."""
        if self.workspace.session.is_open:
            self.go(Place.DEVICE)
            self._page(Place.DEVICE).begin()

    def _on_opened(self) -> None:
        session = self.workspace.session
        self.workspace.load_catalog()
        for page in self._pages.values():
            page.banner.hide()
            if session.path != self._opened:
                page.begin_anew()
        self._opened = session.path
        if session.is_open:
            self._meet_phones()
        self.go(Place.MODEL if session.is_open else Place.START)
        if session.is_open and (left_out := plugins.problems()):
            self.current_page().banner.tell(" ".join(left_out))

    def _on_failed(self, error: ErrorInfo, place: Place) -> None:
        page = self._pages.get(place)
        visible = page is not None and page.isVisible()
        offers = error_actions.offers_of(self, error)
        (page if page is not None and visible else self._page(self.place)).present(error, offers=offers)

    def current_page(self) -> Page:
        """The page that is shown."""
        return self._page(self.place)

    def present(self, error: ErrorInfo) -> None:
        """Show an error in the page that is visible."""
        self._page(self.place).present(error, offers=error_actions.offers_of(self, error))

    # the keyboard --------------------------------------------------------------------------------------------

    def focusNextPrevChild(self, forward: bool) -> bool:
        """Tab goes on; where Qt does by itself, because a control was disabled or hidden, the keyboard is kept."""
        if self.focus.hold():
            return False
        return self.focus.go_on(forward) or super().focusNextPrevChild(forward)

    # the end -------------------------------------------------------------------------------------------------

    def closeEvent(self, event: QCloseEvent) -> None:
        """Ask once while something is going; then leave nothing behind."""
        event.setAccepted(self.close_guard.may_close())


def _upright() -> QFrame:
    line = QFrame()
    line.setProperty("role", "upright")
    line.setFixedWidth(1)
    return line
