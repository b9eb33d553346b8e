"""One file on one phone, from the first question to the last clean-up, with a program that speaks as pqv_bench does."""

from __future__ import annotations

import json
import os
import random
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

from deploy.errors import ConnectionLostError, DeviceFullError, IncompatibleError, OverheatedError, RunnerError
from deploy.kit.kit import Kit
from deploy.measure import runner, session
from deploy.measure.device_bench import BenchRequest
from deploy.measure.reference import Reference
from pqv_core.errors import Cancelled, PqvError
from pqv_core.process.events import LatencySample, Log, Metric, Progress, StageStarted
from pqv_core.results import select
from pqv_core.results.operators import INTERPRETER
from tests.fakes import phone as fake
from tests.fakes.adbd import Adbd, Faults
from tests.fakes.described import described
from tests.fakes.phone_bench import PROGRAM, QUICK, TINY, Bench, runtime


def test_from_push_to_clean_up(bench: Bench, phone: fake.Phone) -> None:
    result = bench.phone.bench(BenchRequest(TINY, role="compressed"))
    (found,) = result.measurements
    assert found.samples_ns == tuple(range(1_000_000, 1_000_012))
    assert (found.threads, found.warmup, found.load_ns, found.peak_rss_bytes) == (1, 1, 5_000_000, 9_000_000)
    assert (found.target, found.engine, found.throttled) == ("Fakesung Phone One (FAKE0001)", "qnnpack", False)
    assert found.heat
    assert found.heat["cores"] == [4, 5, 6, 7]
    assert [(row.name, row.calls, row.ns) for row in result.operators] == [
        ("aten::linear", 2, 666_670),
        (INTERPRETER, 1, 266_668),
        ("aten::gelu", 1, 66_667),
    ]
    assert phone.log("taskset") == ["f0"]
    assert phone.left_behind() == []
    stages = [event.stage for event in bench.of(StageStarted)]
    assert stages == ["check", "push", "cool", "measure"]
    assert [event.ns for event in bench.of(LatencySample)] == list(found.samples_ns)
    assert {event.target for event in bench.of(LatencySample)} == {"FAKE0001"}
    assert bench.of(Progress)


def test_the_command_line_of_the_program(bench: Bench, phone: fake.Phone) -> None:
    bench.phone.config = QUICK.changed(engine="qnnpack", profile=True)
    (found,) = bench.phone.bench(BenchRequest(TINY, input_shape=(2, 3, 8, 8))).measurements
    assert found.batch == 2
    words, libraries = (phone.root / "state/arguments").read_text().splitlines()
    assert "--input-shape 2,3,8,8 --warmup 1 --min-iters 12 --max-seconds 20.000 --engine qnnpack --profile" in words
    assert libraries.split()[1].endswith(words.split("--model ")[1].split("/model_")[0].split("/")[-1]) is False
    assert "/data/local/tmp/pqv-" in libraries


def test_what_is_kept_is_not_pushed_again(bench: Bench, phone: fake.Phone, daemon: Adbd) -> None:
    bench.phone.config = QUICK.changed(keep=True)
    bench.phone.bench(BenchRequest(TINY))
    assert phone.left_behind() != []
    free, received = phone.free, daemon.received
    bench.phone.config = QUICK
    bench.phone.bench(BenchRequest(TINY))
    assert phone.free == free
    assert daemon.received - received < 100_000
    assert phone.left_behind() == []


def test_a_changed_file_is_pushed_although_its_size_is_the_same(bench: Bench, phone: fake.Phone, kit: Kit) -> None:
    bench.phone.config = QUICK.changed(keep=True)
    bench.phone.bench(BenchRequest(TINY))
    there = next(phone.path("/data/local/tmp").rglob("model_tiny.ptl"))
    there.write_bytes(bytes(there.stat().st_size))
    bench.phone.bench(BenchRequest(TINY))
    assert there.read_bytes() == TINY.read_bytes()


def test_the_answers_are_compared_with_this_computers(bench: Bench, tmp_path: Path) -> None:
    inputs = tmp_path / "inputs"
    inputs.write_bytes(bytes(4 * 3 * 32 * 32))
    here = np.array([[1.0, 2.0, 4.0]], np.float32)
    result = bench.phone.bench(BenchRequest(TINY, reference=Reference(inputs, 1, (2,), here)))
    measured = result.measurements[0]
    assert measured.parity is not None
    assert (measured.parity.max_abs, measured.parity.top1_agreement, measured.parity.inputs) == (1.0, 1.0, 1)
    assert measured.accuracy is not None
    assert (measured.accuracy.top1, measured.accuracy.images) == (1.0, 1)
    assert result.warnings == ()


