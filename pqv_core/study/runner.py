"""Runs a study: asks the sampler for trials, has each done as an ordinary run of the project, and tells what it gave.

Asking and telling stay in this process; the work is an executor's. What is killed goes on: a trial that was at work has
its run's id in the journal, and that run takes over every stage that it had finished.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from optuna.trial import FrozenTrial
from optuna.trial import TrialState as OptunaState

from pqv_core.config import RunConfig
from pqv_core.errors import Cancelled, ClusterError, DeviceAwayError, ErrorInfo, PqvError, StorageError, UsageError
from pqv_core.process.events import AnyEvent, Finished, JobStarted, Metric
from pqv_core.process.job import RunJob
from pqv_core.project import history, new_config, run_label, runs
from pqv_core.project import project_file as projects
from pqv_core.results import record as results
from pqv_core.study import figures, hopeless, limits, space, storage, study_file, trials
from pqv_core.study.events import StudyEvent, StudyFinished, TrialFinished, TrialStarted
from pqv_core.study.executors import Executor
from pqv_core.study.figures import Figure
from pqv_core.study.hopeless import Rival
from pqv_core.study.space import Params
from pqv_core.study.trials import BEFORE, CURVE, FIGURES, NUMBER, RUN, SAME_AS, SECONDS, WORDS, Trial

_WAIT_S = 0.25  # Windows does not run signal handlers during a longer wait
_REPEATS = 20
"""Proposals in a row that were there before, after which another is made in the sampler's place."""

_NOT_THE_SETTINGS = {kind.__name__: kind for kind in (StorageError, ClusterError, DeviceAwayError)}
"""Errors that end the study, by their names: another trial would meet them too."""

Said = StudyEvent | AnyEvent


class Meter(Protocol):
    """Measures a trial's files where it is not the run that does: on a phone."""

    def measure(self, directory: Path) -> None:
        """Add what is measured of a run's files to its ``run.json``.

        Raises:
            PqvError: It cannot be measured.
            Cancelled: The end was asked for.
        """


@dataclass
class _AtWork:
    """A trial whose run is being done."""

    number: int
    params: Params
    job: RunJob
    curve: list[tuple[float, float]] = field(default_factory=list)
    hopeless: str = ""


