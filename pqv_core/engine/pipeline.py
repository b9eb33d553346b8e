"""Does the stages of a run in order, and each only when its inputs have changed.

A stage writes into a folder of its own under ``stages/``. It works in ``.<stage>.part`` and is renamed into place
with a ``done.json`` in it once it is complete, so a killed run leaves nothing half-done in place of something
whole. A finished stage of any run of the project with the same hash of inputs is taken over. Both happen while the
project's runs are held (``runs.arranging``), so a run never takes over what another is just replacing.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from pqv_core.config import RunConfig
from pqv_core.engine import stages
from pqv_core.engine.context import Context
from pqv_core.engine.data.readers import Readers
from pqv_core.engine.measure import environment
from pqv_core.engine.stages import STAGES, RunState, Stage
from pqv_core.engine.train import distributed
from pqv_core.errors import Cancelled, PqvError, from_os_error
from pqv_core.files.fsio import remove, remove_folder, write_json
from pqv_core.process.events import Event, JobStarted, Metric, StageFinished, StageStarted
from pqv_core.process.job import RunJob
from pqv_core.project import plan, run_lock, runs, stage_folder
from pqv_core.project import project_file as projects
from pqv_core.project.history import History
from pqv_core.project.stage_folder import Done
from pqv_core.results import record as results
from pqv_core.results.record import LOCAL, Environment, Measurement, RunRecord, StageRecord, Variant

_WORD_S = 2.0


def run(job: RunJob, context: Context) -> dict[str, object] | None:
    """Do the run that ``job`` names.

    Returns:
        ``{"before": STAGE}`` where only a part of the run was asked for and the next stage is not of that part; else
        None.

    Raises:
        PqvError: A stage failed; what came before it is kept.
        Cancelled: The end was asked for; what is complete is kept.
    """
    if job.threads is not None:
        torch.set_num_threads(job.threads)
    project = Path(job.project)
    directory = projects.runs_directory(project) / job.run
    context.title = f"the run {job.run} of {project.stem}"
    waiting = _Waiting(context)
    with runs.claimed(directory, waiting=waiting):
        with runs.arranging(directory.parent, waiting=waiting):
            _clear_incomplete(directory)
        context.send(JobStarted(run=job.run, stages=planned(job.config), directory=str(directory)))
        with Readers(job.config.data.readers, sharing=distributed.local_world_size()) as context.readers:
            before = Pipeline(project, directory, RunState(project, job.config, context), job).run()
    return {"before": before} if before else None


def planned(config: RunConfig) -> tuple[str, ...]:
    """Names of the stages that a run with these settings does or takes over, in order."""
    return tuple(stage.name for stage in STAGES if plan.is_needed(stage.name, config))


def _clear_incomplete(directory: Path) -> None:
    """Remove what writers left that were killed: temporary files, and stages that others took the place of.

    The folders of unfinished stages stay. What a reader of long ago still has open stays until the next time.
    """
    with contextlib.suppress(OSError):
        for leftover in directory.rglob(".*.part"):
            if leftover.is_file():
                remove(leftover)
    stage_folder.clear_leftovers(directory)


class _Waiting:
    """Says once in a while that another run of the project is waited for; the end can be asked for meanwhile."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._next = 0.0

    def __call__(self, seconds: float) -> None:
        self._context.check_cancelled()
        if seconds < _WORD_S:
            self._next = _WORD_S
        elif seconds >= self._next:
            self._next = 2 * seconds
            self._context.log("Waiting for another run of this project that is reusing a finished stage.")


