"""Parts of the Device page: the files, and what goes on at each target."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QProgressBar,
    QWidget,
)

from pqv_gui.i18n import tr
from pqv_gui.pages.device.phone_files import File, Files
from pqv_gui.pages.device.phone_run import PhoneRun, RunningTarget
from pqv_gui.style.theme import em
from pqv_gui.widgets.basic_inputs import CheckInput
from pqv_gui.widgets.basics import ElidedLabel, as_tip, button, column, label, restyle, row


class _FileRow(QWidget):
    ticked = Signal(object, bool)
    removed = Signal(object)

    def __init__(self, file: File) -> None:
        super().__init__()
        self.tick = CheckInput(file.name.replace("&", "&&"))
        self.tick.changed.connect(lambda wanted: self.ticked.emit(file.path, wanted))
        self.tick.setToolTip(as_tip(str(file.path)))
        self._detail = file.detail
        self.detail = ElidedLabel(file.detail, "caption")
        self.detail.setToolTip(as_tip(str(file.path)))
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
            self.detail.setToolTip(as_tip(reason))


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

    def __init__(self, target: RunningTarget) -> None:
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

    def refresh(self, target: RunningTarget) -> None:
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
