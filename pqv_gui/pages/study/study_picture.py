"""A study as it is drawn: made of what was looked at, in the thread that looks; the window only shows it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from pqv_core import formatting
from pqv_core.comparison.charts import BarChart, Point, ScatterChart, Series
from pqv_core.study.figures import FIGURES, Figure
from pqv_core.study.space import Choice, Parameter, Range, Word, word
from pqv_core.study.variables import variables
from pqv_gui.viewmodels import display_names
from pqv_gui.viewmodels.results.parallel import Parallel, ParallelAxis
from pqv_gui.viewmodels.table_head import Head

if TYPE_CHECKING:
    from pqv_core.study.study_file import StudyFile
    from pqv_core.study.trials import Trial
    from pqv_core.study.view import StudyView

NUMBER = "number"
"""An axis that no figure is: the trials in their order."""
STATES = {
    "running": "Running",
    "interrupted": "Interrupted",
    "done": "Done",
    "stopped": "Stopped early",
    "failed": "Failed",
}
_MARKS = {"running": "▸", "interrupted": "‖", "done": "✓", "stopped": "◼", "failed": "✖"}
_KEEPS, _BREAKS = "Trial", "Breaks a constraint"
_MOST_TICKS = 6
_MISSING = "–"

Importances = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Line:
    """A trial in the table.

    Attributes:
        cells: What stands in each column.
        keys: By what each column is sorted; None comes last.
    """

    trial: Trial
    cells: tuple[str, ...]
    keys: tuple[float | str | None, ...]
    front: bool = False

    @property
    def number(self) -> int:
        """Of the trial."""
        return self.trial.number

    @property
    def name(self) -> str:
        """What charts call it."""
        return trial_name(self.trial)

    @cached_property
    def params(self) -> str:
        """What was varied, in a line."""
        return params_words(self.trial)

    @property
    def details(self) -> str:
        """What does not fit into the cells, a line each."""
        front = "On the Pareto front." if self.front else ""
        broken = "Breaks a constraint." if self.trial.keeps is False else ""
        return "\n".join(text for text in (front, broken, self.trial.words) if text)


@dataclass(frozen=True, eq=False)
class Picture:
    """Everything that a page shows of a study at a moment."""

    view: StudyView
    heads: tuple[Head, ...]
    lines: tuple[Line, ...]
    parallel: Parallel | None
    importances: BarChart | None = None

    @property
    def figures(self) -> tuple[Figure, ...]:
        """Those that are asked for, then those that trials give besides."""
        asked = figures_asked(self.view.study)
        given = {key for line in self.lines for key in line.trial.figures or ()}
        return (*asked, *(figure for key, figure in FIGURES.items() if key in given and figure not in asked))

    def line(self, number: int) -> Line | None:
        """The trial of this number."""
        return self._by_number.get(number)

    @cached_property
    def _by_number(self) -> Mapping[int, Line]:
        return {line.number: line for line in self.lines}


class PictureMaker:
    """Makes pictures of one study, again and again; what is over is not written anew."""

    def __init__(self) -> None:
        self._over: dict[int, Line] = {}

    def make(self, view: StudyView, importances: Importances) -> Picture:
        """A picture of a study."""
        front = set(view.front)
        lines = tuple(self._line(view.study, trial, trial.number in front) for trial in view.trials)
        return Picture(view, _heads(view.study), lines, _parallel(view.study, lines), _bars(view.study, importances))

    def _line(self, study: StudyFile, trial: Trial, front: bool) -> Line:
        known = self._over.get(trial.number)
        if known is None or known.trial is not trial:
            known = _line(study, trial)
            if trial.is_over:
                self._over[trial.number] = known
        if known.front != front:
            mark = "★ " if front else ""
            known = replace(known, front=front, cells=(f"{mark}{trial.number}", *known.cells[1:]))
            self._over[trial.number] = known
        return known


def trial_name(trial: Trial) -> str:
    """What a person calls a trial."""
    return f"Trial {trial.number}"


def figures_asked(study: StudyFile) -> tuple[Figure, ...]:
    """Objectives, then what is bounded."""
    keys = dict.fromkeys((*study.objectives, *(bound.figure.key for bound in study.bounds)))
    return tuple(FIGURES[key] for key in keys)


def said(name: str, value: Word) -> str:
    """A value of a setting, as a person reads it."""
    if isinstance(value, float):
        return f"{value:.4g}"
    known = variables().get(name)
    text = word(value)
    return known.options.get(str(value).lower(), text) if known is not None else text


def asked_words(study: StudyFile) -> str:
    """What a study asks, in a line."""
    varied = "; ".join(f"{display_names.setting(item.name)} {_values(item)}" for item in _varied(study))
    wanted = ", ".join(f"{goal.label} {'↑' if goal.greater else '↓'}" for goal in study.goals)
    kept = ", ".join(bound.words for bound in study.bounds)
    end = [formatting.counted(study.trials, "trial") if study.trials else ""]
    end.append(f"{study.hours:g} h" if study.hours else "")
    parts = (f"Varies {varied}", f"wants {wanted}", f"keeps {kept}" if kept else "", *end)
    return " · ".join(part for part in parts if part)


def _values(item: Parameter) -> str:
    if isinstance(item, Choice):
        return " or ".join(said(item.name, each) for each in item.words)
    step = f", step {item.step:g}" if item.step else ", logarithmic" if item.log else ""
    return f"{item.low:g} to {item.high:g}{step}"


def params_words(trial: Trial) -> str:
    """What was varied, in a line."""
    return ", ".join(f"{display_names.setting(name)} {said(name, value)}" for name, value in trial.params.items())


# the table ---------------------------------------------------------------------------------------------------


def _heads(study: StudyFile) -> tuple[Head, ...]:
    settings = (Head(display_names.setting(item.name), item.name, isinstance(item, Range)) for item in _varied(study))
    figures = (
        Head(figure.label, "Objective" if figure in study.goals else "Bounded", True) for figure in figures_asked(study)
    )
    return (
        Head("Trial", "★ is on the Pareto front", True),
        Head("State"),
        *settings,
        *figures,
        Head("Run"),
        Head("Time"),
    )


def _varied(study: StudyFile) -> tuple[Parameter, ...]:
    return study.space.parameters


def _line(study: StudyFile, trial: Trial) -> Line:
    params = [trial.params.get(item.name) for item in _varied(study)]
    given = trial.figures or {}
    values = [given.get(figure.key) for figure in figures_asked(study)]
    cells = (
        str(trial.number),
        f"{_MARKS[trial.state]} {STATES[trial.state]}",
        *(
            said(item.name, value) if item.name in trial.params else _MISSING
            for item, value in zip(_varied(study), params, strict=True)
        ),
        *(
            figure.text(value) if value is not None else _MISSING
            for figure, value in zip(figures_asked(study), values, strict=True)
        ),
        f"#{trial.run_number}" if trial.run_number is not None else _MISSING,
        formatting.duration(trial.seconds) if trial.seconds else _MISSING,
    )
    numbers = (value if isinstance(value, int | float) else None if value is None else str(value) for value in params)
    keys = (trial.number, trial.state, *numbers, *values, trial.run_number, trial.seconds or None)
    return Line(trial, cells, keys)


# charts ------------------------------------------------------------------------------------------------------


def axes_of(study: StudyFile) -> tuple[str, str]:
    """Which figures are drawn over each other at first: along, and upwards."""
    goals = [goal.key for goal in study.goals]
    return (goals[1] if len(goals) > 1 else NUMBER, goals[0])


def scatter(picture: Picture, along: str, up: str) -> ScatterChart:
    """Trials by two figures.

    Args:
        along: Key of a figure, or ``NUMBER``.
        up: Key of a figure.
    """
    study = picture.view.study
    points = []
    for line in picture.lines:
        x, y = _place(line.trial, along), _place(line.trial, up)
        if x is not None and y is not None:
            series = _BREAKS if line.trial.keeps is False else _KEEPS
            points.append(Point(x, y, line.name, series, line.params, line.front))
    points.sort(key=lambda point: point.series != _KEEPS)  # the same colours, whichever comes first
    whole = {along, up} == {goal.key for goal in study.goals}
    return ScatterChart("study", "Trials", *_axis(along), *_axis(up), tuple(points), line=whole)


def _place(trial: Trial, key: str) -> float | None:
    if trial.state != "done":
        return None
    if key == NUMBER:
        return trial.number
    value = (trial.figures or {}).get(key)
    return None if value is None else value if FIGURES[key].unit else 100 * value


def _axis(key: str) -> tuple[str, str]:
    """Name and unit."""
    return ("Trial", "") if key == NUMBER else (FIGURES[key].label, FIGURES[key].unit or "%")


def _bars(study: StudyFile, importances: Importances) -> BarChart | None:
    if not importances:
        return None
    names = [item.name for item in _varied(study)]
    series = tuple(
        Series(FIGURES[key].label, tuple(100 * shares.get(name, 0.0) for name in names))
        for key, shares in importances.items()
    )
    return BarChart("importances", "What decides", "%", tuple(map(display_names.setting, names)), series)


def _parallel(study: StudyFile, lines: Sequence[Line]) -> Parallel | None:
    """A line for each trial that is done."""
    done = [line for line in lines if line.trial.values is not None]
    if not done:
        return None
    settings = [_setting_axis(item) for item in _varied(study)]
    columns = [[_along(item, line.trial.params[item.name]) for line in done] for item in _varied(study)]
    figures = []
    for place, goal in enumerate(study.goals):
        values = [line.trial.values[place] for line in done if line.trial.values is not None]
        axis, places = _figure_axis(goal, values)
        figures.append(axis)
        columns.append(places)
    texts = tuple(
        (
            *(said(item.name, line.trial.params[item.name]) for item in _varied(study)),
            *(goal.text(value) for goal, value in zip(study.goals, line.trial.values or (), strict=True)),
        )
        for line in done
    )
    return Parallel(
        (*settings, *figures),
        np.array(columns, dtype=np.float64).T,
        tuple(line.name for line in done),
        texts,
        tuple(index for index, line in enumerate(done) if line.front),
    )


def _setting_axis(item: Parameter) -> ParallelAxis:
    name = display_names.setting(item.name)
    if isinstance(item, Choice):
        words = item.words if len(item.words) <= _MOST_TICKS else (item.words[0], item.words[-1])
        return ParallelAxis(name, tuple((_along(item, each), said(item.name, each)) for each in words))
    middle = math.sqrt(item.low * item.high) if item.log else (item.low + item.high) / 2
    return ParallelAxis(name, tuple((_along(item, each), f"{each:.3g}") for each in (item.low, middle, item.high)))


def _along(item: Parameter, value: Word) -> float:
    """Where a value lies on its axis, from 0 to 1."""
    if isinstance(item, Choice):
        return item.words.index(value) / (len(item.words) - 1)
    assert isinstance(value, int | float)
    low, high, at = (math.log(each) if item.log else each for each in (item.low, item.high, value))
    return (at - low) / (high - low)


def _figure_axis(goal: Figure, values: Sequence[float]) -> tuple[ParallelAxis, list[float]]:
    """An axis with round ends, so that it seldom changes while trials come; better is above."""
    low, high = min(values), max(values)
    step = 10.0 ** math.floor(math.log10((high - low) or abs(high) or 1.0))
    low, high = math.floor(low / step) * step, math.ceil(high / step) * step
    high = high if high > low else low + step

    def place(value: float) -> float:
        share = (value - low) / (high - low)
        return share if goal.greater else 1 - share

    ticks = tuple((place(each), goal.text(each)) for each in (low, (low + high) / 2, high))
    return ParallelAxis(goal.label, ticks, better=True), [place(value) for value in values]
