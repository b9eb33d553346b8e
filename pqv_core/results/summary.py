"""Before and after: the figures of a run as the rows of one table, with the gain over both baselines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pqv_core import formatting
from pqv_core.results import select
from pqv_core.results.artifacts import UNMERGED
from pqv_core.results.record import LOCAL, Measurement, RunRecord, Variant, standard_error

Comparison = Literal["points", "faster", "smaller", "change", "none"]
Source = Literal["file", "answers", "measurement"]

MISSING = "–"
_SAME = 0.005
_TIMED = ("latency_median_s", "latency_p90_s")


@dataclass(frozen=True)
class SummaryFigure:
    """A kind of figure: where it is found, in which unit it is said, and how two of them are compared.

    Attributes:
        source: The file itself; its answers, which on a phone belong to a measurement; or a measurement.
        counted: It is a share of images, and has their number and a standard error.
    """

    key: str
    label: str
    comparison: Comparison
    words: Callable[[float], str]
    find: Callable[[Variant, Measurement | None], float | None]
    source: Source = "file"
    counted: bool = False


@dataclass(frozen=True)
class SummaryRow:
    """One figure of all artefacts.

    Attributes:
        values: By the key of the artefact, in SI units, bytes or shares from 0 to 1; None where it was not measured in
            the setting shown.
        result: Key of the artefact that the run was made for; empty where there is none yet.
        apart: Baselines whose figure was not measured together with the result's, or on other images.
        images: By the key of the artefact, how many images a share is of.
        unsteady: Baselines beside which the result's figure is not to be trusted.
    """

    figure: SummaryFigure
    values: Mapping[str, float | None]
    result: str
    apart: frozenset[str] = frozenset()
    images: Mapping[str, int] = field(default_factory=dict)
    unsteady: frozenset[str] = frozenset()

    @property
    def label(self) -> str:
        """What the figure is called, with the number of images where all are shares of as many."""
        numbers = set(self.images.values())
        return f"{self.figure.label} (n = {numbers.pop():,})" if len(numbers) == 1 else self.figure.label

    def text(self, artifact: str) -> str:
        """The figure of one artefact, with its unit; a share with its error, and with its images where they differ."""
        value = self.values.get(artifact)
        if value is None:
            return MISSING
        if artifact not in self.images:
            return self.figure.words(value)
        text = formatting.with_error(value, standard_error(value, self.images[artifact]))
        return f"{text} (n = {self.images[artifact]:,})" if len(set(self.images.values())) > 1 else text

    def gain(self, over: str) -> str:
        """What the result gains over a baseline: ``6.47× faster``, ``−0.3 points``."""
        before, after = self.values.get(over), self.values.get(self.result)
        if before is None or after is None or over in self.apart:
            return MISSING
        return _compared(self.figure.comparison, before, after)

    def as_json(self) -> dict[str, Any]:
        """The plain figures."""
        plain = {"figure": self.figure.key, **self.values}
        return {**plain, "images": dict(self.images)} if self.images else plain


def rows(record: RunRecord, *, target: str = LOCAL, result: Variant | None = None) -> list[SummaryRow]:
    """The figures that a run has measured on ``target``, in the order in which a person reads them.

    The first is what was given up (accuracy), then what was gained (latency, size, memory), then why it is trusted
    (agreement of the logits with the pruned fp32 model). All were measured in one setting (``select.setting``).

    Args:
        result: Whose gains are told; None for the one by which the run is judged there.
    """
    result = result or select.result(record, target=target)
    measured = select.shown(record, target=target)
    ours, bases = measured.get(result.key) if result else None, [base.key for base in record.baselines]
    apart = frozenset(key for key in bases if not select.together(measured.get(key), ours))
    unsteady = frozenset(key for key in bases if select.doubtful(measured.get(key), ours))
    key = result.key if result else ""
    found = [_row(figure, record, key, measured, target, apart, unsteady) for figure in _FIGURES]
    return [row for row in found if any(value is not None for value in row.values.values())]


def _row(
    figure: SummaryFigure,
    record: RunRecord,
    result: str,
    measured: Mapping[str, Measurement],
    target: str,
    apart: frozenset[str],
    unsteady: frozenset[str],
) -> SummaryRow:
    values: dict[str, float | None] = {}
    images: dict[str, int] = {}
    for variant in record.in_order:
        key, item = variant.key, measured.get(variant.key)
        values[key] = figure.find(variant, item) if item is not None or target == LOCAL else None
        if figure.counted and values[key] is not None:
            accuracy, _ = select.answers(variant, item)
            images[key] = accuracy.images if accuracy else 0
    depends = figure.source == "measurement" or (figure.source == "answers" and target != LOCAL)
    others = {base.key for base in record.baselines if base.key in images and images[base.key] != images.get(result)}
    return SummaryRow(
        figure,
        values,
        result,
        apart=(apart if depends else frozenset()) | others,
        images=images,
        unsteady=unsteady if figure.key in _TIMED else frozenset(),
    )


def notes(record: RunRecord, *, target: str = LOCAL) -> list[str]:
    """What a person is told beside the figures, in sentences.

    That is what merging tokens gains, and why figures are left out or not compared.
    """
    found = [note for variant in record.in_order if (note := _note(record, variant, target))]
    return [*_contrasts(record, target), *found]


def _contrasts(record: RunRecord, target: str) -> Iterator[str]:
    """What a technique gains, by the file that does without it."""
    shown, where = select.shown(record, target=target), "" if target == LOCAL else f" on {target}"
    for without in [variant for variant in record.in_order if variant.artifact.model == UNMERGED]:
        made = next((item for item in record.results if item.artifact.format == without.artifact.format), None)
        before, after = shown.get(without.key), shown.get(made.key) if made else None
        gain = select.ratio(before, after)
        if made is None or before is None or after is None or gain is None:
            continue
        medians = [formatting.nanoseconds(item.median_ns) for item in (after, before)]
        if gain > 1 + _SAME:
            yield (
                f"Merging tokens makes {made.label}{where} {formatting.ratio(gain)} faster: "
                f"{medians[0]}, with all tokens {medians[1]}."
            )
        else:
            yield (
                f"Merging tokens does not pay{where}: {made.label} takes {medians[0]}, with all tokens {medians[1]}. "
                + _without_merging(record)
            )


def _without_merging(record: RunRecord) -> str:
    """What a person can do where merging does not pay."""
    tokens = record.config.get("tokens")
    if isinstance(tokens, dict) and tokens.get("by_budget") is True:
        return "Set tokens.by_budget to false and tokens.merge to 0."
    return "Set tokens.merge to 0, or to more."


def _note(record: RunRecord, variant: Variant, target: str) -> str:
    setting = select.setting(record, target=target)
    known = [item for item in variant.measurements if item.target == target]
    if setting is None or not known:
        return ""
    shown, where = select.shown(record, target=target), "" if target == LOCAL else f" on {target}"
    if variant.key not in shown:
        theirs = select.Setting.of(known[-1]).words
        return f"{variant.label} was measured with {theirs}{where}, not with {setting.words}: they are not compared."
    result, ours = select.result(record, target=target), select.of_result(record, target=target)
    if result and variant.artifact.is_baseline and ours and not select.together(shown[variant.key], ours):
        return f"{variant.label} and {result.label} were not measured together{where} and are not compared."
    return ""


def _compared(comparison: Comparison, before: float, after: float) -> str:
    if comparison == "none":
        return ""
    if comparison == "points":
        return formatting.points(before, after)
    if comparison == "change" or not before or not after:
        return formatting.change(before, after)
    better, worse = ("faster", "slower") if comparison == "faster" else ("smaller", "larger")
    ratio = before / after
    if abs(ratio - 1) < _SAME:
        return "the same"
    return f"{formatting.ratio(ratio)} {better}" if ratio >= 1 else f"{formatting.ratio(1 / ratio)} {worse}"


def targets(record: RunRecord) -> tuple[str, ...]:
    """Where the run's files were measured: this computer first, then phones in the order of their first measurement."""
    found = [item.target for variant in record.variants for item in variant.measurements]
    return tuple(dict.fromkeys([LOCAL, *found]))


