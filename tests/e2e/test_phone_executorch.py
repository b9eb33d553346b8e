"""ExecuTorch files on a fake phone, on which the program that is built for this computer really runs them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from deploy.device import discovery
from deploy.errors import IncompatibleError, RunnerError
from deploy.job import Job
from deploy.kit import programs, runtimes
from deploy.kit.kit import KitChoice
from deploy.measure import session
from deploy.measure.device_bench import BenchRequest, DeviceBench
from deploy.measure.reference import Reference
from deploy.measure.steps import PhoneConfig
from tests.fakes.adbd import Adbd, Faults
from tests.fakes.phone import Phone

DATA = Path(__file__).parents[1] / "data"
LITE, TINY = DATA / "tiny.ptl", DATA / "pte" / "tiny.pte"
SHAPE = (1, 3, 8, 8)
CONFIG = PhoneConfig(threads=(1, 2), iterations=20, warmup=2, max_seconds=20, profile=True, watch_s=0.5)


@pytest.fixture
def phone(tmp_path: Path) -> Phone:
    return Phone(tmp_path / "phone", cores=(2_000_000,) * 2)


@pytest.fixture
def daemon(
    phone: Phone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host_program: Path, executorch_program: Path
) -> Iterator[Adbd]:
    """The phone, for which each format's program is the one of this computer; their libraries are found here."""
    built = {"lite": host_program, "executorch": executorch_program}
    monkeypatch.setattr(programs, "abis", lambda name: ("x86_64",) if name in built else ())
    monkeypatch.setattr(programs, "verified", lambda name, abi: built[name])
    monkeypatch.setattr(runtimes, "archives", lambda *_, **__: ())
    monkeypatch.setattr(runtimes, "libraries", lambda *_, **__: [])
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", "1")
    with Adbd(phone, Faults(auth="accept")) as running:
        yield running
    assert phone.left_behind() == []


def bench(daemon: Adbd, config: PhoneConfig = CONFIG) -> DeviceBench:
    found = discovery.choose(daemon.address, discovery.find())
    return session.bench_of(found, Job(), config, KitChoice())


def test_a_file_is_pushed_run_profiled_and_compared(daemon: Adbd) -> None:
    expected = np.fromfile(DATA / "pte" / "answers.f32", "<f4").reshape(3, 10)
    reference = Reference(DATA / "pte" / "images.f32", 3, (), expected)
    result = bench(daemon).bench(BenchRequest(TINY, input_shape=SHAPE, reference=reference))
    assert [item.threads for item in result.measurements] == [1, 2]
    for item in result.measurements:
        assert len(item.samples_ns) >= 20
        assert item.peak_rss_bytes
        assert item.load_ns
        assert item.engine == "none"
    assert "XnnpackBackend" in {row.name for row in result.operators}
    assert any(row.name.startswith("Fully Connected") for row in result.operators)
    assert sum(row.ns for row in result.operators) == pytest.approx(result.measurements[0].median_ns, rel=0.05)
    assert result.parity is not None
    assert result.parity.relative < 1e-6
    assert result.parity.top1_agreement == 1.0


def test_both_formats_take_turns_each_with_its_program(daemon: Adbd) -> None:
    requests = [BenchRequest(LITE, input_shape=(1, 4)), BenchRequest(TINY, input_shape=SHAPE)]
    one = CONFIG.changed(threads=(1,), engine="fbgemm")
    taken = session.measure(bench(daemon, one), requests)
    assert (taken.error, taken.failures) == (None, {})
    lite, executorch = (taken.results[file].measurements[0] for file in (LITE, TINY))
    assert (lite.engine, executorch.engine) == ("fbgemm", "none")
    assert lite.loop == executorch.loop
    assert {row.name for row in taken.results[LITE].operators} >= {"aten::linear"}
    assert "XnnpackBackend" in {row.name for row in taken.results[TINY].operators}


def test_a_file_of_another_shape_does_not_keep_the_other_back(daemon: Adbd) -> None:
    other = DATA / "pte" / "int8.pte"
    requests = [BenchRequest(TINY, input_shape=(1, 3, 9, 9)), BenchRequest(other, input_shape=SHAPE)]
    taken = session.measure(bench(daemon), requests)
    assert list(taken.results) == [other]
    assert isinstance(taken.failures[TINY], RunnerError)
    assert "tiny.pte expects a different input shape, not 1 × 3 × 9 × 9" in taken.failures[TINY].message


def test_what_no_phone_can_run_is_said_before_anything_is_pushed(daemon: Adbd) -> None:
    before = daemon.received
    with pytest.raises(IncompatibleError, match=r"The Android runtime 0\.9\.3 lacks aten::zin\.out"):
        bench(daemon).bench(BenchRequest(DATA / "pte" / "unknown.pte", input_shape=SHAPE))
    assert daemon.received - before < 20_000


def test_all_that_is_wrong_with_a_phone_is_said_at_once(daemon: Adbd, phone: Phone) -> None:
    phone.set_property("ro.product.cpu.abilist", "armeabi-v7a,armeabi")
    phone.set_property("ro.build.version.sdk", "25")
    phone.write("state/getconf-PAGE_SIZE", "65536\n")
    phone.set_free(1 << 20)
    with pytest.raises(IncompatibleError) as caught:
        bench(daemon).bench(BenchRequest(TINY, input_shape=SHAPE))
    processor, pages, level, space = (problem for problem, _ in caught.value.problems)
    assert processor == (
        "The Android runtime 0.9.3 has no libraries for this phone's processor (armeabi-v7a, armeabi), "
        "only for arm64-v8a and x86_64."
    )
    assert "memory pages of 64 KB" in pages
    assert level == "The phone has API level 25 of Android; the Android runtime 0.9.3 needs 26."
    assert "1 MB free" in space
