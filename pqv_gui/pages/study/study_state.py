"""What the Study page shows: the studies of a project, the one that is looked at, and what is done about it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pqv_core import formatting
from pqv_core.comparison.charts import ScatterChart
from pqv_core.errors import ErrorInfo
from pqv_core.report import caption
from pqv_gui.pages.study import study_picture
from pqv_gui.pages.study.study_draft import StudyDraft
from pqv_gui.pages.study.study_picture import Line, Picture
from pqv_gui.viewmodels.observable import Observable

Phase = Literal[
    "filling", "empty", "reading", "waiting", "running", "stopping", "elsewhere", "stopped", "finished", "failed"
]
BAR_LENGTH = 1_000


@dataclass(frozen=True)
class Order:
    """How the table of trials is sorted."""

    column: int = 0
    descending: bool = True


class StudyState(Observable):
    """The studies beside the open project.

    Attributes:
        folders: Of all studies.
        folder: Of the one that is looked at.
        picture: That one as it is now; None before it was read.
        ours: This window runs it.
        stopping: Its end was asked for.
        activity: What the trial at work does now.
        reason: Why it ended, where it ended here.
        selected: Number of a trial.
    """

    def __init__(self) -> None:
        super().__init__()
        self.draft = StudyDraft()
        self._forget()

    def _forget(self) -> None:
        self.known = False
        self.folders: tuple[Path, ...] = ()
        self.drafting = False
        self.ours = self.stopping = False
        self.activity = self.reason = ""
        self._forget_study(None)

    def _forget_study(self, folder: Path | None) -> None:
        self.folder = folder
        self.picture: Picture | None = None
        self.error: ErrorInfo | None = None
        self.selected: int | None = None
        self.along = self.up = ""
        self.order = Order()
        self._lines: tuple[Line, ...] | None = None
        self._chart: ScatterChart | None = None

    # what comes in -------------------------------------------------------------------------------------------

    def reset(self) -> None:
        """Another project, or none."""
        self._forget()
        self.notify()

    def found(self, folders: tuple[Path, ...]) -> None:
        """The studies that there are."""
        self.folders, self.known = folders, True
        if self.folder not in folders:
            self._forget_study(None)
        self.notify()

    def look_at(self, folder: Path | None) -> None:
        """Show another study."""
        if folder != self.folder or self.error is not None:
            self._forget_study(folder)
        self.drafting, self.reason = False, ""
        self.notify()

    def take(self, picture: Picture) -> None:
        """The study as it is now."""
        if not self.along:
            self.along, self.up = study_picture.axes_of(picture.view.study)
        self.picture, self.error = picture, None
        self._lines = self._chart = None
        self.notify()

    def failed(self, error: ErrorInfo) -> None:
        """The study cannot be read."""
        self.error = error
        self.notify()

    def began(self) -> None:
        """This window runs the study."""
        self.ours, self.stopping, self.activity, self.reason = True, False, "", ""
        self.notify()

    def doing(self, words: str) -> None:
        """What the trial at work does now."""
        if words != self.activity:
            self.activity = words
            self.notify()

    def stop(self) -> None:
        """The person has asked for the end."""
        self.stopping = True
        self.notify()

    def ended(self, reason: str) -> None:
        """This window runs the study no longer."""
        self.ours = self.stopping = False
        self.activity, self.reason = "", reason
        self.notify()

    # what a person does --------------------------------------------------------------------------------------

    def write_draft(self, wanted: bool) -> None:
        """Show the form of a new study, or put it away."""
        self.drafting = wanted
        self.notify()

    def select(self, number: int | None) -> None:
        """Choose a trial."""
        if number != self.selected:
            self.selected = number
            self.notify()

    def sort(self, column: int) -> None:
        """Sort by a column; by the same one again, the other way round."""
        same = column == self.order.column
        self.order = Order(column, descending=same and not self.order.descending)
        self._lines = None
        self.notify()

    def draw_over(self, *, along: str = "", up: str = "") -> None:
        """Draw other figures over each other."""
        self.along, self.up = along or self.along, up or self.up
        self._chart = None
        self.notify()

    # what is shown -------------------------------------------------------------------------------------------

    @property
    def phase(self) -> Phase:
        """How it is."""
        if not self.known:
            return "filling"
        if self.ours:
            return "stopping" if self.stopping else "running"
        if self.folder is None:
            return "empty"
        if self.error is not None:
            return "failed"
        if self.picture is None:
            return "reading"
        view = self.picture.view
        if view.at_work:
            return "elsewhere"
        if view.is_over:
            return "finished"
        return "stopped" if view.trials else "waiting"

    @property
    def name(self) -> str:
        """Of the study that is looked at."""
        return self.folder.stem if self.folder is not None else ""

    def caption(self) -> str:
        """What stands below pictures of the charts."""
        if self.picture is None:
            return ""
        study, began = self.picture.view.study, formatting.moment(self.picture.view.study.created)
        named = f"{study.config.model.name}, study {self.name}"
        return caption.words(named, self.counts, formatting.date(began) if began else "", caption.program())

    @property
    def lines(self) -> tuple[Line, ...]:
        """The trials, sorted; those without a figure come last."""
        if self._lines is None:
            lines, place = self.picture.lines if self.picture is not None else (), self.order.column
            kind: dict[bool, list[Line]] = {True: [], False: []}
            for line in lines:
                kind[line.keys[place] is None].append(line)
            known = sorted(kind[False], key=lambda line: _comparable(line.keys[place]), reverse=self.order.descending)
            self._lines = (*known, *kind[True])
        return self._lines

    @property
    def chart(self) -> ScatterChart | None:
        """Trials by the two figures that were chosen; None where none is done."""
        if self._chart is None and self.picture is not None:
            self._chart = study_picture.scatter(self.picture, self.along, self.up)
        return self._chart if self._chart is not None and self._chart.points else None

    @property
    def chosen(self) -> Line | None:
        """The trial that is selected."""
        return self.picture.line(self.selected) if self.picture is not None and self.selected is not None else None

    @property
    def front(self) -> tuple[Line, ...]:
        """The trials that no other is better than in everything."""
        if self.picture is None:
            return ()
        found = (self.picture.line(number) for number in self.picture.view.front)
        return tuple(line for line in found if line is not None)

    @property
    def bar(self) -> int:
        """How far it is, of ``BAR_LENGTH``; where only time ends it, by the time."""
        if self.picture is None:
            return 0
        view = self.picture.view
        over, wanted = sum(trial.is_over for trial in view.trials), view.study.wanted
        shares = [over / wanted if wanted else 0.0]
        if view.study.hours is not None:
            shares.append(view.seconds / (3600 * view.study.hours))
        return min(BAR_LENGTH, round(BAR_LENGTH * max(shares)))

    @property
    def counts(self) -> str:
        """How many trials there are of each kind: ``12 of 30 trials · 9 done, 1 stopped early``."""
        if self.picture is None:
            return ""
        view = self.picture.view
        states = [trial.state for trial in view.trials]
        over, wanted = sum(trial.is_over for trial in view.trials), view.study.wanted
        many = f"{over:,} of {formatting.counted(wanted, 'trial')}" if wanted else formatting.counted(over, "trial")
        kinds = ((state, states.count(state)) for state in ("done", "stopped", "failed"))
        told = ", ".join(f"{count:,} {study_picture.STATES[state].lower()}" for state, count in kinds if count)
        front = f"{len(view.front):,} on the front" if view.front else ""
        return " · ".join(part for part in (many, told, front) if part)

    @property
    def time_left(self) -> str:
        """About how long it still takes; empty where that is not known, or it is not at work."""
        left = self.picture.view.seconds_left if self.picture is not None else None
        if left is None or self.phase not in ("running", "elsewhere"):
            return ""
        return formatting.time_left(left)


def _comparable(key: float | str | None) -> tuple[bool, float, str]:
    """Numbers before words."""
    return (True, 0.0, key) if isinstance(key, str) else (False, float(key or 0), "")
