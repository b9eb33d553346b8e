"""The four result cards of a run: before and after, with the difference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pqv_core import formatting, results, stability

Verdict = Literal["better", "worse", "same", ""]


@dataclass(frozen=True)
class ResultCard:
    """One figure before and after.

    Attributes:
        note: What "before" is.
        detail: Spread and circumstances, shown on hover.
        baselines: Further comparisons, one line each.
        remarks: What to know before trusting the figures, one sentence each.
    """

    title: str
    before: str
    after: str
    difference: str
    verdict: Verdict
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
    after = _local(record.variant("compressed"))
    before = _local(record.variant("fast_fp32"))
    if after is None or before is None:
        return None
    lines = []
    for role, words in (("fast_fp32", "over the fastest FP32"), ("paper_fp32", "over the paper’s FP32")):
        speedup = record.speedup(over=role)
        if speedup is not None:
            lines.append(f"{formatting.ratio(speedup)} {words}")
    measured = ((after, "Compressed"), (before, "Fastest FP32"))
    return ResultCard(
        title="Latency",
        before=formatting.nanoseconds(before.median_ns),
        after=formatting.nanoseconds(after.median_ns),
        difference=formatting.change(before.median_ns, after.median_ns),
        verdict=_verdict(before.median_ns - after.median_ns, tolerance=0.005 * before.median_ns),
        note="median on this computer",
        detail=f"Compressed: {spread(after)}\nFastest FP32: {spread(before)}",
        baselines=tuple(lines),
        remarks=tuple(f"{words}: {remark}." for item, words in measured for remark in stability.remarks(item)),
    )


def spread(measurement: results.Measurement) -> str:
    """A measurement with its spread in one line."""
    fastest, slowest = min(measurement.samples_ns), max(measurement.samples_ns)
    return (
        f"median {formatting.nanoseconds(measurement.median_ns)}, "
        f"p90 {formatting.milliseconds(measurement.percentile_ms(0.9))}, "
        f"{formatting.nanoseconds(fastest)} to {formatting.nanoseconds(slowest)}, "
        f"{len(measurement.samples_ns)} runs, {measurement.threads} threads"
    )


def _size(record: results.RunRecord) -> ResultCard | None:
    after, before = record.variant("compressed"), record.variant("fast_fp32")
    if after is None or before is None:
        return None
    parameters = f"{formatting.count(before.params)} → {formatting.count(after.params)} parameters"
    macs = f"{formatting.macs(before.macs)} → {formatting.macs(after.macs)}"
    return ResultCard(
        title="File size",
        before=formatting.size(before.size_bytes),
        after=formatting.size(after.size_bytes),
        difference=formatting.change(before.size_bytes, after.size_bytes),
        verdict=_verdict(before.size_bytes - after.size_bytes, tolerance=0.005 * before.size_bytes),
        note=parameters,
        detail=f"{before.size_bytes:,} → {after.size_bytes:,} bytes\n{macs}",
        baselines=(macs,),
    )


def _memory(record: results.RunRecord) -> ResultCard | None:
    after, before = _local(record.variant("compressed")), _local(record.variant("fast_fp32"))
    if after is None or before is None or after.peak_rss_bytes is None or before.peak_rss_bytes is None:
        return None
    empty = formatting.size(after.base_rss_bytes or 0)
    used_before, used_after, note = _used(before), _used(after), "added to a clean process"
    if used_after <= 0 or used_before <= 0:  # a network so small that it vanishes in what the runtime itself takes
        used_before, used_after, note = before.peak_rss_bytes, after.peak_rss_bytes, "peak of the whole process"
    return ResultCard(
        title="Memory",
        before=formatting.size(used_before),
        after=formatting.size(used_after),
        difference=formatting.change(used_before, used_after),
        verdict=_verdict(used_before - used_after, tolerance=0.005 * used_before),
        note=note,
        detail=f"Peak of the process: {formatting.size(before.peak_rss_bytes)} → "
        f"{formatting.size(after.peak_rss_bytes)}, of which the empty runtime is {empty}",
    )


def _used(measurement: results.Measurement) -> int:
    return (measurement.peak_rss_bytes or 0) - (measurement.base_rss_bytes or 0)


def _local(variant: results.Variant | None) -> results.Measurement | None:
    measurements = variant.measurements if variant else ()
    return next((item for item in reversed(measurements) if item.target == "local"), None)


def _verdict(gain: float, *, tolerance: float) -> Verdict:
    if abs(gain) <= tolerance:
        return "same"
    return "better" if gain > 0 else "worse"