def test_answers_that_are_further_apart_than_the_scheme_allows_are_a_warning(bench: Bench, tmp_path: Path) -> None:
    inputs = tmp_path / "inputs"
    inputs.write_bytes(bytes(4 * 3 * 32 * 32))
    file = described(tmp_path / "said.ptl", precision="int8-dynamic")
    here = np.array([[1.0, 2.0, 4.0]], np.float32)
    (warning,) = bench.phone.bench(BenchRequest(file, reference=Reference(inputs, 1, (), here))).warnings
    assert warning.startswith("said.ptl differs from this computer’s outputs by 0.218")


def test_a_sweep_of_threads_pins_only_where_there_are_enough_big_cores(bench: Bench, phone: fake.Phone) -> None:
    bench.phone.config = QUICK.changed(threads=(1, 4, 8))
    result = bench.phone.bench(BenchRequest(TINY))
    assert [item.threads for item in result.measurements] == [1, 4, 8]
    assert phone.log("taskset") == ["f0", "f0"]


def test_what_one_session_measures_can_be_compared_and_what_another_does_cannot(bench: Bench, tmp_path: Path) -> None:
    other = shutil.copy(TINY, tmp_path / "other.ptl")
    bench.phone.config = QUICK.changed(threads=(1, 4))
    first = session.measure(bench.phone, [BenchRequest(TINY), BenchRequest(other)]).results
    loops = {item.loop for result in first.values() for item in result.measurements}
    assert len(loops) == 1
    assert loops != {""}
    (one, four), (beside, _) = (result.measurements for result in first.values())
    assert select.together(one, beside)
    assert not select.together(one, four)
    again = session.measure(bench.phone, [BenchRequest(other)]).results[other].measurements
    assert not select.together(one, again[0])


def test_files_take_turns_each_in_processes_of_its_own(bench: Bench, phone: fake.Phone, tmp_path: Path) -> None:
    other, third = (Path(shutil.copy(TINY, tmp_path / name)) for name in ("other.ptl", "third.ptl"))
    bench.phone.config = QUICK.changed(iterations=50, profile=True)
    taken = session.measure(bench.phone, [BenchRequest(each, role=each.stem) for each in (TINY, other, third)])
    for result in taken.results.values():
        assert [len(item.samples_ns) for item in result.measurements] == [50]
        assert result.operators
    order = [event.role for event in bench.of(LatencySample) if isinstance(event, LatencySample)]
    for begun in range(0, 150, 30):
        block = order[begun : begun + 30]
        assert {name: block.count(name) for name in block} == {"tiny": 10, "other": 10, "third": 10}
    for name in ("tiny", "other", "third"):
        samples = [one for one in bench.of(LatencySample) if isinstance(one, LatencySample) and one.role == name]
        assert [one.index for one in samples] == list(range(50)), "counted over all rounds"
    asked = [line for line in (phone.root / "state/arguments").read_text().splitlines() if "--model" in line]
    assert len(asked) == 15
    assert sum("--profile" in line for line in asked) == 3, "operators are timed in the first round only"
    assert [event.stage for event in bench.of(StageStarted) if isinstance(event, StageStarted)] == [
        *["check", "push"] * 3,
        "cool",
        "measure",
    ]
    assert phone.left_behind() == []


def test_a_file_that_crashes_in_its_turn_leaves_the_others_theirs(
    bench: Bench, phone: fake.Phone, tmp_path: Path
) -> None:
    other = Path(shutil.copy(TINY, tmp_path / "other.ptl"))
    crash = 'tail -2 "$state/arguments" | grep -q other.ptl && exit 1'
    bench.kit.program.write_text(PROGRAM.replace("BODY", crash))
    taken = session.measure(bench.phone, [BenchRequest(TINY), BenchRequest(other)])
    assert [*taken.results] == [TINY]
    assert len(taken.results[TINY].measurements[0].samples_ns) == 12
    assert [*taken.failures] == [other]
    assert taken.error is None


