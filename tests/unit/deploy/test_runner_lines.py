"""Lines of the program are believed only as far as they can be true; its command line is quoted."""

from __future__ import annotations

import json
import shlex

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.device.info import Battery, CpuPolicy, DeviceInfo, Reading
from deploy.errors import CommandError
from deploy.measure import heat, runner
from deploy.measure.runner import Spec, parse
from deploy.measure.steps import operators
from deploy.targets.android import program
from deploy.targets.android.commands import MAX_LINE, join
from deploy.targets.android.heat import HeatLines
from pqv_core.results.operators import INTERPRETER

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
KINDS = ("context", "load", "memory", "warmup", "iteration", "operators", "outputs", "progress", "ops", "final")
FIELDS = st.sampled_from(["ns", "index", "threads", "status", "operators", "iterations", "peak_rss_bytes", "message"])


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(KINDS), st.dictionaries(FIELDS, json_values))
def test_any_record_is_bounded_or_none(kind: str, fields: dict[str, object]) -> None:
    record = parse(json.dumps({"type": kind, **fields}))
    if isinstance(record, runner.IterationRecord):
        assert 0 < record.ns < 10**15
    if isinstance(record, runner.FinalRecord):
        assert record.status in ("ok", "interrupted", "failed", "timeout")


@given(st.text())
def test_any_line_is_a_record_or_none(line: str) -> None:
    parse(line)
    parse("{" + line)


def test_a_deep_line_is_no_record() -> None:
    assert parse('{"type":' + "[" * 100_000) is None


def test_the_mask_of_cores() -> None:
    assert program.mask((4, 5, 6, 7)) == "f0"
    assert program.mask((0,)) == "1"


words = st.text(st.characters(blacklist_characters="\0\n\r", blacklist_categories=["Cs"]), min_size=1, max_size=30)


@given(words, words)
def test_no_word_leaves_its_quotes(model: str, folder: str) -> None:
    spec = Spec(
        folder=folder,
        program="/p/pqv_bench",
        libraries=folder,
        model=model,
        input_shape=(1, 3, 8, 8),
        warmup=1,
        iterations=2,
        max_seconds=3,
        threads=4,
        watch_s=0,
    )
    lines = program.script(spec.launch(), "m4rk").split("\n")
    assert shlex.split(lines[0])[:2] == ["cd", folder]
    started = shlex.split(lines[-2].removesuffix(" &"))
    assert started[started.index("--model") + 1] == model
    assert started[0] == f"LD_LIBRARY_PATH={folder}"


def test_a_line_break_in_a_name_is_refused() -> None:
    with pytest.raises(CommandError):
        join("a\nb")


def test_the_mean_clock_comes_from_the_kernels_counters() -> None:
    before = DeviceInfo(policies=(CpuPolicy(name="policy0", cores=(0,), residency={1000: 50, 2000: 10}),))
    after = DeviceInfo(policies=(CpuPolicy(name="policy0", cores=(0,), residency={1000: 60, 2000: 40}),))
    assert heat.mean_khz(before, after) == {"policy0": (1000 * 10 + 2000 * 30) / 40}
    assert heat.mean_khz(after, after) == {}


@given(st.lists(st.text(max_size=80), max_size=20))
def test_the_watch_takes_any_text(parts: list[str]) -> None:
    lines, log = HeatLines("m4rk"), heat.HeatLog()
    for part in parts:
        for item in (*lines.feed(part), *lines.feed(f"m4rk:heat:{part}\n")):
            log.add(item)
    assert all(reading.status is None or 0 <= reading.status <= 6 for reading in log.readings)
    heat.summary([1, 2, 3], before=DeviceInfo(), after=DeviceInfo(), log=log)
    heat.throttled([1, 2, 3], DeviceInfo(), log)


