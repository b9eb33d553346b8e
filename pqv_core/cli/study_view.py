"""What a person reads of a study on a terminal, and what a program reads of it."""

from __future__ import annotations

import contextlib
import json
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from rich.console import Console
from rich.table import Table

from pqv_core import formatting
from pqv_core.cli import progress_view
from pqv_core.cli.console import console
from pqv_core.process.events import Event, Finished, Level, Log
from pqv_core.results import summary
from pqv_core.study import space
from pqv_core.study.events import TrialFinished, TrialStarted
from pqv_core.study.figures import FIGURES
from pqv_core.study.runner import Said
from pqv_core.study.samplers import SAMPLERS
from pqv_core.study.study_file import StudyFile
from pqv_core.study.trials import Trial
from pqv_core.study.view import StudyView, StudyWatch

_STATES = {
    "done": "done",
    "stopped": "stopped early",
    "failed": "failed",
    "running": "at work",
    "interrupted": "interrupted",
}
_FAILURES = 5


def say_new(folder: Path, study: StudyFile, *, as_json: bool) -> None:
    """A study was made: what it asks, and what comes next."""
    if as_json:
        print(json.dumps({"type": "study", "path": str(folder.resolve()), **study.model_dump(mode="json")}))
        return
    out = console()
    out.print(f"Made {folder}: {_asked(study)}.", soft_wrap=True)
    for name, text in study.vary.items():
        out.print(f"  {name}: {text}")
    for bound in study.bounds:
        out.print(f"  {bound.words}")
    if study.early_stop and study.config.finetune.epochs and not study.accuracy_decides:
        out.print("  No trial is stopped early: accuracy is neither the only objective nor bounded.")
    out.print(f"Next: pqv study run {shlex.quote(str(folder))}")


def _asked(study: StudyFile) -> str:
    goals = " and ".join(f"{'most' if goal.greater else 'least'} {goal.label.lower()}" for goal in study.goals)
    most = formatting.counted(study.wanted, "trial") if study.wanted is not None else ""
    hours = formatting.duration(3600 * study.hours) if study.hours is not None else ""
    end = " or ".join(part for part in (most, hours) if part)
    return f"{goals} by {SAMPLERS[study.sampler].label}, at most {end}"


def figures(found: Mapping[str, float], keys: tuple[str, ...]) -> str:
    """Figures in a line: ``top-1 98.2 %, latency 1.51 ms``."""
    return ", ".join(f"{FIGURES[key].label.lower()} {FIGURES[key].text(found[key])}" for key in keys if key in found)


class Progress:
    """The trials of a study while they are done, each with what its run says.

    Between runs the view is closed, for what measures on phones then has one of its own.
    """

    def __init__(self) -> None:
        self._open = contextlib.ExitStack()
        self._view: progress_view.View | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def show(self, event: Said) -> None:
        """Take one event in."""
        if isinstance(event, Event):
            self._opened().show(event)
            if isinstance(event, Finished):
                self._close()
        elif isinstance(event, TrialStarted):
            most = f" (of at most {event.wanted:,})" if event.wanted is not None else ""
            self._log(f"Trial {event.trial}{most}{' goes on' if event.resumed else ''}: {space.words(event.params)}")
            self._close()
        elif isinstance(event, TrialFinished):
            self._log(_ended(event), level="warning" if event.state == "failed" else "info")

    def _log(self, text: str, *, level: Level = "info") -> None:
        self._opened().show(Log(text=text, level=level))

    def _opened(self) -> progress_view.View:
        if self._view is None:
            view: progress_view.View = progress_view.view()
            self._view = self._open.enter_context(view)
        return self._view

    def _close(self) -> None:
        self._view = None
        self._open.close()


def _ended(event: TrialFinished) -> str:
    left = f"; {formatting.time_left(event.seconds_left)}" if event.seconds_left else ""
    if event.state == "done":
        broken = "" if event.keeps else "; breaks a constraint"
        return f"Trial {event.trial}: {figures(event.figures, tuple(FIGURES))}{broken}{left}"
    return f"Trial {event.trial} {_STATES[event.state]}: {event.words}{left}"


