"""The four result cards of a run: before and after, with the difference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from pqv_core import formatting
from pqv_core.formats import FORMATS
from pqv_core.results import budgets, select, stability, summary, wait_policy
from pqv_core.results import record as results
from pqv_core.results.record import LOCAL, Accuracy, Measurement, RunRecord, Variant
from pqv_core.results.summary import MISSING

Verdict = Literal["better", "worse", "same", "doubtful", ""]


@dataclass(frozen=True)
class ResultCard:
    """One figure before and after.

    Attributes:
        difference: – where the two were not measured together.
        note: What "before" is.
        detail: Spread and circumstances, shown on hover.
        baselines: Further comparisons, one line each.
        remarks: How the run stands to its budget, and why figures are not compared, one sentence each.
        doubts: Why the figures are not to be trusted, one sentence each; their ratios are greyed.
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
    doubts: tuple[str, ...] = ()


def targets(record: RunRecord) -> tuple[str, ...]:
    """The targets whose cards can be shown: this computer, then each phone that measured the compressed file."""
    measured = [item.target for result in record.results for item in result.measurements]
    return tuple(dict.fromkeys([LOCAL, *measured]))


def cards(record: RunRecord, *, target: str = LOCAL) -> list[ResultCard]:
    """Accuracy, latency, size and memory, as far as they have been measured on a target."""
    found = [_accuracy(record, target), _latency(record, target), _size(record, target), _memory(record, target)]
    return [card for card in found if card is not None]


def _accuracy(record: RunRecord, target: str) -> ResultCard | None:
    before, after, where = _asked(record, target)
    if before is None or after is None:
        return None
    steps = [f"Before: {_top(before)}"]
    if record.pruned_accuracy is not None and target == LOCAL:
        steps.append(f"Pruned, fine-tuned: {_top(record.pruned_accuracy)}")
    steps.append(f"Compressed: {_top(after)}")
    card = ResultCard(
        title="Accuracy",
        before=formatting.percent(before.top1),
        after=formatting.with_error(after.top1, after.top1_error),
        note=f"top-1 on {after.images:,} images{where}",
        detail="\n".join(steps),
    )
    if before.images != after.images:
        return replace(card, before=f"{card.before} on {before.images:,} images")
    verdict = _verdict(after.top1 - before.top1, tolerance=0.00005)
    return replace(card, difference=formatting.points(before.top1, after.top1), verdict=verdict)


def _asked(record: RunRecord, target: str) -> tuple[Accuracy | None, Accuracy | None, str]:
    """Accuracy before and after, and where: a phone's own, where it was asked, else this computer's."""
    result, shown = select.result(record, target=target), select.shown(record, target=target)
    measured = select.of_result(record, target=target)
    own = select.answers(result, measured)[0] if result and measured and target != LOCAL else None
    if own is not None:
        found = [
            select.answers(base, shown[base.key])[0]
            for base in reversed(record.baselines)  # the fairest first
            if select.together(shown.get(base.key), measured)
        ]
        return next((one for one in found if one), record.dense_accuracy), own, " on the phone"
    where = "" if target == LOCAL else ", measured on this computer"
    return record.dense_accuracy, result.accuracy if result else None, where


def _top(accuracy: Accuracy) -> str:
    top1 = formatting.with_error(accuracy.top1, accuracy.top1_error)
    return f"{top1} top-1, {formatting.percent(accuracy.top5)} top-5, on {accuracy.images:,} images"


def _latency(record: RunRecord, target: str) -> ResultCard | None:
    shown, published = select.shown(record, target=target), record.published
    result, fairest = select.result(record, target=target), select.fairest(record, target=target)
    after, before = select.of_result(record, target=target), _of(fairest, shown)
    paper = _of(published, shown)
    if after is None or (target == LOCAL and record.baselines and not _measured_here(fairest)):
        return None
    lines = []
    for base, words in ((before, "vs. fastest FP32"), (paper, "vs. paper’s FP32")):
        speedup = select.ratio(base, after)
        if speedup is not None:
            lines.append(f"{formatting.ratio(speedup)} {words}")
    measured = [(item, words) for item, words in ((after, "Compressed"), (before, "Fastest FP32")) if item]
    details = [f"{words}: {spread(item)}" for item, words in measured]
    if target == LOCAL and published is not None:
        said = wait_policy.as_published(published.artifact, published.measurements)
        details += [f"The paper’s FP32, {said}"] if said else []
    batch = f", batch {after.batch:,}" if after.batch != 1 else ""
    card = ResultCard(
        title="Latency",
        before=formatting.nanoseconds(before.median_ns) if before else MISSING,
        after=formatting.nanoseconds(after.median_ns),
        note=f"median on {'this computer' if target == LOCAL else target}{batch}{_format(record, result)}",
        detail="\n".join(details),
        baselines=tuple(lines),
        remarks=(*budgets.verdicts(record), *summary.notes(record, target=target)),
        doubts=tuple(_doubts([*measured, *([(paper, "The paper’s FP32")] if paper else [])])),
    )
    if before is not None and select.together(before, after):
        card = _compared(card, before.median_ns, after.median_ns)
    return replace(card, verdict="doubtful") if card.doubts else card


