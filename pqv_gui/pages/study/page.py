"""Study: what is asked, how far it is, what was found, and what can be done with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QProgressBar, QWidget

from pqv_core.errors import ErrorInfo, PqvError
from pqv_core.study.figures import FIGURES
from pqv_gui.charts.bar_chart import BarChartView
from pqv_gui.charts.parallel_chart import ParallelChart
from pqv_gui.charts.pareto_chart import ParetoChart, Shown
from pqv_gui.desks.workspace import Workspace
from pqv_gui.i18n import tr
from pqv_gui.pages.compare import INFO as COMPARE
from pqv_gui.pages.device import INFO as DEVICE
from pqv_gui.pages.device.phone_files import Group
from pqv_gui.pages.shared.base_page import Page
from pqv_gui.pages.study import study_picture
from pqv_gui.pages.study.study_form import StudyForm
from pqv_gui.pages.study.study_picture import NUMBER
from pqv_gui.pages.study.study_state import BAR_LENGTH, Phase
from pqv_gui.pages.study.trial_table import TrialTable
from pqv_gui.widgets.basic_inputs import ComboInput
from pqv_gui.widgets.basics import Card, ElidedLabel, button, column, label, row
from pqv_gui.widgets.focus import share_focus
from pqv_gui.widgets.folding_columns import FoldingColumns
from pqv_gui.widgets.term_mark import explain

if TYPE_CHECKING:
    from pqv_core.study.study_file import StudyFile

_BETWEEN_PARTS_MS = 15  # each is drawn in a turn of its own, so that no frame waits for all
_HEADLINES: dict[Phase, str] = {
    "filling": "Looking for studies …",
    "empty": "No study yet",
    "reading": "Reading the study …",
    "waiting": "Not started yet",
    "running": "Running",
    "stopping": "Stopping …",
    "elsewhere": "Running in another process",
    "stopped": "Stopped",
    "finished": "Complete",
    "failed": "The study cannot be read",
}
_HERE = ""
_SEND, _MEASURE = "Send the front to the phone", "Measure the front together"
_TOGETHER = "Trials were measured at different times; together, in turns, their latencies can be compared."


class StudyPage(Page):
    """The studies of the project."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(
            workspace,
            heading=tr("Study"),
            sentence=tr("Try many settings: a sampler chooses them, and what no other trial beats stays as the front."),
        )
        self.desk = workspace.study
        self.state = self.desk.state
        self._told: ErrorInfo | None = None
        self._drawn: object = None
        self._turn: Iterator[None] | None = None
        self._more = QTimer(self)
        self._more.setSingleShot(True)
        self._more.setInterval(_BETWEEN_PARTS_MS)
        self._more.timeout.connect(self._draw_next)
        self.body.addWidget(self._state_card())
        self.form = StudyForm(self.state.draft)
        self.form.wanted.connect(self._create)
        self.form.put_away.connect(lambda: self.state.write_draft(False))
        self.body.addWidget(self.form)
        self.full = QWidget()
        parts = column(self.full, gap=0.8)
        parts.addWidget(self._chart_cards())
        parts.addWidget(self._table_card())
        self.body.addWidget(self.full)
        self.body.addStretch(1)
        self.desk.failed.connect(self.present)
        self.workspace.run_changed.connect(self._on_run_changed)

    # building ------------------------------------------------------------------------------------------------

    def _state_card(self) -> Card:
        card = Card()
        which, doings = QWidget(), QWidget()
        line = row(which, gap=0.6)
        self.headline = label("", "heading")
        self.study = ComboInput({})
        self.study.setAccessibleName(tr("Study"))
        self.study.changed.connect(self._choose)
        line.addWidget(self.study)
        line.addWidget(self.headline, 1)
        line = row(doings, gap=0.6)
        self.new = button(tr("&New study …"), self._begin_draft)
        self.again = button(tr("Tr&y again"), self.desk.look_again)
        self.start = button(tr("&Start"), self._start, kind="primary", name=tr("Start the study"))
        self.stop = button(tr("S&top"), self.desk.cancel, name=tr("Stop the study"))
        share_focus(self.start, self.stop)
        for widget in (self.new, self.again, self.stop, self.start):
            line.addWidget(widget)
        card.body.addWidget(FoldingColumns([(which, 1), (doings, 0)], fold_below=40, gap=0.6))
        self.asked = label("", "muted", wrap=True)
        card.body.addWidget(self.asked)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName(tr("Progress of the study"))
        card.body.addWidget(self.progress)
        self.position = ElidedLabel("", "muted")
        card.body.addWidget(self.position)
        card.body.addWidget(self._phone_line())
        self.why_not = label("", "caption", wrap=True)
        card.body.addWidget(self.why_not)
        return card

    def _phone_line(self) -> QWidget:
        self.phone_line = QWidget()
        line = row(self.phone_line, gap=0.6)
        self.phone = ComboInput({_HERE: tr("This computer")})
        self.phone.changed.connect(self._choose_phone)
        words = label(tr("Measure trials &on"))
        words.setTextFormat(words.textFormat().AutoText)
        words.setBuddy(self.phone)
        self.phone.setAccessibleName(tr("Measure trials on"))
        self.phone_note = label("", "caption", wrap=True)
        line.addWidget(words)
        line.addWidget(self.phone)
        line.addWidget(self.phone_note, 1)
        return self.phone_line

    def _chart_cards(self) -> QWidget:
        part = QWidget()
        lines = column(part, gap=0.8)
        self.front = ParetoChart(tr("Trials and front"))
        self.front.chosen.connect(self._choose_named)
        self.up, self.along = ComboInput({}), ComboInput({})
        self.up.changed.connect(lambda key: self.state.draw_over(up=key))
        self.along.changed.connect(lambda key: self.state.draw_over(along=key))
        self.front_card, axes = Card(), row(gap=0.6)
        for words, combo in ((tr("Upwards"), self.up), (tr("Along"), self.along)):
            combo.setAccessibleName(words)
            axes.addWidget(label(words, "muted"))
            axes.addWidget(combo)
        axes.addStretch()
        self.front_card.body.addLayout(axes)
        self.front_card.body.addWidget(self.front)
        self.decides_card = Card()
        self.decides = BarChartView()
        self.decides_note = label("", "muted", wrap=True)
        self.decides_card.body.addWidget(self.decides)
        self.decides_card.body.addWidget(self.decides_note)
        self.decides_card.body.addStretch()
        lines.addWidget(FoldingColumns([(self.front_card, 3), (self.decides_card, 2)], fold_below=52))
        self.parallel = ParallelChart(tr("Settings and figures of each trial"))
        self.parallel.chosen.connect(self._choose_named)
        for saver in (self.front.saver, self.decides.saver, self.parallel.saver):
            saver.failed.connect(self.present)
            saver.caption = self.state.caption
        self.parallel_card = Card()
        self.parallel_card.body.addWidget(self.parallel)
        lines.addWidget(self.parallel_card)
        return part

    def _table_card(self) -> Card:
        self.table_card = Card(tr("Trials"))
        explain(self.table_card, "Trial")
        self.table = TrialTable(self.state)
        self.table.chosen.connect(self.state.select)
        self.table.sort_wanted.connect(self.state.sort)
        self.table_card.body.addWidget(self.table)
        self.chosen = label("", "strong", wrap=True)
        self.details = label("", "muted", wrap=True)
        self.table_card.body.addWidget(self.chosen)
        self.table_card.body.addWidget(self.details)
        self.use = button(tr("&Use these settings"), self._use)
        self.compare = button(tr("O&pen in Compare"), self._open_in_compare)
        self.send = button(tr(_SEND), self._measure_front)
        first, second = QWidget(), QWidget()
        line = row(first, gap=0.6)
        line.addWidget(self.use)
        line.addWidget(self.compare)
        line.addStretch()
        line = row(second, gap=0.6)
        self.why_not_send = label("", "caption", wrap=True)
        line.addWidget(self.why_not_send, 1)
        line.addWidget(self.send)
        self.table_card.body.addWidget(FoldingColumns([(first, 0), (second, 1)], fold_below=46, gap=0.6))
        return self.table_card

    # what a person does --------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Begin a new study."""
        self._begin_draft()

    def _begin_draft(self) -> None:
        self.banner.hide()
        self.desk.draft()
        if self.form.isVisible() and self.form.varied.rows:
            self.form.varied.rows[0].findChildren(ComboInput)[0].setFocus()

    def _create(self) -> None:
        self.banner.hide()
        try:
            self.workspace.flush()
        except PqvError as error:
            self.present(error.info())
        else:
            self.desk.create()

    def _choose(self, folder: str) -> None:
        self.banner.hide()
        self.desk.look_at(next(each for each in self.state.folders if str(each) == folder))

    def _choose_phone(self, key: str) -> None:
        self.desk.phone = key
        self._show_phone()

    def _start(self) -> None:
        self.banner.hide()
        self.desk.start()

    def _choose_named(self, name: str) -> None:
        """Choose the trial of this name."""
        found = (line.number for line in self.state.lines if line.name == name)
        self.state.select(next(found, None))

    def _use(self) -> None:
        line = self.state.chosen
        try:
            used = self.desk.use()
        except PqvError as error:
            self.present(error.info())
            return
        if used and line is not None:
            sentence = tr("The project has the settings of {trial} now. Undo (Ctrl+Z) takes them back.")
            self.banner.tell(sentence.replace("{trial}", line.name.lower()))
            self.scroller.ensureWidgetVisible(self.banner)

    def _open_in_compare(self) -> None:
        line = self.state.chosen
        if line is not None:
            self.workspace.compare.view.select(line.trial.run)
            self.go.emit(COMPARE.key)

    def _measure_front(self) -> None:
        study, phones, for_phones = self._study, self.workspace.phones, self._is_for_phones

        def begin(group: Group) -> None:
            self.go.emit(DEVICE.key)
            if study is not None and not for_phones:
                phones.measure_here(group, study.space.base.measure)
            else:
                phones.files.choose_group(group)
                phones.start()

        self.desk.gather_front(begin)

    # what is shown -------------------------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:
        """Follow the study from now on."""
        super().showEvent(event)
        if not event.spontaneous():
            self.desk.look(True)

    def hideEvent(self, event: QHideEvent) -> None:
        """Follow it no longer, unless it runs here."""
        super().hideEvent(event)
        if not event.spontaneous():
            self.desk.look(False)

    def _on_run_changed(self) -> None:
        if self.isVisible():
            self._show_controls()

    def refresh(self) -> None:
        """Show the present state."""
        state = self.state
        self._show_state()
        self._show_controls()
        self.form.setVisible(state.drafting)
        self.form.set_writable(self.session.writable)
        full = state.picture is not None and bool(state.picture.lines) and not state.drafting
        self.full.setVisible(full)
        self._show_chosen()
        if full and self._drawn != self._shown_now():
            self._turn = self._turn or self._steps()
            self._more.start()
        if state.error is not None and state.error is not self._told:
            self.present(state.error)
        self._told = state.error

    def _shown_now(self) -> tuple[object, ...]:
        return self.state.picture, self.state.along, self.state.up, self.state.order

    def _show_state(self) -> None:
        state = self.state
        names = {str(folder): folder.stem for folder in state.folders}
        if [self.study.itemData(index) for index in range(self.study.count())] != list(names):
            self.study.clear()
            for folder, name in names.items():
                self.study.addItem(name, folder)
        self.study.set_value(str(state.folder))
        self.study.setVisible(bool(names))
        self.study.setEnabled(not self.desk.active)
        self.headline.setText(tr(_HEADLINES[state.phase]))
        empty = tr("Choose what may vary and what is wanted; trials are kept as runs of this project.")
        asked = study_picture.asked_words(state.picture.view.study) if state.picture is not None else ""
        self.asked.setText(empty if state.phase == "empty" else asked)
        self.asked.setVisible(bool(self.asked.text()))
        busy = state.phase in ("filling", "reading")
        self.progress.setVisible(busy or state.phase in ("running", "stopping", "elsewhere"))
        self.progress.setRange(0, 0 if busy else BAR_LENGTH)
        self.progress.setValue(state.bar)
        parts = (tr(state.activity), state.counts, state.time_left, tr(state.reason))
        self.position.set_text(" · ".join(part for part in parts if part))
        self.position.setVisible(state.picture is not None)

    def _show_controls(self) -> None:
        state, why_not = self.state, self.desk.why_not_start
        shown = state.phase not in ("filling", "empty", "failed", "running", "stopping")
        self.new.setVisible(not state.drafting)
        self.new.setEnabled(self.session.writable and not self.desk.active)
        self.again.setVisible(state.phase == "failed")
        self.start.setText(tr("Cont&inue") if state.phase == "stopped" else tr("&Start"))
        self.start.setAccessibleName(tr("Continue the study") if state.phase == "stopped" else tr("Start the study"))
        self.start.setVisible(shown and not state.drafting)
        self.start.setEnabled(not why_not)
        self.stop.setVisible(self.desk.active)
        self.stop.setEnabled(not state.stopping)
        said = shown and state.phase != "reading" and not state.drafting
        read_only = tr("The project is open read-only: no study can be made or run here.")
        self.why_not.setText((tr(why_not) if said else "") or ("" if self.session.writable else read_only))
        self.why_not.setVisible(bool(self.why_not.text()))
        self._show_phone()
        self._show_measuring()

    def _show_phone(self) -> None:
        """Where trials are measured; asked only of studies that export for phones."""
        phase, for_phones = self.state.phase, self._is_for_phones
        self.phone_line.setVisible(for_phones and phase in ("waiting", "stopped", "running", "stopping"))
        if not for_phones:
            return
        rows = {item.key: item.name for item in self.workspace.phones.phones.ready if item.found is not None}
        options = {_HERE: tr("This computer"), **rows}
        if {self.phone.itemData(index): self.phone.itemText(index) for index in range(self.phone.count())} != options:
            self.phone.clear()
            for key, name in options.items():
                self.phone.addItem(name, key)
        if self.desk.phone not in options and not self.desk.active:
            self.desk.phone = _HERE
        self.phone.set_value(self.desk.phone)
        self.phone.setEnabled(not self.desk.active)
        note = "" if self.desk.phone else tr("What this computer measures says little of a phone.")
        self.phone_note.setText(note if rows or self.desk.phone else f"{note} {tr('No phone is ready.')}")

    def _show_chosen(self) -> None:
        line = self.state.chosen
        name = line.name if line is not None else ""
        self.front.choose(name)
        self.parallel.choose(name)
        self.table.refresh()
        words = f"{name}: {line.params}" if line is not None else tr("Select a trial.")
        self.chosen.setText(words)
        self.details.setText(line.details.replace("\n", " ") if line is not None else "")
        self.details.setVisible(bool(self.details.text()))
        self.use.setEnabled(line is not None and self.session.writable)
        self.compare.setEnabled(line is not None and line.trial.run_number is not None)
        self._show_measuring()

    def _show_measuring(self) -> None:
        """The front, to be measured together where its trials were measured."""
        why_not = self._why_not_measured()
        self.send.setText(tr(_SEND if self._is_for_phones else _MEASURE))
        self.send.setEnabled(not why_not)
        self.why_not_send.setText(why_not or ("" if self._is_for_phones else tr(_TOGETHER)))

    def _why_not_measured(self) -> str:
        if self.state.picture is None or not self.state.front:
            return tr("The front is empty until a trial is done.")
        if not self._is_for_phones:
            return tr(self.workspace.phones.why_not_here)
        return tr("A measurement is in progress.") if self.workspace.measures else ""

    @property
    def _study(self) -> StudyFile | None:
        return self.state.picture.view.study if self.state.picture is not None else None

    @property
    def _is_for_phones(self) -> bool:
        study = self._study
        return study is not None and study.config.export.target == "android"

    def _draw_next(self) -> None:
        if self._turn is None or not self.isVisible():
            self._turn = None
            return
        try:
            next(self._turn)
        except StopIteration:
            self._turn = None
            self.refresh()  # what came meanwhile
        else:
            self._more.start()

    def _steps(self) -> Iterator[None]:
        """What there is to draw, in pieces between which the window does other things."""
        self._drawn = self._shown_now()
        picture = self.state.picture
        if picture is None:
            return
        self._offer_axes()
        chart = self.state.chart  # made in one piece, drawn in the next
        yield
        self.front_card.setVisible(chart is not None)
        if chart is not None and self.front.outdated(Shown(chart)):
            self.front.draw(Shown(chart))
        yield
        self.parallel_card.setVisible(picture.parallel is not None)
        if picture.parallel is not None:
            self.parallel.show_chart(picture.parallel)
        yield
        self.decides_card.setVisible(picture.parallel is not None)
        self.decides.setVisible(picture.importances is not None)
        self.decides_note.setText("" if picture.importances else tr("What decides is said once ten trials are done."))
        self.decides_note.setVisible(picture.importances is None)
        if picture.importances is not None:
            self.decides.show_chart(picture.importances)

    def _offer_axes(self) -> None:
        picture = self.state.picture
        assert picture is not None
        figures = {figure.key: tr(FIGURES[figure.key].label) for figure in picture.figures}
        options = ((self.up, figures, self.state.up), (self.along, {NUMBER: tr("Trial"), **figures}, self.state.along))
        for combo, offered, key in options:
            if [combo.itemData(index) for index in range(combo.count())] != list(offered):
                combo.clear()
                for each, words in offered.items():
                    combo.addItem(words, each)
            combo.set_value(key)
