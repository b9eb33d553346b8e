"""The latency of any structure, from the table of a device."""

from __future__ import annotations

import statistics
from collections.abc import Mapping

from pqv_core.config import PruneConfig
from pqv_core.latency.table import BlockCost, LatencyTable, Whole
from pqv_core.models.kept_widths import kept_width


class Predictor:
    """Latencies of structures of one model on one device.

    The parts of a model run one after another, so what they cost adds up (HALP, Shen et al. 2022, eq. 2); what the
    uncut model takes beyond its parts stays whatever is cut: latency = rest + factor · Σ parts. The factor is 1, or
    where other whole models were measured too, that of the line through them (a part can cost more inside the whole
    than in a file of its own).
    """

    def __init__(self, table: LatencyTable) -> None:
        self._table = table
        sums, shares = [self._sum({})], [1.0]
        for whole in table.wholes:
            sums.append(self._sum(whole.units))
            shares.append(table.share(whole))
        self._rest, self._factor = _line(sums, shares)

    def part(self, name: str, units: int) -> float:
        """What one part takes inside the model, relative to the uncut model."""
        part = next(part for part in self._table.parts if part.name == name)
        return self._factor * self._table.cost(part, units)

    @property
    def rest(self) -> float:
        """What takes time whatever is cut, relative to the uncut model."""
        return self._rest

    def share(self, units: Mapping[str, int]) -> float:
        """An inference, relative to the uncut model.

        Args:
            units: By name, of each part; those that are not named are whole.
        """
        left_out = (block for block in self._table.blocks if all(units.get(name) == 0 for name in block.parts))
        gone = self._factor * sum(self._table.around(block) for block in left_out)
        return self._rest + self._factor * self._sum(units) - gone

    def around(self, block: BlockCost) -> float:
        """What a block takes beyond its parts inside the model, relative to the uncut model."""
        return self._factor * self._table.around(block)

    def ns(self, units: Mapping[str, int]) -> float:
        """Nanoseconds of an inference of a structure, as ``share``."""
        return self.share(units) * self._table.dense_ns

    def error(self, whole: Whole) -> float:
        """How far the prediction is from what was measured of a whole model, relative to that."""
        return self.share(whole.units) / self._table.share(whole) - 1

    def _sum(self, units: Mapping[str, int]) -> float:
        return sum(self._table.cost(part, units.get(part.name, part.units)) for part in self._table.parts)


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

    A share that is cut wherever it costs least leaves widths that nobody knows beforehand, and with another embedding
    all parts cost something else.
    """
    if not pruning.enabled:
        return {}
    if pruning.embedding or pruning.distribution != "uniform":
        return None
    wanted = {"mlp": pruning.mlp, "attention": pruning.attention}
    return {
        part.name: kept_width(
            part.units, ratio=pruning.ratio, round_to=1 if part.unit == "heads" else pruning.rounding()
        )
        for part in table.parts
        if wanted[part.kind]
    }