def _top1(variant: Variant, measured: Measurement | None) -> float | None:
    accuracy, _ = select.answers(variant, measured)
    return accuracy.top1 if accuracy else None


def _top5(variant: Variant, measured: Measurement | None) -> float | None:
    accuracy, _ = select.answers(variant, measured)
    return accuracy.top5 if accuracy else None


def _median(_: Variant, measured: Measurement | None) -> float | None:
    return measured.median_ns / 1e9 if measured else None


def _p90(_: Variant, measured: Measurement | None) -> float | None:
    return measured.percentile_ms(0.9) / 1e3 if measured else None


def _load(_: Variant, measured: Measurement | None) -> float | None:
    return measured.load_ns / 1e9 if measured and measured.load_ns is not None else None


def _memory(_: Variant, measured: Measurement | None) -> float | None:
    return measured.memory_bytes if measured else None


def _relative(variant: Variant, measured: Measurement | None) -> float | None:
    _, parity = select.answers(variant, measured)
    return parity.relative if parity else None


def _agreement(variant: Variant, measured: Measurement | None) -> float | None:
    _, parity = select.answers(variant, measured)
    return parity.top1_agreement if parity else None


def _seconds(value: float) -> str:
    return formatting.milliseconds(value * 1e3)


def _whole(value: float) -> str:
    return formatting.count(round(value))


def _error(value: float) -> str:
    return f"{value:.1e}" if 0 < value < 1e-3 else formatting.significant(value)


_FIGURES = (
    SummaryFigure("top1", "Top-1 accuracy", "points", formatting.percent, _top1, "answers", counted=True),
    SummaryFigure("top5", "Top-5 accuracy", "points", formatting.percent, _top5, "answers", counted=True),
    SummaryFigure("latency_median_s", "Latency, median", "faster", _seconds, _median, "measurement"),
    SummaryFigure("latency_p90_s", "Latency, p90", "faster", _seconds, _p90, "measurement"),
    SummaryFigure("size_bytes", "File size", "smaller", formatting.size, lambda variant, _: variant.size_bytes),
    SummaryFigure("params", "Parameters", "change", _whole, lambda variant, _: variant.params),
    SummaryFigure("macs", "Operations", "change", formatting.macs, lambda variant, _: variant.macs),
    SummaryFigure("memory_bytes", "Memory", "smaller", formatting.size, _memory, "measurement"),
    SummaryFigure("load_s", "Loading", "faster", _seconds, _load, "measurement"),
    SummaryFigure("relative_error", "Logit error", "none", _error, _relative, "answers"),
    SummaryFigure("top1_agreement", "Same answer", "none", formatting.percent, _agreement, "answers"),
)
