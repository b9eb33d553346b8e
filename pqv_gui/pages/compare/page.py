"""Compare: the runs and what was measured of them, side by side, as a table, as charts, and as a report."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, QTimer, QUrl
from PySide6.QtGui import QAction, QDesktopServices, QShowEvent
from PySide6.QtWidgets import QMessageBox, QProgressBar, QWidget

from pqv_core import formats
from pqv_core.comparison import StoredRun
from pqv_core.comparison.charts import BarChart, ScatterChart
from pqv_core.comparison.columns import COLUMNS
from pqv_core.comparison.figures import TITLES
from pqv_core.comparison.views import VIEWS
from pqv_core.errors import ErrorInfo, PqvError
from pqv_gui.charts.bar_chart import BarChartView
from pqv_gui.charts.pareto_chart import ParetoChart, Shown
from pqv_gui.charts.saving import Saver
from pqv_gui.desks.workspace import Workspace
from pqv_gui.i18n import tr
from pqv_gui.pages.compare.compare_table import CompareTable
from pqv_gui.pages.compare.comparison_view import NEWEST
from pqv_gui.pages.compare.difference_card import DifferenceCard
from pqv_gui.pages.compare.export_report import ask_for_report
from pqv_gui.pages.compare.lost_card import LostCard
from pqv_gui.pages.compare.run_label_card import RunLabelCard
from pqv_gui.pages.compare.run_menu import Allowed, RunMenu
from pqv_gui.pages.device import INFO as DEVICE
from pqv_gui.pages.run import INFO as RUN
from pqv_gui.pages.shared.base_page import Page
from pqv_gui.widgets.basic_inputs import CheckInput, ComboInput, TextInput
from pqv_gui.widgets.basics import Card, ElidedLabel, button, column, label, row
from pqv_gui.widgets.folding_columns import FoldingColumns

_BETWEEN_CHARTS_MS = 15  # each is drawn in a turn of its own, so that no frame waits for all
_MOST_FIGURE_CHARTS = 3
_BARS = ("speedup", "size", "memory", "operators")


class ComparePage(Page):
    """All runs of the project."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(
            workspace,
            heading=tr("Compare"),
            sentence=tr("Every run and its measurements, on this computer and on phones."),
        )
        self.desk = workspace.compare
        self.view = self.desk.view
        self._told: ErrorInfo | None = None
        self._turn: Iterator[None] | None = None
        self._more = QTimer(self)
        self._more.setSingleShot(True)
        self._more.setInterval(_BETWEEN_CHARTS_MS)
        self._more.timeout.connect(self._draw_next)
        self.body.addWidget(self._state_card())
        self.full = QWidget()
        self.parts = column(self.full, gap=0.8)
        self.parts.addWidget(self._table_card())
        self.menu = self._run_menu()
        self.selected = RunLabelCard(self.menu)
        self.selected.labelled.connect(lambda path, name, note: self.desk.label(path, name=name, note=note))
        self.parts.addWidget(self.selected)
        self.difference = DifferenceCard()
        self.difference.wanted.connect(self.view.compare)
        self.difference.closed.connect(self._stop_comparing)
        self.parts.addWidget(self.difference)
        self._chart_cards()
        self.lost = self._lost_card()
        self.parts.addWidget(self.lost)
        self.parts.addWidget(self._figure_card())
        self.body.addWidget(self.full)
        self.body.addStretch(1)
        self.desk.failed.connect(self.present)
        self.desk.trashed.connect(self._on_trashed)
        self.desk.closing.connect(self.selected.keep)
        self.desk.written.connect(self._on_written)
        self.workspace.run_changed.connect(self._on_run_changed)

    # building ------------------------------------------------------------------------------------------------

    def _state_card(self) -> Card:
        card = Card()
        line = row(gap=0.6)
        self.headline = label("", "heading")
        self.position = ElidedLabel("", "muted")
        self.run = button(tr("Go to R&un"), lambda: self.go.emit(RUN.key), kind="primary")
        self.again = button(tr("Try &again"), self.desk.read)
        self.export = button(
            tr("E&xport report …"),
            lambda: ask_for_report(self, self.desk),
            tip=tr("For the ticked runs: HTML, CSV, JSON, Netron"),
        )
        line.addWidget(self.headline)
        line.addWidget(self.position, 1)
        for widget in (self.again, self.run, self.export):
            line.addWidget(widget)
        card.body.addLayout(line)
        self.busy = QProgressBar()
        self.busy.setRange(0, 0)
        self.busy.setTextVisible(False)
        self.busy.setAccessibleName(tr("Loading runs"))
        card.body.addWidget(self.busy)
        self.problems = label("", "problem", wrap=True)
        card.body.addWidget(self.problems)
        self.written_line = QWidget()
        inner = row(self.written_line, gap=0.6)
        self.written = ElidedLabel("", "muted")
        self.open_report = button(tr("&Open the report"), self._open_report, kind="link")
        inner.addWidget(self.written, 1)
        inner.addWidget(self.open_report)
        card.body.addWidget(self.written_line)
        self.written_line.hide()
        self._report: Path | None = None
        return card

    def _table_card(self) -> Card:
        card = Card()
        order, marks = QWidget(), QWidget()
        line, ticks = row(order, gap=0.6), row(marks, gap=0.6)
        self.filter = TextInput(placeholder=tr("Filter by name, model, engine …"))
        self.filter.setAccessibleName(tr("Filter the runs"))
        self.filter.setClearButtonEnabled(True)
        self.filter.textChanged.connect(self.view.filter)
        self.sort = ComboInput({NEWEST: tr("Newest"), **{item.key: tr(item.head) for item in COLUMNS}})
        self.sort.setAccessibleName(tr("Sort by"))
        self.sort.changed.connect(lambda key: self.view.sort_by(key, descending=key == NEWEST))
        self.order = button("", self._flip_order, kind="link", name=tr("Reverse order"))
        self.all_files = CheckInput(tr("Baselines, &too"))
        self.all_files.setToolTip(tr("Also show each run’s FP32 and pruned files"))
        self.all_files.changed.connect(self.view.show_all_files)
        self.tick_all = button(tr("Tick all"), lambda: self.view.tick_all(True), kind="link")
        self.tick_none = button(tr("Tick none"), lambda: self.view.tick_all(False), kind="link")
        line.addWidget(label(tr("Sort by"), "muted"))
        line.addWidget(self.sort)
        line.addWidget(self.order)
        for widget in (self.all_files, self.tick_all, self.tick_none):
            ticks.addWidget(widget)
        for each in (line, ticks):
            each.addStretch()
        how = FoldingColumns([(order, 0), (marks, 0)], fold_below=28, gap=0.6)
        card.body.addWidget(FoldingColumns([(self.filter, 1), (how, 0)], fold_below=54, gap=0.6))
        self.shared = ElidedLabel("", "caption")
        card.body.addWidget(self.shared)
        self.table = CompareTable(self.view)
        self.table.chosen.connect(lambda run, row: self.view.select(run, row=row))
        self.table.sorted.connect(self._sort_by_head)
        card.body.addWidget(self.table)
        self.footnotes = label("", "caption", wrap=True)
        card.body.addWidget(self.footnotes)
        return card

    def _run_menu(self) -> RunMenu:
        menu = RunMenu(self)
        for told, act in (
            (menu.opened, self._open_run),
            (menu.used, self._use_settings),
            (menu.measured, self._measure),
            (menu.compared, self._compare_runs),
            (menu.renamed, lambda _: self.selected.rename()),
            (menu.revealed, lambda run: _reveal(run.directory)),
            (menu.trashed, self._ask_to_trash),
        ):
            told.connect(partial(self._with_selected, act))
        menu.aboutToShow.connect(lambda: menu.allow(self._allowed()))
        self.table.menu_wanted.connect(menu.popup)
        self.table.opened.connect(lambda _: menu.opened.emit())
        self.table.rename_wanted.connect(lambda: self._if_allowed(menu.rename))
        self.table.trash_wanted.connect(lambda: self._if_allowed(menu.trash))
        self.table.selection_changed.connect(lambda: self.selected.allow(self._allowed()))
        return menu

    def _chart_cards(self) -> None:
        line = row(gap=0.6)
        self.device = ComboInput({})
        self.device.setAccessibleName(tr("Device for the charts"))
        self.device.changed.connect(self.view.choose_device)
        line.addWidget(label(tr("On"), "heading"))
        line.addWidget(self.device, 1)
        line.addStretch(1)
        self.device_line = QWidget()
        self.device_line.setLayout(line)
        self.parts.addWidget(self.device_line)
        self.pareto = ParetoChart()
        self._keep(self.pareto.saver)
        self.pareto.chosen.connect(self.view.select_row)
        self.pareto_card = Card()
        self.pareto_card.body.addWidget(self.pareto)
        self.parts.addWidget(self.pareto_card)
        self.bars = {key: self._bars() for key in _BARS}
        self.cards = {key: Card() for key in _BARS}
        for key, card in self.cards.items():
            card.body.addWidget(self.bars[key])
        self.parts.addWidget(self.cards["speedup"])
        self.parts.addWidget(FoldingColumns([(self.cards["size"], 1), (self.cards["memory"], 1)], fold_below=44))
        self.parts.addWidget(self.cards["operators"])
        self.nothing_ticked = label(tr("Tick a run in the table to see its charts."), "muted", wrap=True)
        self.parts.addWidget(self.nothing_ticked)

    def _lost_card(self) -> LostCard:
        desk = self.desk.lost
        made = LostCard(desk.view, desk.pictures)
        made.compared.connect(desk.compare)
        made.again.connect(desk.read_again)
        made.matrix.saver.failed.connect(self.present)
        desk.changed.connect(lambda: made.refresh() if self.isVisible() else None)
        return made

    def _bars(self) -> BarChartView:
        made = BarChartView()
        self._keep(made.saver)
        return made

    def _keep(self, saver: Saver) -> None:
        """Say what goes wrong with pictures of a chart, and of what they are."""
        saver.failed.connect(self.present)
        saver.caption = self.view.caption

    def _figure_card(self) -> Card:
        self.figure_card = Card(tr("The paper’s figures from these runs"))
        self.figure = ComboInput({})
        self.figure.setAccessibleName(tr("Paper figure"))
        self.figure.changed.connect(lambda number: self.view.choose_figure(int(number)))
        self.figure_card.body.addWidget(self.figure)
        self.figure_bars = [self._bars() for _ in range(_MOST_FIGURE_CHARTS)]
        for bars in self.figure_bars:
            self.figure_card.body.addWidget(bars)
        self.missing = label("", "muted", wrap=True)
        self.figure_card.body.addWidget(self.missing)
        return self.figure_card

    # what a person does --------------------------------------------------------------------------------------

    def _sort_by_head(self, key: str) -> None:
        if key == self.view.sort:
            self._flip_order()
        else:
            self.view.sort_by(key, descending=False)

    def _flip_order(self) -> None:
        self.view.sort_by(self.view.sort, descending=not self.view.descending)

    def _with_selected(self, act: Callable[[StoredRun], object]) -> None:
        """Do something with the selected run, if there still is one."""
        run = self.view.chosen
        if run is not None:
            self.banner.hide()
            act(run)

    def _if_allowed(self, action: QAction) -> None:
        """Do what a key stands for, where the menu would offer it."""
        self.menu.allow(self._allowed())
        action.trigger()

    def _allowed(self) -> Allowed:
        """What can be done with the selected run, or why not."""
        run, count = self.view.chosen, len(self.table.selected_runs)
        read_only = "" if self.session.writable else tr("the project is open read-only")
        measurable = run is not None and any(formats.named(Path(each.file)) for each in run.record.variants)
        busy = self.workspace.works or self.workspace.measures
        alone = tr("there is no other run") if self.view.count < 2 else ""
        return Allowed(
            use=read_only,
            measure="" if measurable else tr("it has made no file"),
            compare=tr("select two runs") if count > 2 else alone,
            rename=read_only,
            trash=read_only or (tr("a run or a measurement is in progress") if busy else ""),
            pair=count == 2,
        )

    def _open_run(self, run: StoredRun) -> None:
        self.workspace.runs.show_run(run.directory.name)
        self.go.emit(RUN.key)

    def _use_settings(self, run: StoredRun) -> None:
        try:
            self.workspace.use_settings(run.record)
        except PqvError as error:
            self.present(error.info())
            return
        sentence = tr("The project has the settings of {name} now. Undo (Ctrl+Z) takes them back.")
        self.banner.tell(sentence.replace("{name}", f"“{run.title}”"))
        self.scroller.verticalScrollBar().setValue(0)

    def _measure(self, run: StoredRun) -> None:
        self.workspace.phones.files.choose_run(run.directory)
        self.go.emit(DEVICE.key)

    def _compare_runs(self, run: StoredRun) -> None:
        """Show what differs between the two selected runs; one alone is compared with the run before it."""
        chosen = self.table.selected_runs
        older = [each.directory.name for each in self.view.comparison.runs if each.directory.name in chosen]
        one, other = older if len(older) == 2 else (self.view.beside(run.directory.name), run.directory.name)
        if one:
            self.view.compare(one, other)
            self.difference.before.setFocus()
            self.scroller.ensureWidgetVisible(self.difference)

    def _stop_comparing(self) -> None:
        self.view.stop_comparing()
        self.table.setFocus()

    def _on_trashed(self, directory: Path) -> None:
        title = next((run.title for run in self.view.comparison.runs if run.directory == directory), "")
        if not title:  # another project is open by now
            return
        told = tr("“{name}” is in the system’s trash now, as {folder}; restore it from there.")
        self.banner.tell(told.replace("{name}", title).replace("{folder}", directory.name))

    def _ask_to_trash(self, run: StoredRun) -> None:
        box = QMessageBox(self)
        box.setIcon(QMessageBox.Icon.Question)
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setWindowTitle(tr("Move to the trash"))
        box.setText(tr("Move the run {name} to the trash?").replace("{name}", run.title))
        box.setInformativeText(tr("This includes its files and measurements. Other runs are not affected."))
        move = box.addButton(tr("&Move to trash"), QMessageBox.ButtonRole.AcceptRole)
        keep = box.addButton(tr("&Keep"), QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(keep)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setModal(True)
        move.clicked.connect(lambda: self.desk.trash(run.directory))
        box.open()

    def _on_written(self, path: Path) -> None:
        self._report = path
        self.banner.hide()
        self.written.set_text(tr("Saved to {path}").replace("{path}", str(path)))
        self.written_line.show()

    def _open_report(self) -> None:
        if self._report is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._report)))

    def begin_anew(self) -> None:
        """All runs are listed."""
        super().begin_anew()
        self.filter.clear()

    # what is shown -------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show the present state."""
        view = self.view
        full = view.state == "full" and view.count > 0
        self._show_state()
        self.full.setVisible(full)
        if not full:
            return
        self.table.refresh()
        self.shared.set_text(tr("Same in all runs: {what}").replace("{what}", view.shared) if view.shared else "")
        self.shared.setVisible(bool(view.shared))
        self.footnotes.setText("\n".join(map(tr, view.footnotes)))
        self.footnotes.setVisible(bool(view.footnotes))
        self.sort.set_value(view.sort)
        self.order.setText("▾" if view.descending else "▴")
        self.order.setToolTip(tr("Largest or newest first") if view.descending else tr("Smallest or oldest first"))
        self._show_selected()
        self.device.offer({device: tr(device) for device in view.comparison.devices}, view.device)
        self.device_line.setVisible(bool(view.device))
        self.nothing_ticked.setVisible(not view.ticked)
        self._turn = self._steps()
        self._more.start()

    def _show_state(self) -> None:
        view = self.view
        words = {
            "empty": tr("Nothing to compare yet"),
            "filling": tr("Loading runs …"),
            "failed": tr("The runs could not be loaded"),
            "full": _counted(view.count, tr("{count} run"), tr("{count} runs")),
        }
        self.headline.setText(words[view.state])
        devices = len(view.comparison.devices)
        told = {
            "empty": tr("Runs of this project appear here when they finish."),
            "full": _counted(devices, tr("on {count} device"), tr("on {count} devices")) if devices else "",
        }
        self.position.set_text(told.get(view.state, ""))
        self.run.setVisible(view.state == "empty")
        self.again.setVisible(view.state == "failed")
        self.busy.setVisible(view.state == "filling")
        self.export.setVisible(view.state == "full" and view.count > 0)
        self.export.setEnabled(bool(view.ticked))
        self.problems.setText("\n".join(f"⚠ {text}" for text in view.comparison.problems))
        self.problems.setVisible(bool(view.comparison.problems) and view.state == "full")
        if view.error is not None and view.error is not self._told:
            self.present(view.error)
        self._told = view.error

    def showEvent(self, event: QShowEvent) -> None:
        """Look for runs that were made elsewhere meanwhile."""
        super().showEvent(event)
        if not event.spontaneous():
            self.desk.read()

    def _on_run_changed(self) -> None:
        if self.isVisible():
            self._show_selected()

    def _show_selected(self) -> None:
        for part in (self.selected.name, self.selected.note):
            part.setEnabled(self.session.writable)
        self.selected.show_run(self.view.chosen)
        self.selected.allow(self._allowed())
        self.pareto.choose(self.view.marked)
        self.difference.refresh(self.view)
        self.desk.lost.show_run(self.view.chosen)
        self.lost.refresh()

    def _draw_next(self) -> None:
        if self._turn is None or not self.isVisible():
            return
        try:
            next(self._turn)
        except StopIteration:
            self._turn = None
        else:
            self._more.start()

    def _steps(self) -> Iterator[None]:
        """What there is to draw, in pieces between which the window does other things."""
        view = self.view
        for key in VIEWS:
            view.chart(key)  # made in one piece, drawn in the next
            yield
            self._show_chart(key)
            yield
        shown = view.shown_figure
        yield
        figures = {str(number): f"{tr('Figure')} {number}: {tr(title)}" for number, title in TITLES.items()}
        self.figure.offer(figures, str(view.figure))
        self.missing.setText(tr(shown.missing))
        self.missing.setVisible(bool(shown.missing))
        for index, bars in enumerate(self.figure_bars):
            bars.setVisible(index < len(shown.charts))
            if index < len(shown.charts):
                bars.show_chart(shown.charts[index])
            yield

    def _show_chart(self, key: str) -> None:
        chart = self.view.chart(key)
        if key == "pareto":
            self.pareto_card.setVisible(isinstance(chart, ScatterChart))
            if isinstance(chart, ScatterChart) and self.pareto.outdated(Shown(chart)):
                self.pareto.draw(Shown(chart))
        else:
            self.cards[key].setVisible(isinstance(chart, BarChart))
            if isinstance(chart, BarChart):
                self.bars[key].show_chart(chart)


def _counted(count: int, one: str, many: str) -> str:
    return (one if count == 1 else many).replace("{count}", f"{count:,}")


def _reveal(directory: Path) -> None:
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(directory)))