class Pipeline:
    """One run at work."""

    def __init__(self, project: Path, directory: Path, state: RunState, job: RunJob) -> None:
        self.directory = directory
        self.state = state
        self.context = state.context
        self.fresh, self.remeasure, self.part = job.fresh, job.remeasure, job.part
        self.siblings = projects.runs_directory(project)
        self.waiting = _Waiting(state.context)
        self.planned = planned(state.config)
        self.elsewhere: dict[str, tuple[Measurement, ...]] = {}
        self.earlier_export = ""
        self.earlier_spans: tuple[float, ...] = ()
        described = environment.describe(threads=state.config.measure.threads or environment.default_threads())
        with self._arranging():
            self.record = self._opened_record(described)
            self._save()
        self.history = History(directory / results.HISTORY_FILE)
        self.context.send = self._keeping_history(self.context.send)

    def _arranging(self) -> contextlib.AbstractContextManager[None]:
        return runs.arranging(self.siblings, waiting=self.waiting)

    def _opened_record(self, described: Environment) -> RunRecord:
        config = self.state.config.model_dump(mode="json")
        created = datetime.now(UTC).isoformat(timespec="milliseconds")
        variants: tuple[Variant, ...] = ()
        if (self.directory / results.RUN_FILE).exists():
            earlier = results.load(self.directory)
            number, created = earlier.number, earlier.created
            self.earlier_spans = earlier.spans
            variants = earlier.variants  # shown, and kept by a run that is killed, until the export has been looked at
            self.elsewhere = _measured_apart(earlier, own=stage_folder.read(self.directory / "stages" / "benchmark"))
            self.earlier_export = next((item.inputs_hash for item in earlier.stages if item.name == "export"), "")
        else:
            number = self._new_number(config)
        return RunRecord(
            id=self.directory.name,
            number=number,
            created=created,
            state="running",
            config=config,
            environment=described,
            stages=tuple(
                StageRecord(name=stage.name, state="waiting" if stage.name in self.planned else "skipped")
                for stage in STAGES
            ),
            variants=variants,
        )

    def _new_number(self, config: dict[str, Any]) -> int:
        """One more than any run of the project has.

        Raises:
            ProjectError: Another process began the same run in the same moment, under another id.
        """
        others = list(results.load_unchecked(self.siblings))
        for directory, plain in others if not self.fresh else ():
            if plain.get("config") == config and run_lock.is_held(directory):
                raise runs.already_running(directory.name)
        numbers = [plain.get("number") for _, plain in others]
        return max((number for number in numbers if isinstance(number, int)), default=0) + 1

    def _keeping_history(self, send: Callable[[Event], None]) -> Callable[[Event], None]:
        """Metrics go into the history too; one that a resumed training sends again is dropped."""

        def wrapped(event: Event) -> None:
            if not isinstance(event, Metric) or self.history.add(event):
                send(event)

        return wrapped

    def run(self) -> str:
        """Do every stage that is due, keeping ``run.json`` true after each.

        Returns:
            The stage before which it stopped, for it is not of the part that was asked for; the run is not over then.
        """
        for index, stage in enumerate(STAGES):
            if not self._do(index, stage):
                return stage.name
        self.record = self.record.model_copy(
            update={"state": "succeeded", "finished": datetime.now(UTC).isoformat(timespec="milliseconds")}
        )
        self._save()
        return ""

    def _do(self, index: int, stage: Stage) -> bool:
        """Do a stage, or pass over it; however it ends, the run says so. False where it is not this worker's to do."""
        record = StageRecord(name=stage.name, state="running")
        try:
            self.context.check_cancelled()
            self.context.enter(stage.name)
            travels = stage.travels(self.state.config)
            if self.part == "away" and not travels:
                return self._as_given(index, stage)
            inputs = stage.inputs(self.state)
            if inputs is None:
                self._mark(index, record.model_copy(update={"state": "skipped"}))
                return True
            record = record.model_copy(update={"inputs_hash": stage.key(inputs)})
            place, total = self.planned.index(stage.name), len(self.planned)
            self.context.send(StageStarted(run=self.context.run, stage=stage.name, index=place, total=total))
            self._mark(index, record)
            done, cached = self._taken_over(stage, record.inputs_hash), True
            if done is None and self.part == "here" and travels:
                self._mark(index, record.model_copy(update={"state": "waiting"}))
                return False
            if done is None:
                done, cached = self._worked(stage, record.inputs_hash), False
            self._finish(index, stage, done, cached)
            return True
        except Cancelled:
            self._end(index, record, "cancelled", None)
            raise
        except PqvError as error:
            self._end(index, record, "failed", error)
            raise
        except OSError as error:
            translated = from_os_error(error)
            self._end(index, record, "failed", translated)
            raise translated from error

    def _as_given(self, index: int, stage: Stage) -> bool:
        """Take a stage as another computer has finished it, whatever this one would make of it; False without."""
        if stage.name not in self.planned:
            self._mark(index, StageRecord(name=stage.name, state="skipped"))
            return True
        done = stage_folder.read(self._place(stage))
        if done is not None:
            self._finish(index, stage, done, cached=True)
        return done is not None

    def _finish(self, index: int, stage: Stage, done: Done, cached: bool) -> None:
        for warning in done.warnings:
            if warning not in self.context.warnings:
                self.context.warnings.append(warning)
        self.state.complete(stage.name, key=done.inputs_hash, result=done.result, directory=self._place(stage))
        stage.check(self.state)
        if stage.name == "export" and cached and done.inputs_hash == self.earlier_export:
            self.state.elsewhere = self.elsewhere  # the files are still those that were measured
        if stage.name == "benchmark" and not cached:  # what this computer measured before is replaced
            kept = self.state.elsewhere.items()
            self.state.elsewhere = {key: tuple(item for item in items if item.target != LOCAL) for key, items in kept}
        stages.publish(self.state, stage.name, self.directory)
        self.record = stages.fill(self.record, self.state)
        self._mark(
            index,
            StageRecord(
                name=stage.name, state="done", seconds=done.seconds, cached=cached, inputs_hash=done.inputs_hash
            ),
        )
        self.context.send(
            StageFinished(
                run=self.context.run,
                stage=stage.name,
                seconds=done.seconds,
                cached=cached,
                said=stages.log_line(self.state, stage.name),
            )
        )

    def _place(self, stage: Stage) -> Path:
        return self.directory / "stages" / stage.name

    def _taken_over(self, stage: Stage, key: str) -> Done | None:
        """A finished result with the same inputs, linked into this run's folder; None where there is none."""
        if self.fresh or (self.remeasure and stage.measures):
            return None
        place = self._place(stage)
        own = stage_folder.read(place)
        if own is not None and own.inputs_hash == key:
            return own
        part = place.with_name(f".{stage.name}.part")
        with self._arranging():
            for other in sorted(self.siblings.glob(f"*/stages/{stage.name}"), reverse=True):
                done = stage_folder.read(other)
                if done is not None and done.inputs_hash == key and _taken(other, part, done):
                    stage_folder.swap(part, place)
                    return done
        return None

    def _worked(self, stage: Stage, key: str) -> Done:
        place = self._place(stage)
        part = place.with_name(f".{stage.name}.part")
        marker = part / "inputs_hash"
        if self.fresh or not marker.exists() or marker.read_text() != key:
            remove_folder(part)
            part.mkdir(parents=True)
            marker.write_text(key)
            if stage.writes_history:
                self.history.begin(self._history_before())
        known = list(self.context.warnings)
        began = time.monotonic()
        result = stage.execute(self.state, part)
        seconds = time.monotonic() - began
        if stage.writes_history and (self.directory / results.HISTORY_FILE).exists():
            shutil.copy(self.directory / results.HISTORY_FILE, part / results.HISTORY_FILE)
        warnings = [text for text in self.context.warnings if text not in known]
        remove(marker)
        done = Done(key, round(seconds, 3), result, warnings, files=stage_folder.sizes(part))
        write_json(part / stage_folder.DONE_FILE, done.__dict__)
        with self._arranging():
            stage_folder.swap(part, place)
        return done

    def _history_before(self) -> Path | None:
        """The curves of the training before, which this run's file begins with."""
        files = [directory / results.HISTORY_FILE for directory in self.state.directories.values()]
        return next((file for file in reversed(files) if file.exists()), None)

    def _mark(self, index: int, record: StageRecord) -> None:
        stages_ = (*self.record.stages[:index], record, *self.record.stages[index + 1 :])
        self.record = self.record.model_copy(update={"stages": stages_, "warnings": tuple(self.context.warnings)})
        self._save()

    def _end(self, index: int, running: StageRecord, state: Any, error: PqvError | None) -> None:
        """Keep how the run ended. A disk that is full must not hide why."""
        self.record = self.record.model_copy(update={"state": state, "error": error.info() if error else None})
        try:
            self._mark(index, running.model_copy(update={"state": state}))
        except PqvError as second:
            self.context.log(second.message, level="error")

    def _save(self) -> None:
        spans = (*self.earlier_spans, round(time.monotonic() - self.context.begun, 3))
        self.record = self.record.model_copy(update={"spans": spans})
        results.save(self.directory, self.record)


