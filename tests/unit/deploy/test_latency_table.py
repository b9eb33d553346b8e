"""A latency table of a phone: measured loop by loop, gone on with after a fault, kept, and nothing left behind."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from deploy.errors import ConnectionLostError, IncompatibleError, OverheatedError
from deploy.kit.kit import Kit
from deploy.measure import latency_table
from pqv_core import labels
from pqv_core.config import RunConfig, with_settings
from pqv_core.errors import BenchmarkError, Cancelled
from pqv_core.files.fsio import remove_folder
from pqv_core.latency import store
from pqv_core.latency.table import LatencyTable
from pqv_core.process.events import LatencySample, Log, Progress, StageFinished, StageStarted
from pqv_core.process.job import ProbesJob
from pqv_core.process.worker_client import Worker
from tests.fakes.adbd import Adbd
from tests.fakes.phone import Phone
from tests.fakes.phone_bench import PROGRAM, TINY, Bench, runtime
from tests.fakes.worker import fake_worker

CONFIG = with_settings(RunConfig(), {"export.target": "android"})
WIDTHS = (64, 48, 32, 16)
TIMES = {"dense": 10_000, "part-0-": 100, "part-1-": 10}
"""Nanoseconds that the program on the phone says of a file; of a part, for each unit."""

_WRITES = f"""
job = take_job()
os.makedirs(job["folder"], exist_ok=True)
model = open({str(TINY)!r}, "rb").read()
units = [("a", 0), ("b", 1)]
files = [("dense", {{"a": 64, "b": 64}}, None)]
for name, curve in units:
    for width in [*{WIDTHS!r}, *job["more"].get(name, [])]:
        files.append((f"part-{{curve}}-{{width}}", {{name: width}}, curve))
files = [(*file, None) for file in files]
if job["config"]["prune"]["embedding"]:
    files.append(("embedding-24-dense", {{"a": 64, "b": 64}}, None, 24))
    for name, curve in units:
        files += [(f"embedding-24-part-{{curve}}-{{width}}", {{name: width}}, curve, 24) for width in (64, 16)]
plan = dict(
    subject=dict(model="some_vit", input_shape=[1, 4], unit="width", format="ptl", scheme="int8-dynamic"),
    parts=[dict(name=name, kind="mlp", units=64, curve=curve) for name, curve in units],
    files=[
        dict(
            key=key, name=key + ".ptl", size=len(model), input_shape=[1, 4], units=widths, curve=curve, embedding=narrow
        )
        for key, widths, curve, narrow in files
    ],
    embedding=48 if job["config"]["prune"]["embedding"] else None,
)
for each in plan["files"]:
    with open(os.path.join(job["folder"], each["name"]), "wb") as file:
        file.write(model)
with open(os.path.join(job["folder"], "probes.json"), "w") as file:
    json.dump(plan, file)
say("progress", stage="latency", done=1, total=1)
finish(result=plan)
"""

_TIMES = r"""
name=$(tail -2 "$state/arguments" | sed -n 's/.*--model [^ ]*\/model[0-9]*_\([^ ]*\)\.ptl.*/\1/p')
ns=$(sed -n "s/^$name //p" "$state/times")
while [ $i -lt $n ]; do
  echo '{"type":"iteration","index":'$i',"ns":'$ns',"threads":'$t'}'
  i=$((i + 1))
