"""The runs that wait, in their order, and how those ended that have waited."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QVBoxLayout, QWidget

from pqv_gui.desks.run_desk import RunDesk
from pqv_gui.i18n import tr
from pqv_gui.pages.run.run_queue import Pause
from pqv_gui.viewmodels.results import run_choices
from pqv_gui.widgets.basics import Card, ElidedLabel, button, column, label, row

_WORDS: dict[Pause, str] = {
    "": "Each starts when the previous one ends. You can keep changing settings.",
    "cancelled": "Paused because a run was cancelled.",
    "failed": "Paused because a run could not start.",
    "reopened": "These runs were waiting when the project was closed.",
}


class QueueCard(Card):
    """Shows a queue; hidden while there is nothing to show."""

    def __init__(self, desk: RunDesk) -> None:
        super().__init__(tr("Queue"))
        self._desk = desk
        self._seen: tuple[object, ...] = ()
        self.state = label("", "muted", wrap=True)
        self.go_on = button(tr("Cont&inue"), desk.go_on, name=tr("Continue with the queue"))
        top = row(gap=0.6)
        top.addWidget(self.state, 1)
        top.addWidget(self.go_on)
        self.body.addLayout(top)
        self.lines = QWidget()
        self._layout: QVBoxLayout = column(self.lines, gap=0.25)
        self.body.addWidget(self.lines)

    def refresh(self) -> None:
        """Show what waits now."""
        shown = self._desk.queue
        self.setVisible(bool(shown.waiting or shown.ended))
        words = (not shown.pause and self._desk.held) or _WORDS[shown.pause]
        self.state.setText(tr(words) if shown.waiting else tr("Queue is empty."))
        self.go_on.setVisible(bool(shown.pause))
        if (shown.waiting, shown.ended) != self._seen:
            self._seen = (shown.waiting, shown.ended)
            self._fill()

    def _fill(self) -> None:
        while (item := self._layout.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        shown = self._desk.queue
        for index, ended in enumerate(shown.ended):
            sign = "✓" if ended.outcome == "succeeded" else "✖"
            text = " – ".join(
                part for part in (f"{sign} {run_choices.in_a_line(ended.item.config)}", ended.why) if part
            )
            doings: dict[str, Callable[[int], None]] = {"Open": self._open} if ended.run else {}
            again = {"Queue again": self._desk.again} if ended.outcome == "failed" else {}
            self._add(text, index, {**again, **doings}, called=text)
        for index, waiting in enumerate(shown.waiting):
            up = {"Move up": shown.move_up} if index else {}
            words = run_choices.in_a_line(waiting.config)
            self._add(f"{index + 1}. {words}", index, {**up, "Remove": shown.remove}, called=words)

    def _open(self, index: int) -> None:
        """Lead to what came of a run that is over."""
        self._desk.show_run(self._desk.queue.ended[index].run)

    def _add(self, text: str, index: int, buttons: dict[str, Callable[[int], None]], *, called: str) -> None:
        """A line; its buttons are called after the run, not after its place, so that they are known again."""
        holder = QWidget()
        line = row(holder, gap=0.5)
        line.addWidget(ElidedLabel(text), 1)
        for words, act in buttons.items():
            line.addWidget(button(tr(words), lambda act=act: act(index), kind="link", name=f"{tr(words)}: {called}"))  # type: ignore[misc]
        self._layout.addWidget(holder)
