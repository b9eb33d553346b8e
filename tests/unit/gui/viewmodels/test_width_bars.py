"""What was cut, layer by layer, on the Run page."""

from __future__ import annotations

from typing import Any

import pytest

from pqv_core.config import RunConfig, with_settings
from pqv_core.results.record import RunRecord, WidthCut
from pqv_gui.viewmodels.results.measurement_rows import width_bars
from tests.fakes.records import record


def run(embedding: int, mlps: tuple[int, int], **settings: Any) -> RunRecord:
    cuts = (
        *(
            WidthCut(name=f"blocks.{place}.mlp.fc2", kind="mlp", before=384, after=after)
            for place, after in enumerate(mlps)
        ),
        WidthCut(name="patch_embed.proj", kind="embedding", before=96, after=embedding),
    )
    config = with_settings(RunConfig(), settings).model_dump(mode="json")
    return record().model_copy(update={"widths": cuts, "config": config})


@pytest.mark.parametrize("mlps", [(384, 384), (384, 192)])
def test_what_a_budget_decided_is_shown_the_embedding_among_it(mlps: tuple[int, int]) -> None:
    bars = width_bars(run(72, mlps, **{"budget.speedup": 2.0}))
    assert [(bar.name, bar.words) for bar in bars][-1] == ("patch_embed.proj (embedding)", "96 → 72")
    assert len(bars) == 3


def test_what_a_ratio_cut_is_shown_where_layers_differ() -> None:
    assert width_bars(run(72, (288, 288))) == []
    assert len(width_bars(run(72, (384, 192)))) == 3
