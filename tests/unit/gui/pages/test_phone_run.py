"""Events of phones become what the Device page shows; settings and files that it offers."""

from __future__ import annotations

import json
import statistics
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.measure.steps import PhoneConfig
from pqv_core.errors import ErrorInfo, UsageError
from pqv_core.process import events
from pqv_core.results.record import Accuracy, LayerSensitivity, Measurement, OperatorTime, Parity
from pqv_gui.pages.device.phone_files import File, Files
from pqv_gui.pages.device.phone_list import LOCAL
from pqv_gui.pages.device.phone_run import P90_WINDOW, PhoneRun, RunningP90, RunningTarget
from pqv_gui.pages.device.phone_settings import COMPARE, SHAPE, PhoneSettings
from pqv_gui.viewmodels.recent_projects import TextStore
from pqv_gui.viewmodels.results.measurement_rows import HEADS, Measured, group_bars, layer_bars, operator_bars
from tests.fakes.records import artifact

FILES = (File(Path("/r/c.ptl"), 10, artifact=artifact("compressed")), File(Path("/x/other.ptl"), 20))
ERROR = ErrorInfo(kind="ConnectionLostError", message="Lost.", action="Replug it.")


@pytest.fixture
def run() -> PhoneRun:
    made = PhoneRun()
    made.begin([("A1", "Pixel 7"), ("B2", "FP4")], FILES, (1, 4))
    for target in tuple(made.targets):
        made.started(target)
    return made


def target(run: PhoneRun, key: str = "A1") -> RunningTarget:
    return run.targets[f"{run.number}:{key}"]


def samples(run: str, count: int, *, role: str = "/r/c.ptl", ns: int = 1_000_000) -> list[events.Event]:
    return [events.LatencySample(run=run, role=role, index=index, ns=ns + index) for index in range(count)]


def stage(run: str, name: str) -> events.Event:
    return events.StageStarted(run=run, stage=name, index=0, total=5)


def test_a_push_tells_how_fast_it_is(run: PhoneRun) -> None:
    one = target(run)
    progress = events.Progress(
        run=one.id, stage="push", done=20_000_000, total=60_000_000, unit="bytes", seconds_left=2.0
    )
    run.apply([stage(one.id, "check"), stage(one.id, "push"), progress])
    assert one.words == "Pushing · file 1 of 2 · 20.0 MB of 60.0 MB · 20.0 MB/s · a few seconds left"
    assert one.short == "Pixel 7 · pushing"


def test_a_phone_that_waits_says_what_this_computer_does_meanwhile() -> None:
    run = PhoneRun()
    run.begin([("A1", "Pixel 7"), ("B2", "FP4"), (LOCAL, "This computer")], FILES, (1,))
    waiting, other, here = run.targets.values()
    assert waiting.words == "Computing reference outputs · Starting Python"
    for at, words in (
        ({"stage": "start", "part": "torch", "done": 0, "total": 0}, "Computing reference outputs · Loading PyTorch"),
        (
            {"stage": "answer", "part": "inputs", "done": 5, "total": 64, "unit": "images"},
            "Computing reference outputs · Reading validation images: image 5 of 64",
        ),
        (
            {"stage": "answer", "done": 3, "total": 8, "unit": "answers"},
            "Computing reference outputs on this computer: answer 3 of 8",
        ),
    ):
        run.apply([events.Progress.model_validate({"run": run.preparation, **at})])
        assert waiting.words == other.words == words
    assert here.words == "waiting for phones"
    run.started(waiting.id)
    assert waiting.words == "Starting"


def test_heat_is_told_as_far_as_the_phone_tells(run: PhoneRun) -> None:
    one = target(run)
    told = {"celsius": 38.2, "thermal_status": 2.0, "clock": 0.5, "watt": 3.25}
    run.apply([events.Metric(run=one.id, name=name, step=0, value=value) for name, value in told.items()])
    assert one.warmth == "38 °C · throttled · clock at 50.0 % · 3.25 W"
    assert target(run, "B2").warmth == ""


def test_each_file_and_number_of_threads_is_a_series_of_its_own(run: PhoneRun) -> None:
    one = target(run)
    run.apply(stage(one.id, name) for name in ("check", "push", "check", "push"))
    for _ in range(2):
        run.apply([stage(one.id, "cool"), stage(one.id, "measure")])
        assert "2 files alternating" in one.words
        for role in ("/r/c.ptl", "/x/other.ptl"):
            run.apply(samples(one.id, 5, role=role))
    assert [series.name for series in run.series.values()] == [
        "Pixel 7, Compressed, 1 thread",
        "Pixel 7, other.ptl, 1 thread",
        "Pixel 7, Compressed, 4 threads",
        "Pixel 7, other.ptl, 4 threads",
    ]
    assert all(len(series.samples) == 5 for series in run.series.values())


