"""The frame: steps at the left, the page in the middle, the summary at the right, the job at the bottom."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QCloseEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QMainWindow, QVBoxLayout, QWidget

from deploy.plugins import REGISTRIES
from pqv_core import plugins
from pqv_gui.app import step_states
from pqv_gui.app.close_guard import CloseGuard
from pqv_gui.app.commands import Commands
from pqv_gui.app.double_clicks import DoubleClicks
from pqv_gui.app.drops import Drops
from pqv_gui.app.job_bar import JobBar
from pqv_gui.app.menus import Menus
from pqv_gui.app.notifier import Notifier
from pqv_gui.app.page_stack import PageStack
from pqv_gui.app.read_only_bar import ReadOnlyBar
from pqv_gui.app.step_list import StepList
from pqv_gui.app.step_states import Step
from pqv_gui.app.summary_panel import SummaryPanel
from pqv_gui.desks.workspace import Workspace
from pqv_gui.i18n import tr
from pqv_gui.pages import in_group
from pqv_gui.pages.compare import INFO as COMPARE
from pqv_gui.pages.device import INFO as DEVICE
from pqv_gui.pages.run import INFO as RUN
from pqv_gui.pages.start import INFO as START
from pqv_gui.pages.study import INFO as STUDY
from pqv_gui.style.theme import Theme, em
from pqv_gui.viewmodels.overview import overview
from pqv_gui.widgets.basics import ElidedLabel, as_tip, button, row
from pqv_gui.widgets.focus import FocusKeeper

_FRAME = QSize(4, 40)  # about what the system draws around a window
_SUMMARY_FITS = 62.0  # width of the window, in lines of text, from which on the summary is shown


class MainWindow(QMainWindow):
    """The one window of the program."""

    def __init__(self, workspace: Workspace, theme: Theme) -> None:
        super().__init__()
        self.workspace = workspace
        self.theme = theme
        self._opened: Path | None = None
        self._watching = self._measured = False
        self._summary_wanted = True
        self.setWindowTitle("PQV-Mobile")
        self.steps = StepList()
        self.stack = PageStack(workspace)
        self.summary = SummaryPanel()
        self.job_bar = JobBar()
        self.commands = Commands(self, workspace, self.stack)
        self._build()
        self.menus = Menus(self, self.commands, workspace, theme)
        self.drops = Drops(self, self.commands, workspace)
        self.close_guard = CloseGuard(self, self.commands, workspace)
        self.double_clicks = DoubleClicks(self)
        self.notifier = Notifier(self, self.commands, workspace)
        self.focus = FocusKeeper(self)
        self.steps.setFixedWidth(em(times=10.4))
        self.summary.setFixedWidth(em(times=16.5))
        self._connect()
        self.resize(1280, 800)
        if not workspace.settings.geometry.isEmpty():
            self.restoreGeometry(workspace.settings.geometry)
        self._fit_screen()
        self.commands.go(START.key)
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
        self.read_only_bar = ReadOnlyBar(self.commands.look_again)
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
        self.stack.arrived.connect(self._on_arrived)
        self.steps.chosen.connect(self.commands.go)
        self.summary.run.connect(self.commands.start_run)
        self.summary.presets.chosen.connect(lambda name: self.commands.attempt(lambda: work.fill_in(name)))
        self.summary.presets.save_wanted.connect(self.commands.save_preset)
        self.summary.presets.removed.connect(self.commands.remove_preset)
        self.job_bar.cancel.connect(self.commands.cancel)
        self.job_bar.go.connect(lambda: self.commands.go(STUDY.key if work.studies else RUN.key))
        self.job_bar.go_device.connect(lambda: self.commands.go(DEVICE.key))
        work.changed.connect(self._refresh)
        work.run_changed.connect(self._refresh_run)
        work.study_changed.connect(self._refresh_study)
        work.opened.connect(self._on_opened)
        work.failed.connect(self.commands.present)
        work.said.connect(lambda sentence: self.stack.current.banner.tell(sentence))
        self.menus.summary.toggled.connect(self.show_summary)
        self.theme.changed.connect(self._on_theme)

    # going from page to page ---------------------------------------------------------------------------------

    def _on_arrived(self, place: str) -> None:
        self.steps.set_current(place)
        self._refresh()
        self.menus.refresh()

    def _move(self, by: int) -> None:
        self.commands.step(by)
        if self.next.isVisible():
            self.next.setFocus()

    # what is shown -------------------------------------------------------------------------------------------

    def _refresh(self) -> None:
        work = self.workspace
        is_open = work.session.is_open
        for widget in (self.steps, self._left_edge, self.footer):
            widget.setVisible(is_open)
        self._show_sides()
        if is_open:
            states = step_states.states(work.problems, work.visited)
            self.steps.show_steps(states)
            self.summary.refresh(
                overview(work.session.config, models=work.models, images=work.images, tables=work.tables)
            )
            self._show_footer(states)
        self._refresh_run_controls()
        self.menus.refresh()
        self._title()
        self.read_only_bar.setVisible(not work.session.writable)
        self.summary.presets.setEnabled(work.session.writable)
        if work.session.writer is not None:
            self.read_only_bar.show_writer(work.session.writer)
        self._refresh_page(self.stack.place)

    def _refresh_page(self, place: str) -> None:
        """Draw a page anew, if it is to be seen."""
        page = self.stack.visible(place)
        if page is not None:
            page.refresh()
        self.focus.settle()

    def _show_footer(self, states: tuple[Step, ...]) -> None:
        here = next((step for step in states if step.place == self.stack.place), None)
        self.footer.setVisible(here is not None)
        if here is not None:
            self.missing.set_text(tr(here.message))
            self.next.setEnabled(here.state != "invalid")
            self.next.setToolTip(as_tip(tr(here.message)))

    def _refresh_run(self) -> None:
        self._refresh_run_controls()
        self._refresh_page(RUN.key)

    def _refresh_study(self) -> None:
        self._refresh_run_controls()
        running = tr("running") if self.workspace.studies else ""
        self.steps.buttons[STUDY.key].set_state("todo", running, running)
        self._refresh_page(STUDY.key)

    def _refresh_run_controls(self) -> None:
        work = self.workspace
        self.job_bar.setVisible(work.session.is_open)
        study = work.study.state if work.studies else None
        self.job_bar.refresh(work.run, waiting=len(work.runs.queue.waiting), study=study)
        idle = tr("Resume") if work.runs.resumes else tr("Run ▸")
        words = tr("Add to queue") if work.runs.busy else idle
        self.summary.show_start(words, why_not=tr(work.why_not_run), note=tr(work.runs.held))
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
        desk.failed.connect(lambda error: self.commands.present(error, DEVICE.key))
        desk.ended.connect(self.close_guard.go_on)
        desk.ended.connect(self.notifier.look_at_phones)
        desk.watch.look()
        self.workspace.compare.changed.connect(self._refresh_compare)
        self._refresh_compare()

    def _refresh_compare(self) -> None:
        count = self.workspace.compare.view.count
        self.menus.refresh_compare()
        words = tr("{count} runs").replace("{count}", str(count)) if count else ""
        self.steps.buttons[COMPARE.key].set_state("todo", words, f"({count})" if count else "")
        for place in (COMPARE.key, RUN.key):
            self._refresh_page(place)

    def _refresh_phones(self) -> None:
        desk = self.workspace.phones
        count = len(desk.phones.ready)
        words = tr("{count} ready").replace("{count}", str(count)) if count else ""
        self.steps.buttons[DEVICE.key].set_state("todo", words, f"({count})" if count else "")
        self.job_bar.show_device(desk.status)
        self.menus.refresh_phones()
        self.menus.refresh_edit()
        self._refresh_page(DEVICE.key)

    def _refresh_phone_run(self) -> None:
        self.job_bar.show_device(self.workspace.phones.status)
        self.menus.refresh_phones()
        if self._measured != self.workspace.measures:
            self._measured = self.workspace.measures
            self.notifier.look_at_phones()
            self._refresh_run_controls()
        shown = self.stack.visible(DEVICE.key)
        if shown is not None:
            shown.refresh_run()
        self.focus.settle()

    def _on_opened(self) -> None:
        session = self.workspace.session
        self.workspace.load_catalog()
        for page in self.stack.pages.values():
            page.banner.hide()
            if session.path != self._opened:
                page.begin_anew()
        self._opened = session.path
        if session.is_open:
            self._meet_phones()
        self.commands.go(in_group("wizard")[0] if session.is_open else START.key)
        if session.is_open and (left_out := plugins.problems(REGISTRIES)):
            self.stack.current.banner.tell(" ".join(left_out))

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
