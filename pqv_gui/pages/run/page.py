"""Run: the stages, the curves, the latencies, the log, and what came of it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from PySide6.QtCore import QTimer, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QProgressBar, QWidget

from pqv_core import formatting
from pqv_core.comparison.stored_runs import THIS_COMPUTER, StoredRun
from pqv_core.errors import ErrorInfo, PqvError
from pqv_core.project.run_label import RunLabel
from pqv_core.report import caption
from pqv_core.results import artifacts, delegations, select
from pqv_core.results.record import LOCAL, RunRecord, measured_elsewhere
from pqv_gui.charts.chart import Chart
from pqv_gui.charts.latency_chart import LatencyChart
from pqv_gui.charts.training_curves import accuracy_chart, loss_chart
from pqv_gui.desks.workspace import Workspace
from pqv_gui.i18n import tr
from pqv_gui.pages.compare import INFO as COMPARE
from pqv_gui.pages.device import INFO as DEVICE
from pqv_gui.pages.run.queue_card import QueueCard
from pqv_gui.pages.run.run_parts import LogView, ResultCards, StageList
from pqv_gui.pages.shared.base_page import Page
from pqv_gui.pages.shared.run_head import RunHead
from pqv_gui.viewmodels import display_names
from pqv_gui.viewmodels.results import measurement_rows
from pqv_gui.viewmodels.results.run_choices import RunChoice
from pqv_gui.viewmodels.run_view import BAR_LENGTH, Dirty, RunView, bar_length
from pqv_gui.widgets.bar_list import BarList
from pqv_gui.widgets.basics import Card, ElidedLabel, as_tip, button, column, label, restyle, row
from pqv_gui.widgets.focus import share_focus
from pqv_gui.widgets.folding_columns import FoldingColumns
from pqv_gui.widgets.measurement_table import MeasurementTable
from pqv_gui.widgets.run_picker import RunPicker
from pqv_gui.widgets.term_mark import explain

_BETWEEN_CHARTS_MS = 30
_HEADLINES = {
    "empty": "Nothing has run yet.",
    "starting": "Starting …",
    "running": "Running",
    "cancelling": "Stopping …",
    "succeeded": "Complete",
    "failed": "Failed",
    "cancelled": "Stopped",
    "interrupted": "Interrupted",
    "elsewhere": "Running in another process",
    "unknown": "Ended with a status from a newer PQV-Mobile",
}


class RunPage(Page):
    """The running job, or the last one."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(
            workspace,
            heading=tr("Run"),
            sentence=tr("Everything from loading the model to measuring the file. Finished work is kept."),
        )
        self._shown = ""
        self._told: ErrorInfo | None = None
        self.results = ResultCards()
        self.results.again.connect(self._measure_again)
        self.body.addWidget(self._control_card())
        self.queue = QueueCard(workspace.runs)
        self.body.addWidget(self.queue)
        self.body.addWidget(self.results)
        self.warnings = label("", "problem", wrap=True)
        self.body.addWidget(self.warnings)
        self.phones = MeasurementTable()
        self.phones_card = Card(tr("On all targets"))
        self.phones_card.body.addWidget(self.phones)
        self.body.addWidget(self.phones_card)
        self.operators = (BarList(tr("Slowest operators")), BarList(tr("Slowest operators")))
        for bars in self.operators:
            bars.beside = self.operators
        self.profiled = (label("", "muted"), label("", "muted"))
        self.operators_card = Card(tr("Where the time goes"))
        columns = []
        for name, bars in zip(self.profiled, self.operators, strict=True):
            part = QWidget()
            inner = column(part, gap=0.4)
            inner.addWidget(name)
            inner.addWidget(bars)
            inner.addStretch()
            columns.append((part, 1))
        self.operators_card.body.addWidget(FoldingColumns(columns, fold_below=44, gap=1.2))
        self.body.addWidget(self.operators_card)
        self.delegation = label("", wrap=True)
        self.delegation_card = Card(tr("Delegated to the runtime’s backend"))
        explain(self.delegation_card, "Delegate")
        self.delegation_card.body.addWidget(self.delegation)
        self.body.addWidget(self.delegation_card)
        self.widths = BarList(tr("What is left of each width"))
        self.widths_card = Card(tr("What was cut, layer by layer"))
        self.widths_card.body.addWidget(self.widths)
        self.body.addWidget(self.widths_card)
        self.layers = BarList(tr("Most sensitive layers"))
        self.layers.setAccessibleName(tr("Layer sensitivity"))
        self.layers_card = Card(tr("Effect on the outputs of quantizing each layer alone"))
        explain(self.layers_card, "Sensitivity")
        self.layers_card.body.addWidget(self.layers)
        self.body.addWidget(self.layers_card)
        self.stages = StageList()
        stages_card = Card(tr("Stages"))
        stages_card.body.addWidget(self.stages)
        stages_card.body.addStretch()
        self.stages_card = stages_card
        self.latency = LatencyChart()
        self.latency_card = Card()
        self.latency_card.body.addWidget(self.latency)
        self.body.addWidget(FoldingColumns([(stages_card, 2), (self.latency_card, 3)], fold_below=44))
        self.loss, self.accuracy = loss_chart(), accuracy_chart()
        self.training_card = Card()
        self.training_card.body.addWidget(FoldingColumns([(self.loss, 1), (self.accuracy, 1)], fold_below=34, gap=1.2))
        self.body.addWidget(self.training_card)
        self._charts: tuple[Chart[RunView], ...] = (self.latency, self.loss, self.accuracy)
        for chart in self._charts:
            chart.saver.failed.connect(self.present)
            chart.saver.caption = self._caption
        self._turn = 0
        self._more = QTimer(self)
        self._more.setSingleShot(True)
        self._more.timeout.connect(self._draw_next)
        self.log = LogView()
        self.log_card = Card()
        self.log_card.body.addWidget(self.log)
        self.body.addWidget(self.log_card)
        self.body.addStretch(1)

    @property
    def run(self) -> RunView:
        """The run that is shown: the one that goes on or was last, unless the person looks at another."""
        return self.workspace.runs.shown

    def _control_card(self) -> Card:
        card = Card()
        line = row(gap=0.6)
        self.headline = label("", "heading")
        self.position = ElidedLabel("", "muted")
        line.addWidget(self.headline)
        line.addWidget(self.position, 1)
        self.start = button(tr("R&un"), self._start, kind="primary")
        self.fresh = button(
            tr("From scra&tch"),
            lambda: self._start(fresh=True),
            name=tr("Run from scratch"),
        )
        self.cancel = button(tr("&Cancel"), self.workspace.runs.cancel, name=tr("Cancel this run"))
        for widget in (self.fresh, self.start, self.cancel):
            line.addWidget(widget)
        share_focus(self.start, self.cancel, self.fresh)
        card.body.addLayout(line)
        card.body.addWidget(self._which())
        card.body.addWidget(self._further())
        card.body.addWidget(self._written())
        self.missing = label("", "problem", wrap=True)
        card.body.addWidget(self.missing)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setRange(0, BAR_LENGTH)
        self.progress.setAccessibleName(tr("Progress of the run"))
        card.body.addWidget(self.progress)
        return card

    def _which(self) -> QWidget:
        """The run that is shown, and how its settings stand to the project's."""
        self.which = QWidget()
        lines = column(self.which, gap=0.35)
        line = row(gap=0.6)
        self.picker = RunPicker(tr("Run that is shown"))
        self.picker.changed.connect(self._choose)
        self.current = button(tr("Show the run in progress"), self.workspace.runs.show_current, kind="link")
        line.addWidget(self.picker, 1)
        line.addWidget(self.current)
        lines.addLayout(line)
        self.head = RunHead(self._use)
        lines.addWidget(self.head)
        return self.which

    def _further(self) -> QWidget:
        """What can be done with the files of a run."""
        self.folder = button(tr("&Open folder"), self._open_folder, name=tr("Open the folder of this run"))
        self.send = button(tr("Se&nd to phone"), self._send, tip=tr("Measure these files on a phone"))
        self.compare = button(tr("Co&mpare"), self._compare, name=tr("Compare this run with the others"))
        self.android = button(tr("Export for Android and measure"), self._export_for_android)
        self.refused = ElidedLabel("", "muted")
        self.app_kit = button(
            tr("For an a&pp …"),
            self._ask_for_app_kit,
            name=tr("Export what an app needs of this run"),
            tip=tr("Files, labels, preprocessing, Kotlin and C++ code, and an example to check"),
        )
        self.measured, taken = QWidget(), QWidget()
        line = row(self.measured, gap=0.6)
        for widget in (self.send, self.android, self.compare):
            line.addWidget(widget)
        line.addStretch()
        line = row(taken, gap=0.6)
        for widget in (self.app_kit, self.folder):
            line.addWidget(widget)
        line.addWidget(self.refused, 1)
        self.further = FoldingColumns([(self.measured, 0), (taken, 1)], fold_below=44, gap=0.6)
        self.workspace.phones.changed.connect(self._show_further)
        return self.further

    def _written(self) -> QWidget:
        """Where an app kit was put."""
        self.written_line = QWidget()
        line = row(self.written_line, gap=0.6)
        self.written = ElidedLabel("", "muted")
        self.open_kit = button(tr("Open the app kit"), self._open_kit, kind="link")
        line.addWidget(self.written, 1)
        line.addWidget(self.open_kit)
        self.written_line.hide()
        self._kit: Path | None = None
        desk = self.workspace.app_kit
        desk.changed.connect(self._show_further)
        desk.written.connect(self._on_kit_written)
        desk.failed.connect(self.present)
        return self.written_line

    # what a person does --------------------------------------------------------------------------------------

    def _start(self, *, fresh: bool = False) -> None:
        self.banner.hide()
        try:
            self.workspace.start_run(fresh=fresh)
        except PqvError as error:
            self.present(error.info())

    def _choose(self, run: str) -> None:
        self.banner.hide()
        self.workspace.runs.show_run(run)

    def _use(self) -> None:
        """Take the settings of the run that is shown over into the project."""
        record = self.run.now.record
        if record is None:
            return
        self.banner.hide()
        try:
            self.workspace.use_settings(record)
        except PqvError as error:
            self.present(error.info())
        else:
            self.banner.tell(tr("The project has the settings of this run now. Undo (Ctrl+Z) takes them back."))

    def _send(self) -> None:
        """Offer the files of this run on the Device page."""
        if self.run.now.directory is not None:
            self.workspace.phones.files.choose_run(self.run.now.directory)
        self.go.emit(DEVICE.key)

    def _compare(self) -> None:
        """Show this run among the others."""
        if self.run.now.directory is not None:
            self.workspace.compare.view.select(self.run.now.directory.name)
        self.go.emit(COMPARE.key)

    def _measure_again(self, target: str) -> None:
        """A phone measures again on the Device page, this computer here and now."""
        self.banner.hide()
        if target != LOCAL:
            self._send()
            return
        try:
            self.workspace.measure_again()
        except PqvError as error:
            self.present(error.info())

    def _export_for_android(self) -> None:
        self.banner.hide()
        try:
            self.workspace.export_for_android()
        except PqvError as error:
            self.present(error.info())

    def _ask_for_app_kit(self) -> None:
        """Ask for a place, and have the kit of the run that is shown written there."""
        directory, project = self.run.now.directory, self.session.path
        if directory is None or project is None:
            return
        usual = project.with_name(f"{project.stem}-app")
        chosen, _ = QFileDialog.getSaveFileName(self, tr("Folder of the app kit"), str(usual))
        if chosen:
            self.banner.hide()
            self.workspace.app_kit.write(directory, Path(chosen), project=project)

    def _on_kit_written(self, folder: Path) -> None:
        self._kit = folder
        self.banner.hide()
        self.written.set_text(tr("Saved to {path}").replace("{path}", str(folder)))
        self.written_line.show()

    def _open_kit(self) -> None:
        if self._kit is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._kit)))

    def _open_folder(self) -> None:
        if self.run.now.directory is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.run.now.directory)))

    # what is shown -------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show the present state."""
        run = self.run
        if run.now.run != self._shown or not run.now.run:
            self._begin_anew()
        self._show_controls()
        self._show_progress()
        self._show_parts()
        record = run.now.record if not run.active else None
        self.results.show_record(record, name=self._name(), can_measure=self.session.writable)
        self.warnings.setText("\n".join(f"⚠ {tr(text)}" for text in record.warnings) if record else "")
        self.warnings.setVisible(bool(self.warnings.text()))
        self._show_phones(record)
        self._show_operators(record)
        self._show_delegation(record)
        self._show_widths(record)
        self._show_layers(record)
        self._show_error()

    def _begin_anew(self) -> None:
        self._shown = self.run.now.run
        self.run.dirty = Dirty()
        for chart in self._charts:
            chart.clear()
        self.log.clear()
        self.banner.hide()
        self.written_line.hide()

    def _show_controls(self) -> None:
        run = self.run
        self.headline.setText(tr(_HEADLINES[run.state]))
        self._show_which()
        self.start.setEnabled(self.workspace.can_run)
        self.start.setText(self._start_words())
        why_not = tr(self.workspace.why_not_run)
        self.start.setToolTip(as_tip(why_not) or tr("Run the current settings (F5)"))
        self.queue.refresh()
        self.queue.setEnabled(self.session.writable)
        self.fresh.setVisible(not self.workspace.run.active and bool(run.now.run))
        self.fresh.setEnabled(self.workspace.can_run)
        self.fresh.setToolTip(as_tip(why_not) or tr("Do not reuse earlier runs"))
        self.cancel.setVisible(run.active)
        self.cancel.setEnabled(run.state != "cancelling")
        self._show_further()
        self.missing.setText(why_not)
        self.missing.setVisible(bool(why_not))
        restyle(self.missing, role="problem" if self.workspace.problems else "muted")

    def _show_which(self) -> None:
        desk, view = self.workspace.runs, self.workspace.compare.view
        choices = view.choices
        if desk.shown_run and all(choice.key != desk.shown_run for choice in choices):  # it is not kept yet
            choices = [RunChoice(desk.shown_run, tr("This run")), *choices]
        self.picker.show_runs(choices, desk.shown_run)
        self.which.setVisible(bool(choices))
        self.current.setVisible(self.workspace.run.active and desk.shown is not self.workspace.run)
        self.head.show_settings(desk.settings, self.session.config, writable=self.session.writable)

    def _name(self) -> str:
        """What the run that is shown is called; empty where that is not known yet."""
        shown, choices = self.workspace.runs.shown_run, self.workspace.compare.view.choices
        return next((choice.words for choice in choices if choice.key == shown), "")

    def _caption(self) -> str:
        """What stands below pictures of the charts; of a run that goes on, what is known of it."""
        record, directory = self.run.now.record, self.run.now.directory
        if record is None or directory is None:
            return caption.words(THIS_COMPUTER, self._name(), formatting.date(datetime.now()), caption.program())
        run = StoredRun(directory, record, RunLabel(), self._name())
        return caption.of_runs([run], device=THIS_COMPUTER)

    def _show_further(self) -> None:
        run, files = self.run, self.workspace.phones.files
        complete = run.state == "succeeded" and run.now.record is not None
        refusal = tr(files.refusal(files.of_run)) if complete else ""
        for widget in (self.send, self.compare, self.app_kit):
            widget.setVisible(complete)
        self.measured.setVisible(complete)
        writing = self.workspace.app_kit.busy
        self.app_kit.setEnabled(not writing)
        self.app_kit.setText(tr("Writing …") if writing else tr("For an a&pp …"))
        self.send.setEnabled(not refusal)
        self.send.setToolTip(as_tip(refusal) or tr("Measure these files on a phone"))
        self.android.setVisible(bool(refusal) and self.session.writable)
        self.refused.set_text(tr("Phones cannot run them. {reason}").replace("{reason}", refusal) if refusal else "")
        self.folder.setVisible(run.now.directory is not None and not run.active)
        self.further.setVisible(run.now.directory is not None and not run.active)

    def _start_words(self) -> str:
        runs = self.workspace.runs
        if runs.busy:
            return tr("Add to &queue")
        return tr("Res&ume") if runs.resumes else tr("R&un again") if runs.same else tr("R&un")

    def _show_progress(self) -> None:
        run = self.run
        self.progress.setVisible(run.active)
        if run.active:
            self.progress.setValue(bar_length(run))
        self.position.set_text(self._position())

    def _position(self) -> str:
        run = self.run
        if not run.active:
            return _took(run)
        what = ": ".join(tr(part) for part in run.activity if part)
        return " · ".join(part for part in (what, tr(run.position)) if part)

    def _show_parts(self) -> None:
        run, dirty = self.run, self.run.dirty
        self.stages_card.setVisible(bool(run.now.stages))
        self.training_card.setVisible(bool(run.now.curves))
        self.latency_card.setVisible(bool(run.now.latency))
        self.log_card.setVisible(run.now.logged > 0 or run.active)
        if dirty.stages:
            self.stages.show_rows(run.now.stages)
        if dirty.log:
            self.log.refresh(run)
        dirty.stages = dirty.log = False
        self.accuracy.setVisible(self.accuracy.has_data(run))
        self._draw_next()

    def _draw_next(self) -> None:
        """Draw one chart that is behind; the others have their turn later, so that no frame has to wait for all."""
        due = [*self._charts[self._turn :], *self._charts[: self._turn]]
        behind = [chart for chart in due if chart.outdated(self.run) and chart.isVisible()]
        if behind:
            behind[0].draw(self.run)
            self._turn = (self._charts.index(behind[0]) + 1) % len(self._charts)
        if len(behind) > 1:
            self._more.start(_BETWEEN_CHARTS_MS)

    def _show_phones(self, record: RunRecord | None) -> None:
        """What phones measured, beside what this computer did."""
        elsewhere = record is not None and any(measured_elsewhere(record).values())
        self.phones_card.setVisible(elsewhere)
        if record is not None and elsewhere:
            self.phones.show_rows(measurement_rows.from_record(record))

    def _show_operators(self, record: RunRecord | None) -> None:
        """Which kinds of operators the time of an inference went to, before and after."""
        variants = (select.fairest(record), select.result(record)) if record else (None, None)
        self.operators_card.setVisible(any(variant is not None and variant.operators for variant in variants))
        for variant, name, bars in zip(variants, self.profiled, self.operators, strict=True):
            name.setText(tr(variant.label) if variant else "")
            found = measurement_rows.group_bars(variant.operators) if variant else []
            bars.show_bars(found, color=artifacts.colour(variant.key) if variant else 0)

    def _show_delegation(self, record: RunRecord | None) -> None:
        """How much of each file a backend computes, and what the rest costs."""
        rows = delegations.rows(record) if record else []
        self.delegation_card.setVisible(bool(rows))
        self.delegation.setText("\n".join(row.words for row in rows))

    def _show_widths(self, record: RunRecord | None) -> None:
        """How far each layer was cut, where that was decided for each."""
        bars = measurement_rows.width_bars(record) if record else []
        self.widths_card.setVisible(bool(bars))
        self.widths.show_bars(bars)

    def _show_layers(self, record: RunRecord | None) -> None:
        """The layers that suffer most, and those that were spared."""
        bars = measurement_rows.layer_bars(record.sensitivity) if record else []
        self.layers_card.setVisible(bool(bars))
        self.layers.show_bars(bars)

    def _show_error(self) -> None:
        error = self.run.now.error
        if self.run.state != "failed" or error is None:
            self._told = None
        elif self._told is not error:
            self._told = error
            stage = self.run.now.failed_stage
            where = f"{tr(display_names.stage(stage))}: " if stage else ""
            self.present(error.model_copy(update={"message": where + error.message}))


def _took(run: RunView) -> str:
    """How long the run was at work: the last time that it was begun, and altogether."""
    if not run.spans:
        return ""
    last, total = (formatting.duration(seconds) for seconds in (run.spans[-1], sum(run.spans)))
    words = tr("in {time}") if run.state == "succeeded" else tr("after {time}")
    more = tr("; started {count} times, {total} in total") if len(run.spans) > 1 else ""
    return (words + more).replace("{time}", last).replace("{count}", str(len(run.spans))).replace("{total}", total)
