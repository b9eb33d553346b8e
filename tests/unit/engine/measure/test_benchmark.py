"""Measuring: each file in a process of its own, in turns, in the way in which it is quicker; each failure in words."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from statistics import median
from typing import Any

import psutil
import pytest
import torch
from torch import nn

from pqv_core.engine.context import Context
from pqv_core.engine.formats.ptl import lite_writer
from pqv_core.engine.measure import benchmark, fork_server
from pqv_core.engine.measure import file_client as file_client
from pqv_core.engine.measure.benchmark import BenchmarkPlan
from pqv_core.engine.measure.file_client import ExportedFile, FileClient
from pqv_core.errors import BenchmarkError, Cancelled
from pqv_core.process.events import Event, LatencySample, Log, Progress
from pqv_core.results.record import Measurement
from pqv_core.results.wait_policy import VARIABLE

SHAPE = (1, 3, 8, 8)
# Stands in for the process that measures, at once. A file's path says what an inference takes in nanoseconds under each
# policy, as "136 ACTIVE=120 PASSIVE=1"; its load takes the number of the process, and its memory too.
ANSWERING = """
import json, os, sys
policy = os.environ.get("OMP_WAIT_POLICY", "")
def say(kind, **facts):
    print(json.dumps({"type": kind, **facts}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    if request["task"] == "load":
        own, *others = request["path"].split()
        ns = int(dict(other.split("=") for other in others).get(policy, own))
        say("loaded", load_ns=os.getpid(), base_bytes=1, peak_bytes=os.getpid())
    if request["task"] == "profile":
        say("operators", operators=[{"name": policy, "calls": 1, "ns": ns}])
    if request["task"] == "measure":
        say("samples", samples_ns=[ns] * request["count"])
    say("done")
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lite") / "a.ptl"
    model = nn.Sequential(nn.Flatten(), nn.Linear(192, 4)).eval()
    lite_writer.save(model, path, example=torch.zeros(SHAPE), passes="freeze", description={})
    return path


def quiet() -> Context:
    return Context(run="r", send=lambda event: None)


def plan(**changed: Any) -> BenchmarkPlan:
    return BenchmarkPlan(
        **{"input_shape": SHAPE, "threads": 1, "warmup": 1, "iterations": 7, "max_seconds": 60, "min_iterations": 5}
        | changed
    )


def test_every_file_is_measured_in_the_same_loop(file: Path) -> None:
    events: list[Event] = []
    found = benchmark.measure(
        [ExportedFile(key="a", path=str(file), format="ptl"), ExportedFile(key="b", path=str(file), format="ptl")],
        plan(),
        context=Context(run="r", send=events.append),
    )
    (a,), (b,) = found["a"], found["b"]
    assert len(a.samples_ns) == len(b.samples_ns) == 7
    assert a.loop == b.loop != ""
    assert all((one.peak_rss_bytes or 0) >= (one.base_rss_bytes or 0) > 0 for one in (a, b))
    assert all(one.load_ns for one in (a, b))
    turns = [event.role for event in events if isinstance(event, LatencySample)]
    assert sorted(turns[:10]) == ["a"] * 5 + ["b"] * 5


def test_a_model_costs_the_memory_of_its_weights_and_not_that_of_the_code_that_runs_it(tmp_path: Path) -> None:
    model, weights = nn.Sequential(*(nn.Linear(400, 400) for _ in range(10))).eval(), 10 * 400 * 401 * 4
    lite_writer.save(model, tmp_path / "b.ptl", example=torch.zeros(1, 400), passes="freeze", description={})
    found = benchmark.measure(
        [ExportedFile(key="b", path=str(tmp_path / "b.ptl"), format="ptl")], plan(input_shape=(1, 400)), context=quiet()
    )
    [item] = found["b"]
    assert item.peak_rss_bytes is not None
    assert item.base_rss_bytes is not None
    assert weights < item.peak_rss_bytes - item.base_rss_bytes < 3 * weights


def test_the_time_of_operators_covers_the_inference(file: Path) -> None:
    with FileClient(policy="", threads=1, context=quiet()) as client:
        client.load(ExportedFile(key="a", path=str(file), format="ptl"), input_shape=SHAPE)
        found = client.profile()
    spent = median(found.samples_ns)  # without the profiler
    rows = found.operators
    assert {"aten::linear", "aten::flatten"} <= {row.name for row in rows}
    assert [row.ns for row in rows] == sorted((row.ns for row in rows), reverse=True)
    assert spent / 10 < sum(row.ns for row in rows) < spent * 10  # the unit is right; the inference takes microseconds


def test_answers_of_several_files_are_found_by_key(file: Path, tmp_path: Path) -> None:
    inputs = torch.randn(3, *SHAPE[1:])
    files = [ExportedFile(key=key, path=str(file), format="ptl") for key in "ab"]
    answers = benchmark.answers(files, inputs, threads=1, scratch=tmp_path, context=quiet())
    assert answers["a"].shape == (3, 4)
    assert torch.equal(answers["a"], answers["b"])


def test_a_file_that_cannot_run_is_named(file: Path) -> None:
    with pytest.raises(BenchmarkError, match=r"a\.ptl expects a different input shape, not 1 × 3 × 9 × 9") as caught:
        benchmark.samples(
            [ExportedFile(key="a", path=str(file), format="ptl")], plan(input_shape=(1, 3, 9, 9)), context=quiet()
        )
    assert "243" in caught.value.details


# a stand-in for the process ------------------------------------------------------------------------------------


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Answers for the process that measures."""
    monkeypatch.delenv(VARIABLE, raising=False)
    program(monkeypatch, ANSWERING)
    return monkeypatch


def program(patch: pytest.MonkeyPatch, body: str) -> None:
    patch.setattr(fork_server, "IS_POSSIBLE", False)
    patch.setattr(file_client, "_PROGRAM", (sys.executable, "-c", body))


def measured(*paths: str, threads: int = 2, every: str = "", context: Context | None = None) -> list[list[Measurement]]:
    """What is measured of files that take what their paths say."""
    files = [ExportedFile(key=path, path=path, format="ptl", every_policy=path == every) for path in paths]
    found = benchmark.measure(files, plan(threads=threads), context=context or quiet())
    return [list(found[path]) for path in paths]


def test_each_file_is_timed_under_the_policy_in_which_it_is_quicker(stand_in: pytest.MonkeyPatch) -> None:
    (sleeping,), (spinning,) = measured("136 PASSIVE=1", "2 PASSIVE=3")
    assert (sleeping.wait_policy, sleeping.median_ns) == ("PASSIVE", 1)
    assert (spinning.wait_policy, spinning.median_ns) == ("", 2)
    assert sleeping.loop == spinning.loop


def test_of_a_baseline_both_ways_are_kept_in_the_loop_and_the_quicker_is_shown_live(
    stand_in: pytest.MonkeyPatch,
) -> None:
    events: list[Event] = []
    baseline = "136 PASSIVE=1"
    both, (other,) = measured(baseline, "2", every=baseline, context=Context(run="r", send=events.append))
    assert [(item.wait_policy, item.median_ns, len(item.samples_ns)) for item in both] == [
        ("", 136, 7),
        ("PASSIVE", 1, 7),
    ]
    assert {item.loop for item in both} == {other.loop}
    live = [(event.index, event.ns) for event in events if isinstance(event, LatencySample) and event.role == baseline]
    assert live == [(index, 1) for index in range(7)]


def test_every_measurement_is_of_a_process_of_its_own_and_all_are_gone(stand_in: pytest.MonkeyPatch) -> None:
    found = measured("136 PASSIVE=1", "2", "3", "4", "5", every="136 PASSIVE=1")
    processes = [item.peak_rss_bytes for several in found for item in several]
    assert len(processes) == len(set(processes)) == 6
    assert not any(psutil.pid_exists(pid) for pid in processes if pid)


def test_to_choose_between_files_each_is_timed_as_it_will_be_measured(stand_in: pytest.MonkeyPatch) -> None:
    files = [
        ExportedFile(key="a", path="5 PASSIVE=7", format="ptl"),
        ExportedFile(key="b", path="136 PASSIVE=6", format="ptl"),
    ]
    assert benchmark.samples(files, plan(threads=2), context=quiet()) == {"a": [5] * 7, "b": [6] * 7}


def test_operators_are_timed_under_the_policy_that_was_measured(stand_in: pytest.MonkeyPatch) -> None:
    files = [ExportedFile(key=path, path=path, format="ptl") for path in ("136 PASSIVE=1", "2", "3", "4", "5")]
    policies = dict.fromkeys("2345", "") | {"136 PASSIVE=1": "PASSIVE"}
    found = benchmark.profile(files, input_shape=SHAPE, threads=2, policies=policies, context=quiet())
    assert [[(row.name, row.ns) for row in found[file.key]] for file in files] == [
        [("PASSIVE", 1)], [("", 2)], [("", 3)], [("", 4)], [("", 5)]
    ]  # fmt: skip


def test_one_thread_waits_for_nobody_and_has_one_policy(stand_in: pytest.MonkeyPatch) -> None:
    [(alone,)] = measured("136 PASSIVE=1", threads=1, every="136 PASSIVE=1")
    assert (alone.wait_policy, alone.median_ns) == ("", 136)


@pytest.mark.parametrize("own", ["passive", "ACTIVE"])
def test_what_a_shell_says_of_waiting_changes_nothing(stand_in: pytest.MonkeyPatch, own: str) -> None:
    stand_in.setenv(VARIABLE, own)
    file = "136 ACTIVE=120 PASSIVE=1"
    [both] = measured(file, every=file)
    assert [(item.wait_policy, item.median_ns) for item in both] == [("", 136), ("PASSIVE", 1)]


def test_the_time_box_ends_the_loop_after_the_least_number_of_turns(stand_in: pytest.MonkeyPatch) -> None:
    found = benchmark.samples(
        [ExportedFile(key="a", path="1", format="ptl")],
        plan(iterations=10**6, max_seconds=0.0, min_iterations=12),
        context=quiet(),
    )
    assert len(found["a"]) == 15  # whole turns


NOISY = "import sys\nsys.stderr.write('noise ' * 2_000_000)\nsys.stderr.flush()\n" + ANSWERING


def test_what_a_process_writes_on_standard_error_stops_nobody(stand_in: pytest.MonkeyPatch) -> None:
    program(stand_in, NOISY)
    [(item,)] = measured("7")
    assert item.median_ns == 7


SILENT = "import sys, time; print(sys.stdin.readline(), file=sys.stderr, flush=True); time.sleep(60)"


def test_cancel_is_seen_while_a_process_says_nothing(stand_in: pytest.MonkeyPatch) -> None:
    program(stand_in, SILENT)
    context = quiet()
    threading.Timer(0.5, context.cancelled.set).start()
    with pytest.raises(Cancelled):
        measured("7", context=context)


def test_cancel_is_seen_while_it_answers(stand_in: pytest.MonkeyPatch) -> None:
    context = Context(run="r", send=lambda event: context.cancelled.set() if isinstance(event, LatencySample) else None)
    with pytest.raises(Cancelled):
        measured("7", context=context)


DEAD = "raise SystemExit(7)"
DYING = "import sys; sys.stdin.readline(); print('last words', file=sys.stderr); sys.exit(7)"


@pytest.mark.parametrize("body", [DEAD, DYING], ids=["before its request", "at its request"])
def test_a_process_that_dies_is_said(stand_in: pytest.MonkeyPatch, body: str) -> None:
    program(stand_in, body)
    with pytest.raises(BenchmarkError, match=r"ended unexpectedly \(exit status 7\)") as caught:
        measured("7", "8")
    assert ("last words" in caught.value.details) == (body == DYING)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_one_that_is_killed_is_said_with_what_it_may_have_lacked(stand_in: pytest.MonkeyPatch) -> None:
    program(stand_in, "import os; os.kill(os.getpid(), 9)")
    with pytest.raises(BenchmarkError, match="memory"):
        measured("7")


def test_where_the_lock_cannot_be_had_the_measuring_goes_on_with_a_warning(
    stand_in: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    stand_in.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    stand_in.setenv("HOME", str(tmp_path / "file"))
    stand_in.setenv("LOCALAPPDATA", str(tmp_path / "file"))
    events: list[Event] = []
    context = Context(run="r", send=events.append)
    [(item,)] = measured("7", context=context)
    assert item.median_ns == 7
    assert any(isinstance(event, Log) and "could not be locked out" in event.text for event in events)


HOLDING = """
import sys
from pqv_core.process import measuring_lock
with measuring_lock.held("the run 7 of trees", say=print, warn=print, check=lambda: None):
    print("holds", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("task", ["measure", "samples", "profile"])
def test_while_another_process_measures_all_that_is_timed_waits_and_says_for_whom(
    stand_in: pytest.MonkeyPatch, task: str
) -> None:
    said: list[str] = []

    def send(event: Event) -> None:
        if isinstance(event, Log):
            said.append(event.text)
            context.cancelled.set()

    context = Context(run="r", send=send)
    options: dict[str, Any] = {"plan": plan()}
    if task == "profile":
        options = {"input_shape": SHAPE, "threads": 1, "policies": {"7": ""}}
    command = [sys.executable, "-c", HOLDING]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(Cancelled):
            getattr(benchmark, task)([ExportedFile(key="7", path="7", format="ptl")], **options, context=context)
    assert "the run 7 of trees" in said[0]


def test_answers_are_told_one_group_after_another(file: Path, tmp_path: Path) -> None:
    events: list[Event] = []
    files = [ExportedFile(key=key, path=str(file), format="ptl") for key in "ab"]
    inputs = torch.randn(20, *SHAPE[1:])
    context = Context(run="r", send=events.append)
    found = benchmark.answers(files, inputs, threads=1, scratch=tmp_path, context=context)
    assert {key: value.shape for key, value in found.items()} == {"a": (20, 4), "b": (20, 4)}
    told = [(event.done, event.total, event.unit) for event in events if isinstance(event, Progress)]
    assert told == [(done, 40, "answers") for done in (8, 16, 20, 28, 36, 40)]


# rest -----------------------------------------------------------------------------------------------------------


def test_a_process_is_at_rest_after_its_turn_even_where_threads_are_told_to_spin_for_ever() -> None:
    body = """
import torch
from pqv_core.engine.measure import file_process as file_process
torch.set_num_threads(2)
torch.randn(1000, 1000).exp()
file_process.rest()
print(file_process._sleeps_within(10))
"""
    environment = {**psutil.Process().environ(), VARIABLE: "ACTIVE"}
    done = subprocess.run([sys.executable, "-c", body], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout == "True\n"