class StudyRunner:
    """Runs one study, to its limit or until it is cancelled.

    Args:
        folder: Of the study.
        executor: Where runs are done; it is closed in the end.
        heard: Told of everything, in the thread that runs the study.
        meter: What measures trials besides.
        prepare: Has measured what a run with these settings needs first, as a ``Meter`` measures.

    Raises:
        ProjectError: The study or its project cannot be read.
        DataError: The images cannot be used.
    """

    def __init__(
        self,
        folder: Path,
        executor: Executor,
        *,
        heard: Callable[[Said], None],
        meter: Meter | None = None,
        prepare: Callable[[RunConfig], None] | None = None,
    ) -> None:
        self._folder = folder
        self._file = study_file.load(folder)
        self._project = study_file.project_of(folder, self._file)
        projects.load(self._project)  # it is there
        new_config.look_at_images(self._file.config, project=self._project)
        self._executor = executor
        self._heard = heard
        self._meter, self._prepare = meter, prepare
        self._cancelled = False
        self._working: dict[str, _AtWork] = {}
        self._tried: dict[str, FrozenTrial] = {}
        self._trials: dict[int, Trial] = {}
        self._untried: list[Params] | None = None

    def cancel(self) -> None:
        """Ask for the end; what is finished is kept, and what is at work goes on the next time. Returns at once."""
        self._cancelled = True
        self._executor.cancel()

    def kill(self) -> None:
        """End at once."""
        self._cancelled = True
        self._executor.kill()

    def run(self) -> StudyFinished:
        """Run the study; returns how it ended.

        Raises:
            ProjectError: Another process runs it, or its journal is damaged.
            StorageError: The disk is full, or may not be written. The trials at work go on the next time.
            ClusterError: Another computer cannot do what it is asked to; so do they then.
            DeviceAwayError: The phone that measures them is not there; so do they then.
        """
        try:
            with storage.held(self._folder):
                return self._run()
        finally:
            self._executor.close()

    def _run(self) -> StudyFinished:
        self._journal = storage.opened(self._folder, self._file, bounds=trials.judge(self._file.bounds))
        interrupted = self._what_is_there()
        reason = ""
        while True:
            while not (self._cancelled or reason) and len(self._working) < self._executor.slots:
                reason = self._begin(interrupted.pop(0)) if interrupted else self._why_no_more() or self._next()
            if not self._working:
                break
            event = self._executor.next(_WAIT_S)
            if event is not None:
                self._take(event)
        end = StudyFinished(
            outcome="cancelled" if self._cancelled else "finished", reason="Cancelled." if self._cancelled else reason
        )
        self._heard(end)
        return end

    def _what_is_there(self) -> list[int]:
        """Learn what was tried before; the trials that an earlier process was at."""
        interrupted = []
        for frozen in self._journal.trials():
            if not trials.counts(frozen):
                continue
            if frozen.state == OptunaState.RUNNING:
                interrupted.append(frozen.number)
            else:
                self._tried.setdefault(self._file.space.key(frozen.params), frozen)
                self._note(frozen)
        return interrupted

    def _note(self, frozen: FrozenTrial) -> Trial:
        trial = self._trials[frozen.number] = trials.of(frozen, self._file.bounds, at_work=True)
        return trial

    # what comes next -----------------------------------------------------------------------------------------

    def _why_no_more(self) -> str:
        at_work = [Trial(work.number, "running", work.params) for work in self._working.values()]
        return limits.why_over(self._file, [*self._trials.values(), *at_work])

    def _next(self) -> str:
        """Begin the next trial that was not there before; why there is none, or empty."""
        for repeat in range(2 * _REPEATS):
            if self._file.sampler == "grid" or repeat >= _REPEATS:
                self._enqueue_untried()
            trial = self._journal.study.ask()
            key = self._key(self._file.space.suggested(trial))
            at_work = next((work for work in self._working.values() if self._key(work.params) == key), None)
            if key in self._tried:
                self._repeat(trial.number, self._tried[key])
            elif at_work is not None:
                self._journal.keep(trial.number, {SAME_AS: at_work.number})
                self._journal.study.tell(trial.number, state=OptunaState.FAIL)  # samplers look away
            else:
                return self._begin(trial.number)
        return "The sampler proposes nothing that was not tried."

    def _key(self, params: Params) -> str:
        return self._file.space.key(params)

    def _enqueue_untried(self) -> None:
        """Have the next trial be one that was not tried, where there is an end of them."""
        if self._file.space.size is None:
            return
        if self._untried is None:
            self._untried = self._chosen_points()
        at_work = {self._key(work.params) for work in self._working.values()}
        while self._untried:
            point = self._untried.pop(0)
            if self._key(point) not in self._tried and self._key(point) not in at_work:
                self._journal.study.enqueue_trial(dict(point))
                return

    def _chosen_points(self) -> list[Params]:
        """The points of the grid, of which neighbours share stages; where not all fit the limit, some from all over."""
        points = self._file.space.points()
        limit = self._file.trials if self._file.sampler == "grid" else None
        if limit is None or limit >= len(points):
            return points
        kept = random.Random(self._file.seed).sample(range(len(points)), limit)  # noqa: S311 - no secret
        return [points[index] for index in sorted(kept)]

    def _repeat(self, number: int, before: FrozenTrial) -> None:
        """A proposal that was there before gets its result, so that the sampler learns, and is not run."""
        self._journal.keep(number, {SAME_AS: before.number, **before.user_attrs})
        values = before.values if before.state == OptunaState.COMPLETE else None
        self._journal.study.tell(number, values, state=before.state)

    def _begin(self, number: int) -> str:
        """Begin a trial, or go on with it. One whose settings do not go together has failed. Returns an empty text."""
        frozen = self._frozen(number)
        params = frozen.params
        if len(params) < len(self._file.space.parameters):  # killed before the sampler had chosen all
            params = dict(self._file.space.suggested(self._journal.going_on(number)))
        known = trials.run_of(frozen)
        try:
            config = self._file.space.config(params)
            new_config.check_settings(config, project=self._project)
        except UsageError as error:
            self._heard(self._started(number, params, run="", resumed=bool(known)))
            self._fail(number, error.info(), run="")
            return ""
        job = runs.job(self._project, config=config, run=known)
        if not known:
            self._journal.keep(number, {RUN: job.run, BEFORE: self._spent(job.run)})
        self._heard(self._started(number, params, run=job.run, resumed=bool(known)))
        if self._is_prepared(number, job):
            self._working[job.run] = _AtWork(number, params, job)
            self._executor.begin(job)
        return ""

    def _is_prepared(self, number: int, job: RunJob) -> bool:
        """Have measured what a run needs first; False where that has failed, or the end was asked for."""
        try:
            if self._prepare is not None:
                self._prepare(job.config)
        except Cancelled:  # it goes on the next time
            self.cancel()
            return False
        except PqvError as error:
            self._fail_of(number, error, run=job.run)
            return False
        return True

    def _started(self, number: int, params: Params, *, run: str, resumed: bool) -> TrialStarted:
        return TrialStarted(trial=number, run=run, params=dict(params), wanted=self._file.wanted, resumed=resumed)

    # while it is at work -------------------------------------------------------------------------------------

    def _take(self, event: AnyEvent) -> None:
        self._heard(event)
        work = self._working.get(event.run)
        if work is None:
            return
        if isinstance(event, JobStarted):
            self._label(work)
        elif isinstance(event, Metric) and event.name == hopeless.CURVE:
            self._look_at_curve(work, event)
        elif isinstance(event, Finished):
            del self._working[event.run]
            self._finish(work, event)

    def _label(self, work: _AtWork) -> None:
        """Name the run after what differs, where nobody has named it."""
        directory = self._directory(work.job.run)
        with contextlib.suppress(PqvError):  # a name is for a person's eyes
            if not run_label.load(directory).name:
                note = f"Trial {work.number} of the study {self._folder.stem}."
                run_label.save(directory, name=space.words(work.params)[: run_label.NAME_LIMIT], note=note)

    def _look_at_curve(self, work: _AtWork, event: Metric) -> None:
        epochs = work.job.config.finetune.epochs
        if event.epoch is None or not epochs:
            return
        work.curve.append((event.epoch / epochs, event.value))
        if self._file.early_stop and not work.hopeless:
            work.hopeless = hopeless.verdict(
                work.curve, self._rivals(), bounded=self._file.accuracy_bounded, alone=self._file.accuracy_alone
            )
            if work.hopeless:
                self._executor.stop(work.job.run)

    def _rivals(self) -> list[Rival]:
        return [Rival(trial.curve, bool(trial.keeps)) for trial in self._trials.values() if trial.curve]

    # what came of it -----------------------------------------------------------------------------------------

    def _finish(self, work: _AtWork, end: Finished) -> None:
        if end.outcome == "cancelled":
            if work.hopeless and not self._cancelled:
                self._end(work, OptunaState.PRUNED, {WORDS: work.hopeless})
            elif not self._cancelled:
                self._fail(work.number, ErrorInfo(kind="Cancelled", message="It was cancelled."), run=work.job.run)
            return  # else it goes on the next time
        if end.outcome == "failed":
            error = end.error or ErrorInfo(kind="WorkerError", message="The run failed.")
            self._fail(work.number, error, run=work.job.run)
            return
        self._succeed(work)

    def _succeed(self, work: _AtWork) -> None:
        directory = self._directory(work.job.run)
        try:
            if self._meter is not None:
                self._meter.measure(directory)
            found = figures.of_run(results.load(directory))
        except Cancelled:  # it goes on the next time
            self.cancel()
            return
        except PqvError as error:
            self._fail_of(work.number, error, run=work.job.run)
            return
        asked = [*self._file.goals, *(bound.figure for bound in self._file.bounds)]
        missing = next((figure for figure in asked if figure.key not in found), None)
        if missing is not None:
            self._fail(work.number, self._not_measured(missing), run=work.job.run)
            return
        self._end(work, OptunaState.COMPLETE, {FIGURES: found}, values=[found[goal.key] for goal in self._file.goals])

    def _not_measured(self, missing: Figure) -> ErrorInfo:
        on_phones = self._file.config.export.target == "android" and self._meter is None
        return ErrorInfo(
            kind="BenchmarkError",
            message=f"The run gives no figure for {missing.label.lower()}.",
            action="Measure trials on a phone: pqv study run … --target PHONE." if on_phones else "",
        )

    def _end(
        self, work: _AtWork, state: OptunaState, attributes: dict[str, Any], values: list[float] | None = None
    ) -> None:
        directory = self._directory(work.job.run)
        facts = {**self._facts(work.number, work.job.run), CURVE: _curve(directory, work.job.config)}
        self._over(work.number, work.job.run, state, {**attributes, **facts}, values)

    def _fail(self, number: int, error: ErrorInfo, *, run: str) -> None:
        """A trial has failed; where it is not for its settings, the study ends, and the trial goes on the next time."""
        if kind := _NOT_THE_SETTINGS.get(error.kind):
            raise kind(error.message, action=error.action, details=error.details)
        words = f"{error.message} {error.action}".strip()
        self._over(number, run, OptunaState.FAIL, {WORDS: words, **self._facts(number, run)}, None)

    def _fail_of(self, number: int, error: PqvError, *, run: str) -> None:
        """The same of an error met in this process, which may be of a finer kind than those that end the study."""
        if isinstance(error, tuple(_NOT_THE_SETTINGS.values())):
            raise error
        self._fail(number, error.info(), run=run)

    def _facts(self, number: int, run: str) -> dict[str, Any]:
        """Number and time of a run; nothing where it failed before it wrote anything."""
        with contextlib.suppress(PqvError):
            if run:
                before = self._frozen(number).user_attrs.get(BEFORE, 0.0)
                seconds = round(max(0.0, self._spent(run) - before), 3)
                return {NUMBER: results.load(self._directory(run)).number, SECONDS: seconds}
        return {}

    def _spent(self, run: str) -> float:
        """For how long a run was at work, with every time that it was begun; 0 for one that is not there."""
        with contextlib.suppress(PqvError):
            return sum(results.load(self._directory(run)).spans)
        return 0.0

    def _over(
        self, number: int, run: str, state: OptunaState, attributes: dict[str, Any], values: list[float] | None
    ) -> None:
        """Tell Optuna what came of a trial, attributes first: samplers look at them."""
        self._journal.keep(number, attributes)
        self._journal.study.tell(number, values, state=state)
        frozen = self._frozen(number)
        self._tried[self._key(frozen.params)] = frozen
        trial = self._note(frozen)
        self._heard(
            TrialFinished(
                trial=number,
                run=run,
                state=trial.state,
                figures=dict(trial.figures or {}),
                keeps=trial.keeps,
                words=trial.words,
                seconds_left=limits.seconds_left(self._file, list(self._trials.values())),
            )
        )

    def _frozen(self, number: int) -> FrozenTrial:
        return self._journal.trials()[number]

    def _directory(self, run: str) -> Path:
        return projects.runs_directory(self._project) / run


def _curve(directory: Path, config: RunConfig) -> list[tuple[float, float]]:
    """The accuracy of a run while it was fine-tuned, also where that was taken over from another run."""
    epochs = config.finetune.epochs
    points = history.read(directory / results.HISTORY_FILE) if epochs else []
    return [
        (item.epoch / epochs, item.value) for item in points if item.name == hopeless.CURVE and item.epoch is not None
    ]
