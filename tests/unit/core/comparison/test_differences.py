"""Two runs beside each other: what differs in settings and figures, and what is not compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pqv_core.comparison import StoredRun, compare
from pqv_core.comparison.differences import Difference, FigureChange, difference
from pqv_core.project.run_label import RunLabel
from pqv_core.results.record import RunRecord
from tests.fakes.records import measurement, record

PHONE = "Fakesung Phone One (A1)"


def made(run: str, config: dict[str, dict[str, Any]] | None = None, **changed: Any) -> RunRecord:
    """A run with other settings; ``changed`` are fields of the compressed artefact."""
    plain = record(run).model_dump(mode="json")
    for section, values in (config or {}).items():
        plain["config"][section].update(values)
    plain["variants"][3].update(changed)
    return RunRecord.model_validate(plain)


def between(one: RunRecord, other: RunRecord) -> Difference:
    runs = compare([StoredRun(Path("p.runs", run.id), run, RunLabel()) for run in (one, other)]).runs
    return difference(*runs)


def figure(found: Difference, label: str, device: str = "This computer") -> FigureChange:
    return next(item for item in found.figures if (item.label, item.device) == (label, device))


def test_settings_that_differ_are_told_in_words() -> None:
    found = between(
        made("r1"),
        made(
            "r2",
            {
                "prune": {"ratio": 0.5, "importance": "l1"},
                "finetune": {"flip": 0.0},
                "export": {"formats": ["ptl", "pte"]},
                "model": {"arguments": {"img_size": 192}},
            },
        ),
    )
    assert {change.name: (change.before, change.after) for change in found.settings} == {
        "model.arguments.img_size": ("–", "192"),
        "prune.importance": ("Taylor", "L1"),
        "prune.ratio": ("25 %", "50 %"),
        "finetune.flip": ("0.5", "0"),
        "export.formats": (".ptl", ".ptl, .pte"),
    }
    assert (found.before, found.after) == (
        "25 % Taylor · INT8 dynamic · ONEDNN",
        "50 % L1 · INT8 dynamic · ONEDNN",
    )


def test_what_an_earlier_version_did_not_know_is_no_difference() -> None:
    old = made("r1")
    config = {name: section for name, section in old.config.items() if name != "tokens"}
    assert between(old.model_copy(update={"config": config}), made("r2")).settings == ()


def test_each_figure_has_its_change_and_which_way_it_went() -> None:
    accuracy = {"top1": 0.9, "top5": 1.0, "loss": 0.1, "images": 100}
    found = between(
        made("r1"),
        made(
            "r2", size_bytes=6_000_000, accuracy=accuracy, measurements=[measurement(5, 5, 6).model_dump(mode="json")]
        ),
    )
    size, top1, median = (figure(found, label) for label in ("File size", "Top-1 accuracy", "Latency, median"))
    assert (size.before, size.after, size.change, size.verdict) == ("8.00 MB", "6.00 MB", "−25.0 %", "better")
    assert size.values == (8e6, 6e6)
    assert (top1.change, top1.verdict) == ("+1.50 points", "better")
    assert (median.change, median.verdict) == ("≈ −50.0 %", "better")
    speedup = figure(found, "Speed-up over fastest FP32")
    assert (speedup.before, speedup.after, speedup.change) == ("2.00×", "4.00×", "+100 %")
    assert figure(found, "Memory").verdict == "worse"
    assert any("at different times" in note for note in found.notes)
    assert json.loads(json.dumps(found.as_json()))["figures"][0]["label"] == "Top-1 accuracy"


@pytest.mark.parametrize(
    ("changed", "label", "why"),
    [
        ({"accuracy": {"top1": 0.9, "top5": 1.0, "loss": 0.1, "images": 50}}, "Top-1 accuracy", "100 images"),
        (
            {"measurements": [{**measurement(5).model_dump(mode="json"), "threads": 4}]},
            "Latency, median",
            "2 threads and with 4 threads",
        ),
    ],
)
def test_what_cannot_be_compared_stands_beside_each_other_and_says_why(
    changed: dict[str, Any], label: str, why: str
) -> None:
    found = between(made("r1"), made("r2", **changed))
    item = figure(found, label)
    assert (item.change, item.verdict) == ("–", "")
    assert any(why in note for note in found.notes)
    assert figure(found, "File size").change == "±0 %"


def test_accuracies_over_other_images_are_not_compared() -> None:
    found = between(made("r1"), made("r2", {"data": {"val": "others"}}))
    assert figure(found, "Top-1 accuracy").change == "–"
    assert "Accuracy is over different validation images." in found.notes


def test_latencies_of_two_computers_are_not_compared() -> None:
    other = made("r2")
    environment = other.environment.model_copy(update={"processor": "Another CPU"})
    found = between(made("r1"), other.model_copy(update={"environment": environment}))
    assert figure(found, "Latency, median").change == "–"
    assert any("different computers" in note for note in found.notes)
    assert figure(found, "Speed-up over fastest FP32").change == "±0 %"


def test_what_one_phone_measured_of_both_is_compared_there() -> None:
    here = measurement(10, 10, 12).model_dump(mode="json")
    runs = [
        made(run, measurements=[here, measurement(ms, target=PHONE).model_dump(mode="json")])
        for run, ms in (("r1", 20), ("r2", 30))
    ]
    found = between(*runs)
    assert found.devices == ("This computer", PHONE)
    assert figure(found, "Latency, median", PHONE).change == "≈ +50.0 %"
    assert not any(item.label == "File size" and item.device == PHONE for item in found.figures)


def test_a_run_without_results_differs_in_settings_only() -> None:
    failed = made("r2", {"prune": {"ratio": 0.5}}).model_copy(update={"variants": (), "state": "failed"})
    found = between(made("r1"), failed)
    assert ([change.name for change in found.settings], found.figures) == (["prune.ratio"], ())


@pytest.mark.parametrize(
    "value",
    [5, ["x", {"a": 1}], json.loads("[" * 900 + "]" * 900), 10**400, "x\n" * 1_000_000],
    ids=["number", "list", "deep", "large", "long"],
)
def test_a_setting_of_another_version_is_told_in_a_line_that_has_an_end(value: Any) -> None:
    found = between(made("r1"), made("r2", {"data": {"val": value}, "prune": {"ratio": value}}))
    told = {change.name: change.after for change in found.settings}
    assert {"data.val", "prune.ratio"} <= set(told)
    assert all("\n" not in text and len(text) <= 501 for text in told.values())
