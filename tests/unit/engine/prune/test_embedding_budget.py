"""The embedding under a budget: with each one all else is chosen, and the best of all is taken."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pqv_core.config import BudgetConfig, PruneConfig, RunConfig
from pqv_core.engine import structure
from pqv_core.engine.models.checkpoint import Base
from pqv_core.engine.prune import structured
from pqv_core.engine.prune.allocation import Scored
from pqv_core.engine.prune.budget import ByBudget
from pqv_core.engine.prune.sizes import SizeLine, size_lines
from pqv_core.engine.prune.space import Costs, candidates, embeddings
from pqv_core.engine.structure import Ranking, Width, blocks
from pqv_core.errors import PruneError
from pqv_core.latency.table import BlockCost, LatencyTable, Narrower, Part, Point, Subject
from tests.fakes.training import Recorder

SIZES: dict[str, Any] = {"img_size": 32, "patch_size": 8, "embed_dim": 48, "depth": 2, "num_heads": 3, "num_classes": 5}
IMAGE = torch.zeros(1, 3, 32, 32)
EMBEDDING = "patch_embed.proj"
PRUNING = PruneConfig(importance="l1", attention_unit="heads", embedding=True, round_to=16)
UNIT_NS = {"mlp": 1_000, "attention": 60_000}
TIMES = {48: 1.0, 32: 0.8, 24: 0.7}
"""How long everything takes with an embedding, beside the whole one."""
REST_NS, AROUND_NS = 200_000, 20_000


def vit() -> Any:
    torch.manual_seed(0)
    return Base(name="vit_tiny_patch16_224", arguments=SIZES).create().eval()


MODEL = vit()
WIDTHS = structure.widths(MODEL, PRUNING)
PARTS = {width.name: width for width in WIDTHS if width.kind != "embedding"}
WHOLE = {width.name: width.units for width in WIDTHS}
LEAVABLE = blocks.blocks(MODEL, WIDTHS, IMAGE)


def nanoseconds(units: Mapping[str, int]) -> float:
    """A device on which what an embedding saves is no line in its width."""
    gone = sum(units[name] == 0 for name in PARTS if "mlp" in name)
    parts = sum(UNIT_NS[PARTS[name].kind] * units[name] for name in PARTS)
    times = float(np.interp(units[EMBEDDING], sorted(TIMES), [TIMES[each] for each in sorted(TIMES)]))
    return times * (REST_NS + parts - AROUND_NS * gone)


def table() -> LatencyTable:
    def curves(times: float) -> tuple[tuple[Point, ...], ...]:
        return tuple(
            tuple(
                Point(units=units, copies=1, samples_ns=(round(times * UNIT_NS[kind] * units),), loop=0)
                for units in widths
            )
            for kind, widths in (("mlp", range(16, 193, 16)), ("attention", (1, 2, 3)))
        )

    def block(times: float) -> tuple[BlockCost, ...]:
        (leavable,) = LEAVABLE
        ns = round(times * (192 * UNIT_NS["mlp"] + 3 * UNIT_NS["attention"] + AROUND_NS))
        return (BlockCost(name=leavable.name, parts=leavable.widths, copies=1, samples_ns=(ns,), loop=0),)

    return LatencyTable(
        subject=Subject(model="vit", input_shape=(1, 3, 32, 32), unit="heads", format="ptl", scheme="fp32"),
        device="A phone",
        created="",
        parts=tuple(
            Part(name=name, kind=width.kind, units=width.units, unit=width.unit, curve=int(width.kind != "mlp"))  # type: ignore[arg-type]
            for name, width in PARTS.items()
        ),
        curves=curves(1.0),
        blocks=block(1.0),
        embedding=48,
        embeddings=tuple(
            Narrower(
                units=each,
                samples_ns=(round(nanoseconds({**WHOLE, EMBEDDING: each})),),
                loop=0,
                curves=curves(TIMES[each]),
                blocks=block(TIMES[each]),
            )
            for each in (24, 32)
        ),
        loops=((round(nanoseconds(WHOLE)),),),
    )


TABLE = table()


def line(embedding: int) -> SizeLine:
    """A kilobyte a channel of an MLP, in proportion to the embedding."""
    units = dict.fromkeys(PARTS, 1000.0 * embedding / 48)
    return SizeLine(1e6 * embedding / 48, units)


LINES = SizeLine(line(48).dense, line(48).units, {each: line(each) for each in (48, 24)})


class Tried:
    """What is predicted comes true; of latency nothing is measured where the device is elsewhere."""

    def __init__(self, off: float | None) -> None:
        self.off = off

    def __call__(self, kept: Mapping[str, int]) -> Costs:
        units = {**WHOLE, **kept}
        size = line(48).rest(WHOLE) * units[EMBEDDING] / 48
        size += sum(1e3 * units[EMBEDDING] / 48 * units[name] for name in PARTS)
        share = nanoseconds(units) / nanoseconds(WHOLE)
        return Costs(None if self.off is None else 1 - (1 - share) * self.off, size)


def by_budget(
    trial: Tried, *, pruning: PruneConfig = PRUNING, sizes: SizeLine = LINES, known: bool = True, **limits: Any
) -> ByBudget:
    budget = BudgetConfig.parse(limits)
    return ByBudget(
        budget,
        pruning,
        table=(TABLE if known else TABLE.model_copy(update={"embedding": None, "embeddings": ()}))
        if budget.limits_latency
        else None,
        sizes=sizes,
        blocks=LEAVABLE if budget.blocks else (),
        trial=trial,
        context=Recorder().context,
    )


def scored(scores: Mapping[str, list[float]]) -> Scored:
    rankings = [
        Ranking(torch.tensor(sorted(scores[width.name]), dtype=torch.float64), torch.arange(width.units)[:, None])
        for width in WIDTHS
    ]
    return Scored(WIDTHS, rankings, WHOLE, estimates_loss=True)


def structures() -> list[tuple[dict[str, int], float]]:
    """All that may be left, and what it takes; of one block that may be left out half is none."""
    of = {width.name: candidates(width, width.units, PRUNING) for width in WIDTHS}
    of[EMBEDDING] = [48, 32]  # multiples of 16, no less than half
    found = [dict(zip(of, each, strict=True)) for each in itertools.product(*of.values())]
    return [(units, nanoseconds(units)) for units in found]


ALL = structures()


@settings(max_examples=15, deadline=None)
@given(
    share=st.floats(0.35, 0.95),
    weights=st.fixed_dictionaries({name: st.integers(1, 40) for name in WHOLE}),
    growth=st.floats(0.0, 2.0),
)
def test_no_structure_that_is_fast_enough_loses_less(share: float, weights: dict[str, int], growth: float) -> None:
    losses = {name: [weights[name] / 10 * (1 + unit) ** growth for unit in range(WHOLE[name])] for name in WHOLE}
    summed = {name: [0.0, *itertools.accumulate(losses[name])] for name in WHOLE}

    def loss(units: Mapping[str, int]) -> float:
        return sum(summed[name][WHOLE[name] - units[name]] for name in WHOLE)

    limit = share * nanoseconds(WHOLE)
    found = by_budget(Tried(None), speedup=1 / share).kept(scored(losses), step=1)
    chosen = dict(zip(WHOLE, found, strict=True))
    assert nanoseconds(chosen) <= limit * 1.0001
    assert loss(chosen) <= min(loss(units) for units, ns in ALL if ns <= limit) * (1 + 1e-6)


def test_it_becomes_narrower_where_that_costs_little_and_stays_whole_where_it_costs_much() -> None:
    for cheap, after in ((True, 32), (False, 48)):
        losses = {name: [1.0] * units for name, units in WHOLE.items()}
        losses[EMBEDDING] = [0.01 if cheap else 100.0] * 48
        chosen = dict(zip(WHOLE, by_budget(Tried(None), speedup=1.2).kept(scored(losses), step=1), strict=True))
        assert chosen[EMBEDDING] == after


def test_what_depends_on_sizes_alone_needs_no_table() -> None:
    trial = Tried(None)
    losses = {name: [1.0] * units for name, units in WHOLE.items()}
    losses[EMBEDDING] = [0.01] * 48
    kept = by_budget(trial, size_mb=0.7).kept(scored(losses), step=1)
    assert kept[list(WHOLE).index(EMBEDDING)] == 32
    assert trial(dict(zip(WHOLE, kept, strict=True))).size <= 0.7e6 * 1.01


@pytest.mark.parametrize("off", [0.93, 1.1])
def test_where_the_prediction_misses_the_choice_is_made_again(off: float) -> None:
    trial = Tried(off)
    made = structured.prune(
        MODEL, PRUNING, batches=None, context=Recorder().context, allocation=by_budget(trial, speedup=1.6)
    )
    left = {width.name: width.units for width in structure.widths(made, PRUNING)}
    units = {name: left.get(name, 0) for name in WHOLE}
    assert (trial(units).share or 0) <= 1 / 1.6 * 1.01
    assert made(IMAGE).shape == (1, 5) and made.embed_dim == units[EMBEDDING]


def test_it_alone_can_be_cut() -> None:
    pruning = PruneConfig(importance="l1", mlp=False, attention=False, embedding=True)
    alone = SizeLine(1e6, {}, {each: SizeLine(1e6 * each / 48, {}) for each in (48, 24)})
    allocation = by_budget(Tried(None), pruning=pruning, sizes=alone, speedup=1.2, blocks=False)
    made = structured.prune(MODEL, pruning, batches=None, context=Recorder().context, allocation=allocation)
    assert made.embed_dim == 32  # the first with which it takes at most 1 / 1.2, of 48, 40, 32 and 24


def test_the_least_that_can_be_had_is_with_the_narrowest() -> None:
    losses = {name: [1.0] * units for name, units in WHOLE.items()}
    with pytest.raises(PruneError, match="cannot be met") as caught:
        by_budget(Tried(None), latency_ms=0.01, blocks=False).kept(scored(losses), step=1)
    least = nanoseconds(
        {name: min(candidates(width, width.units, PRUNING)) for name, width in PARTS.items()} | {EMBEDDING: 32}
    )
    assert f"{least / 1e6:.3f} ms of" in str(caught.value)


def test_a_table_that_says_nothing_of_other_embeddings_is_refused() -> None:
    losses = {name: [1.0] * units for name, units in WHOLE.items()}
    with pytest.raises(PruneError, match="another structure"):
        by_budget(Tried(None), speedup=1.2, known=False).kept(scored(losses), step=1)


def test_by_sizes_of_weights_a_channel_of_it_counts_as_one_of_every_layer() -> None:
    found = Scored(
        WIDTHS,
        [Ranking(torch.ones(width.units), torch.arange(width.units)[:, None]) for width in WIDTHS],
        WHOLE,
        estimates_loss=False,
    )
    scores = dict(zip(WHOLE, found.comparable(range(len(WIDTHS))), strict=True))
    assert scores[EMBEDDING] == pytest.approx([len(PARTS)] * 48)
    assert all(scores[name] == pytest.approx([1.0] * WHOLE[name]) for name in PARTS)


def test_also_of_the_layers_that_stay_whole() -> None:
    widths = structure.widths(MODEL, PRUNING.changed(mlp=False))
    rankings = [Ranking(torch.ones(width.units), torch.arange(width.units)[:, None]) for width in widths]
    found = Scored(widths, rankings, WHOLE, estimates_loss=False)
    scores = dict(zip((width.name for width in widths), found.comparable(range(len(widths))), strict=True))
    assert len(widths) < len(WIDTHS)
    assert scores[EMBEDDING] == pytest.approx([len(PARTS)] * 48)


@settings(max_examples=30, deadline=None)
@given(round_to=st.integers(1, 64), left=st.integers(24, 48))
def test_only_embeddings_that_rounding_allows_are_offered(round_to: int, left: int) -> None:
    width = next(width for width in WIDTHS if width.kind == "embedding")
    narrower = Width("embedding", width.name, width.scope, width.root, width.side, channels=left)
    ranking = Ranking(torch.ones(left), torch.arange(left)[:, None])
    pruning = PRUNING.changed(round_to=round_to)
    found = embeddings(Scored([narrower], [ranking], WHOLE, estimates_loss=True), [[1.0] * left], pruning)
    assert found[0].units == left and found[0].loss == 0
    units = [each.units for each in found]
    assert units == sorted(set(units), reverse=True) and units[-1] >= 24
    assert all(each % round_to == 0 for each in units[1:])
    assert [each.loss for each in found] == pytest.approx([left - each for each in units])


@pytest.mark.parametrize("precision", ["fp32", "int8-dynamic"])
def test_sizes_with_an_embedding_are_those_of_a_model_that_has_it(precision: str) -> None:
    config = RunConfig.parse(
        {
            "model": {"name": "vit_tiny_patch16_224", "arguments": SIZES},
            "prune": PRUNING.model_dump(),
            "quantize": {"precision": precision},
        }
    )
    context = Recorder().context
    lines = size_lines(MODEL, config, "ptl", precision, context)
    for embedding in (24, 40):  # measured, and between two that are
        narrow = structured.narrowed(MODEL, embedding, context)
        own = size_lines(narrow, config, "ptl", precision, context)
        assert lines.at(embedding).dense == pytest.approx(own.dense, rel=1e-3)
        assert lines.at(embedding).units == pytest.approx(dict(own.units), rel=1e-3)
