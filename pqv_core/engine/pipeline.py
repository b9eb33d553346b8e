"""Does the stages of a run in order, and each only when its inputs have changed.

A stage writes into a folder of its own under ``stages/``. It works in ``.<stage>.part`` and is renamed into place
with a ``done.json`` in it once it is complete, so a killed run leaves nothing half-done in place of something
whole. A finished stage of any run of the project with the same hash of inputs is taken over.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pqv_core import project as projects
from pqv_core import results, runs
from pqv_core.engine import crew, environment, stages
from pqv_core.engine.context import Context
from pqv_core.engine.readers import Readers
from pqv_core.engine.stages import STAGES, Stage, Work
from pqv_core.errors import Cancelled, PqvError, from_os_error
from pqv_core.events import Event, JobStarted, Metric, StageFinished, StageStarted
from pqv_core.fsio import sha256_json, write_json
from pqv_core.history import History
from pqv_core.job import RunJob
from pqv_core.results import Measurement, RunRecord, StageRecord, Variant

DONE_FILE = "done.json"


def run(job: RunJob, context: Context) -> None:
    """Do the run that ``job`` names.

    Raises:
        PqvError: A stage failed; what came before it is kept.
        Cancelled: The end was asked for; what is complete is kept.
    """
    project = Path(job.project)
    directory = projects.runs_directory(project) / job.run
    with runs.claimed(directory):
        _clear_half_written(directory)
        context.send(JobStarted(run=job.run, stages=tuple(stage.name for stage in STAGES), directory=str(directory)))
        with Readers(job.config.data.readers, sharing=crew.size_here()) as context.readers:
            Pipeline(project, directory, Work(project, job.config, context), fresh=job.fresh).run()


def _clear_half_written(directory: Path) -> None:
    """Remove the temporary files of writers that were killed; the folders of unfinished stages stay."""
    for leftover in directory.rglob(".*.part"):
        if leftover.is_file():
            leftover.unlink(missing_ok=True)


@dataclass(frozen=True)
class Done:
    """What ``done.json`` keeps of a finished stage."""

    inputs_hash: str
    seconds: float
    result: dict[str, Any]
    warnings: list[str]


class Pipeline:
    """One run at work."""

    def __init__(self, project: Path, directory: Path, work: Work, *, fresh: bool) -> None:
        self.directory = directory
        self.work = work
        self.context = work.context
        self.fresh = fresh
        self.siblings = projects.runs_directory(project)
        self.elsewhere: dict[str, tuple[Measurement, ...]] = {}
        self.earlier_export = ""
        self.record = self._opened_record()
        self.history = History(directory / results.HISTORY_FILE)
        self.context.send = self._keeping_history(self.context.send)

    def _opened_record(self) -> RunRecord:
        created = datetime.now(UTC).isoformat(timespec="milliseconds")
        variants: tuple[Variant, ...] = ()
        if (self.directory / results.RUN_FILE).exists():
            earlier = results.load(self.directory)
            number, created = earlier.number, earlier.created
            variants = earlier.variants  # shown, and kept by a run that is killed, until the export has been looked at
            self.elsewhere = results.measured_elsewhere(earlier)
            self.earlier_export = next((item.inputs_hash for item in earlier.stages if item.name == "export"), "")
        else:
            number = self._next_number()
        config = self.work.config
        return RunRecord(
            id=self.directory.name,
            number=number,
            created=created,
            state="running",
            config=config.model_dump(mode="json"),
            environment=environment.describe(threads=config.measure.threads or environment.default_threads()),
            stages=tuple(StageRecord(name=stage.name, state="waiting") for stage in STAGES),
            variants=variants,
        )

    def _next_number(self) -> int:
        records, _ = results.load_all(self.siblings)
        return records[-1].number + 1 if records else 1

    def _keeping_history(self, send: Callable[[Event], None]) -> Callable[[Event], None]:
        """Metrics go into the history too; one that a resumed training sends again is dropped."""

        def wrapped(event: Event) -> None:
            if not isinstance(event, Metric) or self.history.add(event):
                send(event)

        return wrapped

    def run(self) -> None:
        """Do every stage that is due, keeping ``run.json`` true after each."""
        self._save()
        for index, stage in enumerate(STAGES):
            self.context.check_cancelled()
            self.context.enter(stage.name)
            inputs = stage.inputs(self.work)
            if inputs is None:
                self._mark(index, StageRecord(name=stage.name, state="skipped"))
                continue
            self.context.send(StageStarted(run=self.context.run, stage=stage.name, index=index, total=len(STAGES)))
            key = sha256_json({"stage": stage.name, "version": stage.version, "inputs": inputs})
            self._do(index, stage, key)
        self.record = self.record.model_copy(
            update={"state": "succeeded", "finished": datetime.now(UTC).isoformat(timespec="milliseconds")}
        )
        self._save()

    def _do(self, index: int, stage: Stage, key: str) -> None:
        running = StageRecord(name=stage.name, state="running", inputs_hash=key)
        self._mark(index, running)
        try:
            done, cached = self._taken_over(stage, key), True
            if done is None:
                done, cached = self._worked(stage, key), False
        except Cancelled:
            self._end(index, running, "cancelled", None)
            raise
        except PqvError as error:
            self._end(index, running, "failed", error)
            raise
        except OSError as error:
            translated = from_os_error(error)
            self._end(index, running, "failed", translated)
            raise translated from error
        self._finish(index, stage, done, cached)

    def _finish(self, index: int, stage: Stage, done: Done, cached: bool) -> None:
        for warning in done.warnings:
            if warning not in self.context.warnings:
                self.context.warnings.append(warning)
        self.work.complete(stage.name, key=done.inputs_hash, result=done.result, directory=self._place(stage))
        if stage.name == "export" and cached and done.inputs_hash == self.earlier_export:
            self.work.elsewhere = self.elsewhere  # the files are still those that phones have measured
        stages.publish(self.work, stage.name, self.directory)
        self.record = stages.fill(self.record, self.work)
        self._mark(
            index,
            StageRecord(
                name=stage.name, state="done", seconds=done.seconds, cached=cached, inputs_hash=done.inputs_hash
            ),
        )
        self.context.send(StageFinished(run=self.context.run, stage=stage.name, seconds=done.seconds, cached=cached))

    def _place(self, stage: Stage) -> Path:
        return self.directory / "stages" / stage.name

    def _taken_over(self, stage: Stage, key: str) -> Done | None:
        """A finished result with the same inputs, linked into this run's folder; None where there is none."""
        place = self._place(stage)
        own = _read_done(place)
        if own is not None and own.inputs_hash == key and not self.fresh:
            return own
        if self.fresh:
            return None
        for other in sorted(self.siblings.glob(f"*/stages/{stage.name}"), reverse=True):
            done = _read_done(other)
            if done is not None and done.inputs_hash == key:
                part = place.with_name(f".{stage.name}.part")
                shutil.rmtree(part, ignore_errors=True)
                shutil.copytree(other, part, copy_function=_link_or_copy)
                _swap(part, place)
                return done
        return None

    def _worked(self, stage: Stage, key: str) -> Done:
        place = self._place(stage)
        part = place.with_name(f".{stage.name}.part")
        marker = part / "inputs_hash"
        if self.fresh or not marker.exists() or marker.read_text() != key:
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(parents=True)
            marker.write_text(key)
            if stage.writes_history:
                self.history.begin(self._history_before())
        known = list(self.context.warnings)
        began = time.monotonic()
        result = stage.work(self.work, part)
        seconds = time.monotonic() - began
        if stage.writes_history and (self.directory / results.HISTORY_FILE).exists():
            shutil.copy(self.directory / results.HISTORY_FILE, part / results.HISTORY_FILE)
        warnings = [text for text in self.context.warnings if text not in known]
        done = Done(inputs_hash=key, seconds=round(seconds, 3), result=result, warnings=warnings)
        marker.unlink()
        write_json(part / DONE_FILE, done.__dict__)
        _swap(part, place)
        return done

    def _history_before(self) -> Path | None:
        """The curves of the training before, which this run's file begins with."""
        files = [directory / results.HISTORY_FILE for directory in self.work.directories.values()]
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
        results.save(self.directory, self.record)


def _read_done(place: Path) -> Done | None:
    try:
        plain = json.loads((place / DONE_FILE).read_text(encoding="utf-8"))
        return replace(Done("", 0.0, {}, []), **plain)
    except (OSError, ValueError, TypeError):
        return None  # not there, or not whole: the stage is done again


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without links
        shutil.copy2(source, target)


def _swap(part: Path, place: Path) -> None:
    """Put a complete folder in the place of an older one."""
    old = place.with_name(f".{place.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if place.exists():
        place.rename(old)
    part.rename(place)
    shutil.rmtree(old, ignore_errors=True)
