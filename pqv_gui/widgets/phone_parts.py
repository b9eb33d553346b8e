"""Parts of the Device page: the files, what goes on at each target, and results."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QProgressBar,
    QSizePolicy,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from pqv_gui.i18n import tr
from pqv_gui.theme import em
from pqv_gui.viewmodels.measured import HEADS, NOTHING, TIPS, Measured
from pqv_gui.viewmodels.phone_files import File, Files
from pqv_gui.viewmodels.phone_run import PhoneRun, Target
from pqv_gui.widgets.basics import ElidedLabel, button, column, label, restyle, row
from pqv_gui.widgets.inputs import CheckInput

_LEFT = 2  # columns of the table that hold words
_MOST_ROWS = 12


class _FileRow(QWidget):
    ticked = Signal(object, bool)
    removed = Signal(object)

    def __init__(self, file: File) -> None:
        super().__init__()
        self.tick = CheckInput(file.name.replace("&", "&&"))
        self.tick.changed.connect(lambda wanted: self.ticked.emit(file.path, wanted))
        self.tick.setToolTip(str(file.path))
        self._detail = file.detail
        self.detail = ElidedLabel(file.detail, "caption")
        self.detail.setToolTip(str(file.path))
        line = row(gap=0.5)
        line.addWidget(self.tick, 1)
        if file.artifact is None:
            line.addWidget(
                button(
                    tr("Remove"),
                    lambda: self.removed.emit(file.path),
                    kind="link",
                    name=f"{tr('Remove')}: {file.name}",
                )
            )
        layout = column(self, gap=0.05)
        layout.addLayout(line)
        inset = row()
        inset.setContentsMargins(em(times=1.45), 0, 0, 0)
        inset.addWidget(self.detail)
        layout.addLayout(inset)

    def show_refusal(self, reason: str) -> None:
        """Say that phones refuse the file, and in the tool tip why."""
        if reason:
            self.detail.set_text(f"{self._detail} · {tr('not supported on phones')}")
            self.detail.setToolTip(reason)


class FileList(QWidget):
    """The files with their ticks."""

    ticked = Signal(object, bool)  # Path
    removed = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._rows: dict[Path, _FileRow] = {}
        self._shown: tuple[File, ...] | None = None
        self._layout = column(self, gap=0.4)
        self.empty = label("", "muted", wrap=True)
        self._layout.addWidget(self.empty)

    def refresh(self, files: Files) -> None:
        """Show what there is."""
        if files.files != self._shown:
            self._build(files.files)
        self.empty.setText(tr(files.nothing))
        for path, each in self._rows.items():
            each.tick.set_value(files.is_ticked(path))
            each.show_refusal(files.why_refused(path))

    def _build(self, files: tuple[File, ...]) -> None:
        self._shown = files
        for each in self._rows.values():
            self._layout.removeWidget(each)
            each.hide()
            each.deleteLater()
        self._rows = {}
        for file in files:
            made = self._rows[file.path] = _FileRow(file)
            made.ticked.connect(self.ticked)
            made.removed.connect(self.removed)
            self._layout.addWidget(made)
        self.empty.setVisible(not files)

    def row(self, path: Path) -> QWidget:
        """The row of a file."""
        return self._rows[path]


_MARKS = {"waiting": "○", "running": "▶", "succeeded": "✓", "failed": "!", "cancelled": "–"}
_TONES = {"succeeded": "good", "failed": "bad"}


class TargetRow(QWidget):
    """One target: its name, what it does now, how far it is, and a way out of waiting for a cool phone."""

    skip = Signal(str)

    def __init__(self, target: Target) -> None:
        super().__init__()
        self.mark = label("", "strong")
        self.mark.setFixedWidth(em(times=1.1))
        self.name = ElidedLabel(target.name, "strong")
        self.words = ElidedLabel("", "muted")
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedWidth(em(times=8))
        policy = self.bar.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.bar.setSizePolicy(policy)
        self.bar.setAccessibleName(f"{tr('Progress')}: {target.name}")
        self.skip_button = button(
            tr("Measure now"),
            lambda: self.skip.emit(target.id),
            kind="link",
            name=f"{tr('Skip cool-down')}: {target.name}",
            tip=tr("Skip cool-down"),
        )
        line = row(self, gap=0.5)
        line.addWidget(self.mark)
        line.addWidget(self.name, 2)
        line.addWidget(self.words, 5)
        line.addWidget(self.skip_button)
        line.addWidget(self.bar)
        self.setMinimumHeight(em(times=1.7))
        self.refresh(target)

    def refresh(self, target: Target) -> None:
        """Show how far it is."""
        if self.mark.text() != _MARKS[target.state]:
            self.mark.setText(_MARKS[target.state])
            restyle(self.mark, tone=_TONES.get(target.state, ""))
        self.words.set_text(tr(target.words))
        running = target.state == "running"
        busy = running or target.progress is not None
        if self.bar.isVisibleTo(self) != busy:
            self.bar.setVisible(busy)
        waits = running and target.stage == "cool" and target.progress is not None
        if self.skip_button.isVisibleTo(self) != waits:
            self.skip_button.setVisible(waits)
        progress = target.progress
        known = progress is not None and progress.total > 0
        self.bar.setRange(0, 1000 if known else 0)
        if progress is not None and known:
            self.bar.setValue(min(1000, 1000 * progress.done // progress.total))


class TargetRows(QWidget):
    """All targets of a measuring."""

    skip = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._rows: dict[str, TargetRow] = {}
        self._layout = column(self, gap=0.1)

    def refresh(self, run: PhoneRun) -> None:
        """Show how far each is."""
        if set(run.targets) != set(self._rows):
            for old in self._rows.values():
                self._layout.removeWidget(old)
                old.hide()
                old.deleteLater()
            self._rows = {key: TargetRow(target) for key, target in run.targets.items()}
            for made in self._rows.values():
                made.skip.connect(self.skip)
                self._layout.addWidget(made)
        for key, target in run.targets.items():
            self._rows[key].refresh(target)
        self.setVisible(bool(self._rows))


class ResultTable(QTableWidget):
    """A row a measurement; columns in which there is nothing are left out."""

    def __init__(self) -> None:
        super().__init__(0, len(HEADS))
        for index, head in enumerate(HEADS):
            item = QTableWidgetItem(tr(head))
            item.setToolTip(tr(TIPS.get(head, "")))
            if index >= _LEFT:
                item.setTextAlignment(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight)
            else:
                item.setTextAlignment(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)
            self.setHorizontalHeaderItem(index, item)
        self.setAccessibleName(tr("Measurements"))
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.setShowGrid(False)
        self.setAlternatingRowColors(True)
        self.verticalHeader().hide()
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.horizontalHeader().setHighlightSections(False)
        self.horizontalHeader().setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._shown: list[Measured] | None = None

    def show_rows(self, rows: Sequence[Measured]) -> None:
        """Show other measurements."""
        if list(rows) == self._shown:
            return
        self._shown = list(rows)
        self.setRowCount(len(rows))
        for index, measured in enumerate(rows):
            for place, text in enumerate(measured.cells):
                item = QTableWidgetItem(text)
                right = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
                if place >= _LEFT:
                    item.setTextAlignment(right)
                item.setToolTip(measured.details)
                self.setItem(index, place, item)
        for place in range(len(HEADS)):
            self.setColumnHidden(place, all(row.cells[place] == NOTHING for row in rows))
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        """Rows as high as the text wants."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._fit()

    def _fit(self) -> None:
        for index in range(self.rowCount()):
            self.setRowHeight(index, em(self, 1.75))
        self.updateGeometry()

    def sizeHint(self) -> QSize:
        """As high as its rows, up to a dozen."""
        rows = min(_MOST_ROWS, max(1, self.rowCount()))
        bar = self.horizontalScrollBar().sizeHint().height()
        return QSize(em(self, 20), self.horizontalHeader().sizeHint().height() + rows * em(self, 1.75) + bar + 4)

    def minimumSizeHint(self) -> QSize:
        """The same height; it scrolls sideways."""
        return QSize(em(self, 12), self.sizeHint().height())
