"""What the Compare page shows: the runs of a project, which are ticked, sorted, filtered, and the charts of those."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from pqv_core import labels
from pqv_core.comparison import Comparison, Row, StoredRun
from pqv_core.comparison.charts import Chart
from pqv_core.comparison.columns import COLUMNS, Column, Value, distinct, footnotes, searched, varied
from pqv_core.comparison.differences import Difference, difference
from pqv_core.comparison.figures import Figure, figure
from pqv_core.comparison.views import view
from pqv_core.errors import ErrorInfo
from pqv_core.report import caption
from pqv_core.results.summary import MISSING
from pqv_gui.viewmodels.observable import Observable
from pqv_gui.viewmodels.results import run_choices
from pqv_gui.viewmodels.results.run_choices import RunChoice

State = Literal["empty", "filling", "full", "failed"]
NEWEST = "newest"
_OF_EVERY_RUN = [column for column in COLUMNS if column.key in ("run", "state")]


@dataclass(frozen=True)
class TableLine:
    """One line of the table: an artefact on a device, or a run that has made none."""

    run: StoredRun
    row: Row | None

    @property
    def folder(self) -> str:
        """What the run is known by."""
        return self.run.directory.name

    @property
    def key(self) -> str:
        """Of its row; empty for a run that has made nothing."""
        return self.row.key if self.row is not None else ""

    def text(self, column: Column) -> str:
        """What stands in a column."""
        return column.text(self.row) if self.row is not None else self._known.get(column.key, MISSING)

    def value(self, column: Column) -> Value:
        """What the line is sorted by."""
        return column.find(self.row) if self.row is not None else self._known.get(column.key)

    @property
    def _known(self) -> dict[str, str]:
        """What is known of a run that has made nothing."""
        return {"run": self.run.title, "state": labels.state(self.run.record.state)}

    @cached_property
    def searched(self) -> str:
        """All words by which it can be found."""
        words = searched(self.row) if self.row is not None else self.run.title.lower()
        return f"{self.folder} {self.run.label.note}".lower() + f" {words}"

    @property
    def details(self) -> str:
        """What does not fit into the cells, a line each."""
        error = self.run.record.error.message if self.run.record.error else ""
        found = (
            self.run.label.note,
            self.row.spread if self.row else "",
            f"{run_choices.when(self.run.record.created)}, {self.folder}",
            error,
        )
        return "\n".join(text for text in found if text)


class ComparisonView(Observable):
    """The comparison of a project, and what the person wants to see of it.

    Attributes:
        device: The one whose charts are shown; empty where there is none.
        choices: The runs as a person chooses among them, the newest first.
        row: Key of the row that is selected; empty for whichever of the selected run comes first.
        pair: The two runs that are compared with each other.
        all_files: Whether the table shows baselines and pruned files too, not only the compressed ones.
    """

    def __init__(self) -> None:
        super().__init__()
        self._forget()

    def _forget(self) -> None:
        self.comparison = Comparison()
        self.state: State = "empty"
        self.error: ErrorInfo | None = None
        self._known = False
        self.device = ""
        self.figure = 2
        self.text = ""
        self.sort = NEWEST
        self.descending = True
        self.all_files = False
        self.selected = ""
        self.row = ""
        self.pair: tuple[str, str] | None = None
        self._difference: Difference | None = None
        self._left_out: set[str] = set()
        self._lines: list[TableLine] | None = None
        self._shown: tuple[list[Column], list[tuple[str, str]]] | None = None
        self._footnotes: list[str] | None = None
        self._texts: dict[str, set[str]] = {}
        self._rows: list[Row] | None = None
        self._charts: dict[str, Chart | None] = {}
        self._figure: Figure | None = None
        self._every: list[TableLine] | None = None
        self.choices: list[RunChoice] = []

    # what comes in -------------------------------------------------------------------------------------------

    def reset(self) -> None:
        """Another project, or none."""
        self._forget()
        self.notify()

    def filling(self) -> None:
        """The runs are being loaded; what is shown stays until they are."""
        if self._known and self.error is None:
            return
        self.error = None
        if not self._known:
            self.state = "filling"
        self.notify()

    def take(self, comparison: Comparison) -> None:
        """The runs as they are now. Ticks and choices are kept."""
        self.comparison, self._known = comparison, True
        self.choices = run_choices.choices(comparison.runs)
        self.state = "full" if comparison.runs or comparison.problems else "empty"
        self.error = self._every = None
        folders = {run.directory.name for run in comparison.runs}
        self._left_out &= folders
        if self.device not in comparison.devices:
            self.device = comparison.devices[0] if comparison.devices else ""
        if self.selected not in folders:
            self.selected = comparison.runs[-1].directory.name if comparison.runs else ""
            self.row = ""
        self._difference = None
        if self.pair is not None and not folders.issuperset(self.pair):
            self.pair = None
        self._forget_charts()
        self._table_changed()

    def failed(self, error: ErrorInfo) -> None:
        """The runs could not be loaded."""
        self.state, self.error, self._known = "failed", error, False
        self.notify()

    # what a person does --------------------------------------------------------------------------------------

    def tick(self, run: str, wanted: bool) -> None:
        """Have a run in the charts, or leave it out."""
        (self._left_out.discard if wanted else self._left_out.add)(run)
        self._redraw()

    def tick_all(self, wanted: bool) -> None:
        """Tick what the table shows, or nothing of it."""
        shown = {line.folder for line in self.lines}
        self._left_out = self._left_out - shown if wanted else self._left_out | shown
        self._redraw()

    def is_ticked(self, run: str) -> bool:
        """Whether a run is in the charts."""
        return run not in self._left_out

    def choose_device(self, device: str) -> None:
        """Show the charts of this device."""
        if device != self.device:
            self.device = device
            self._redraw()

    def choose_figure(self, number: int) -> None:
        """Show this figure of the paper."""
        self.figure = number
        self.notify()

    def filter(self, text: str) -> None:
        """Show only lines that hold all of these words."""
        self.text = text
        self._table_changed()

    def sort_by(self, key: str, *, descending: bool) -> None:
        """Sort by a column, or by ``NEWEST``: the same lines, and so the same columns."""
        self.sort, self.descending = key, descending
        self._lines = None
        self.notify()

    def show_all_files(self, wanted: bool) -> None:
        """Show baselines and pruned files in the table, too."""
        self.all_files, self._every = wanted, None
        self._table_changed()

    def select(self, run: str, *, row: str = "") -> None:
        """The run whose name and note are shown.

        Args:
            row: Key of the one of its rows that is meant; empty for whichever comes first.
        """
        if (run, row) != (self.selected, self.row):
            self.selected, self.row = run, row
            self.notify()

    def select_row(self, key: str) -> None:
        """The run that has made the row with this key."""
        found = next((row for row in self.rows if row.key == key), None)
        if found is not None:
            self.select(found.run, row=key)

    def compare(self, one: str, other: str) -> None:
        """Show what differs between two runs."""
        self.pair, self._difference = (one, other), None
        self.notify()

    def stop_comparing(self) -> None:
        """Show it no longer."""
        self.pair = self._difference = None
        self.notify()

    def beside(self, run: str) -> str:
        """The run with which another is compared unless somebody says which: the one before it, else the next."""
        names = [each.directory.name for each in self.comparison.runs]
        place = names.index(run) if run in names else -1
        around = names[max(0, place - 1) : place] or names[place + 1 : place + 2]
        return around[0] if around and place >= 0 else ""

    def _table_changed(self) -> None:
        """Another table, the same charts."""
        self._lines = self._shown = self._footnotes = None
        self.notify()

    def _redraw(self) -> None:
        """Other charts, the same table."""
        self._forget_charts()
        self.notify()

    def _forget_charts(self) -> None:
        self._rows = self._figure = None
        self._charts = {}

    # what is shown -------------------------------------------------------------------------------------------

    @property
    def count(self) -> int:
        """How many runs there are."""
        return len(self.comparison.runs)

    @property
    def chosen(self) -> StoredRun | None:
        """The run that is selected."""
        return next((run for run in self.comparison.runs if run.directory.name == self.selected), None)

    @property
    def difference(self) -> Difference | None:
        """What differs between the two runs that are compared; None where none are."""
        if self._difference is None and self.pair is not None:
            found = {run.directory.name: run for run in self.comparison.runs}
            self._difference = difference(*(found[name] for name in self.pair))
        return self._difference

    @property
    def marked(self) -> str:
        """Key of the row whose point is marked in a chart: the one that is selected in the table.

        Of a run that is selected as a whole that is its first line there; where it has none, its first result.
        """
        own = {row.key: row for row in self.rows if row.run == self.selected}
        listed = [line.key for line in self.lines if line.key in own]
        results = [key for key, row in own.items() if row.is_result]
        return self.row if self.row in own else next(iter((*listed, *results)), "")

    @property
    def ticked(self) -> list[str]:
        """The runs in the charts, oldest first."""
        return [run.directory.name for run in self.comparison.runs if self.is_ticked(run.directory.name)]

    @property
    def lines(self) -> list[TableLine]:
        """The table."""
        if self._lines is None:
            words = self.text.lower().split()
            self._lines = [line for line in self._all_lines() if all(word in line.searched for word in words)]
            self._sort(self._lines)
        return self._lines

    def _all_lines(self) -> list[TableLine]:
        """What the table shows without a filter; made once for a comparison."""
        if self._every is None:
            self._every = self._made_lines()
        return self._every

    def _made_lines(self) -> list[TableLine]:
        by_run: dict[str, list[Row]] = {}
        for row in self.comparison.rows:
            by_run.setdefault(row.run, []).append(row)
        lines: list[TableLine] = []
        for run in self.comparison.runs:
            rows = by_run.get(run.directory.name, [])
            shown = rows if self.all_files else [row for row in rows if row.is_result] or rows
            lines += [TableLine(run, row) for row in shown] or [TableLine(run, None)]
        return lines

    def _sort(self, lines: list[TableLine]) -> None:
        if self.descending and self.sort == NEWEST:
            lines.reverse()
        column = next((column for column in COLUMNS if column.key == self.sort), None)
        if column is None:
            return
        known = [(line, line.value(column)) for line in lines]
        without = [line for line, value in known if value is None or value == ""]
        there = [(line, value) for line, value in known if value is not None and value != ""]
        there.sort(key=lambda pair: _order(pair[1]), reverse=self.descending)
        lines[:] = [*(line for line, _ in there), *without]

    @property
    def columns(self) -> list[Column]:
        """The columns of the table: those that tell lines apart."""
        return self._columns()[0]

    @property
    def shared(self) -> str:
        """What all lines have in common."""
        return " · ".join(f"{head}: {text}" for head, text in self._columns()[1])

    @property
    def footnotes(self) -> list[str]:
        """What the marks in the table mean."""
        if self._footnotes is None:
            self._footnotes = footnotes([line.row for line in self.lines if line.row is not None])
        return self._footnotes

    def _columns(self) -> tuple[list[Column], list[tuple[str, str]]]:
        if self._shown is None:
            several = len(self.comparison.devices) > 1
            offered = [
                column
                for column in COLUMNS
                if (column.key != "device" or several) and (column.key != "artefact" or self.all_files)
            ]
            rows = [line.row for line in self.lines if line.row is not None]
            self._texts = {column.key: distinct(column, rows) for column in COLUMNS}
            for line in [line for line in self.lines if line.row is None]:
                for column in _OF_EVERY_RUN:
                    self._texts[column.key].add(line.text(column))
            shown, shared = varied(offered, rows, seen=lambda column, _: self._texts[column.key])
            self._shown = (shown or [COLUMNS[0]], shared)
        return self._shown

    def texts(self, column: Column) -> set[str]:
        """The different texts of a column of the table."""
        self._columns()
        without = {line.text(column) for line in self.lines if line.row is None}
        return self._texts[column.key] | without

    @property
    def rows(self) -> list[Row]:
        """The rows of the ticked runs on the chosen device."""
        if self._rows is None:
            ticked = set(self.ticked)
            self._rows = [row for row in self.comparison.rows if row.device == self.device and row.run in ticked]
        return self._rows

    def chart(self, key: str) -> Chart | None:
        """One of the charts of the ticked runs on the chosen device; None where it has nothing to show."""
        if key not in self._charts:
            self._charts[key] = view(key, self.rows, device=self.device)
        return self._charts[key]

    def caption(self) -> str:
        """What stands below pictures of the charts."""
        measured = {row.run for row in self.rows}
        runs = [run for run in self.comparison.runs if run.directory.name in measured]
        return caption.of_runs(runs, device=self.device)

    @property
    def shown_figure(self) -> Figure:
        """The chosen figure of the paper, from the ticked runs on the chosen device."""
        if self._figure is None or self._figure.number != self.figure:
            self._figure = figure(self.comparison, self.figure, device=self.device, rows=self.rows)
        return self._figure


def _order(value: Value) -> tuple[bool, float, str]:
    if isinstance(value, str):
        return True, 0.0, value.lower()
    return False, float(value or 0), ""