def say(folder: Path, *, as_json: bool) -> None:
    """Print a study so far.

    Raises:
        ProjectError: There is no study, or it is damaged.
    """
    watch = StudyWatch(folder)
    view = watch.look()
    out = console(as_json=as_json)
    out.print(f"{folder}: {_asked(view.study)}.", soft_wrap=True)
    out.print(_counts(view), soft_wrap=True)
    shown = [trial for number in view.front if (trial := view.trial(number))]
    if shown:
        out.print(_front(view, shown))
    elif any(trial.state == "done" for trial in view.trials):
        bounds = "; ".join(bound.words for bound in view.study.bounds)
        out.print(f"No trial keeps to every constraint: {bounds}.")
    _say_importances(out, watch.importances())
    failed = [trial for trial in view.trials if trial.state == "failed"]
    for trial in failed[:_FAILURES]:
        out.print(f"Trial {trial.number} ({space.words(trial.params)}) failed: {trial.words}", style="yellow")
    if len(failed) > _FAILURES:
        out.print(f"{len(failed) - _FAILURES:,} more trials failed; --json lists all.", style="yellow")
    if shown:
        best = shown[0].number
        out.print(f"Use one: pqv study use {shlex.quote(str(folder))} {best}", soft_wrap=True)
    if not view.is_over and not view.at_work:
        out.print(f"Next: pqv study run {shlex.quote(str(folder))}", soft_wrap=True)


def _counts(view: StudyView) -> str:
    parts = [
        f"{count:,} {words}"
        for state, words in _STATES.items()
        if (count := sum(1 for trial in view.trials if trial.state == state))
    ]
    left = f", {formatting.time_left(view.seconds_left)}" if view.seconds_left and view.at_work else ""
    work = f"{formatting.duration(view.seconds)} of work{left}" if view.seconds else ""
    return f"Trials: {', '.join(parts) or 'none yet'}{f'; {work}' if work else ''}."


def _front(view: StudyView, shown: list[Trial]) -> Table:
    """The trials that no other is better than in everything."""
    title = "The front: no other trial is better in everything" if len(view.study.goals) > 1 else "The best"
    table = Table(box=None, padding=(0, 1, 0, 0), title=title, title_justify="left", title_style="bold")
    names = [item.name for item in view.study.space.parameters]
    found = [key for key in FIGURES if any(key in (trial.figures or {}) for trial in shown)]
    for head in ("Trial", "Run", *names, *(FIGURES[key].label for key in found)):
        table.add_column(head, justify="left" if head in names else "right")
    for trial in shown:
        numbers = (str(trial.number), str(trial.run_number or ""))
        values = trial.figures or {}
        cells = [FIGURES[key].text(values[key]) if key in values else summary.MISSING for key in found]
        table.add_row(*numbers, *(space.word(trial.params[name]) for name in names), *cells)
    return table


def _say_importances(out: Console, found: Mapping[str, Mapping[str, float]]) -> None:
    for key, shares in found.items():
        said = ", ".join(f"{name} {formatting.percent(share)}" for name, share in shares.items())
        out.print(f"What decides {FIGURES[key].label.lower()}: {said}.", soft_wrap=True)


def say_used(trial: Trial, project: Path, *, as_json: bool) -> None:
    """The settings of a trial were written into a project."""
    if as_json:
        plain = {"type": "used", "trial": trial.number, "params": dict(trial.params), "project": str(project.resolve())}
        print(json.dumps(plain))
        return
    out = console()
    out.print(f"{project}: {space.words(trial.params)}, as in trial {trial.number}.", soft_wrap=True)
    out.print(f"Next: pqv run {shlex.quote(str(project))}", soft_wrap=True)


def lines(folder: Path) -> Iterator[dict[str, Any]]:
    """A study for a program: the study, then its trials, each an object.

    Raises:
        ProjectError: There is no study, or it is damaged.
    """
    watch = StudyWatch(folder)
    view = watch.look()
    yield {
        "type": "study",
        "path": str(folder.resolve()),
        "project_path": str(view.project),
        **view.study.model_dump(mode="json"),
        "at_work": view.at_work,
        "is_over": view.is_over,
        "front": list(view.front),
        "importances": watch.importances(),
        "seconds": view.seconds,
        "seconds_left": view.seconds_left,
    }
    for trial in view.trials:
        yield {
            "type": "trial",
            "trial": trial.number,
            "state": trial.state,
            "params": dict(trial.params),
            "run": trial.run,
            "run_number": trial.run_number,
            "figures": dict(trial.figures or {}),
            "keeps": trial.keeps,
            "on_front": trial.number in view.front,
            "seconds": trial.seconds,
            "words": trial.words,
        }
