"""Latency tables that are kept, once they have been read: whose latency can be predicted, and what it will be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pqv_core.config import RunConfig
from pqv_core.config.budget import LOCAL
from pqv_core.latency import predict, store
from pqv_core.latency.predict import Predictor
from pqv_core.latency.table import LatencyTable

_MOST = 3


@dataclass(frozen=True)
class PredictedLatency:
    """Of the uncut model in the run's scheme, and of what pruning will leave.

    Attributes:
        device: Its name and the number of threads.
        after_ns: With a limit for this device, that; None where pruning decides during the run.
    """

    device: str
    before_ns: float
    after_ns: float | None


class LatencyTables:
    """All tables of this computer and of phones, the newest first."""

    def __init__(self) -> None:
        self._tables: tuple[LatencyTable, ...] = ()
        self._predictors: dict[tuple[int, int | None], Predictor] = {}

    def take(self, tables: Sequence[LatencyTable]) -> None:
        """They have been read."""
        self._tables, self._predictors = tuple(tables), {}

    def of(self, config: RunConfig) -> list[LatencyTable]:
        """Those about the files that a run makes, one a device and number of threads."""
        fitting = [
            table
            for table in self._tables
            if store.fits(table, config, config.export.formats[0], threads=config.measure.threads)
        ]
        fitting.reverse()
        if config.cuts_embedding:  # a newer one that knows nothing of narrower embeddings would hide one that does
            fitting.sort(key=store.knows_embeddings)
        chosen = {(table.serial or table.device, table.subject.threads): table for table in fitting}
        return list(chosen.values())

    def devices(self, config: RunConfig) -> dict[str, str]:
        """Whose latency a budget can limit: what the setting holds, and what a person reads."""
        others = [table for table in self.of(config) if not store.is_of(table, LOCAL)]
        return {LOCAL: "This computer", **{table.serial or table.device: table.device for table in others}}

    def predictions(self, config: RunConfig) -> list[PredictedLatency]:
        """How long a run's result in its first format will take, on each device that is known."""
        found = []
        for table in self.of(config)[:_MOST]:
            after: float | None = None
            if config.prunes_for_budget:
                after = _limit(table, config)
            elif not config.tokens.enabled:  # a table is about all tokens
                units = predict.cut_by_ratio(table, config.pruning)
                embedding = predict.embedding_by_ratio(table, config.pruning)
                after = self._predictor(table, embedding).ns(units) if units is not None else None
            threads = f"{table.subject.threads} thread{'s' if table.subject.threads != 1 else ''}"
            found.append(PredictedLatency(f"{table.device}, {threads}", table.dense_ns, after))
        return found

    def _predictor(self, table: LatencyTable, embedding: int | None) -> Predictor:
        known = (id(table), embedding)
        if known not in self._predictors:
            self._predictors[known] = Predictor(table, embedding)
        return self._predictors[known]


def _limit(table: LatencyTable, config: RunConfig) -> float | None:
    """Nanoseconds that a budget allows on the device of a table; None where it says nothing of it."""
    budget = config.budget
    if not store.is_of(table, budget.on) or not budget.limits_latency:
        return None
    limits = [table.dense_ns]
    if budget.latency_ms is not None:
        limits.append(budget.latency_ms * 1e6)
    if budget.speedup is not None:
        limits.append(table.dense_ns / budget.speedup)
    return min(limits)
