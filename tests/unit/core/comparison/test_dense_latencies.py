"""How long whole models took: only alike measurements are beside each other, and only of the model as timm makes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pqv_core.comparison.dense_latencies import DenseLatencyReader, of_run, of_table
from pqv_core.latency import store
from pqv_core.latency.dense import Conditions, DenseLatency, gathered
from pqv_core.latency.table import LatencyTable, Part, Point, Subject
from pqv_core.process import machine
from pqv_core.project import project_file as projects
from pqv_core.results import record as results
from pqv_core.results.record import RunRecord
from tests.fakes.records import measurement, record

MODEL = "deit_small_patch16_224"
OTHER_COMPUTER = Conditions("Some CPU, 2 cores", 2, "FP32 .ptl")


def table(*, serial: str = "XYZ", model: str = MODEL, **arguments: Any) -> LatencyTable:
    points = tuple(Point(units=units, copies=1, samples_ns=(units * 1_000,), loop=0) for units in (96, 192))
    return LatencyTable(
        subject=Subject(
            model=model,
            arguments=arguments,
            input_shape=(1, 3, 224, 224),
            unit="width",
            format="pte",
            scheme="fp32",
            threads=4,
        ),
        device="Pixel 8",
        serial=serial,
        created="2026-03-01",
        parts=(Part(name="a", kind="mlp", units=192, curve=0),),
        curves=(points,),
        loops=((9_000_000, 11_000_000, 10_000_000),),
    )


def run(*, state: str = "succeeded", created: str = "2026-01-01T00:00:00", **model: Any) -> RunRecord:
    made = record()
    config = {**made.config, "model": {**made.config["model"], "name": MODEL, "arguments": {}, **model}}
    return made.model_copy(update={"config": config, "state": state, "created": created})


def test_a_run_tells_of_the_fastest_file_of_the_uncut_model() -> None:
    (known,) = of_run(run(), here=None)
    assert known == DenseLatency(MODEL, OTHER_COMPUTER, 20_000_000, "2026-01-01T00:00:00")
    assert known.conditions.words == "Some CPU, 2 cores, 2 threads, FP32 .ptl"


def test_this_computer_is_known_by_its_processor_and_cores() -> None:
    made = run()
    (known,) = of_run(made, here=made.environment)
    assert known.conditions.device == "This computer"
    (known,) = of_run(made, here=made.environment.model_copy(update={"cores": 8}))
    assert known.conditions == OTHER_COMPUTER


def test_phones_and_other_precisions_are_apart() -> None:
    made = run()
    dense = made.variants[1]
    phone = dense.model_copy(update={"measurements": (*dense.measurements, measurement(40, target="Pixel 8 (A)"))})
    uncut = dense.artifact.model_copy(update={"key": "uncut", "scheme": "int8-dynamic", "purpose": "contrast"})
    int8 = dense.model_copy(update={"artifact": uncut, "engine": "onednn"})
    found = of_run(made.model_copy(update={"variants": (phone, int8)}), here=None)
    assert {(each.conditions.device, each.conditions.file): each.ns for each in found} == {
        ("Some CPU, 2 cores", "FP32 .ptl"): 20_000_000,
        ("Pixel 8 (A)", "FP32 .ptl"): 40_000_000,
        ("Some CPU, 2 cores", "INT8 dynamic .ptl, ONEDNN"): 20_000_000,
    }


def test_a_tag_and_the_number_of_classes_make_no_other_model() -> None:
    assert [each.model for each in of_run(run(name=f"{MODEL}.fb_in1k"), here=None)] == [MODEL]
    assert [each.model for each in of_run(run(arguments={"num_classes": 10}), here=None)] == [MODEL]


@pytest.mark.parametrize(
    "other", [{"arguments": {"depth": 6}}, {"arguments": {"img_size": 384}}, {"source": "theirs"}, {"state": "running"}]
)
def test_other_models_and_what_is_still_measured_are_left_out(other: dict[str, Any]) -> None:
    assert of_run(run(**other), here=None) == []


def test_what_was_disturbed_says_so() -> None:
    made = run()
    restless = measurement(*([20, 40, 60] * 4))
    dense = made.variants[1].model_copy(update={"measurements": (restless,)})
    (known,) = of_run(made.model_copy(update={"variants": (dense,)}), here=None)
    assert not known.steady


def test_a_table_tells_of_its_whole_model() -> None:
    assert of_table(table()) == DenseLatency(
        MODEL, Conditions("Pixel 8 (XYZ)", 4, "FP32 .pte"), 10_000_000, "2026-03-01"
    )
    here = of_table(table(serial=machine.node()))
    assert here is not None and here.conditions.device == "This computer"
    assert of_table(table(depth=6)) is None


def test_the_newest_counts_and_what_most_models_have_comes_first() -> None:
    one, two = Conditions("A", 1, "FP32 .pte"), Conditions("B", 1, "FP32 .pte")
    found = gathered(
        [
            DenseLatency("m", one, 2.0, "2026-02-01"),
            DenseLatency("m", one, 1.0, "2026-01-01"),
            DenseLatency("m", two, 3.0, "2026-01-01"),
            DenseLatency("n", two, 4.0, "2026-01-01"),
        ]
    )
    assert list(found) == [two, one]
    assert found[one]["m"].ns == 2.0


@pytest.fixture
def project(tmp_path: Path) -> Path:
    path = tmp_path / "a.pqv"
    projects.save(path, projects.Project())
    results.save(projects.runs_directory(path) / "r1", run())
    return path


@pytest.fixture(autouse=True)
def without_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables that other tests have measured are none of these."""
    monkeypatch.setattr(store, "kept", lambda: iter(()))


