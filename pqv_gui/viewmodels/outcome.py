"""The four result cards of a run: before and after, with the difference."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from pqv_core import formatting, results, select, stability, summary, wait_policy
from pqv_core.summary import MISSING

Verdict = Literal["better", "worse", "same", ""]


@dataclass(frozen=True)
class ResultCard:
    """One figure before and after.

    Attributes:
        difference: – where the two were not measured together.
        note: What "before" is.
        detail: Spread and circumstances, shown on hover.
        baselines: Further comparisons, one line each.
        remarks: What to know before trusting the figures, one sentence each.
    """

    title: str
    before: str
    after: str
    difference: str = MISSING
    verdict: Verdict = ""
    note: str = ""
    detail: str = ""
    baselines: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def cards(record: results.RunRecord) -> list[ResultCard]:
    """Accuracy, latency, size and memory, as far as the run has measured them."""
    found = [_accuracy(record), _latency(record), _size(record), _memory(record)]
    return [card for card in found if card is not None]


def _accuracy(record: results.RunRecord) -> ResultCard | None:
    compressed = record.variant("compressed")
    before, after = record.dense_accuracy, compressed.accuracy if compressed else None
    if before is None or after is None:
        return None
    steps = [f"Before: {formatting.percent(before.top1)} top-1, {formatting.percent(before.top5)} top-5"]
    if record.pruned_accuracy is not None:
        steps.append(f"Pruned, fine-tuned: {formatting.percent(record.pruned_accuracy.top1)} top-1")
    steps.append(f"Compressed: {formatting.percent(after.top1)} top-1, {formatting.percent(after.top5)} top-5")
    return ResultCard(
        title="Accuracy",
        before=formatting.percent(before.top1),
        after=formatting.percent(after.top1),
        difference=formatting.points(before.top1, after.top1),
        verdict=_verdict(after.top1 - before.top1, tolerance=0.00005),
        note=f"top-1 on {after.images:,} images",
        detail="\n".join(steps),
    )


def _latency(record: results.RunRecord) -> ResultCard | None:
    shown = select.shown(record)
    after, before = shown.get("compressed"), shown.get("fast_fp32")
    if after is None or not _measured_here(record.variant("fast_fp32")):
        return None
    lines = []
    for base, words in ((before, "over the fastest FP32"), (shown.get("paper_fp32"), "over the paper’s FP32")):
        speedup = select.ratio(base, after)
        if speedup is not None:
            lines.append(f"{formatting.ratio(speedup)} {words}")
    measured = [(item, words) for item, words in ((after, "Compressed"), (before, "Fastest FP32")) if item]
    details = [f"{words}: {spread(item)}" for item, words in measured]
    paper = record.variant("paper_fp32")
    if paper is not None and (said := wait_policy.as_published(paper.role, paper.measurements)):
        details.append(f"The paper’s FP32, {said}")
    steady = [f"{words}: {remark}." for item, words in measured for remark in stability.remarks(item)]
    batch = f", batch {after.batch:,}" if after.batch != 1 else ""
    card = ResultCard(
        title="Latency",
        before=formatting.nanoseconds(before.median_ns) if before else MISSING,
        after=formatting.nanoseconds(after.median_ns),
        note=f"median on this computer{batch}",
        detail="\n".join(details),
        baselines=tuple(lines),
        remarks=(*summary.notes(record), *steady),
    )
    return _compared(card, before.median_ns, after.median_ns) if before and select.together(before, after) else card


def spread(measurement: results.Measurement) -> str:
    """A measurement with its spread in one line."""
    fastest, slowest = min(measurement.samples_ns), max(measurement.samples_ns)
    return (
        f"median {formatting.nanoseconds(measurement.median_ns)}, "
        f"p90 {formatting.milliseconds(measurement.percentile_ms(0.9))}, "
        f"{formatting.nanoseconds(fastest)} to {formatting.nanoseconds(slowest)}, "
        f"{formatting.counted(len(measurement.samples_ns), 'run')}, {select.Setting.of(measurement).words}"
    )


def _size(record: results.RunRecord) -> ResultCard | None:
    after, before = record.variant("compressed"), record.variant("fast_fp32")
    if after is None or before is None:
        return None
    parameters = f"{formatting.count(before.params)} → {formatting.count(after.params)} parameters"
    macs = f"{formatting.macs(before.macs)} → {formatting.macs(after.macs)}"
    card = ResultCard(
        title="File size",
        before=formatting.size(before.size_bytes),
        after=formatting.size(after.size_bytes),
        note=parameters,
        detail=f"{before.size_bytes:,} → {after.size_bytes:,} bytes\n{macs}",
        baselines=(macs,),
    )
    return _compared(card, before.size_bytes, after.size_bytes)


def _memory(record: results.RunRecord) -> ResultCard | None:
    shown = select.shown(record)
    after, before = shown.get("compressed"), shown.get("fast_fp32")
    if after is None or before is None or after.peak_rss_bytes is None or before.peak_rss_bytes is None:
        return None
    empty = formatting.size(after.base_rss_bytes) if after.base_rss_bytes is not None else "not known"
    used_before, used_after, note = _used(before), _used(after), "added to a clean process"
    if used_after <= 0 or used_before <= 0:  # a network so small that it vanishes in what the runtime itself takes
        used_before, used_after, note = before.peak_rss_bytes, after.peak_rss_bytes, "peak of the whole process"
    card = ResultCard(
        title="Memory",
        before=formatting.size(used_before),
        after=formatting.size(used_after),
        note=note,
        detail=f"Peak of the process: {formatting.size(before.peak_rss_bytes)} → "
        f"{formatting.size(after.peak_rss_bytes)}, of which the empty runtime is {empty}",
    )
    return _compared(card, used_before, used_after) if select.together(before, after) else card


def _compared(card: ResultCard, before: float, after: float) -> ResultCard:
    """The card with the difference of two figures of which the lower is the better."""
    verdict = _verdict(before - after, tolerance=0.005 * before)
    return replace(card, difference=formatting.change(before, after), verdict=verdict)


def _used(measurement: results.Measurement) -> int:
    """What the file added to a clean process; 0 where that is not known."""
    peak, base = measurement.peak_rss_bytes, measurement.base_rss_bytes
    return peak - base if peak is not None and base is not None else 0


def _measured_here(variant: results.Variant | None) -> bool:
    return variant is not None and any(item.target == results.LOCAL for item in variant.measurements)


def _verdict(gain: float, *, tolerance: float) -> Verdict:
    if abs(gain) <= tolerance:
        return "same"
    return "better" if gain > 0 else "worse"