def test_a_line_that_comes_in_pieces() -> None:
    lines, readings = HeatLines("m4rk"), list[Reading]()
    for piece in ("noise\nm4rk:he", "at:Thermal Status: 2|1800000 28", "00000|-420000|4000000\nm4"):
        readings += lines.feed(piece)
    (reading,) = readings
    assert (reading.status, reading.caps_khz) == (2, (1_800_000, 2_800_000))
    assert reading.watt == pytest.approx(1.68)


@pytest.mark.parametrize(("answer", "granted"), [("0", True), ("255", False)])
def test_whether_a_steady_clock_was_granted_is_told_by_the_exit_code(answer: str, granted: bool) -> None:
    lines = HeatLines("m4rk")
    assert lines.feed(f"m4rk:fixed:{answer}\nm4rk:heat:Thermal Status: 1\n") == [Reading(1)]
    assert lines.fixed_performance == granted


@pytest.mark.parametrize("more", [-1, 0, 1])
def test_severe_heat_is_seen_however_long_it_was_cool_before(more: int) -> None:
    log = heat.HeatLog([Reading(0)] * (heat._MAX_READINGS + more - 1))
    log.add(Reading(0))
    assert log.severe is None
    log.add(Reading(3))
    assert log.severe == 3
    assert len(log.readings) <= heat._MAX_READINGS


def test_of_very_many_readings_some_of_the_whole_time_are_kept() -> None:
    log = heat.HeatLog([Reading(0, celsius=float(n)) for n in range(heat._MAX_READINGS)])
    log.add(Reading(3))
    assert len(log.readings) == heat._MAX_READINGS // 2 + 1
    assert [item.celsius for item in log.readings[:3]] == [0.0, 2.0, 4.0]
    assert [item.celsius for item in log.readings[-2:]] == [heat._MAX_READINGS - 2, None]


@pytest.mark.parametrize(("count", "joule"), [(0, None), (1, None), (2, None), (3, 0.003), (4, 0.003)])
def test_energy_is_told_from_three_readings_of_the_power_on(count: int, joule: float | None) -> None:
    log = heat.HeatLog([Reading(0)] * 5 + [Reading(0, ampere=-0.75, volt=4.0)] * count)
    drained = DeviceInfo(battery=Battery(status=3))
    assert heat.energy([1_000_000, 1_000_000], drained, log) == joule


def test_what_watching_takes_is_taken_off_by_calls() -> None:
    rows = [
        {"name": "many", "calls": 30, "self_ns": 600, "total_ns": 600},
        {"name": "one", "calls": 10, "self_ns": 300, "total_ns": 300},
    ]
    line = json.dumps({"type": "operators", "iterations": 10, "wall_ns": 1000, "plain_ns": 800, "operators": rows})
    record = parse(line)
    assert isinstance(record, runner.OperatorsRecord)
    times = operators(record)
    assert [(item.name, item.calls, item.ns) for item in times] == [
        ("many", 3, 45),
        ("one", 1, 25),
        (INTERPRETER, 1, 10),
    ]
    assert sum(item.ns for item in times) == 800 / 10


@pytest.mark.parametrize("count", [runner.MAX_OPERATORS, runner.MAX_OPERATORS + 1])
def test_of_very_many_operators_the_longest_are_kept_and_all_are_counted(count: int) -> None:
    rows = [{"name": f"op{n}", "calls": 1, "self_ns": n, "total_ns": n} for n in range(count)]
    total = sum(range(count))
    line = json.dumps({"type": "operators", "wall_ns": total + 5, "operators": rows})
    assert len(line) < MAX_LINE
    record = parse(line)
    assert isinstance(record, runner.OperatorsRecord)
    times = operators(record)
    assert len(times) == runner.MAX_OPERATORS + 1  # and what passes between them
    assert (times[0].name, times[0].ns) == (f"op{count - 1}", count - 1)
    assert [item.ns for item in times if item.name == INTERPRETER] == [5]
    assert ("op0" in {item.name for item in times}) == (count == runner.MAX_OPERATORS)
