"""The latency of any structure, from the table of a device."""

from __future__ import annotations

import statistics
from collections.abc import Mapping

from pqv_core.config import PruneConfig
from pqv_core.latency.table import LatencyTable, Narrower, Part, Whole, beside
from pqv_core.models.kept_widths import kept_width


class Predictor:
    """Latencies of structures of one model with one embedding on one device.

    The parts of a model run one after another, so what they cost adds up (HALP, Shen et al. 2022, eq. 2); what the
    model takes beyond its parts stays whatever else is cut: latency = rest + factor · Σ parts. The factor is 1, or
    where other whole models were measured too, that of the line through them (a part can cost more inside the whole
    than in a file of its own).

    Args:
        embedding: Its channels; None where it is whole. Between two that were measured all of this lies on the line,
            below the narrowest nothing is made up.
    """

    def __init__(self, table: LatencyTable, embedding: int | None = None) -> None:
        self._table = table
        self._measured = [(weight, _Measured(table, narrower)) for weight, narrower in _around(table, embedding)]

    def part(self, name: str, units: int) -> float:
        """What one part takes inside the model, relative to the uncut model."""
        part = next(part for part in self._table.parts if part.name == name)
        return sum(weight * one.part(part, units) for weight, one in self._measured)

    @property
    def rest(self) -> float:
        """What takes time whatever else is cut, relative to the uncut model."""
        return sum(weight * one.rest for weight, one in self._measured)

    def share(self, units: Mapping[str, int]) -> float:
        """An inference, relative to the uncut model.

        Args:
            units: By name, of each part; those that are not named are whole.
        """
        return sum(weight * one.share(units) for weight, one in self._measured)

    def around(self, block: str) -> float:
        """What a block takes beyond its parts inside the model, relative to the uncut model; 0 where it is unknown."""
        return sum(weight * one.around(block) for weight, one in self._measured)

    def ns(self, units: Mapping[str, int]) -> float:
        """Nanoseconds of an inference of a structure, as ``share``."""
        return self.share(units) * self._table.dense_ns

    def error(self, whole: Whole) -> float:
        """How far the prediction is from what was measured of a whole model, relative to that."""
        return self.share(whole.units) / self._table.share(whole) - 1


class _Measured:
    """The same of one embedding that was measured: the whole one, or a narrower."""

    def __init__(self, table: LatencyTable, narrower: Narrower | None) -> None:
        self._table, self._narrower = table, narrower
        self._blocks = {block.name: block for block in (narrower or table).blocks}
        sums, shares = [self._sum({})], [1.0 if narrower is None else table.share(narrower)]
        for whole in table.wholes if narrower is None else ():
            sums.append(self._sum(whole.units))
            shares.append(table.share(whole))
        self.rest, self._factor = _line(sums, shares)

    def part(self, part: Part, units: int) -> float:
        return self._factor * self._table.cost(part, units, self._narrower)

    def share(self, units: Mapping[str, int]) -> float:
        left_out = (
            name for name, block in self._blocks.items() if all(units.get(inside) == 0 for inside in block.parts)
        )
        return self.rest + self._factor * self._sum(units) - sum(map(self.around, left_out))

    def around(self, name: str) -> float:
        block = self._blocks.get(name)
        return self._factor * self._table.around(block, self._narrower) if block is not None else 0.0

    def _sum(self, units: Mapping[str, int]) -> float:
        parts = self._table.parts
        return sum(self._table.cost(part, units.get(part.name, part.units), self._narrower) for part in parts)


def _around(table: LatencyTable, embedding: int | None) -> list[tuple[float, Narrower | None]]:
    """The measured embeddings beside one, and how much each weighs; None stands for the whole one."""
    whole = table.embedding
    if embedding is None or whole is None:
        return [(1.0, None)]
    known: dict[int, Narrower | None] = {**{each.units: each for each in table.embeddings}, whole: None}
    return [(weight, known[units]) for units, weight in beside(embedding, list(known))]


def _line(sums: list[float], times: list[float]) -> tuple[float, float]:
    """Intercept and slope of the line through what was measured; neither can be negative."""
    if len(sums) == 1 and sums[0] <= times[0]:
        return times[0] - sums[0], 1.0
    if max(sums) - min(sums) > 0:
        slope, rest = statistics.linear_regression(sums, times)
        if slope > 0 and rest >= 0:
            return rest, slope
    slope = sum(times) / sum(sums)  # parts cost nothing that can be told from the rest
    return 0.0, slope


def cut_by_ratio(table: LatencyTable, pruning: PruneConfig) -> dict[str, int] | None:
    """Units of each part where the same share of all is cut; None where that says too little.

    A share that is cut wherever it costs least leaves widths that nobody knows beforehand, and with an embedding that
    is narrower than any that was measured all parts cost something else.
    """
    if not pruning.enabled:
        return {}
    if pruning.distribution != "uniform" or (pruning.embedding and not _is_known(table, pruning)):
        return None
    wanted = {"mlp": pruning.mlp, "attention": pruning.attention}
    return {
        part.name: kept_width(
            part.units, ratio=pruning.ratio, round_to=1 if part.unit == "heads" else pruning.rounding()
        )
        for part in table.parts
        if wanted[part.kind]
    }


def embedding_by_ratio(table: LatencyTable, pruning: PruneConfig) -> int | None:
    """Channels of the embedding where a share of it is cut; None where it stays whole, or is not known."""
    if not pruning.enabled or not pruning.embedding or table.embedding is None:
        return None
    return kept_width(table.embedding, ratio=pruning.ratio, round_to=pruning.rounding())


def _is_known(table: LatencyTable, pruning: PruneConfig) -> bool:
    kept = embedding_by_ratio(table, pruning)
    return kept is not None and kept >= min((each.units for each in table.embeddings), default=kept)