def test_what_a_phone_says_it_holds_before_the_file_is_not_the_files(bench: Bench) -> None:
    start = """echo '{"type":"memory","phase":"start","peak_rss_bytes":4000000,"rss_bytes":3500000}'"""
    bench.kit.program.write_text(PROGRAM.replace("BODY", start))
    (found,) = bench.phone.bench(BenchRequest(TINY)).measurements
    assert (found.base_rss_bytes, found.peak_rss_bytes, found.memory_bytes) == (3_500_000, 9_000_000, 5_500_000)


def test_all_problems_are_told_at_once_and_nothing_is_pushed(bench: Bench, phone: fake.Phone, daemon: Adbd) -> None:
    poor = runtime(operators={"aten::gelu": 1, "aten::linear": 2}, bytecode_max=7)
    bench.kit = Kit(poor, "arm64-v8a", bench.kit.program, bench.kit.libraries)
    phone.write("state/getconf-PAGE_SIZE", "16384\n")
    phone.set_free(1000)
    with pytest.raises(IncompatibleError) as caught:
        bench.phone.bench(BenchRequest(TINY))
    text = "\n".join(problem for problem, _ in caught.value.problems)
    for word in ("bytecode version 8", "flatten", "linear (3 arguments, 2 known)", "x86_64", "16 KB", "MB free"):
        assert word in text
    assert all(remedy for _, remedy in caught.value.problems)
    assert not any(service.startswith("sync") for service in daemon.opened)


def test_too_little_space_is_said_before_the_push(bench: Bench, phone: fake.Phone) -> None:
    phone.set_free(17 << 20)
    big = bench.kit
    assert big
    with big.libraries[0].open("ab") as file:
        file.truncate(40 << 20)
    with pytest.raises(DeviceFullError):
        bench.phone.bench(BenchRequest(TINY))
    assert phone.left_behind() == []


def test_the_phone_cools_down_first(bench: Bench, phone: fake.Phone) -> None:
    phone.heat(2)
    bench.while_waiting = lambda: phone.heat(0) if len(bench.waits) == 3 else None
    result = bench.phone.bench(BenchRequest(TINY))
    assert len(bench.waits) == 3
    assert not result.measurements[0].throttled


def test_cooling_has_a_limit_and_the_result_is_marked(bench: Bench, phone: fake.Phone) -> None:
    phone.heat(2)
    bench.phone.config = QUICK.changed(cool_limit_s=12)
    bench.kit = slow_kit(bench, phone)
    result = bench.phone.bench(BenchRequest(TINY))
    assert sum(bench.waits) == 12
    assert result.measurements[0].throttled
    assert result.warnings


def test_a_person_can_skip_the_cooling(bench: Bench, phone: fake.Phone) -> None:
    phone.heat(2)
    bench.while_waiting = bench.phone.skip_cooling.set
    bench.phone.bench(BenchRequest(TINY))
    assert len(bench.waits) == 1


def test_a_cap_that_never_goes_is_the_phones_habit(bench: Bench, phone: fake.Phone) -> None:
    phone.write("sys/devices/system/cpu/cpufreq/policy4/scaling_max_freq", "2000000\n")
    result = bench.phone.bench(BenchRequest(TINY))
    assert 0 < len(bench.waits) <= 4
    assert not result.measurements[0].throttled


def slow_kit(bench: Bench, phone: fake.Phone, body: str = "") -> Kit:
    """A program that goes on only once the watch over the heat has spoken."""
    kit = bench.kit
    assert kit
    seen = phone.path("/state/seen")
    stub = phone.path("/system/bin/dumpsys")
    stub.write_text(stub.read_text().replace("cat", f'[ "$1" = thermalservice ] && echo x >> {seen}; cat', 1))
    kit.program.write_text(
        PROGRAM.replace("BODY", f"{body}\nm=$(wc -l < {seen}); while [ $(wc -l < {seen}) -lt $((m + 5)) ]; do :; done")
    )
    return kit


def test_a_cap_that_comes_during_the_run_marks_it(bench: Bench, phone: fake.Phone) -> None:
    cap = phone.path("/sys/devices/system/cpu/cpufreq/policy4/scaling_max_freq")
    bench.kit = slow_kit(bench, phone, f"echo 1000000 > {cap}")
    result = bench.phone.bench(BenchRequest(TINY))
    assert result.measurements[0].throttled
    assert result.measurements[0].heat
    assert result.measurements[0].heat["capped_after"] == ["policy4"]


