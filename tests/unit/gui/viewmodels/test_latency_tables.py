"""Which of the tables that are kept the window predicts by."""

from __future__ import annotations

import pytest

from pqv_core.config import RunConfig, with_settings
from pqv_core.latency.table import LatencyTable
from pqv_gui.viewmodels.latency_tables import LatencyTables
from tests.unit.core.latency.test_latency_table import table, with_embeddings

CONFIG = with_settings(RunConfig(), {"model.name": "some_vit", "export.formats": ["ptl"], "prune.ratio": 0.5})


def of(made: LatencyTable, created: str) -> LatencyTable:
    return made.model_copy(update={"subject": table().subject, "device": "Pixel 8", "created": created})


@pytest.mark.parametrize("order", [("2026-02-01", "2026-01-01"), ("2026-01-01", "2026-02-01")])
def test_where_the_embedding_is_cut_a_table_that_knows_narrower_ones_is_not_hidden(order: tuple[str, str]) -> None:
    plain, more = of(table(), order[0]), of(with_embeddings(), order[1])
    tables = LatencyTables()
    tables.take(sorted((plain, more), key=lambda each: each.created, reverse=True))
    newest = plain if order[0] > order[1] else more
    assert tables.of(CONFIG) == [newest]
    cuts = with_settings(CONFIG, {"prune.embedding": True})
    assert tables.of(cuts) == [more]
    (found,) = tables.predictions(cuts)
    assert found.after_ns is not None
