"""Measurements as rows of a table, the same for phones and for this computer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pqv_core import formatting
from pqv_core.results import budgets, operators, select, stability, wait_policy
from pqv_core.results.record import LayerSensitivity, Measurement, OperatorTime, RunRecord
from pqv_gui.viewmodels import display_names
from pqv_gui.viewmodels.results import result_cards
from pqv_gui.viewmodels.results.bar_row import BarRow

HEADS = (
    "Target", "File", "Threads", "Median", "p90", "Fastest", "Loading", "Memory", "Last third", "Throttled",
    "Agreement", "Accuracy",
)  # fmt: skip
TIPS = {
    "Median": "Median latency",
    "p90": "90th percentile latency",
    "Loading": "Load time",
    "Memory": "Peak memory added to a clean process",
    "Last third": "Median of the last third relative to the first; above 0 means it slowed down",
    "Throttled": "Whether the phone throttled because of heat",
    "Agreement": "Share of inputs with the same top-1 class as on this computer",
    "Accuracy": "Top-1 ± standard error on the validation images run on the phone",
}
_HEAT_FACTS = (("celsius", "Temperature", "°C"), ("battery", "Battery", "%"))
NOTHING = "–"
_MOST_OPERATORS = 10


@dataclass(frozen=True)
class Measured:
    """One measurement with what it belongs to."""

    target: str
    file: str
    measurement: Measurement

    @property
    def cells(self) -> tuple[str, ...]:
        """What stands under ``HEADS``."""
        item = self.measurement
        return (
            self.target,
            self.file,
            str(item.threads) if item.batch == 1 else f"{item.threads}, batch {item.batch:,}",
            formatting.nanoseconds(item.median_ns),
            formatting.milliseconds(item.percentile_ms(0.9)),
            formatting.nanoseconds(min(item.samples_ns)),
            NOTHING if item.load_ns is None else formatting.nanoseconds(item.load_ns),
            NOTHING if item.memory_bytes is None else formatting.size(item.memory_bytes),
            self._thirds,
            self._heat,
            self._answers,
            self._accuracy,
        )

    @property
    def _thirds(self) -> str:
        drift = stability.drift(self.measurement.samples_ns)
        return NOTHING if drift is None else _signed(100 * (drift - 1))

    @property
    def _heat(self) -> str:
        item = self.measurement
        if item.throttled is None:
            return NOTHING
        stopped = ", stopped" if "stopped" in (item.heat or {}) else ""
        return f"{'yes' if item.throttled else 'no'}{stopped}"

    @property
    def _answers(self) -> str:
        parity = self.measurement.parity
        if parity is None:
            return NOTHING
        return formatting.percent(parity.top1_agreement)

    @property
    def _accuracy(self) -> str:
        accuracy = self.measurement.accuracy
        if accuracy is None:
            return NOTHING
        return f"{formatting.with_error(accuracy.top1, accuracy.top1_error)} (n = {accuracy.images:,})"

    @property
    def details(self) -> str:
        """What does not fit into the cells, a line each."""
        return "\n".join(_details(self.measurement))


def _details(item: Measurement) -> Iterator[str]:
    yield result_cards.spread(item) + (f", {item.engine}" if item.engine else "")
    if item.wait_policy:
        yield f"Measured {wait_policy.words(item.wait_policy)} ({wait_policy.VARIABLE}={item.wait_policy})"
    yield from (f"Note: {remark}" for remark in stability.remarks(item))
    if item.peak_rss_bytes is not None:
        yield f"Process peak {formatting.size(item.peak_rss_bytes)}"
    facts = item.heat or {}
    if item.parity is not None:
        apart, inputs = formatting.significant(item.parity.relative), item.parity.inputs
        yield f"Relative logit error {apart} against this computer’s, on {inputs:,} inputs"
    if item.accuracy is not None:
        yield f"Top-5 {formatting.percent(item.accuracy.top5)}, on {item.accuracy.images:,} images"
    if facts.get("cores"):
        yield f"On the cores {', '.join(map(str, facts['cores']))}"
    for name, words, unit in _HEAT_FACTS:
        if isinstance(facts.get(f"{name}_before"), int | float) and isinstance(facts.get(f"{name}_after"), int | float):
            yield f"{words} {facts[f'{name}_before']:g} → {facts[f'{name}_after']:g} {unit}"
    if isinstance(facts.get("joule_an_inference"), int | float):
        yield f"{formatting.significant(1000 * facts['joule_an_inference'])} mJ per inference, whole phone"


def _signed(percent: float) -> str:
    """A difference in percent to a tenth: ``+2.1 %``."""
    rounded = round(percent, 1)
    return f"{'+' if rounded > 0 else '−' if rounded < 0 else '±'}{abs(rounded):.1f} %" if rounded else "±0 %"


def from_record(record: RunRecord) -> list[Measured]:
    """What counts of a run: each target in turn, each artefact with each number of threads and each batch."""
    found = select.settings(record)
    targets = dict.fromkeys(setting.target for setting in found)
    return [
        Measured(display_names.target(target), variant.label, item)
        for target in targets
        for variant in record.variants
        for setting in found
        if setting.target == target and (item := select.at(variant, setting))
    ]


def operator_bars(times: tuple[OperatorTime, ...]) -> list[BarRow]:
    """The operators that took the time, the longest first; the many short ones together."""
    total = sum(item.ns for item in times)
    return list(_bars(times, total)) if total else []


def group_bars(times: tuple[OperatorTime, ...]) -> list[BarRow]:
    """The groups of operators that took the time, the longest first."""
    total = sum(item.ns for item in times)
    return [
        BarRow(name, f"{formatting.nanoseconds(ns)} · {formatting.percent(ns / total)}", ns)
        for name, ns in operators.by_group(times).items()
    ]


def layer_bars(layers: Sequence[LayerSensitivity]) -> list[BarRow]:
    """The most sensitive layers, with those that were spared."""
    return [
        BarRow(layer.name, " · ".join(filter(None, (f"{layer.relative:.2e}", layer.spared))), layer.relative)
        for index, layer in enumerate(layers)
        if index < _MOST_OPERATORS or layer.kept
    ]


def width_bars(record: RunRecord) -> list[BarRow]:
    """What pruning left of each width, where it was decided for each, or not cut all of a kind alike."""
    shares = {(cut.kind, round(cut.after / cut.before, 3)) for cut in record.widths}
    if len(shares) == len({kind for kind, _ in shares}) and not budgets.decided(record):
        return []
    return [
        BarRow(
            f"{cut.name} (embedding)" if cut.kind == "embedding" else cut.name,
            f"{cut.before:,} → {cut.after:,}",
            cut.after / cut.before,
            behind=1.0,
        )
        for cut in record.widths
    ]


def _bars(times: tuple[OperatorTime, ...], total: int) -> Iterator[BarRow]:
    ordered = sorted(times, key=lambda item: -item.ns)
    for item in ordered[:_MOST_OPERATORS]:
        words = f"{formatting.nanoseconds(item.ns)} · {formatting.percent(item.ns / total)} · {item.calls:,}×"
        yield BarRow(item.name, words, item.ns / total)
    others = ordered[_MOST_OPERATORS:]
    rest = sum(item.ns for item in others)
    if rest:
        words = f"{formatting.nanoseconds(rest)} · {formatting.percent(rest / total)}"
        yield BarRow(f"{len(others)} other{'s' if len(others) > 1 else ''}", words, rest / total)