def test_severe_heat_stops_and_keeps_what_was_measured(bench: Bench, phone: fake.Phone) -> None:
    first = """echo '{"type":"iteration","index":0,"ns":1000,"threads":1}'"""
    status = phone.path("/state/dumpsys-thermalservice")
    bench.kit = slow_kit(bench, phone, f'{first}; echo "Thermal Status: 4" > {status}; while :; do :; done')
    bench.phone.config = QUICK.changed(threads=(1, 2))
    result = bench.phone.bench(BenchRequest(TINY))
    (found,) = result.measurements
    assert found.samples_ns == (1000,)
    assert found.throttled
    assert found.heat
    assert found.heat["stopped"] == 4
    assert phone.left_behind() == []


def test_severe_heat_before_the_first_sample(bench: Bench, phone: fake.Phone) -> None:
    status = phone.path("/state/dumpsys-thermalservice")
    bench.kit = slow_kit(bench, phone, f'echo "Thermal Status: 4" > {status}; while :; do :; done')
    with pytest.raises(OverheatedError):
        bench.phone.bench(BenchRequest(TINY))
    assert phone.left_behind() == []


def test_fixed_performance_is_put_back(bench: Bench, phone: fake.Phone) -> None:
    bench.phone.config = QUICK.changed(fixed_performance=True)
    result = bench.phone.bench(BenchRequest(TINY))
    mode = "power set-fixed-performance-mode-enabled"
    assert phone.log("cmd") == [f"{mode} true", f"{mode} false"]
    assert result.measurements[0].heat
    assert result.measurements[0].heat["fixed_performance"] is True


def test_fixed_performance_is_put_back_when_the_cable_is_pulled(bench: Bench, phone: fake.Phone, daemon: Adbd) -> None:
    body = f"echo on > {phone.path('/state/on')}; while :; do :; done"
    bench.kit = slow_kit(bench, phone, body)
    bench.phone.config = QUICK.changed(fixed_performance=True)

    def pull() -> None:
        while not phone.path("/state/on").exists():
            pass
        daemon.shut_down()

    puller = threading.Thread(target=pull)
    puller.start()
    with pytest.raises(ConnectionLostError):
        bench.phone.bench(BenchRequest(TINY))
    puller.join()
    while phone.running() or not phone.log("cmd")[-1].endswith("false"):  # by what outlives the connection
        pass
    daemon.boot()
    bench.kit.program.write_text(PROGRAM.replace("BODY", ""))
    assert bench.phone.bench(BenchRequest(TINY)).measurements
    assert phone.left_behind() == []


def test_energy_is_told_only_while_the_battery_is_drained(bench: Bench, phone: fake.Phone) -> None:
    bench.kit = slow_kit(bench, phone)
    power = "sys/class/power_supply/battery"
    phone.write(f"{power}/current_now", "-500000\n")
    phone.write(f"{power}/voltage_now", "4000000\n")
    found = bench.phone.bench(BenchRequest(TINY)).measurements[0].heat
    assert found
    assert found["joule_an_inference"] == pytest.approx(2.0 * 0.001, rel=0.01)
    phone.write("state/dumpsys-battery", fake.BATTERY.replace("status: 3", "status: 2"))
    charging = bench.phone.bench(BenchRequest(TINY)).measurements[0].heat
    assert charging
    assert "joule_an_inference" not in charging


def test_the_heat_is_told_while_it_is_measured(bench: Bench, phone: fake.Phone) -> None:
    bench.kit = slow_kit(bench, phone)
    phone.write("sys/class/power_supply/battery/temp", "314\n")
    phone.write("sys/devices/system/cpu/cpufreq/policy4/scaling_max_freq", "1400000\n")
    bench.phone.config = QUICK.changed(cool_down=False)
    bench.phone.bench(BenchRequest(TINY))
    told = {(event.name, event.value) for event in bench.of(Metric) if isinstance(event, Metric)}
    assert told == {("thermal_status", 0.0), ("celsius", 31.4), ("clock", 0.5)}


def test_a_cancel_ends_the_program_and_leaves_nothing(bench: Bench, phone: fake.Phone) -> None:
    body = """echo '{"type":"iteration","index":0,"ns":1000,"threads":1}'; while :; do :; done"""
    bench.kit.program.write_text(PROGRAM.replace("BODY", body))
    bench.job.send = lambda event: bench.job.cancelled.set() if isinstance(event, LatencySample) else None
    with pytest.raises(Cancelled):
        bench.phone.bench(BenchRequest(TINY))
    while phone.running():
        pass
    assert phone.left_behind() == []