def test_events_of_others_and_of_what_is_over_are_dropped(run: PhoneRun) -> None:
    one = target(run)
    heard: list[int] = []
    run.subscribe(lambda: heard.append(1))
    run.apply(samples("0:A1", 3))
    run.finished(one.id, "failed", error=ERROR)
    run.apply(samples(one.id, 3))
    assert run.series == {}
    assert len(heard) == 1


def test_a_thousand_samples_a_second_are_one_notification_a_bunch(run: PhoneRun) -> None:
    heard: list[int] = []
    run.subscribe(lambda: heard.append(1))
    for _ in range(10):
        run.apply(samples(target(run).id, 100))
    assert len(heard) == 10


def test_it_ends_when_all_targets_have_ended(run: PhoneRun) -> None:
    one, other = target(run), target(run, "B2")
    run.finished(one.id, "succeeded")
    assert (run.active, run.state) == (True, "running")
    run.finished(other.id, "failed", error=ERROR)
    assert (run.active, run.state, run.failed_keys) == (False, "failed", ("B2",))
    assert other.words == "Lost. Replug it."


def test_a_cancelled_one_can_be_repeated(run: PhoneRun) -> None:
    run.cancel()
    assert run.state == "cancelling"
    for each in tuple(run.targets):
        run.finished(each, "cancelled")
    assert (run.state, run.failed_keys) == ("cancelled", ("A1", "B2"))


