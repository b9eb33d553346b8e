"""Before and after, with the gain over both baselines."""

from __future__ import annotations

import pytest

from pqv_core.results import artifacts, summary
from tests.fakes.records import measurement, record


def row(key: str, **changes: object) -> summary.SummaryRow:
    found = {row.figure.key: row for row in summary.rows(record().model_copy(update=changes))}
    return found[key]


def test_latency_is_compared_with_both_baselines() -> None:
    median = row("latency_median_s")
    keys = ("paper_fp32", "fast_fp32", "pruned_fp32", "compressed")
    assert [median.text(key) for key in keys] == [
        "80.0 ms",
        "20.0 ms",
        "15.0 ms",
        "10.0 ms",
    ]
    assert median.gain("paper_fp32") == "8.00× faster"
    assert median.gain("fast_fp32") == "2.00× faster"
    assert row("latency_p90_s").text("compressed") == "12.0 ms"


def test_each_figure_is_compared_in_its_own_words() -> None:
    gains = {item.figure.key: item.gain("fast_fp32") for item in summary.rows(record())}
    assert gains == {
        "top1": "−1.50 points",
        "top5": "±0 points",
        "latency_median_s": "2.00× faster",
        "latency_p90_s": "2.50× faster",
        "size_bytes": "5.00× smaller",
        "params": "−25.0 %",
        "macs": "−25.0 %",
        "memory_bytes": "3.00× smaller",
        "load_s": "the same",
        "relative_error": "",
        "top1_agreement": "",
    }


def test_a_loss_is_not_called_a_gain() -> None:
    slow = record().variants[3].model_copy(update={"measurements": (measurement(40),), "size_bytes": 50_000_000})
    variants = (*record().variants[:3], slow)
    assert row("latency_median_s", variants=variants).gain("fast_fp32") == "2.00× slower"
    assert row("size_bytes", variants=variants).gain("fast_fp32") == "1.25× larger"


@pytest.mark.parametrize(
    ("ms", "says"),
    [
        (25, "Merging tokens makes Compressed 2.50× faster: 10.0 ms, with all tokens 25.0 ms."),
        (10, "Merging tokens does not pay: Compressed takes 10.0 ms, with all tokens 10.0 ms."),
        (8, "Merging tokens does not pay: Compressed takes 10.0 ms, with all tokens 8.00 ms."),
    ],
)
def test_what_merging_tokens_gains_is_said_with_both_figures(ms: int, says: str) -> None:
    compressed = next(item for item in record().variants if item.key == "compressed")
    spec = next(
        spec for spec in artifacts.of_run(formats=("ptl",), scheme="int8-dynamic", merges=True) if spec.is_contrast
    )
    own = compressed.measurements[0]
    measured = own.model_copy(update={"samples_ns": (ms * 1_000_000,) * len(own.samples_ns)})
    whole = compressed.model_copy(update={"artifact": spec, "measurements": (measured,)})
    told = summary.notes(record().model_copy(update={"variants": (*record().variants, whole)}))
    assert [note.removesuffix(" Set tokens.merge to 0, or to more.") for note in told] == [says]
    chosen = record().model_copy(
        update={"variants": (*record().variants, whole), "config": {"tokens": {"by_budget": True}}}
    )
    instead = " Set tokens.by_budget to false and tokens.merge to 0."
    assert [note.removesuffix(instead) for note in summary.notes(chosen)] == [says]
    apart = whole.model_copy(update={"measurements": (measured.model_copy(update={"loop": "another"}),)})
    later = record().model_copy(update={"variants": (*record().variants, apart)})
    assert not any("Merging" in note for note in summary.notes(later)), "they were not measured together"


def test_what_was_not_measured_is_left_out_or_shown_as_missing() -> None:
    plain = [item.model_copy(update={"accuracy": None}) for item in record().variants]
    assert "top1" not in {item.figure.key for item in summary.rows(record().model_copy(update={"variants": plain}))}
    only_compressed = row("latency_median_s", variants=record().variants[3:])
    assert only_compressed.text("paper_fp32") == summary.MISSING
    assert only_compressed.gain("paper_fp32") == summary.MISSING
    assert summary.rows(record().model_copy(update={"variants": ()})) == []


def test_another_target_has_its_own_rows() -> None:
    phone = record().variants[3].model_copy(update={"measurements": (measurement(7, target="phone"),)})
    changed = record().model_copy(update={"variants": (*record().variants[:3], phone)})
    found = {item.figure.key: item for item in summary.rows(changed, target="phone")}
    assert found["latency_median_s"].text("compressed") == "7.00 ms"
    assert found["latency_median_s"].text("fast_fp32") == summary.MISSING


def test_accuracy_carries_its_error_and_the_number_of_images_where_that_differs() -> None:
    same = row("top1")
    assert same.label == "Top-1 accuracy (n = 100)"
    assert same.text("compressed") == "88.5 % ± 3.2"
    *others, compressed = record().variants
    assert compressed.accuracy is not None
    fewer = compressed.accuracy.model_copy(update={"images": 32, "top1": 1.0})
    mixed = row("top1", variants=(*others, compressed.model_copy(update={"accuracy": fewer})))
    assert mixed.label == "Top-1 accuracy"
    assert mixed.text("fast_fp32") == "90.0 % ± 3.0 (n = 100)"
    assert mixed.text("compressed") == "100 % ± 1.5 (n = 32)", "an error even where all are right"
    assert mixed.gain("fast_fp32") == summary.MISSING, "other images are not compared"


def test_a_gain_of_disturbed_samples_is_marked() -> None:
    assert row("latency_median_s").unsteady == frozenset()
    *others, compressed = record().variants
    busy = compressed.measurements[0].model_copy(update={"busy": 0.8})
    disturbed = (*others, compressed.model_copy(update={"measurements": (busy,)}))
    assert row("latency_median_s", variants=disturbed).unsteady == {"paper_fp32", "fast_fp32"}
    assert not row("size_bytes", variants=disturbed).unsteady


def test_as_json_the_figures_are_plain_numbers() -> None:
    assert row("size_bytes").as_json() == {
        "figure": "size_bytes",
        "paper_fp32": 40_000_000,
        "fast_fp32": 40_000_000,
        "pruned_fp32": 30_000_000,
        "compressed": 8_000_000,
    }
