"""The line at the bottom: the job that is going, how far it is, and Cancel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QProgressBar, QWidget

from pqv_gui.i18n import tr
from pqv_gui.style.theme import em
from pqv_gui.viewmodels.run_view import BAR_LENGTH, RunView, bar_length
from pqv_gui.widgets.basics import ElidedLabel, as_tip, button, row

if TYPE_CHECKING:
    from pqv_gui.pages.study.study_state import StudyState

_IDLE = {
    "empty": "Ready.",
    "succeeded": "The last run is complete.",
    "failed": "The last run failed.",
    "cancelled": "The last run was stopped. Finished work is kept.",
    "interrupted": "The last run was interrupted. Finished work is kept.",
    "elsewhere": "A run is in progress in another process.",
    "unknown": "The last run ended with a status from a newer PQV-Mobile.",
}

_DEVICE_LETTERS = 40


class JobBar(QWidget):
    """Says what goes on; the text is a link to the Run page."""

    cancel = Signal()
    go = Signal()
    go_device = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "bar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.state = button("", self.go.emit, kind="link", name=tr("Show the run"))
        self.message = ElidedLabel("", "muted")
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setRange(0, BAR_LENGTH)
        self.progress.setAccessibleName(tr("Progress of the run"))
        self.progress.setFixedWidth(em(times=10))
        self.left = ElidedLabel("", "muted")
        self.stop = button(tr("Cancel"), self.cancel.emit, name=tr("Cancel the run"))
        self.device = button("", self.go_device.emit, kind="link", name=tr("Show the phones"))
        self.device.hide()
        layout = row(self, gap=0.7)
        layout.setContentsMargins(em(times=0.7), em(times=0.25), em(times=0.7), em(times=0.25))
        layout.addWidget(self.state)
        layout.addWidget(self.progress)
        layout.addWidget(self.left, 1)
        layout.addWidget(self.message, 1)
        layout.addWidget(self.stop)
        layout.addWidget(self.device)
        self.setMinimumHeight(em(times=2.6))

    def show_device(self, words: str) -> None:
        """Say which phone there is, and its state."""
        short = words if len(words) <= _DEVICE_LETTERS else f"{words[: _DEVICE_LETTERS - 1]}…"
        if self.device.text() != short:
            self.device.setText(short)
            self.device.setToolTip(as_tip(words))
            self.device.setAccessibleName(f"{tr('Phone')}: {words}")
            self.device.setVisible(bool(words))

    def refresh(self, run: RunView, *, waiting: int, study: StudyState | None = None) -> None:
        """Show the state of the run, or of the study that goes on instead, and how many runs wait."""
        self.state.setAccessibleName(tr("Show the run") if study is None else tr("Show the study"))
        self.stop.setAccessibleName(tr("Cancel the run") if study is None else tr("Stop the study"))
        self.progress.setAccessibleName(tr("Progress of the run") if study is None else tr("Progress of the study"))
        if study is not None:
            self._show_study(study, waiting)
            return
        self.stop.setVisible(run.active)
        self.stop.setEnabled(run.state != "cancelling")
        self.progress.setVisible(run.active)
        self.left.setVisible(run.active)
        idle = tr("The queue is paused.") if waiting else tr(_IDLE.get(run.state, ""))
        self.message.set_text("" if run.active else idle)
        self.message.setVisible(not run.active)
        self.state.setVisible(run.state != "empty" or waiting > 0)
        self.state.setText(self._words(run))
        if run.active:
            self._show_progress(run, waiting)

    def _show_study(self, study: StudyState, waiting: int) -> None:
        for widget in (self.stop, self.progress, self.left, self.state):
            widget.show()
        self.message.hide()
        self.stop.setEnabled(not study.stopping)
        self.state.setText(tr("Stopping …") if study.stopping else f"{tr('Study')} {study.name}")
        self.progress.setValue(study.bar)
        self.left.set_text(
            " · ".join(
                part for part in (tr(study.activity), study.counts, study.time_left, self._more(waiting)) if part
            )
        )

    @staticmethod
    def _more(waiting: int) -> str:
        return tr("{count} more in the queue").replace("{count}", f"{waiting:,}") if waiting else ""

    def _words(self, run: RunView) -> str:
        if run.state == "cancelling":
            return tr("Stopping …")
        if not run.active:
            return tr("Run")
        return tr(run.activity[0])

    def _show_progress(self, run: RunView, waiting: int) -> None:
        self.progress.setValue(bar_length(run))
        parts = (run.activity[1], run.position, self._more(waiting))
        self.left.set_text(" · ".join(tr(part) for part in parts if part))
