"""The panel at the right: the choices, their predicted effect, and Run."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QScrollArea, QWidget

from pqv_gui.i18n import tr
from pqv_gui.style.theme import em
from pqv_gui.viewmodels.overview import Estimate, Overview
from pqv_gui.widgets.basics import ElidedLabel, as_tip, button, column, label, rule
from pqv_gui.widgets.preset_menu import PresetButton


class _EstimateRow(QWidget):
    """``22.1 M → ≈ 16.9 M  −23 %``, in two lines."""

    def __init__(self) -> None:
        super().__init__()
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setHorizontalSpacing(em(times=0.35))
        layout.setVerticalSpacing(em(times=0.05))
        self.name = label("", "caption")
        self.before = label("", "muted")
        self.after = label("", "predicted")
        self.change = label("", "predicted")
        layout.addWidget(self.name, 0, 0)
        layout.addWidget(self.before, 0, 1, Qt.AlignmentFlag.AlignRight)
        layout.addWidget(self.after, 1, 0)
        layout.addWidget(self.change, 1, 1, Qt.AlignmentFlag.AlignRight)

    def show_estimate(self, estimate: Estimate) -> None:
        self.name.setText(tr(estimate.name))
        self.before.setText(estimate.before)
        self.after.setText(f"→ ≈ {estimate.after}" if estimate.after else "")
        self.change.setText(estimate.change)
        for part in (self.after, self.change):
            part.setVisible(bool(estimate.after))


class SummaryPanel(QWidget):
    """What is chosen and what it is predicted to give. Predicted figures are slanted and carry a ≈."""

    run = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "side")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName(tr("Summary"))
        self._choices: list[tuple[QWidget, ElidedLabel, ElidedLabel]] = []
        outer = column(self, gap=0.35)
        scroller = QScrollArea()
        scroller.setWidgetResizable(True)
        scroller.setFrameShape(QFrame.Shape.NoFrame)
        scroller.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroller.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        content = QWidget()
        content.setProperty("role", "page")
        self._body = column(content, gap=0.45, margin=0.8)
        self._body.addWidget(label(tr("Summary"), "heading"))
        self.model = ElidedLabel("", "strong")
        self._body.addWidget(self.model)
        self._grid = column(gap=0.35)
        self._body.addLayout(self._grid)
        self._body.addSpacing(em(times=0.2))
        self._body.addWidget(rule())
        self._predicted = label(tr("Predicted"), "strong")
        self._body.addWidget(self._predicted)
        self._estimates: list[_EstimateRow] = []
        self._figures = column(gap=0.45)
        self._body.addLayout(self._figures)
        self.problem = label("", "caption", wrap=True)
        self._body.addWidget(self.problem)
        self._body.addStretch()
        scroller.setWidget(content)
        outer.addWidget(scroller, 1)
        foot = column(margin=0.8)
        self.presets = PresetButton()
        foot.addWidget(self.presets)
        self.why_not = label("", "caption", wrap=True)
        foot.addWidget(self.why_not)
        self.start = button(tr("Run"), self.run.emit, kind="primary", name=tr("Start the run"), tip=tr("F5"))
        foot.addWidget(self.start)
        outer.addLayout(foot)

    def sizeHint(self) -> QSize:
        """As wide as its lines need."""
        return QSize(em(self, 16.5), em(self, 20))

    def refresh(self, seen: Overview) -> None:
        """Show another summary."""
        self.model.set_text(seen.model)
        for index, (name, chosen) in enumerate(seen.choices):
            self._choice(index, tr(name), tr(chosen))
        while len(self._estimates) < len(seen.estimates):
            self._estimates.append(_EstimateRow())
            self._figures.addWidget(self._estimates[-1])
        for row, estimate in zip(self._estimates, seen.estimates, strict=False):
            row.show_estimate(estimate)
        for index, row in enumerate(self._estimates):
            row.setVisible(index < len(seen.estimates))
        self._predicted.setVisible(bool(seen.estimates))
        self.problem.setText(tr(seen.problem))
        self.problem.setVisible(bool(seen.problem))

    def show_start(self, words: str, *, why_not: str, note: str = "") -> None:
        """What pressing the button would do, or why it cannot be pressed; with a note on what it does."""
        self.start.setText(words)
        self.start.setEnabled(not why_not)
        self.start.setToolTip(as_tip(why_not) or tr("F5"))
        self.why_not.setText(why_not or note)
        self.why_not.setVisible(bool(why_not or note))

    def _choice(self, index: int, name: str, chosen: str) -> None:
        if index == len(self._choices):
            holder = QWidget()
            layout = column(holder, gap=0.0)
            title, value = ElidedLabel("", "caption"), ElidedLabel("")
            layout.addWidget(title)
            layout.addWidget(value)
            self._grid.addWidget(holder)
            self._choices.append((holder, title, value))
        _, title, value = self._choices[index]
        title.set_text(name)
        value.set_text(chosen)
