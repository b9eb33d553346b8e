"""A run does its stages in order, repeats only what changed, and survives being ended at any moment.

The stages here are small ones of their own: what the real ones do is tested where they are.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

import pytest

from pqv_core.config import RunConfig
from pqv_core.engine import pipeline
from pqv_core.engine.context import Context
from pqv_core.engine.stages import RunState, Stage
from pqv_core.errors import Cancelled, DataError, ProjectError, StorageError
from pqv_core.process.events import Event, JobStarted, StageFinished, StageStarted
from pqv_core.process.job import RunJob
from pqv_core.project import project_file as projects
from pqv_core.project import runs, stage_folder
from pqv_core.results import record as results
from tests.fakes import records
from tests.fakes.records import measurement, variant


@dataclass
class Workshop:
    """A project whose stages note what they did; ``first`` and ``second`` depend on one setting each."""

    project: Path
    worked: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    fail: dict[str, Callable[[], None]] = field(default_factory=dict)

    def stages(self) -> tuple[Stage, ...]:
        return (
            Stage("first", lambda state: {"seed": state.config.seed}, self._do("first")),
            Stage("never", lambda state: None, self._do("never")),
            Stage(
                "second",
                lambda state: {"first": state.keys["first"], "ratio": state.config.prune.ratio},
                self._do("second"),
                writes_history=True,
            ),
        )

    def _do(self, name: str) -> Callable[[RunState, Path], dict[str, Any]]:
        def execute(state: RunState, directory: Path) -> dict[str, Any]:
            (directory / "half.txt").write_text("half")
            state.context.metric("train_loss", step=len(self.worked) + 1, value=0.5)
            if name in self.fail:
                self.fail.pop(name)()
            (directory / "whole.txt").write_text(f"{name} {state.config.seed} {state.config.prune.ratio}")
            state.context.warn(f"{name} was done")
            self.worked.append(name)
            return {"name": name}

        return execute

    def set(self, **settings: Any) -> None:
        config = projects.load(self.project).config if self.project.exists() else RunConfig()
        seed = settings.pop("seed", config.seed)
        prune = config.prune.changed(**settings)
        projects.save(self.project, projects.Project(config=config.changed(seed=seed, prune=prune.model_dump())))

    def run(self, *, fresh: bool = False, remeasure: bool = False, cancel_at: str = "") -> results.RunRecord:
        self.worked.clear()
        self.events.clear()
        cancelled = threading.Event()

        def send(event: Event) -> None:
            self.events.append(event)
            if isinstance(event, StageStarted) and event.stage == cancel_at:
                cancelled.set()
                self.fail[cancel_at] = context.check_cancelled

        job = runs.job(self.project, fresh=fresh, remeasure=remeasure)
        context = Context(run=job.run, send=send, cancelled=cancelled)
        pipeline.run(job, context)
        return self.last()

    def last(self) -> results.RunRecord:
        return results.load_all(projects.runs_directory(self.project))[0][-1]

    def folder(self) -> Path:
        return projects.runs_directory(self.project) / self.last().id


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    shop = Workshop(tmp_path / "toy.pqv")
    shop.set()
    monkeypatch.setattr(pipeline, "STAGES", shop.stages())
    return shop


def test_stages_are_done_in_order_and_recorded(shop: Workshop) -> None:
    record = shop.run()
    assert shop.worked == ["first", "second"]
    assert record.state == "succeeded"
    assert [(stage.name, stage.state) for stage in record.stages] == [
        ("first", "done"),
        ("never", "skipped"),
        ("second", "done"),
    ]
    assert record.warnings == ("first was done", "second was done")
    assert record.config == projects.load(shop.project).config.model_dump(mode="json")


def test_only_stages_that_the_settings_ask_for_are_counted(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    first, _, second = shop.stages()
    unneeded = Stage("sparsify", lambda state: None, first.execute)
    monkeypatch.setattr(pipeline, "STAGES", (first, unneeded, second))
    seen: list[str] = []
    shop.fail["first"] = lambda: seen.extend(stage.state for stage in shop.last().stages)
    record = shop.run()
    assert seen == ["running", "skipped", "waiting"]  # from the beginning
    assert [stage.state for stage in record.stages] == ["done", "skipped", "done"]
    started = [event for event in shop.events if isinstance(event, StageStarted)]
    assert [(event.stage, event.index, event.total) for event in started] == [("first", 0, 2), ("second", 1, 2)]
    assert [event.stages for event in shop.events if isinstance(event, JobStarted)] == [("first", "second")]


def test_a_check_refuses_a_result_whether_it_is_new_or_taken_over(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(state: RunState) -> None:
        assert state.results["first"] == {"name": "first"}
        raise DataError("not for this", action="Choose another.")

    first, *others = shop.stages()
    monkeypatch.setattr(pipeline, "STAGES", (replace(first, check=refuse), *others))
    for worked in (["first"], []):
        with pytest.raises(DataError, match="not for this"):
            shop.run()
        assert shop.worked == worked
        assert [stage.state for stage in shop.last().stages] == ["failed", "waiting", "waiting"]


def test_a_second_run_repeats_nothing(shop: Workshop) -> None:
    first = shop.run()
    second = shop.run()
    assert shop.worked == []
    assert all(event.cached for event in shop.events if isinstance(event, StageFinished))
    assert (second.id, second.warnings) == (first.id, first.warnings)


def test_measuring_again_repeats_the_stages_that_measure_and_nothing_else(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = Stage("times", lambda state: {"second": state.keys["second"]}, shop._do("times"), measures=True)
    monkeypatch.setattr(pipeline, "STAGES", (*shop.stages(), times))
    first = shop.run()
    again = shop.run(remeasure=True)
    assert shop.worked == ["times"]
    assert (again.id, again.state) == (first.id, "succeeded")
    with pytest.raises(Cancelled):
        shop.run(remeasure=True, cancel_at="times")
    assert shop.last().state == "cancelled"
    assert (shop.folder() / "stages" / "times" / "whole.txt").exists(), "what was measured before is kept"
    assert shop.run().state == "succeeded"
    assert shop.worked == []


def test_a_changed_setting_repeats_only_what_depends_on_it(shop: Workshop) -> None:
    first = shop.run()
    shop.set(ratio=0.5)
    second = shop.run()
    assert shop.worked == ["second"]
    assert second.id != first.id
    assert (shop.folder() / "stages" / "first" / "whole.txt").read_text() == "first 0 0.25"
    assert (shop.folder() / "stages" / "second" / "whole.txt").read_text() == "second 0 0.5"


def test_results_of_any_earlier_run_are_taken_over(shop: Workshop) -> None:
    shop.run()
    shop.set(ratio=0.5, seed=1)
    shop.run()
    shop.set(ratio=0.5, seed=0)
    shop.run()
    assert shop.worked == ["second"]


def test_runs_are_in_the_order_they_began_though_the_clock_was_set_back(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    class LastYear(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> LastYear:
            return cls(2025, 1, 31, 14, 25, tzinfo=tz)

    first = shop.run()
    for module in (runs, pipeline):
        monkeypatch.setattr(module, "datetime", LastYear)
    shop.set(ratio=0.5)
    second = shop.run()
    assert second.id < first.id
    assert [record.id for record in results.load_all(projects.runs_directory(shop.project))[0]] == [first.id, second.id]
    assert shop.run().number == second.number == first.number + 1  # the same settings: the same run


def test_fresh_repeats_everything_in_a_new_run(shop: Workshop) -> None:
    first = shop.run()
    second = shop.run(fresh=True)
    assert shop.worked == ["first", "second"]
    assert second.id != first.id


@pytest.mark.parametrize(("stage", "left"), [("first", ["first", "second"]), ("second", ["second"])])
def test_a_cancelled_run_goes_on_where_it_was(shop: Workshop, stage: str, left: list[str]) -> None:
    with pytest.raises(Cancelled):
        shop.run(cancel_at=stage)
    stopped = shop.last()
    assert stopped.state == "cancelled"
    record = shop.run()
    assert shop.worked == left
    assert (record.id, record.state) == (stopped.id, "succeeded")


def test_a_run_cancelled_between_two_stages_says_so(shop: Workshop) -> None:
    job = runs.job(shop.project)
    context = Context(run=job.run, send=lambda event: isinstance(event, StageFinished) and context.cancelled.set())
    with pytest.raises(Cancelled):
        pipeline.run(job, context)
    assert shop.worked == ["first"]
    assert (shop.last().state, [stage.state for stage in shop.last().stages]) == (
        "cancelled",
        ["done", "cancelled", "waiting"],
    )
    assert shop.run().state == "succeeded"
    assert shop.worked == ["second"]


def test_what_is_half_done_never_stands_in_place_of_something_whole(shop: Workshop) -> None:
    def fail() -> None:
        raise DataError("The images are gone.", action="Bring them back.")

    shop.run()
    shop.set(ratio=0.5)
    shop.fail["second"] = fail
    with pytest.raises(DataError):
        shop.run()
    assert not (shop.folder() / "stages" / "second").exists()
    record = shop.last()
    assert record.state == "failed"
    assert record.error is not None
    assert record.error.action == "Bring them back."
    assert [stage.state for stage in record.stages] == ["done", "skipped", "failed"]


def test_an_unfinished_stage_finds_what_it_had_written(shop: Workshop) -> None:
    def die() -> None:
        raise KeyboardInterrupt

    shop.fail["second"] = die
    with pytest.raises(KeyboardInterrupt):
        shop.run()
    part = shop.folder() / "stages" / ".second.part"
    assert (part / "half.txt").exists()
    (part / "state").write_text("kept")
    shop.run()
    assert (shop.folder() / "stages" / "second" / "state").read_text() == "kept"


def test_what_an_unfinished_stage_had_written_for_other_inputs_is_dropped(shop: Workshop) -> None:
    def die() -> None:
        raise KeyboardInterrupt

    shop.fail["second"] = die
    with pytest.raises(KeyboardInterrupt):
        shop.run()
    part = shop.folder() / "stages" / ".second.part"
    (part / "state").write_text("stale")
    (part / "inputs_hash").write_text("another")
    shop.run()
    assert not (shop.folder() / "stages" / "second" / "state").exists()


def test_a_damaged_result_is_made_again(shop: Workshop) -> None:
    shop.run()
    done = shop.folder() / "stages" / "second" / "done.json"
    done.write_text(done.read_text()[:20])
    shop.run()
    assert shop.worked == ["second"]


def test_what_a_killed_writer_left_half_written_is_cleared(shop: Workshop) -> None:
    shop.run()
    leftovers = [shop.folder() / ".run.json.abc.part", shop.folder() / "stages" / "first" / ".whole.txt.x.part"]
    for leftover in leftovers:
        leftover.write_text("half")
    shop.run()
    assert not any(leftover.exists() for leftover in leftovers)


def test_what_is_wrong_before_a_stage_begins_is_kept_in_the_run(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(state: RunState) -> dict[str, Any]:
        raise DataError("The image folder does not exist: /x.")

    first, *others = shop.stages()
    monkeypatch.setattr(pipeline, "STAGES", (first, Stage("looks", missing, first.execute), *others))
    with pytest.raises(DataError):
        shop.run()
    record = shop.last()
    assert (record.state, record.stages[1].state) == ("failed", "failed")
    assert record.error is not None and record.error.message == "The image folder does not exist: /x."


def test_what_was_measured_beside_a_run_is_kept_until_its_benchmark_is_done_anew() -> None:
    own, beside = measurement(1).model_copy(update={"loop": "own"}), measurement(2).model_copy(update={"loop": "b"})
    phone = measurement(3).model_copy(update={"target": "Pixel", "loop": "c"})
    compressed = variant("compressed", measured=own, size_mb=1, top1=1.0)
    compressed = compressed.model_copy(update={"measurements": (own, beside, phone)})
    record = records.record().model_copy(update={"variants": (compressed,)})
    done = pipeline.Done("key", 1.0, {"compressed": [own.model_dump(mode="json")]}, [])
    assert pipeline._measured_apart(record, own=done) == {"compressed": (beside, phone)}
    assert pipeline._measured_apart(record, own=None) == {"compressed": (phone,)}


def test_a_full_disk_is_said_in_words(shop: Workshop) -> None:
    def fail() -> None:
        raise OSError(28, "No space left on device", "a file")

    shop.fail["first"] = fail
    with pytest.raises(StorageError, match="disk is full"):
        shop.run()
    assert shop.last().state == "failed"


def test_metrics_are_kept_beside_the_run(shop: Workshop) -> None:
    shop.run()
    lines = (shop.folder() / "history.jsonl").read_text().splitlines()
    assert lines == ['{"name":"train_loss","step":2,"value":0.5,"epoch":null}']


def test_one_run_is_written_by_one_process(shop: Workshop) -> None:
    job = runs.job(shop.project)
    with (
        runs.claimed(projects.runs_directory(shop.project) / job.run),
        pytest.raises(ProjectError, match="another process"),
    ):
        pipeline.run(job, Context(run=job.run, send=lambda event: None))


def test_the_record_tells_how_long_each_beginning_was_at_work(shop: Workshop) -> None:
    with pytest.raises(Cancelled):
        shop.run(cancel_at="second")
    (first,) = shop.last().spans
    assert first >= sum(stage.seconds for stage in shop.last().stages)

    resumed = shop.run()

    assert resumed.spans[:-1] == (first,) and resumed.spans[-1] > 0


# parts of a run, on several computers


def traveling(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    """``second`` may be done elsewhere; ``third`` builds on it, here."""
    first, _, second = shop.stages()
    third = Stage("third", lambda state: {"second": state.keys["second"]}, shop._do("third"))
    stages = (first, replace(second, travels=lambda config: True), third)
    monkeypatch.setattr(pipeline, "STAGES", stages)


def do(shop: Workshop, job: RunJob) -> dict[str, object] | None:
    shop.worked.clear()
    context = Context(run=job.run, send=shop.events.append, cancelled=threading.Event())
    return pipeline.run(job, context)


def test_a_run_goes_to_and_fro_between_two_computers(
    shop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    traveling(shop, monkeypatch)
    here = runs.job(shop.project).model_copy(update={"part": "here"})
    assert do(shop, here) == {"before": "second"}
    assert shop.worked == ["first"]
    states = {stage.name: stage.state for stage in shop.last().stages}
    assert states == {"first": "done", "second": "waiting", "third": "waiting"}
    assert shop.last().state == "interrupted"  # as long as nobody is at work

    other = tmp_path / "elsewhere" / "toy.pqv"
    away = here.model_copy(update={"part": "away", "project": str(other)})
    run = projects.runs_directory(other) / here.run
    for name, place in stage_folder.finished(shop.folder()).items():
        stage_folder.put(run, name, stage_folder.packed(place))
    assert do(shop, away) == {"before": "third"}
    assert shop.worked == ["second"]

    stage_folder.put(shop.folder(), "second", stage_folder.packed(run / "stages" / "second"))
    assert do(shop, here) is None
    assert shop.worked == ["third"]
    assert shop.last().state == "succeeded"
    shop.run()
    assert shop.worked == []  # an ordinary run takes it all as its own


def test_elsewhere_a_stage_is_taken_as_it_was_sent(
    shop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    traveling(shop, monkeypatch)
    here = runs.job(shop.project).model_copy(update={"part": "here"})
    do(shop, here)
    other = tmp_path / "elsewhere" / "toy.pqv"
    run = projects.runs_directory(other) / here.run
    stage_folder.put(run, "first", stage_folder.packed(shop.folder() / "stages" / "first"))
    changed = here.config.changed(seed=here.config.seed + 1)  # this computer would hash its inputs otherwise
    away = here.model_copy(update={"part": "away", "project": str(other), "config": changed})
    assert do(shop, away) == {"before": "third"}
    assert shop.worked == ["second"]


def test_elsewhere_nothing_is_done_without_what_must_be_sent(
    shop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    traveling(shop, monkeypatch)
    away = runs.job(shop.project).model_copy(update={"part": "away", "project": str(tmp_path / "else" / "toy.pqv")})
    assert do(shop, away) == {"before": "first"}
    assert shop.worked == []


def test_what_another_run_has_finished_is_not_sent_for(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    traveling(shop, monkeypatch)
    do(shop, runs.job(shop.project))
    again = RunJob(run=runs.new_id(), project=str(shop.project), config=projects.load(shop.project).config, part="here")
    assert do(shop, again) is None
    assert shop.worked == []