def final(**fields: object) -> str:
    return f"echo '{json.dumps({'type': 'final', **fields})}'; exit 3"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            'echo \'{"type":"final","status":"failed","exit_code":3,"message":"no such file"}\'; exit 3',
            r"tiny\.ptl could not be loaded: no such file",
        ),
        (
            'echo \'{"type":"final","status":"failed","message":"Following ops cannot be found: a"}\'; exit 3',
            "operators",
        ),
        (
            final(status="failed", exit_code=4, message="ValueError: 7 x 7 only"),
            r"tiny\.ptl could not be run: .*7 x 7 only",
        ),
        ("echo 'CANNOT LINK EXECUTABLE: library' >&2; exit 1", "libraries"),
        ("kill -9 $$", r"while it ran tiny\.ptl, probably because memory ran out\. Close other apps"),
        ("kill -SEGV $$", r"crashed while it ran tiny\.ptl\. Choose another engine"),
        ("exit 1", "without a result"),
        ("exec /no/such/program", "cannot start"),
        (final(status="timeout", exit_code=5, message="time"), "measured nothing"),
    ],
)
def test_every_end_of_the_program_has_its_words(bench: Bench, phone: fake.Phone, body: str, words: str) -> None:
    bench.kit.program.write_text(PROGRAM.replace("BODY", body))
    with pytest.raises(RunnerError, match=words):
        bench.phone.bench(BenchRequest(TINY))
    assert phone.left_behind() == []


def test_lines_that_are_no_records_are_left_out(bench: Bench) -> None:
    noise = ("hello", '{"type":"iteration","index":0,"ns":-5}', "{", "\\377\\376", '{"type":"iteration","ns":1e400}')
    body = "; ".join(f"printf '{line}\\n'" for line in noise)
    bench.kit.program.write_text(PROGRAM.replace("BODY", body))
    assert len(bench.phone.bench(BenchRequest(TINY)).measurements[0].samples_ns) == 12


@pytest.mark.parametrize("count", [runner.MAX_OPERATORS, runner.MAX_OPERATORS + 1])
def test_operators_that_are_left_out_are_said(bench: Bench, phone: fake.Phone, count: int) -> None:
    rows = [{"name": f"op{n}", "calls": 1, "self_ns": n, "total_ns": n} for n in range(count)]
    line = json.dumps({"type": "operators", "wall_ns": 0, "operators": rows})
    phone.write("state/line", f"{line}\n")
    end = """echo '{"type":"iteration","index":0,"ns":5}'; echo '{"type":"final","status":"ok"}'; exit"""
    bench.kit.program.write_text(PROGRAM.replace("BODY", f"cat {phone.path('/state/line')}; {end}"))
    assert len(bench.phone.bench(BenchRequest(TINY)).operators) == runner.MAX_OPERATORS
    said = [event.text for event in bench.of(Log) if isinstance(event, Log) and "operators" in event.text]
    assert said == (["Kept the slowest 10,000 of 10,001 operators."] if count > 10_000 else [])


def cuts() -> list[tuple[str, int]]:
    """50 random bytes in both directions: of the push, and of the conversations before and after it."""
    draw = random.Random(20)
    incoming = [draw.randrange(718_000) for _ in range(15)] + [draw.randrange(705_000, 718_000) for _ in range(15)]
    return [("cut_after", byte) for byte in incoming] + [("cut_sent", draw.randrange(9_000)) for _ in range(20)]


@pytest.mark.parametrize(("direction", "byte"), cuts())
def test_a_cable_pulled_at_any_byte_leaves_a_phone_on_which_a_retry_works(
    bench: Bench, phone: fake.Phone, daemon: Adbd, direction: str, byte: int
) -> None:
    daemon.faults = Faults(**{direction: byte})  # type: ignore[arg-type]
    bench.phone.config = QUICK.changed(fixed_performance=True, iterations=2)
    try:
        bench.phone.bench(BenchRequest(TINY))
    except PqvError as error:
        assert error.message
        assert error.action
    while phone.running():
        os.sched_yield()
    daemon.faults = Faults()
    assert bench.phone.bench(BenchRequest(TINY)).measurements
    assert phone.left_behind() == []
    assert phone.log("cmd")[-1] == "power set-fixed-performance-mode-enabled false"
