"""Parts of the Run page: stages, log, result cards."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QGridLayout, QPlainTextEdit, QSizePolicy, QWidget

from pqv_core import formatting
from pqv_core.results import select
from pqv_core.results.record import LOCAL, RunRecord
from pqv_core.results.summary import MISSING
from pqv_gui.i18n import tr
from pqv_gui.style.theme import colors, em
from pqv_gui.viewmodels import display_names
from pqv_gui.viewmodels.results import result_cards
from pqv_gui.viewmodels.results.result_cards import ResultCard
from pqv_gui.viewmodels.run_view import LogLine, RunView, StageRow
from pqv_gui.widgets.basic_inputs import ComboInput, TextInput
from pqv_gui.widgets.basics import Card, ElidedLabel, as_tip, button, column, label, restyle, row
from pqv_gui.widgets.term_mark import with_mark

_WORDS = {
    "waiting": "",
    "running": "running",
    "done": "done",
    "failed": "failed",
    "cancelled": "stopped",
}


class StageList(QWidget):
    """Stages from top to bottom: a mark for the state, the name, and the time or "cached"."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[StageRow] = []
        self.setAccessibleName(tr("Stages"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_rows(self, rows: list[StageRow]) -> None:
        """Show other states."""
        self._rows = list(rows)
        spoken = (f"{tr(display_names.stage(item.name))}: {_detail(item) or tr('waiting')}" for item in rows)
        self.setAccessibleDescription("; ".join(spoken))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """A line and a half each."""
        return QSize(em(self, 15), round(em(self, 1.6) * max(1, len(self._rows))))

    def minimumSizeHint(self) -> QSize:
        """The same."""
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the stages."""
        if not self._rows:
            return
        shades, painter = colors(self), QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pitch, unit = self.height() / len(self._rows), em(self)
        for index, item in enumerate(self._rows):
            middle = pitch * (index + 0.5)
            mark = QRectF(0, middle - unit * 0.45, unit * 0.9, unit * 0.9)
            _draw_mark(painter, mark, item, self)
            line = QRectF(unit * 1.5, index * pitch, self.width() - unit * 1.5, pitch)
            font = self.font()
            font.setBold(item.state == "running")
            painter.setFont(font)
            quiet = item.state == "waiting"
            painter.setPen(QColor(shades.muted if quiet else shades.text))
            detail = _detail(item)
            room = line.width() - painter.fontMetrics().horizontalAdvance(detail) - unit * 0.6
            name = painter.fontMetrics().elidedText(
                tr(display_names.stage(item.name)), Qt.TextElideMode.ElideRight, round(room)
            )
            painter.drawText(line, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, name)
            painter.setFont(self.font())
            painter.setPen(QColor(shades.muted))
            painter.drawText(line, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, detail)


def _detail(item: StageRow) -> str:
    if item.cached:
        return tr("reused")
    if item.state == "done" and item.seconds is not None:
        return formatting.duration(item.seconds)
    return tr(_WORDS.get(item.state, item.state))


def _draw_mark(painter: QPainter, area: QRectF, item: StageRow, widget: QWidget) -> None:
    shades = colors(widget)
    ink = {"running": shades.accent, "done": shades.good, "failed": shades.bad, "cancelled": shades.warning}
    color = QColor(ink.get(item.state, shades.border))
    painter.setPen(QPen(color, 1.6))
    painter.setBrush(color if item.state in ("done", "failed", "cancelled") else Qt.BrushStyle.NoBrush)
    painter.drawEllipse(area)
    if item.state == "running":
        painter.setBrush(color)
        painter.drawEllipse(area.adjusted(4, 4, -4, -4))
    signs = {"done": "✓", "failed": "!", "cancelled": "–"}
    if item.state in signs:
        font = widget.font()
        font.setPointSizeF(font.pointSizeF() * 0.75)
        font.setBold(True)
        painter.setFont(font)
        painter.setPen(QColor(shades.surface))
        painter.drawText(area, Qt.AlignmentFlag.AlignCenter, signs[item.state])


class LogView(QWidget):
    """The log, with a filter by level and by text."""

    def __init__(self) -> None:
        super().__init__()
        self._run: RunView | None = None
        self._next = 0
        self.level = ComboInput({"info": tr("All"), "warning": tr("Warnings and errors"), "error": tr("Errors")})
        self.level.setAccessibleName(tr("Log level"))
        self.filter = TextInput(placeholder=tr("Filter the log"))
        self.filter.setAccessibleName(tr("Filter the log"))
        self.filter.setClearButtonEnabled(True)
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setTabChangesFocus(True)
        self.text.setMaximumBlockCount(2_000)
        self.text.setAccessibleName(tr("Log"))
        self.text.setProperty("role", "log")
        self.text.setMinimumHeight(em(times=7))
        layout = column(self, gap=0.4)
        line = row(gap=0.5)
        line.addWidget(label(tr("Log"), "heading"))
        line.addStretch()
        line.addWidget(self.filter)
        line.addWidget(self.level)
        layout.addLayout(line)
        layout.addWidget(self.text, 1)
        self.level.changed.connect(lambda _: self._again())
        self.filter.textChanged.connect(lambda _: self._again())

    def refresh(self, run: RunView) -> None:
        """Append the lines that have come."""
        if run.now.logged < self._next:
            self._next = 0
            self.text.clear()
        self._run = run
        fresh = run.log_since(self._next)
        self._next = run.now.logged
        shown = [_line(item) for item in fresh if self._fits(item)]
        if shown:
            self.text.appendPlainText("\n".join(shown))

    def clear(self) -> None:
        """Show nothing."""
        self._next = 0
        self.text.clear()

    def _again(self) -> None:
        self.clear()
        if self._run is not None:
            self.refresh(self._run)

    def _fits(self, item: LogLine) -> bool:
        order = ("info", "warning", "error")
        loud = order.index(item.level) >= order.index(self.level.get())
        return loud and self.filter.text().lower() in item.text.lower()


def _line(item: LogLine) -> str:
    sign = {"info": " ", "warning": "⚠", "error": "✖"}[item.level]
    return f"{item.time} {sign} {item.text}"


class ResultCards(QWidget):
    """Accuracy, latency, size and memory on one target, each before → after; above, why not to trust them."""

    again = Signal(str)  # the target that is to measure once more

    def __init__(self) -> None:
        super().__init__()
        whole = column(self, gap=0.6)
        self.title = ElidedLabel("", "heading")
        whole.addWidget(self.title)
        self.switch = QWidget()
        line = row(self.switch, gap=0.5)
        self.target = ComboInput({})
        self.target.setAccessibleName(tr("Measured on"))
        self.target.changed.connect(self._choose)
        line.addWidget(label(tr("Measured on"), "muted"))
        line.addWidget(self.target)
        line.addStretch()
        whole.addWidget(self.switch)
        whole.addWidget(self._amber())
        self._grid = QGridLayout()
        self._grid.setSpacing(em(times=0.6))
        whole.addLayout(self._grid)
        self.remarks = label("", "muted", wrap=True)
        whole.addWidget(self.remarks)
        self._record: RunRecord | None = None
        self._chosen = ""  # by hand, for the run that is shown
        self._shown: list[ResultCard] = []
        self._widgets: list[Card] = []
        self._columns = 0
        self.hide()

    def _amber(self) -> Card:
        self.unsteady = Card(gap=0.3)
        self.unsteady.setProperty("role", "caution")
        line = row(gap=0.8)
        words = column(gap=0.2)
        unstable = label(f"⚠ {tr('Unstable: do not trust these latencies.')}", "amber", wrap=True)
        words.addWidget(with_mark(unstable, "Disturbed", apart=True))
        self.doubts = label("", "muted", wrap=True)
        words.addWidget(self.doubts)
        line.addLayout(words, 1)
        self.measure = button(tr("Measure again"), lambda: self.again.emit(self.target.get()))
        line.addWidget(self.measure, 0, Qt.AlignmentFlag.AlignTop)
        self.unsteady.body.addLayout(line)
        return self.unsteady

    def show_record(self, record: RunRecord | None, *, name: str = "", can_measure: bool) -> None:
        """Show the results of a run with this name; None, or a run without any, hides the cards."""
        self.title.set_text(tr("Results of {name}").replace("{name}", name))
        self.title.setVisible(bool(name))
        self.measure.setEnabled(can_measure)
        if record is self._record:
            return
        if record is None or self._record is None or record.id != self._record.id:
            self._chosen = ""
        self._record = record
        targets = result_cards.targets(record) if record is not None else ()
        self.target.clear()
        for target in targets:
            self.target.addItem(tr(display_names.target(target)), target)
        self.switch.setVisible(len(targets) > 1)
        self._show()

    def _choose(self, target: object) -> None:
        self._chosen = str(target)
        self._show()

    def _show(self) -> None:
        record = self._record
        if record is None:
            self._show_cards([])
            return
        target = self._chosen if self.target.findData(self._chosen) >= 0 else select.headline(record)
        self.target.set_value(target)
        here = target == LOCAL
        self.measure.setToolTip(
            tr("Repeats only the measurement") if here else tr("Open the Device page to measure on the phone")
        )
        self._show_cards(result_cards.cards(record, target=target))

    def _show_cards(self, cards: list[ResultCard]) -> None:
        if cards == self._shown:
            return
        for widget in self._widgets:
            self._grid.removeWidget(widget)
            widget.deleteLater()
        self._shown = cards
        self._widgets = [_result_card(card) for card in cards]
        self._columns = 0
        remarks = [tr(remark) for card in cards for remark in card.remarks]
        self.remarks.setText("\n".join(remarks))
        self.remarks.setVisible(bool(remarks))
        doubts = [tr(doubt) for card in cards for doubt in card.doubts]
        self.doubts.setText("\n".join(doubts))
        self.unsteady.setVisible(bool(doubts))
        self.setVisible(bool(cards))
        self._arrange()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the number of columns to the width."""
        self._arrange()

    def _arrange(self) -> None:
        if not self._widgets:
            return
        room = max(1, self.width() // em(self, 13.6))
        columns = min(len(self._widgets), room)
        if columns == 3 and len(self._widgets) == 4:
            columns = 2
        if columns == self._columns:
            return
        for index in range(self._grid.columnCount()):
            self._grid.setColumnStretch(index, 0)
        self._columns = columns
        for index, widget in enumerate(self._widgets):
            self._grid.addWidget(widget, index // columns, index % columns)
        for index in range(columns):
            self._grid.setColumnStretch(index, 1)


def _result_card(card: ResultCard) -> Card:
    made = Card(gap=0.2)
    made.body.addWidget(label(tr(card.title), "muted"))
    made.body.addWidget(label(card.after, "figure"))
    doubtful = card.verdict == "doubtful"
    change = label(card.difference, "strong")
    restyle(change, tone={"better": "good", "worse": "bad", "doubtful": "doubted"}.get(card.verdict, ""))
    sign = {"better": "✓ ", "worse": "! ", "same": "= ", "doubtful": "⚠ "}.get(card.verdict, "")
    change.setText(f"{sign}{card.difference}")
    line = row(gap=0.5)
    line.addWidget(change)
    if card.before != MISSING:
        line.addWidget(label(tr("from {before}").replace("{before}", card.before), "muted"))
    line.addStretch()
    made.body.addLayout(line)
    for text in card.baselines:
        ratio = ElidedLabel(f"⚠ {tr(text)}" if doubtful else tr(text), "caption")
        restyle(ratio, tone="doubted" if doubtful else "")
        made.body.addWidget(ratio)
    if card.note:
        made.body.addWidget(ElidedLabel(tr(card.note), "caption"))
    made.body.addStretch()
    made.setToolTip(as_tip(card.detail))
    made.setAccessibleName(f"{card.title}: {card.before} to {card.after}, {card.difference}")
    return made