def _format(record: RunRecord, result: Variant | None) -> str:
    """Which of its formats a run is judged by, where it has several."""
    if result is None or len(record.results) < 2:
        return ""
    key = result.artifact.format
    return f", {next((info.label for known, info in FORMATS.items() if known == key), key)}"


def _of(variant: Variant | None, shown: Mapping[str, Measurement]) -> Measurement | None:
    return shown.get(variant.key) if variant is not None else None


def _doubts(measured: list[tuple[Measurement, str]]) -> Iterator[str]:
    """Why figures are not to be trusted; those with the same reason together."""
    found: dict[str, list[str]] = {}
    for item, words in measured:
        for remark in stability.remarks(item):
            found.setdefault(remark, []).append(words)
    yield from (f"{', '.join(names)}: {remark}." for remark, names in found.items())


def spread(measurement: Measurement) -> str:
    """A measurement with its spread in one line."""
    fastest, slowest = min(measurement.samples_ns), max(measurement.samples_ns)
    return (
        f"median {formatting.nanoseconds(measurement.median_ns)}, "
        f"p90 {formatting.milliseconds(measurement.percentile_ms(0.9))}, "
        f"{formatting.nanoseconds(fastest)} to {formatting.nanoseconds(slowest)}, "
        f"{formatting.counted(len(measurement.samples_ns), 'run')}, {select.Setting.of(measurement).words}"
    )


def _size(record: RunRecord, target: str) -> ResultCard | None:
    after, before = select.result(record, target=target), select.fairest(record, target=target)
    if after is None:
        return None
    if before is None:
        return ResultCard(
            title="File size",
            before=MISSING,
            after=formatting.size(after.size_bytes),
            note=f"{formatting.count(after.params)} parameters",
            detail=f"{after.size_bytes:,} bytes\n{formatting.macs(after.macs)}",
        )
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


def _memory(record: RunRecord, target: str) -> ResultCard | None:
    shown = select.shown(record, target=target)
    after, before = select.of_result(record, target=target), _of(select.fairest(record, target=target), shown)
    if after is None or after.memory_bytes is None:
        return None
    known = before is not None and before.memory_bytes is not None
    peaks = [(words, item) for words, item in (("Fastest FP32", before), ("Compressed", after)) if item is not None]
    card = ResultCard(
        title="Memory",
        before=formatting.size(before.memory_bytes or 0) if before is not None and known else MISSING,
        after=formatting.size(after.memory_bytes),
        note="added to a clean process",
        detail="\n".join(_process_peak(words, item) for words, item in peaks if item.peak_rss_bytes is not None),
    )
    if before is None or before.memory_bytes is None or not select.together(before, after):
        return card
    return _compared(card, before.memory_bytes, after.memory_bytes)


def _process_peak(words: str, item: Measurement) -> str:
    """All that the process held at its highest, which is mostly the runtime."""
    empty = f", of which {formatting.size(item.base_rss_bytes)} before loading" if item.base_rss_bytes else ""
    return f"{words}: process peak {formatting.size(item.peak_rss_bytes or 0)}{empty}"


def _compared(card: ResultCard, before: float, after: float) -> ResultCard:
    """The card with the difference of two figures of which the lower is the better."""
    verdict = _verdict(before - after, tolerance=0.005 * before)
    return replace(card, difference=formatting.change(before, after), verdict=verdict)


def _measured_here(variant: results.Variant | None) -> bool:
    return variant is not None and any(item.target == LOCAL for item in variant.measurements)


def _verdict(gain: float, *, tolerance: float) -> Verdict:
    if abs(gain) <= tolerance:
        return "same"
    return "better" if gain > 0 else "worse"