done
"""


def times(*, bend: bool = False) -> dict[str, int]:
    """What each file takes; with a bend, the parts of the first curve take thrice as much where they are whole."""
    found = {"dense": TIMES["dense"], "embedding-24-dense": 6_000}
    for curve in (0, 1):
        for width in range(8, 65, 8):
            bent = bend and curve == 0 and width > 56
            found[f"part-{curve}-{width}"] = width * TIMES[f"part-{curve}-"] * (3 if bent else 1)
            found[f"embedding-24-part-{curve}-{width}"] = width * TIMES[f"part-{curve}-"] // 2
    return found


class Table:
    """Measures tables on a fake phone whose program takes as long as it is told."""

    def __init__(self, bench: Bench, phone: Phone) -> None:
        self.bench, self.phone = bench, phone
        self.written: list[ProbesJob] = []
        bench.phone.config = latency_table.phone_config(CONFIG, None).changed(watch_s=0.05, iterations=5)
        self.takes(times())
        self.runs(_TIMES)

    def takes(self, found: dict[str, int]) -> None:
        self.phone.write("state/times", "".join(f"{name} {ns}\n" for name, ns in found.items()))

    def runs(self, body: str) -> None:
        self.bench.kit.program.write_text(PROGRAM.replace("BODY", body))

    def measured(self, config: RunConfig = CONFIG, **more: Any) -> LatencyTable:
        return latency_table.measured(config, "ptl", self.bench.phone, worker=self._worker, **more)

    def _worker(self, job: ProbesJob) -> Worker:
        self.written.append(job)
        return Worker(job, command=fake_worker(_WRITES.replace("RUN", repr(job.run))))

    def loops(self) -> Sequence[str]:
        return [event.text for event in self.bench.of(Log) if isinstance(event, Log) and "Loop" in event.text]

    def models(self) -> list[str]:
        """Which files the program was run with, in order."""
        lines = (self.phone.root / "state/arguments").read_text().splitlines()
        return [line.split("--model ")[1].split()[0].rpartition("_")[2] for line in lines if "--model" in line]


@pytest.fixture
def table(bench: Bench, phone: Phone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Table]:
    monkeypatch.setattr(store, "folder", lambda: tmp_path / "kept")
    bench.job.run = "run-1"
    yield Table(bench, phone)
    remove_folder(probes())


def probes() -> Path:
    """Where the files lie of a table that is not whole."""
    return store.probes_folder(with_settings(CONFIG, {"measure.threads": 4}), "ptl", on="FAKE0001")


def test_each_part_is_measured_beside_the_uncut_model(table: Table, phone: Phone) -> None:
    found = table.measured()
    assert [[point.units for point in curve] for curve in found.curves] == [sorted(WIDTHS)] * 2
    assert found.cost(found.parts[0], 32) == pytest.approx(32 * 100 / 10_000)
    assert found.cost(found.parts[1], 32) == pytest.approx(32 * 10 / 10_000)
    assert found.loops == ((10_000,) * 5,) * 2
    assert {len(point.samples_ns) for curve in found.curves for point in curve} == {5}
    assert phone.left_behind() == []
    assert not probes().exists()


def test_how_far_it_is_is_told_loop_by_loop_and_not_file_by_file(table: Table) -> None:
    table.bench.job.clock = time.monotonic
    table.measured()
    told = [event for event in table.bench.events if isinstance(event, StageStarted | StageFinished)]
    assert [(event.type, event.stage) for event in told] == [
        ("stage_started", "check"),
        ("stage_finished", "check"),
        ("stage_started", "measure"),
        ("stage_finished", "measure"),
    ]
    done = [labels.activity(event) for event in table.bench.of(Progress) if isinstance(event, Progress)]
    assert done[-2:] == ["Measuring: 0 of 2 loops", "Measuring: 1 of 2 loops"]
    assert len(table.bench.of(LatencySample)) == 2 * 5 * 5


def test_that_a_hot_phone_is_waited_for_is_told(table: Table, phone: Phone) -> None:
    phone.write("state/dumpsys-thermalservice", "Thermal Status: 2")
    table.bench.while_waiting = lambda: phone.write("state/dumpsys-thermalservice", "Thermal Status: 0")
    table.measured()
    waits = [event for event in table.bench.of(Progress) if isinstance(event, Progress) and event.stage == "cool"]
    assert [labels.activity(event) for event in waits][:1] == ["Cooling down: 0 of 300 s"]


def test_it_says_of_which_kind_of_device_it_is_and_a_budget_finds_it(table: Table, daemon: Adbd) -> None:
    config = with_settings(CONFIG, {"model.name": "some_vit"})
    found = table.measured(config)
    assert (found.device, found.serial) == ("Fakesung Phone One", "FAKE0001")
    assert found.subject.device == "Fakesung Phone One, Android 13, Fakecomm FC8000, x86_64"
    assert (found.subject.runtime, found.subject.threads) == ("PyTorch Lite 1.12.2", 4)
    assert found.versions.keys() >= {"torch", "timm"}
    assert daemon.received < 700_000 * 1.3, "the library, of 700,000 bytes, and the uncut model are pushed once"
    for on in (found.serial, found.device, found.subject.device):
        assert store.find(config, "ptl", on=on, threads=None) == found
        assert store.find(config, "ptl", on=on, threads=4) == found
        assert store.find(config, "ptl", on=on, threads=2) is None
    assert store.find(config, "ptl", on="local", threads=None) is None


def test_a_run_takes_the_table_that_another_process_has_measured_while_it_waited(table: Table) -> None:
    config = with_settings(CONFIG, {"model.name": "some_vit", "budget.speedup": 2.0, "budget.on": "FAKE0001"})
    unless = partial(latency_table.kept, config, threads=None)
    assert latency_table.is_missing(config, threads=None)
    first = table.measured(config, unless=unless)
    assert not latency_table.is_missing(config, threads=None)
    assert table.measured(config, unless=unless) == first
    assert len(table.written) == 1 and len(table.loops()) == 2
    assert not probes().exists()


def test_narrower_embeddings_are_measured_where_the_project_cuts_it(table: Table, phone: Phone) -> None:
    config = with_settings(CONFIG, {"model.name": "some_vit", "prune.embedding": True, "budget.speedup": 2.0})
    found = table.measured(config)
    (narrower,) = found.embeddings
    assert (found.embedding, narrower.units) == (48, 24)
    assert found.share(narrower) == pytest.approx(0.6)
    assert found.cost(found.parts[0], 32, narrower) == pytest.approx(32 * 100 / 10_000 / 2)
    assert table.loops()[2:] == [
        "Loop 3 of 5: the model with an embedding of 24.",
        "Loop 4 of 5: a at 2 widths with an embedding of 24.",
        "Loop 5 of 5: b at 2 widths with an embedding of 24.",
    ]
    assert store.find(config, "ptl", on=found.serial, threads=4) == found
    assert phone.left_behind() == []


def test_threads_are_those_of_the_project_where_it_says(bench: Bench) -> None:
    two = with_settings(CONFIG, {"measure.threads": 2})
    assert latency_table.phone_config(two, None).threads == (2,)
    assert latency_table.phone_config(two, 1).threads == (1,)


def test_more_widths_are_measured_where_a_curve_bends(table: Table, phone: Phone) -> None:
    table.takes(times(bend=True))
    found = table.measured()
    asked = [dict(job.more) for job in table.written]
    assert asked == [{}, {"a": (40, 56)}]
    assert [point.units for point in found.curves[0]] == [16, 32, 40, 48, 56, 64]
    assert len(found.loops) == 3
    assert phone.left_behind() == []


def test_a_phone_that_leaves_loses_the_loop_at_work(table: Table, phone: Phone, daemon: Adbd) -> None:
    seen = phone.path("/state/pull")
    table.runs(f"tail -2 $state/arguments | grep -q part-1- && echo x > {seen}\n{_TIMES}")
    before = table.bench.job.send

    def pull(event: object) -> None:
        before(event)  # type: ignore[arg-type]
        if seen.exists():
            seen.unlink()
            daemon.shut_down()

    table.bench.job.send = pull
    with pytest.raises(ConnectionLostError):
        table.measured()
    assert (probes() / "measured.json").exists()
    daemon.boot()
    table.bench.job.send = before
    table.runs(_TIMES)
    (phone.root / "state/arguments").unlink()
    found = table.measured()
    assert set(table.models()) == {"dense.ptl", *(f"part-1-{width}.ptl" for width in WIDTHS)}
    assert len(found.loops) == 2
    assert phone.left_behind() == []
    assert not probes().exists()


def test_a_cancelled_one_goes_on_where_it_was(table: Table, phone: Phone) -> None:
    before = table.bench.job.send

    def cancel(event: object) -> None:
        before(event)  # type: ignore[arg-type]
        if isinstance(event, Log) and event.text.startswith("Loop 2"):
            table.bench.job.cancelled.set()

    table.bench.job.send = cancel
    with pytest.raises(Cancelled):
        table.measured()
    assert phone.left_behind() == []
    table.bench.job.cancelled.clear()
    table.bench.job.send = before
    assert len(table.measured().loops) == 2
    assert table.loops() == [
        "Loop 1 of 2: a at 4 widths.",
        "Loop 2 of 2: b at 4 widths.",
        "Loop 1 of 1: b at 4 widths.",
    ]


def test_a_part_that_does_not_run_is_named(table: Table, phone: Phone) -> None:
    table.runs(f'tail -2 "$state/arguments" | grep -q part-1-32 && exit 1\n{_TIMES}')
    with pytest.raises(BenchmarkError, match=r"^b at 32 cannot be measured on this device: "):
        table.measured()
    assert phone.left_behind() == []


def test_a_phone_that_cannot_run_the_model_is_told_before_a_push(table: Table, daemon: Adbd) -> None:
    kit = table.bench.kit
    table.bench.kit = Kit(runtime(operators={}), "x86_64", kit.program, kit.libraries)
    with pytest.raises(IncompatibleError, match="lacks"):
        table.measured()
    assert not any(service.startswith("sync") for service in daemon.opened)


def test_a_hot_phone_ends_it_and_what_was_measured_stays(table: Table, phone: Phone) -> None:
    status = phone.path("/state/dumpsys-thermalservice")
    hot = f'echo "Thermal Status: 4" > {status}; while :; do :; done'
    table.runs(f'if tail -2 "$state/arguments" | grep -q part-1-; then {hot}; fi\n{_TIMES}')
    with pytest.raises(OverheatedError):
        table.measured()
    assert phone.left_behind() == []
    assert len(json.loads((probes() / "measured.json").read_text())) == 1


def test_what_the_worker_says_is_wrong_is_raised(table: Table) -> None:
    error = {"kind": "PruneError", "message": "Nothing can be cut.", "action": "Choose another.", "details": ""}
    says = fake_worker(f"take_job(); finish('failed', error={error!r})")
    with pytest.raises(BenchmarkError, match="Nothing can be cut"):
        latency_table.measured(CONFIG, "ptl", table.bench.phone, worker=lambda job: Worker(job, command=says))
    assert not table.bench.of(StageStarted)
