"""Two runs beside each other: which settings differ, and by how much each figure does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from pqv_core import formatting, labels
from pqv_core.comparison import settings
from pqv_core.comparison.stored_runs import StoredRun, computer
from pqv_core.results import artifacts, select, stability, summary
from pqv_core.results.record import LOCAL, RunRecord
from pqv_core.results.summary import MISSING, SummaryRow

Verdict = Literal["better", "worse", "same", ""]

_SHARES = ("top1", "top5", "top1_agreement")
_TIMES = ("latency_median_s", "latency_p90_s", "load_s")
_SAME = 0.005
_APART = (
    "≈ The latencies of two runs are measured at different times; a speed-up is over a baseline that was measured "
    "together with the file."
)


@dataclass(frozen=True)
class SettingChange:
    """A setting in which two runs differ.

    Attributes:
        name: Dotted: ``prune.ratio``.
        before: In words; – where the one run does not have it.
    """

    name: str
    before: str
    after: str


@dataclass(frozen=True)
class FigureChange:
    """A figure of the results of two runs.

    Attributes:
        device: What a person calls where it was measured.
        values: In SI units, bytes, or shares from 0 to 1.
        change: In percent, for shares in points; – where the two cannot be compared, ≈ before latencies, which were
            measured at different times.
        verdict: Which way it went; empty where the two cannot be compared.
    """

    key: str
    label: str
    device: str
    before: str
    after: str
    values: tuple[float, float]
    change: str = MISSING
    verdict: Verdict = ""


@dataclass(frozen=True)
class Difference:
    """What differs between two runs.

    Attributes:
        before: What the one is called, to which the other is compared.
        notes: Why figures are not compared, or not to be trusted, one sentence each.
    """

    before: str
    after: str
    settings: tuple[SettingChange, ...]
    figures: tuple[FigureChange, ...]
    notes: tuple[str, ...] = ()

    @property
    def devices(self) -> tuple[str, ...]:
        """Where there are figures of."""
        return tuple(dict.fromkeys(figure.device for figure in self.figures))

    def as_json(self) -> dict[str, Any]:
        """All of it as plain data."""
        return {
            "before": self.before,
            "after": self.after,
            "settings": [vars(change) for change in self.settings],
            "figures": [vars(change) for change in self.figures],
            "notes": list(self.notes),
        }


def difference(one: StoredRun, other: StoredRun) -> Difference:
    """What differs in ``other`` from ``one``."""
    before, after = settings.flat(one.record.config), settings.flat(other.record.config)
    changes = tuple(
        SettingChange(settings.in_line(name), *(settings.value_words(name, each.get(name)) for each in (before, after)))
        for name in settings.changed(before, after)
    )
    found = _Figures(one.record, other.record, same_images=before.get("data.val") == after.get("data.val"))
    return Difference(one.title, other.title, changes, tuple(found.all()), tuple(dict.fromkeys(found.notes)))


class _Figures:
    """The figures of two runs on the devices on which both were measured, and what there is to know of them."""

    def __init__(self, one: RunRecord, other: RunRecord, *, same_images: bool) -> None:
        self._runs = one, other
        self._same_images = same_images
        self.notes: list[str] = []

    def all(self) -> Iterator[FigureChange]:
        """Figure by figure, this computer first."""
        one, other = self._runs
        for target in [target for target in summary.targets(one) if target in summary.targets(other)]:
            yield from self._on(target)

    def _on(self, target: str) -> Iterator[FigureChange]:
        tables = [{row.figure.key: row for row in summary.rows(record, target=target)} for record in self._runs]
        why_not = self._why_not_measured(target)
        for key, row in tables[0].items():
            if key in tables[1] and (target == LOCAL or row.figure.source != "file"):
                found = self._figure(target, row, tables[1][key], why_not)
                if found is not None:
                    yield found
        if not why_not and "latency_median_s" in tables[0] and "latency_median_s" in tables[1]:
            self.notes += [_APART, *self._unsteady(target)]
        yield from self._speedups(target)

    def _figure(self, target: str, row: SummaryRow, other: SummaryRow, why_not: str) -> FigureChange | None:
        before, after = row.values.get(row.result), other.values.get(other.result)
        if before is None or after is None:
            return None
        texts = row.text(row.result), other.text(other.result)
        made = (row.figure.key, row.figure.label, labels.target(target), *texts, (before, after))
        if row.figure.counted:
            why_not = self._why_not_counted(row.images.get(row.result), other.images.get(other.result))
        elif row.figure.source != "measurement":
            why_not = ""
        if why_not:
            self.notes.append(why_not)
            return FigureChange(*made)
        change = (formatting.points if row.figure.key in _SHARES else formatting.change)(before, after)
        about = "≈ " if row.figure.key in _TIMES and change != MISSING else ""
        return FigureChange(*made, f"{about}{change}", _verdict(row.figure.key, before, after))

    def _why_not_measured(self, target: str) -> str:
        """Why what was measured on a target cannot be compared; empty where it can."""
        one, other = self._runs
        if target == LOCAL and computer(one) != computer(other):
            return f"Measured on different computers: {computer(one)}; {computer(other)}."
        found = [select.setting(record, target=target) for record in self._runs]
        words = [setting.words for setting in found if setting is not None]
        return f"Measured with {words[0]} and with {words[1]}." if len(set(words)) > 1 else ""

    def _why_not_counted(self, before: int | None, after: int | None) -> str:
        """Why shares of images cannot be compared; empty where they can."""
        if before != after:
            return f"Accuracy is over {before or 0:,} images in one run and over {after or 0:,} in the other."
        return "" if self._same_images else "Accuracy is over different validation images."

    def _unsteady(self, target: str) -> Iterator[str]:
        for record, words in zip(self._runs, ("first", "second"), strict=True):
            item = select.of_result(record, target=target)
            if item is not None and not stability.is_steady(item):
                yield f"⚠ The latency of the {words} run on {labels.target(target)} is unstable."

    def _speedups(self, target: str) -> Iterator[FigureChange]:
        """The gain over each baseline, which a file and its baseline were measured together for."""
        fairest = [select.fairest(record, target=target) for record in self._runs]
        keys = [(artifacts.PAPER.key,) * 2, tuple(base.key if base else artifacts.FAIREST.key for base in fairest)]
        for pair, label in zip(keys, ("Speed-up over paper’s FP32", "Speed-up over fastest FP32"), strict=True):
            before, after = (
                select.speedup(record, over=key, target=target) for record, key in zip(self._runs, pair, strict=True)
            )
            if before is not None and after is not None:
                texts = formatting.ratio(before), formatting.ratio(after)
                change, verdict = formatting.change(before, after), _verdict("speedup", before, after)
                yield FigureChange("speedup", label, labels.target(target), *texts, (before, after), change, verdict)


def _verdict(key: str, before: float, after: float) -> Verdict:
    if abs(after - before) <= (5e-5 if key in _SHARES else _SAME * abs(before)):
        return "same"
    higher_is_better = key in (*_SHARES, "speedup")
    return "better" if (after > before) == higher_is_better else "worse"