def _measured_apart(record: RunRecord, *, own: Done | None) -> dict[str, tuple[Measurement, ...]]:
    """By artefact, what phones and this computer measured of a run's files beside the run's ``own`` benchmark."""
    loops = _loops(own.result) if own else None
    return {
        variant.key: tuple(
            item
            for item in variant.measurements
            if item.target != LOCAL or (loops is not None and item.loop not in loops)
        )
        for variant in record.variants
    }


def _loops(benchmark: dict[str, Any]) -> set[str] | None:
    """The loops of a benchmark's result; None for one of an earlier version, which is done anew."""
    try:
        return {item["loop"] for several in benchmark.values() for item in several}
    except TypeError:
        return None


def _taken(source: Path, part: Path, done: Done) -> bool:
    """Link a finished stage into ``part``; False where it is being deleted by somebody who does not ask."""
    remove_folder(part)
    try:
        _link(source, part)
    except OSError:
        if stage_folder.read(source) == done:
            raise
    return stage_folder.read(part) == done


def _link(source: Path, target: Path) -> None:
    """The same folder once more. Its files are shared, so whoever changes one puts another in its place."""
    target.mkdir(parents=True)
    for path in source.iterdir():
        if path.is_dir():
            _link(path, target / path.name)
        else:
            _link_or_copy(path, target / path.name)


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without links
        shutil.copy2(source, target)
