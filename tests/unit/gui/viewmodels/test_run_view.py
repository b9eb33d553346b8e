"""Events of a run become what the Run page shows."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqv_core.errors import ErrorInfo
from pqv_core.process import events
from pqv_core.project import runs
from pqv_core.project.plan import Planned
from pqv_core.results import record as results
from pqv_gui.viewmodels import run_view as run_views
from pqv_gui.viewmodels.results.series import Curve, LatencySeries, RunningMedian
from pqv_gui.viewmodels.run_view import RunView

STAGES = ("load", "prune", "finetune", "benchmark")


@pytest.fixture
def view() -> RunView:
    made = RunView()
    made.begin("r1")
    made.apply([events.JobStarted(run="r1", stages=STAGES, directory="/somewhere")])
    return made


def test_a_run_goes_through_its_stages(view: RunView) -> None:
    view.apply(
        [
            events.StageStarted(run="r1", stage="load", index=0, total=4),
            events.StageFinished(run="r1", stage="load", seconds=1.5),
            events.StageStarted(run="r1", stage="prune", index=1, total=4),
            events.Progress(run="r1", stage="prune", done=3, total=10, seconds_left=7.0),
        ]
    )
    assert [row.state for row in view.now.stages] == ["done", "running", "waiting", "waiting"]
    assert (view.running_stage, view.stage_position) == ("prune", (2, 4))
    assert view.now.progress is not None
    assert view.now.progress.done == 3


def test_the_stages_are_there_before_the_worker_has_said_a_word() -> None:
    view = RunView()
    view.begin("r1", [Planned("start", 8.0), Planned("load", 2.0), Planned("export", 20.0)])
    assert [(row.name, row.state) for row in view.now.stages] == [("load", "waiting"), ("export", "waiting")]
    assert view.position == "2 stages"
    assert view.activity == ("Starting Python", "")


def test_what_goes_on_is_said_in_the_present_tense(view: RunView) -> None:
    view.begin("r1")
    view.apply([events.Progress(run="r1", stage="start", part="torch", done=0, total=0)])
    assert view.activity == ("Loading PyTorch", "")
    view.apply([events.JobStarted(run="r1", stages=STAGES)])
    assert view.activity == ("Preparing the next stage", "")
    view.apply([events.StageStarted(run="r1", stage="prune", index=1, total=4)])
    assert view.activity == ("Pruning", "")
    view.apply([events.Progress(run="r1", stage="prune", done=3, total=10, unit="layers")])
    assert view.activity == ("Pruning", "layer 3 of 10")


def test_time_left_and_bar_are_of_the_whole_run_and_move_while_nobody_speaks() -> None:
    now = [0.0]
    view = RunView(clock=lambda: now[0])
    view.begin("r1", [Planned("start", 10.0, known=True), *(Planned(name, 30.0, known=True) for name in STAGES)])
    assert view.now.whole is not None
    seen = []
    for _ in range(3):
        now[0] += 1.0
        view.tick()
        seen.append((view.now.whole.fraction, view.now.whole.seconds_left))
    assert seen == [(pytest.approx(second / 130), pytest.approx(130 - second)) for second in (1, 2, 3)]
    view.apply([events.StageStarted(run="r1", stage="load", index=0, total=4)])
    assert view.position == "stage 1 of 4 · 2 min left"


def test_the_log_tells_start_end_and_result_of_each_stage_with_the_time() -> None:
    view = RunView(now=lambda: datetime(2026, 1, 31, 14, 2, 11, tzinfo=UTC))
    view.begin("r1")
    view.apply(
        [
            events.StageStarted(run="r1", stage="evaluate", index=0, total=2),
            events.StageFinished(run="r1", stage="evaluate", seconds=12.3, said="91.2 % of 355 images correct"),
            events.StageStarted(run="r1", stage="export", index=1, total=2),
            events.Finished(run="r1", outcome="cancelled"),
        ]
    )
    assert [(line.time, line.text) for line in view.log_since(0)] == [
        ("14:02:11", "Measuring baseline accuracy …"),
        ("14:02:11", "Baseline accuracy: 91.2 % of 355 images correct (12.3 s)"),
        ("14:02:11", "Exporting …"),
        ("14:02:11", "The run was stopped, at “Quantize and export”."),
    ]


def test_stages_that_a_run_did_not_need_are_not_listed(tmp_path: Path) -> None:
    stages = (results.StageRecord(name="load", state="done"), results.StageRecord(name="prune", state="skipped"))
    view = RunView()
    view.show(_record(tmp_path, stages=stages), [], tmp_path)
    assert [row.name for row in view.now.stages] == ["load"]


def test_progress_ends_with_its_stage(view: RunView) -> None:
    view.apply(
        [
            events.StageStarted(run="r1", stage="load", index=0, total=4),
            events.Progress(run="r1", stage="load", done=1, total=2),
            events.StageFinished(run="r1", stage="load", seconds=0.1, cached=True),
        ]
    )
    assert view.now.progress is None
    assert view.now.stages[0].cached


def test_events_of_another_run_are_dropped(view: RunView) -> None:
    heard: list[int] = []
    view.subscribe(lambda: heard.append(1))
    view.apply([events.Metric(run="old", name="train_loss", step=1, value=1.0), events.Log(run="old", text="late")])
    assert view.now.curves == {}
    assert view.now.logged == 0
    assert heard == []


def test_events_after_the_end_are_dropped(view: RunView) -> None:
    view.apply([events.Finished(run="r1", outcome="succeeded")])
    view.apply([events.Finished(run="r1", outcome="failed"), events.Log(run="r1", text="late")])
    assert view.state == "succeeded"
    assert [line.text for line in view.log_since(0)] == ["The run is complete."]


def test_a_batch_is_one_notification(view: RunView) -> None:
    heard: list[int] = []
    view.subscribe(lambda: heard.append(1))
    view.apply([events.Metric(run="r1", name="train_loss", step=n, value=1 / n) for n in range(1, 300)])
    assert heard == [1]
    assert len(view.now.curves["train_loss"]) == 299


def test_a_failure_names_its_stage(view: RunView) -> None:
    error = ErrorInfo(kind="PruneError", message="It cannot be pruned.")
    view.apply(
        [
            events.StageStarted(run="r1", stage="prune", index=1, total=4),
            events.Finished(run="r1", outcome="failed", error=error),
        ]
    )
    assert (view.state, view.now.failed_stage, view.now.error) == ("failed", "prune", error)
    assert view.now.stages[1].state == "failed"
    assert view.can_resume
    assert not view.active


def test_cancelling_ends_as_cancelled(view: RunView) -> None:
    view.cancelling()
    assert view.state == "cancelling"
    view.apply([events.Finished(run="r1", outcome="cancelled")])
    assert view.state == "cancelled"
    assert view.can_resume


def test_latencies_of_an_earlier_measuring_make_room(view: RunView) -> None:
    view.apply([events.LatencySample(run="r1", role="compressed", index=0, ns=5)])
    view.apply([events.StageStarted(run="r1", stage="benchmark", index=3, total=4)])
    view.apply([events.LatencySample(run="r1", role="compressed", index=0, ns=2_000_000)])
    assert list(view.now.latency["compressed"].samples.y) == [2.0]


def test_the_log_keeps_its_newest_lines(view: RunView) -> None:
    lines = run_views.LOG_LINES + 10
    view.apply([events.Log(run="r1", text=str(number)) for number in range(lines)])
    assert view.now.logged == lines
    assert [line.text for line in view.log_since(lines - 2)] == [str(lines - 2), str(lines - 1)]
    assert view.log_since(0)[0].number == 10


def test_a_new_run_starts_from_nothing(view: RunView) -> None:
    view.apply([events.Metric(run="r1", name="train_loss", step=1, value=1.0)])
    view.begin("r2")
    assert (view.state, view.now.curves, view.now.stages) == ("starting", {}, [])
    view.apply([events.Finished(run="r1", outcome="failed")])
    assert view.state == "starting"


@given(st.lists(st.floats(min_value=0, max_value=1e6), min_size=1, max_size=80), st.integers(1, 9))
def test_the_running_median_is_that_of_the_last_values(values: list[float], window: int) -> None:
    import statistics

    running = RunningMedian(window)
    for index, value in enumerate(values):
        expected = statistics.median(values[max(0, index + 1 - window) : index + 1])
        assert running.add(value) == pytest.approx(expected)


def test_a_latency_series_is_in_milliseconds() -> None:
    series = LatencySeries()
    for index, ns in enumerate((3_000_000, 1_000_000, 2_000_000)):
        series.add(index, ns)
    assert list(series.samples.y) == [3.0, 1.0, 2.0]
    assert series.median == 2.0


def test_an_empty_curve_has_no_last_value() -> None:
    assert Curve().last is None


def _record(folder: Path, **changes: object) -> results.RunRecord:
    environment = results.Environment(
        pqv="0", python="3", system="x", processor="p", cores=2, memory_bytes=1, threads=2, versions={}
    )
    stages = (results.StageRecord(name="load", state="done", seconds=1.0),)
    plain = {
        "id": "r9",
        "created": "2026-01-01T00:00:00Z",
        "state": "succeeded",
        "config": {},
        "environment": environment,
        "stages": stages,
    }
    record = results.RunRecord.model_validate({**plain, **changes})
    results.save(folder / record.id, record)
    return record


def test_the_newest_run_is_read_with_its_curves(tmp_path: Path) -> None:
    _record(tmp_path, id="r8", created="2025-01-01T00:00:00Z")
    _record(tmp_path)
    good = json.dumps({"name": "train_loss", "step": 1, "value": 0.5, "epoch": 0.1})
    (tmp_path / "r9" / results.HISTORY_FILE).write_text(f'{good}\n{{"name": "train_lo\n{good}')
    stored = run_views.read_newest(tmp_path)
    assert stored is not None
    assert stored.record.id == "r9"
    assert len(stored.metrics) == 2
    view = RunView()
    view.show(stored.record, stored.metrics, stored.directory)
    assert (view.state, len(view.now.curves["train_loss"])) == ("succeeded", 2)
    assert view.now.stages[0].seconds == 1.0


def test_a_run_that_was_killed_can_be_resumed(tmp_path: Path) -> None:
    _record(tmp_path, state="running", spans=(3.0,))
    stored = run_views.read_newest(tmp_path)
    assert stored is not None
    view = RunView()
    view.show(stored.record, stored.metrics, stored.directory)
    assert (view.state, view.can_resume) == ("interrupted", True)
    assert view.spans == ()  # nobody knows how long it lived on


def test_a_run_of_another_process_is_running_elsewhere(tmp_path: Path) -> None:
    record = _record(tmp_path, state="running")
    with runs.claimed(tmp_path / record.id):
        stored = run_views.read(tmp_path / record.id)
        assert stored is not None
    view = RunView()
    view.show(stored.record, stored.metrics, stored.directory)
    assert (view.state, view.can_resume, view.active) == ("elsewhere", False, False)


def test_the_time_of_a_run_is_that_on_the_clock_not_the_sum_of_its_stages(
    view: RunView, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = view.now.begun
    view.apply([events.StageFinished(run="r1", stage="load", seconds=12.3)])
    monkeypatch.setattr("time.monotonic", lambda: begun + 77)
    view.apply([events.Finished(run="r1", outcome="cancelled")])
    assert view.spans == pytest.approx((77,))


def test_no_runs_is_nothing_to_show(tmp_path: Path) -> None:
    assert run_views.read_newest(tmp_path / "none") is None


def test_a_run_that_ended_as_only_a_newer_version_knows_is_shown(tmp_path: Path) -> None:
    view = RunView()
    stages = (results.StageRecord(name="distil", state="postponed"),)
    view.show(_record(tmp_path, state="paused", stages=stages), [], tmp_path)
    assert (view.state, view.now.stages[0].state) == ("unknown", "postponed")
