"""Two runs beside each other: a table of the settings in which they differ, and of their figures with the change."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QGuiApplication, QKeyEvent, QKeySequence, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QSizePolicy, QTableWidget, QTableWidgetItem, QWidget

from pqv_core.comparison.differences import Difference, Verdict
from pqv_gui.i18n import tr
from pqv_gui.pages.compare.comparison_view import ComparisonView
from pqv_gui.style.theme import colors, em
from pqv_gui.viewmodels import display_names
from pqv_gui.widgets.basics import Card, as_tip, button, label, row
from pqv_gui.widgets.folding_columns import FoldingColumns
from pqv_gui.widgets.run_picker import RunPicker

_MOST_ROWS = 40
_LINE = 1.75  # height of a row, in lines of text
_NARROWEST = 5.0  # what the names of settings and figures have at least, in lines of text
Cells = tuple[str, str, str, str]


def lines(found: Difference) -> Iterator[tuple[Cells, Verdict]]:
    """The rows of the table; a line with a head alone begins a group."""
    if found.settings:
        yield (tr("Settings"), "", "", ""), ""
        for change in found.settings:
            yield (tr(display_names.setting(change.name)), tr(change.before), tr(change.after), ""), ""
    for device in found.devices:
        yield (tr("Figures: {device}").replace("{device}", tr(device)), "", "", ""), ""
        for figure in [figure for figure in found.figures if figure.device == device]:
            yield (tr(figure.label), figure.before, figure.after, figure.change), figure.verdict


class DifferenceTable(QTableWidget):
    """Setting or figure, what the one has, what the other has, and the change; Ctrl+C copies all of it."""

    def __init__(self) -> None:
        super().__init__(0, 4)
        self._shown: Difference | None = None
        self._verdicts: list[Verdict] = []
        self._scrolls = False  # sideways
        self._needed: list[int] = []  # pixels that the words of a column take
        self._wanted: list[int] = []  # pixels that its head takes
        self.setAccessibleName(tr("What differs between the two runs"))
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setTabKeyNavigation(False)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        head = self.horizontalHeader()
        head.setAccessibleName(tr("Column headers"))
        head.setHighlightSections(False)
        head.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        head.setTextElideMode(Qt.TextElideMode.ElideRight)
        head.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_difference(self, found: Difference) -> None:
        """Show what differs between two other runs."""
        if found is self._shown:
            return
        self._shown = found
        made = list(lines(found))
        self._verdicts = [verdict for _, verdict in made]
        self.clearSpans()
        self.setRowCount(len(made))
        for place, text in enumerate(self.heads):
            self.setHorizontalHeaderItem(place, _item(text, right=place > 0))
        for place, (cells, _) in enumerate(made):
            self._fill(place, cells)
        self._color()
        self._fit()

    def _fill(self, place: int, cells: Cells) -> None:
        begins = not any(cells[1:])
        for column, text in enumerate(cells):
            item = _item(text, right=column > 0)
            if begins:
                font = QFont(self.font())
                font.setBold(True)
                item.setFont(font)
            self.setItem(place, column, item)
        if begins:
            self.setSpan(place, 0, 1, 4)

    @property
    def heads(self) -> list[str]:
        """What stands above the columns."""
        found = self._shown
        return ["", found.before, found.after, tr("Change")] if found is not None else []

    def as_text(self) -> str:
        """All of it, with tabs between the cells, as spreadsheets take it."""
        made = [cells for cells, _ in lines(self._shown)] if self._shown is not None else []
        notes = [(note,) for note in self._shown.notes] if self._shown is not None else []
        return "\n".join("\t".join(cells).rstrip() for cells in (self.heads, *made, *notes))

    def copy(self) -> None:
        """Put it onto the clipboard."""
        QGuiApplication.clipboard().setText(self.as_text())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Copy all of it; Qt would take one cell."""
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        else:
            super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """Take over other colours and text sizes."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange) and hasattr(self, "_verdicts"):
            self._color()
            self._fit()

    def _color(self) -> None:
        shades = colors(self)
        inks = {"better": shades.good, "worse": shades.bad, "same": shades.muted, "": shades.muted}
        for place, verdict in enumerate(self._verdicts):
            item = self.item(place, 3)
            if item is not None:
                item.setForeground(QColor(inks[verdict]))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Share the width out anew."""
        super().resizeEvent(event)
        self._share_width()

    def _fit(self) -> None:
        self.verticalHeader().setDefaultSectionSize(em(self, _LINE))
        measure, columns = self.fontMetrics().horizontalAdvance, range(self.columnCount())
        made = [cells for cells, _ in lines(self._shown) if any(cells[1:])] if self._shown is not None else []
        self._needed = [max(map(measure, (cells[place] for cells in made)), default=0) for place in columns]
        self._wanted = [measure(text) for text in self.heads]
        self._share_width()
        self.updateGeometry()

    def _share_width(self) -> None:
        """Figures come first, then the names of the runs; the first column gives what is missing."""
        around = em(self, 0.8)
        widths = [width + around for width in self._needed]
        for place, wanted in enumerate(self._wanted):
            spare = max(0, self.viewport().width() - sum(widths))
            widths[place] += min(spare, max(0, wanted + around - widths[place]))
        spare = self.viewport().width() - sum(widths)
        if spare < 0:
            widths[0] = max(em(self, _NARROWEST), widths[0] + spare)
        else:
            widths = [width + spare // len(widths) for width in widths]
        for place, width in enumerate(widths):
            self.setColumnWidth(place, width)
        if (sum(widths) > self.viewport().width()) != self._scrolls:
            self._scrolls = not self._scrolls
            self.updateGeometry()

    def sizeHint(self) -> QSize:
        """As high as its rows."""
        rows = min(_MOST_ROWS, max(1, self.rowCount()))
        bar = self.horizontalScrollBar().sizeHint().height() if self._scrolls else 0
        return QSize(em(self, 20), self.horizontalHeader().sizeHint().height() + rows * em(self, _LINE) + bar + 4)

    def minimumSizeHint(self) -> QSize:
        """The same height."""
        return QSize(em(self, 12), self.sizeHint().height())


def _item(text: str, *, right: bool) -> QTableWidgetItem:
    made = QTableWidgetItem(text)
    side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
    made.setTextAlignment(Qt.AlignmentFlag.AlignVCenter | side)
    made.setToolTip(as_tip(text))
    return made


class DifferenceCard(Card):
    """Two pickers and the table of what differs; hidden until two runs are compared."""

    wanted = Signal(str, str)  # names of two runs' folders
    closed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.heading.setText(tr("Two runs compared"))
        title = row(gap=0.6)
        title.addWidget(self.heading, 1)
        self.copy = button(tr("Copy"), lambda: self.table.copy(), name=tr("Copy the comparison"))
        self.close_it = button(tr("Close"), self.closed.emit, kind="link", name=tr("Close the comparison"))
        self.swap = button("⇄", self._swap, name=tr("Exchange the two runs"), tip=tr("Exchange the two runs"))
        title.addWidget(self.swap)
        title.addWidget(self.copy)
        title.addWidget(self.close_it)
        self.body.addLayout(title)
        self.before, self.after = RunPicker(tr("First run")), RunPicker(tr("Second run"))
        parts = []
        for words, picker in ((tr("First"), self.before), (tr("Second"), self.after)):
            part = QWidget()
            line = row(part, gap=0.5)
            line.addWidget(label(words, "muted"))
            line.addWidget(picker, 1)
            picker.changed.connect(lambda _: self._tell())
            parts.append((part, 1))
        self.body.addWidget(FoldingColumns(parts, fold_below=44, gap=0.6))
        self.table = DifferenceTable()
        self.body.addWidget(self.table)
        self.nothing = label("", "muted", wrap=True)
        self.body.addWidget(self.nothing)
        self.notes = label("", "caption", wrap=True)
        self.body.addWidget(self.notes)

    def refresh(self, view: ComparisonView) -> None:
        """Show the two runs that are compared."""
        found = view.difference
        self.setVisible(found is not None)
        if found is None or view.pair is None:
            return
        for picker, run in zip((self.before, self.after), view.pair, strict=True):
            picker.show_runs(view.choices, run)
        self.table.show_difference(found)
        self.table.setVisible(bool(found.settings or found.figures))
        same = "" if found.settings else tr("All settings are the same.")
        none = "" if found.figures else tr("They have no figure in common.")
        self.nothing.setText(" ".join(text for text in (same, none) if text))
        self.nothing.setVisible(bool(self.nothing.text()))
        self.notes.setText("\n".join(map(tr, found.notes)))
        self.notes.setVisible(bool(found.notes))

    def _tell(self) -> None:
        self.wanted.emit(self.before.get(), self.after.get())

    def _swap(self) -> None:
        self.wanted.emit(self.after.get(), self.before.get())
