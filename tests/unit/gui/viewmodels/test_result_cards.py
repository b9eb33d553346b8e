"""The result cards: before, after, and which way is better."""

from __future__ import annotations

from typing import Any

import pytest

from pqv_core.config import RunConfig, with_settings
from pqv_core.results import record as results
from pqv_gui.viewmodels.results import result_cards
from tests.fakes.records import artifact, in_two_formats


def _accuracy(top1: float) -> results.Accuracy:
    return results.Accuracy(top1=top1, top5=1.0, loss=0.1, images=355)


def _variant(role: str, *, ms: float, size: int, top1: float | None, peak: int | None) -> results.Variant:
    measured = results.Measurement(
        threads=2,
        warmup=1,
        samples_ns=tuple(round(ms * 1e6 * factor) for factor in (0.9, 1.0, 1.1)),
        base_rss_bytes=100 if peak else None,
        peak_rss_bytes=peak,
    )
    plain: dict[str, Any] = {
        "artifact": artifact(role),
        "file": f"{role}.ptl",
        "size_bytes": size,
        "params": size // 4,
        "macs": 10**9,
        "engine": "",
        "accuracy": _accuracy(top1) if top1 is not None else None,
        "measurements": (measured,),
    }
    return results.Variant.model_validate(plain)


def _record(*, top1: float | None = 0.97, peak: int | None = 1_000_000) -> results.RunRecord:
    environment = results.Environment(
        pqv="0", python="3", system="x", processor="p", cores=2, memory_bytes=1, threads=2, versions={}
    )
    return results.RunRecord(
        id="r",
        created="",
        state="succeeded",
        config={},
        environment=environment,
        dense_accuracy=_accuracy(0.98) if top1 is not None else None,
        variants=(
            _variant("paper_fp32", ms=60.0, size=4_000_000, top1=None, peak=peak),
            _variant("fast_fp32", ms=20.0, size=4_000_000, top1=None, peak=peak and 2 * peak),
            _variant("compressed", ms=10.0, size=1_000_000, top1=top1, peak=peak),
        ),
    )


def test_how_a_run_stands_to_its_budget_is_said_in_the_window() -> None:
    config = with_settings(RunConfig(), {"budget.latency_ms": 12.0, "export.formats": ["ptl"]})
    made = _record().model_copy(update={"config": config.model_dump(mode="json")})
    card = next(card for card in result_cards.cards(made) if card.title == "Latency")
    assert card.remarks[0] == "10.0 ms: within the budget of 12.0 ms."


def test_four_cards_with_both_baselines() -> None:
    cards = {card.title: card for card in result_cards.cards(_record())}
    assert list(cards) == ["Accuracy", "Latency", "File size", "Memory"]
    assert (cards["Accuracy"].difference, cards["Accuracy"].verdict) == ("−1.00 points", "worse")
    assert (cards["Latency"].before, cards["Latency"].after) == ("20.0 ms", "10.0 ms")
    assert cards["Latency"].baselines == ("2.00× vs. fastest FP32", "6.00× vs. paper’s FP32")
    assert "p90 11.0 ms" in cards["Latency"].detail
    assert (cards["File size"].difference, cards["File size"].verdict) == ("−75.0 %", "better")
    assert (cards["Memory"].before, cards["Memory"].after) == ("2.00 MB", "1.00 MB")


@pytest.mark.parametrize(("record", "missing"), [(_record(top1=None), "Accuracy"), (_record(peak=None), "Memory")])
def test_what_was_not_measured_has_no_card(record: results.RunRecord, missing: str) -> None:
    assert missing not in [card.title for card in result_cards.cards(record)]


def test_a_run_that_failed_early_has_no_cards() -> None:
    assert result_cards.cards(_record().model_copy(update={"variants": ()})) == []


def test_what_to_know_about_unsteady_figures_is_said_in_whole_sentences() -> None:
    calm = next(card for card in result_cards.cards(_record()) if card.title == "Latency")
    assert (calm.doubts, calm.verdict) == ((), "better")
    slowing = results.Measurement(threads=2, warmup=1, samples_ns=(10, 10, 10, 11, 11, 11, 13, 13, 13))
    record = _record()
    *others, compressed = record.variants
    unsteady = (*others, compressed.model_copy(update={"measurements": (slowing,)}))
    latency = next(
        card for card in result_cards.cards(record.model_copy(update={"variants": unsteady})) if card.title == "Latency"
    )
    assert latency.verdict == "doubtful", "no tick"
    assert latency.doubts == (
        "Compressed: the last third took 30.0 % longer than the first: the machine slowed down.",
        "Compressed: the middle half of the samples spans 27.3 % of the median: other work disturbed it.",
    )


def test_the_details_tell_what_the_papers_baseline_takes_as_published() -> None:
    run = _record()
    paper = run.variants[0]
    [sleeping] = paper.measurements
    spinning = sleeping.model_copy(update={"samples_ns": (640_000_000,)})
    both = (spinning, sleeping.model_copy(update={"wait_policy": "PASSIVE"}))
    run = run.model_copy(update={"variants": (paper.model_copy(update={"measurements": both}), *run.variants[1:])})
    [latency] = [card for card in result_cards.cards(run) if card.title == "Latency"]
    assert "The paper’s FP32, as published, with threads that spin while waiting: 640 ms" in latency.detail
    assert "6.00× vs. paper’s FP32" in latency.baselines


def test_with_two_formats_the_cards_tell_which_one_they_are_of() -> None:
    latency = next(card for card in result_cards.cards(in_two_formats()) if card.title == "Latency")
    assert (latency.before, latency.after) == ("5.00 ms", "2.00 ms")
    assert latency.note == "median on this computer, ExecuTorch"
    assert latency.baselines == ("2.50× vs. fastest FP32", "40.0× vs. paper’s FP32")
    size = next(card for card in result_cards.cards(in_two_formats()) if card.title == "File size")
    assert (size.before, size.after) == ("41.0 MB", "9.00 MB")


def test_a_run_without_baselines_shows_what_it_measured_and_no_gain() -> None:
    whole = _record()
    record = whole.model_copy(update={"variants": whole.results})
    cards = {card.title: card for card in result_cards.cards(record)}
    assert list(cards) == ["Accuracy", "Latency", "File size", "Memory"]
    assert [(cards[title].before, cards[title].after) for title in ("Latency", "File size", "Memory")] == [
        ("–", "10.0 ms"),
        ("–", "1.00 MB"),
        ("–", "1.00 MB"),
    ]
    assert all(cards[title].difference == "–" for title in ("Latency", "File size", "Memory"))