def test_a_file_that_failed_is_named_and_the_rest_counts(run: PhoneRun) -> None:
    row = Measured("Pixel 7", "Compressed", measurement())
    run.finished(target(run).id, "succeeded", failures=[(FILES[1], ERROR)], measured=[row])
    run.finished(target(run, "B2").id, "succeeded")
    assert run.state == "failed"
    assert target(run).words == "other.ptl: Lost."
    assert run.measured == [row]


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=400))
def test_the_running_p90_is_that_of_the_last_hundred(values: list[int]) -> None:
    running = RunningP90()
    for value in values:
        found = running.add(value)
    window = sorted(values[-P90_WINDOW:])
    assert found == window[-(-9 * len(window) // 10) - 1]
    assert found >= statistics.median_low(window)


# measurements --------------------------------------------------------------------------------------------------


def measurement(**more: object) -> Measurement:
    return Measurement.model_validate({"threads": 4, "warmup": 1, "samples_ns": [2_000_000] * 12, **more})


def test_a_measurement_in_words() -> None:
    item = measurement(
        samples_ns=[1_000_000] * 6 + [1_250_000] * 6,
        load_ns=5_000_000,
        base_rss_bytes=60_000_000,
        peak_rss_bytes=90_000_000,
        throttled=True,
        heat={
            "celsius_before": 30.0,
            "celsius_after": 41.2,
            "stopped": 4,
            "cores": [4, 5],
            "joule_an_inference": 0.012,
        },
        parity=Parity(max_abs=0.1, relative=0.0123, top1_agreement=1.0, inputs=3),
        accuracy=Accuracy(top1=0.75, top5=1.0, loss=0.1, images=32),
    )
    row = Measured("Pixel 7", "Compressed", item)
    cells = dict(zip(HEADS, row.cells, strict=True))
    assert row.details.splitlines()[1:] == [
        "Note: the last third took 25.0 % longer than the first: the machine slowed down",
        "Note: the middle half of the samples spans 22.2 % of the median: other work disturbed it",
        "Process peak 90.0 MB",
        "Relative logit error 0.0123 against this computer’s, on 3 inputs",
        "Top-5 100 %, on 32 images",
        "On the cores 4, 5",
        "Temperature 30 → 41.2 °C",
        "12.0 mJ per inference, whole phone",
    ]
    assert cells["Last third"] == "+25.0 %"
    assert cells["Throttled"] == "yes, stopped"
    assert (cells["Agreement"], cells["Accuracy"]) == ("100 %", "75.0 % ± 7.6 (n = 32)")
    assert (cells["Loading"], cells["Memory"]) == ("5.00 ms", "30.0 MB")


def test_what_is_not_known_is_left_open() -> None:
    cells = dict(zip(HEADS, Measured("x", "y", measurement()).cells, strict=True))
    assert {cells[name] for name in ("Loading", "Memory", "Throttled", "Agreement", "Accuracy")} == {"–"}


def test_operators_are_shown_from_the_slowest_on() -> None:
    times = tuple(OperatorTime(name=f"op{index}", calls=1, ns=index + 1) for index in range(14))
    bars = operator_bars(times)
    assert [bar.name for bar in bars[:2]] == ["op13", "op12"]
    assert bars[-1].name == "4 others"
    assert sum(bar.length for bar in bars) == pytest.approx(1.0)
    assert operator_bars(()) == []


@pytest.mark.parametrize(("count", "last"), [(10, "op0"), (11, "1 other"), (12, "2 others")])
def test_ten_operators_are_named_and_the_others_stand_together(count: int, last: str) -> None:
    bars = operator_bars(tuple(OperatorTime(name=f"op{index}", calls=1, ns=index + 1) for index in range(count)))
    assert len(bars) == min(11, count)
    assert bars[-1].name == last
    assert sum(bar.length for bar in bars) == pytest.approx(1.0)


@pytest.mark.parametrize(("count", "kept", "shown"), [(10, 9, 10), (11, 9, 10), (14, 12, 11)])
def test_the_ten_most_sensitive_layers_are_shown_and_those_that_were_spared(count: int, kept: int, shown: int) -> None:
    layers = [LayerSensitivity(name=f"layer{n}", relative=1 / (n + 1), kept=n == kept) for n in range(count)]
    bars = layer_bars(layers)
    assert [bar.name for bar in bars[:10]] == [f"layer{n}" for n in range(10)]
    assert len(bars) == shown
    assert [bar.name for bar in bars if "kept in floating point" in bar.words] == [f"layer{kept}"]


def test_operators_are_grouped_by_what_they_are_for() -> None:
    times = (
        OperatorTime(name="aten::linear", calls=1, ns=2_000_000),
        OperatorTime(name="aten::addmm", calls=1, ns=5_000_000),
        OperatorTime(name="aten::gelu", calls=1, ns=3_000_000),
    )
    bars = group_bars(times)
    assert [(bar.name, bar.length) for bar in bars] == [("Linear", 7_000_000), ("Activation", 3_000_000)]
    assert bars[0].words == "7.00 ms · 70.0 %"
    assert group_bars(()) == []


# settings and files --------------------------------------------------------------------------------------------


@pytest.fixture
def kept() -> list[str]:
    return []


@pytest.fixture
def settings(kept: list[str]) -> PhoneSettings:
    return made_from(kept)


def made_from(kept: list[str]) -> PhoneSettings:
    return PhoneSettings(TextStore(read=lambda: list(kept), write=lambda lines: kept.__setitem__(slice(None), lines)))


def test_settings_are_kept_between_two_starts(settings: PhoneSettings, kept: list[str]) -> None:
    settings.set("phone.threads", (1, 2, 4))
    settings.set("phone.pin", False)
    settings.set(COMPARE, False)
    again = made_from(kept)
    assert again.config == PhoneConfig(threads=(1, 2, 4), pin=False)
    assert again.get(COMPARE) is False


@pytest.mark.parametrize("line", ["", "no json", "[]", "3", json.dumps({"threads": [0]}), json.dumps({"pin": "?"})])
def test_damaged_settings_are_the_defaults(line: str) -> None:
    assert made_from([line]).config == PhoneConfig()


def test_what_cannot_be_is_said_and_does_not_count(settings: PhoneSettings, kept: list[str]) -> None:
    settings.set("phone.threads", ())
    assert [problem.field for problem in settings.problems] == ["phone.threads"]
    assert "commas" in settings.problems[0].message
    assert settings.config == PhoneConfig()
    assert kept == []
    settings.set("phone.threads", (2,))
    assert settings.problems == ()
    settings.set(SHAPE, [1, 3, 32, 32])
    assert settings.shape == (1, 3, 32, 32)


def test_each_change_of_a_setting_can_be_undone_and_made_again(settings: PhoneSettings, kept: list[str]) -> None:
    for name, value in (("phone.iterations", 7), (COMPARE, False), ("phone.threads", ())):
        settings.set(name, value)
    assert settings.problems
    undone = []
    while settings.undo_label:
        undone.append(settings.undo_label)
        settings.undo()
    assert undone == ["phone.threads", COMPARE, "phone.iterations"]
    assert (settings.problems, settings.config, settings.compare) == ((), PhoneConfig(), True)
    assert made_from(kept).config == PhoneConfig()
    settings.redo()
    assert (settings.config.iterations, settings.redo_label) == (7, COMPARE)
    assert made_from(kept).config.iterations == 7


def test_every_setting_of_a_phone_has_a_value(settings: PhoneSettings) -> None:
    assert all(settings.get(f"phone.{name}") == value for name, value in PhoneConfig().model_dump().items())


def test_files_from_the_disk(tmp_path: Path) -> None:
    files = Files()
    with pytest.raises(UsageError, match="not an exported model"):
        files.add(tmp_path / "model.pth")
    path = tmp_path / "model.ptl"
    path.write_bytes(b"12345")
    files.add(path)
    files.add(path)
    (file,) = files.chosen
    assert (file.name, file.detail) == ("model.ptl", "5 bytes")
    files.tick(path, False)
    assert files.chosen == ()
    files.remove(path)
    assert files.files == ()
    assert path.exists()