def test_tables_and_runs_are_read_together(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "kept", lambda: iter([table(model="vit_tiny_patch16_224")]))
    found = DenseLatencyReader().read([project])
    assert {conditions.words: set(known) for conditions, known in found.items()} == {
        "Some CPU, 2 cores, 2 threads, FP32 .ptl": {MODEL},
        "Pixel 8 (XYZ), 4 threads, FP32 .pte": {"vit_tiny_patch16_224"},
    }


def test_what_cannot_be_read_is_left_out(project: Path, tmp_path: Path) -> None:
    folder = projects.runs_directory(project) / "r2"
    folder.mkdir()
    (folder / results.RUN_FILE).write_text("{")
    assert len(DenseLatencyReader().read([tmp_path / "gone.pqv", project])) == 1


def test_a_run_is_read_again_only_when_it_has_changed(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, read = DenseLatencyReader(), []
    load = results.load
    monkeypatch.setattr(results, "load", lambda directory: read.append(directory.name) or load(directory))
    first = reader.read([project])
    assert reader.read([project]) == first
    assert read == ["r1"]
    results.save(projects.runs_directory(project) / "r1", run(name="vit_tiny_patch16_224"))
    assert [set(known) for known in reader.read([project]).values()] == [{"vit_tiny_patch16_224"}]
    assert reader.read([]) == {}


def test_reading_ends_when_it_is_no_longer_wanted(project: Path) -> None:
    assert DenseLatencyReader().read([project], cancelled=lambda: True) == {}


@pytest.mark.parametrize("arguments", [5, [{}], "x"])
def test_settings_of_another_version_tell_nothing(arguments: Any) -> None:
    assert of_run(run(arguments=arguments), here=None) == []


def test_a_run_with_impossible_figures_does_not_hide_the_others(project: Path) -> None:
    plain = run().model_dump(mode="json")
    plain["variants"][1]["measurements"][0]["samples_ns"] = [10**400] * 2
    results.save(projects.runs_directory(project) / "r2", RunRecord.model_validate(plain))
    assert len(DenseLatencyReader().read([project])) == 1
