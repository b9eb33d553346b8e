"""Pruning for a budget: the limits are kept, and as little as possible is lost."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pqv_core.config import BudgetConfig, PruneConfig
from pqv_core.engine import structure
from pqv_core.engine.models.checkpoint import Base
from pqv_core.engine.prune import structured
from pqv_core.engine.prune.budget import ByBudget
from pqv_core.engine.prune.sizes import SizeLine
from pqv_core.engine.prune.space import Costs, candidates
from pqv_core.engine.structure import blocks
from pqv_core.errors import PruneError
from pqv_core.latency.table import BlockCost, LatencyTable, Part, Point, Subject
from tests.fakes.training import Recorder

SIZES: dict[str, Any] = {"img_size": 32, "patch_size": 8, "embed_dim": 48, "depth": 3, "num_heads": 3, "num_classes": 5}
IMAGE = torch.zeros(1, 3, 32, 32)
UNIT_NS = {"mlp": 1_000, "attention": 10_000}
"""What a channel of an MLP takes, and one of each head of an attention, on a device whose parts cost just that."""
REST_NS, AROUND_NS = 200_000, 20_000
"""What is there whatever is cut, and how much of it goes with a block."""


def vit() -> Any:
    torch.manual_seed(0)
    return Base(name="vit_tiny_patch16_224", arguments=SIZES).create().eval()


def widths(model: Any, config: PruneConfig) -> dict[str, structure.Width]:
    return {width.name: width for width in structure.widths(model, config)}


def nanoseconds(units: Mapping[str, int], found: Mapping[str, structure.Width]) -> int:
    gone = {name.split(".")[1] for name, number in units.items() if number == 0}
    parts = sum(UNIT_NS[found[name].kind] * number for name, number in units.items())
    return REST_NS + parts - AROUND_NS * len(gone)


def table(found: Mapping[str, structure.Width]) -> LatencyTable:
    whole = {name: width.units for name, width in found.items()}
    curves = {
        kind: tuple(
            Point(units=units, copies=1, samples_ns=(UNIT_NS[kind] * units,), loop=0) for units in range(8, most + 1, 8)
        )
        for kind, most in {width.kind: width.units for width in found.values()}.items()
    }
    return LatencyTable(
        subject=Subject(model="vit", input_shape=(1, 3, 32, 32), unit="width", format="ptl", scheme="fp32"),
        device="A phone",
        created="",
        parts=tuple(
            Part(name=name, kind=width.kind, units=width.units, curve=list(curves).index(width.kind))  # type: ignore[arg-type]
            for name, width in found.items()
        ),
        curves=tuple(curves.values()),
        blocks=tuple(
            BlockCost(
                name=f"blocks.{number}",
                parts=(f"blocks.{number}.mlp.fc2", f"blocks.{number}.attn.proj"),
                copies=1,
                samples_ns=(UNIT_NS["mlp"] * 192 + UNIT_NS["attention"] * 16 + AROUND_NS,),
                loop=0,
            )
            for number in range(2)
        ),
        loops=((nanoseconds(whole, found),),),
    )


class Tried:
    """A device on which parts cost a little more or less inside the whole than on their own."""

    def __init__(
        self,
        found: Mapping[str, structure.Width],
        line: SizeLine,
        *,
        off: float = 1.0,
        elsewhere: bool = False,
        instead: Sequence[float] = (),
        does_more: float = 1.0,
    ) -> None:
        self._more = does_more
        self._found, self._line, self._off, self._elsewhere = found, line, off, elsewhere
        self._instead = iter(instead)
        self.taken: Costs | None = None
        self.warnings: list[str] = []
        self._whole = {name: width.units for name, width in found.items()}
        self.tries: list[Costs] = []

    def __call__(self, units: Mapping[str, int]) -> Costs:
        dense = nanoseconds(self._whole, self._found)
        gone = 1 - nanoseconds(units, self._found) / dense
        size = self._line.rest(self._whole) + sum(self._line.units[name] * number for name, number in units.items())
        share = next(self._instead, self._more * (1 - gone * self._off))
        self.tries.append(Costs(None if self._elsewhere else share, size))
        return self.tries[-1]


def pruned(
    off: float = 1.0,
    steps: int = 1,
    config: Mapping[str, Any] | None = None,
    elsewhere: bool = False,
    instead: Sequence[float] = (),
    does_more: float = 1.0,
    **limits: Any,
) -> tuple[Any, Tried]:
    pruning = PruneConfig.parse({"importance": "l1", "steps": steps, **(config or {})})
    model = vit()
    found = widths(model, pruning)
    line = SizeLine(100_000.0, {name: 100_000.0 / 4 / len(found) / width.units for name, width in found.items()})
    trial = Tried(found, line, off=off, elsewhere=elsewhere, instead=instead, does_more=does_more)
    context = Recorder().context
    allocation = ByBudget(
        BudgetConfig.parse(limits),
        pruning,
        table=table(found) if "latency_ms" in limits or "speedup" in limits else None,
        sizes=line,
        blocks=blocks.blocks(model, list(found.values()), IMAGE) if limits.get("blocks") else (),
        trial=trial,
        context=context,
        does_more=does_more != 1,
    )
    made = structured.prune(model, pruning, batches=None, context=context, allocation=allocation)
    assert made(IMAGE).shape == (1, 5)
    left = widths(made, pruning)
    units = {name: left[name].units if name in left else 0 for name in found}
    trial.taken, trial.warnings = allocation.measured, context.warnings
    assert allocation.is_within == (not trial.warnings)
    if not instead:
        assert trial.taken == trial(units)
    return units, trial


DENSE_MS = (REST_NS + 3 * (192 * 1_000 + 16 * 10_000)) / 1e6


@pytest.mark.parametrize("share", [0.9, 0.7, 0.5])
def test_milliseconds_are_kept_and_used(share: float) -> None:
    _, trial = pruned(latency_ms=share * DENSE_MS)
    assert 0.93 * share < (trial.tries[-1].share or 0) <= share * 1.01


@pytest.mark.parametrize("limits", [{}, {"size_mb": 1.0}])
def test_of_a_device_that_is_elsewhere_the_prediction_counts(limits: dict[str, float]) -> None:
    here, _ = pruned(latency_ms=0.7 * DENSE_MS)
    units, trial = pruned(latency_ms=0.7 * DENSE_MS, elsewhere=True, **limits)
    assert units == here
    assert {costs.share for costs in trial.tries} == {None}


def test_a_speed_up_and_a_size_are_kept_together() -> None:
    _, trial = pruned(speedup=1.2, size_mb=0.085)
    assert (trial.tries[-1].share or 0) <= 1 / 1.2 * 1.01
    assert trial.tries[-1].size <= 85_000 * 1.01


def test_a_size_alone_needs_no_table() -> None:
    _, trial = pruned(size_mb=0.09)
    assert 0.87 * 100_000 < trial.tries[-1].size <= 0.09 * 1.01 * 1e6


@pytest.mark.parametrize("off", [0.85, 1.1])
def test_where_the_prediction_misses_the_choice_is_made_again(off: float) -> None:
    _, trial = pruned(off=off, speedup=1.4)
    assert (trial.tries[-1].share or 0) <= 1 / 1.4 * 1.01


def test_a_budget_that_is_kept_already_cuts_nothing() -> None:
    units, _ = pruned(latency_ms=2 * DENSE_MS)
    assert set(units.values()) == {192, 16}


def test_a_budget_that_only_seemed_to_be_kept_by_the_whole_model_cuts_it() -> None:
    units, trial = pruned(latency_ms=1.02 * DENSE_MS, instead=[1.05, 1.0])
    assert trial.taken is not None and trial.taken.share == 1.0
    assert sum(units.values()) < 3 * (192 + 16)


def test_in_several_steps_the_same_limit_is_kept() -> None:
    _, trial = pruned(speedup=1.5, steps=3)
    assert (trial.tries[-1].share or 0) <= 1 / 1.5 * 1.01


def test_one_that_cannot_be_kept_says_what_the_least_is() -> None:
    with pytest.raises(PruneError, match=r"cannot be met.*0\.\d+ ms of 1\.\d+ ms on A phone") as caught:
        pruned(latency_ms=0.001)
    assert "smaller model" in caught.value.action


def test_where_a_trial_shows_that_it_cannot_be_kept_the_least_is_told_as_it_was_tried() -> None:
    with pytest.raises(PruneError, match=r"cannot be met") as caught:
        pruned(off=0.5, speedup=2.0)
    (times,) = re.findall(r"\((\d\.\d+)× as fast\)", str(caught.value))
    assert float(times) < 2.0


@pytest.mark.parametrize(
    ("shares", "taken"),
    [
        ([0.714 * 1.05, 0.714 * 1.04, 0.714 * 1.03], 2),  # the nearest, where none keeps the limit
        ([0.714 * 1.015, 0.714 * 0.96, 0.714 * 1.02], 1),  # one that keeps it, though another is nearer
        ([0.714 * 0.9, 0.714 * 1.05, 0.714 * 0.95], 2),
    ],
)
def test_of_what_was_tried_the_nearest_below_the_limit_is_taken(shares: list[float], taken: int) -> None:
    _, trial = pruned(instead=shares, speedup=1 / 0.714)
    assert trial.taken is not None and trial.taken.share == shares[taken]


LEAST = (REST_NS + 3 * (24 * 1_000 + 8 * 10_000)) / 1e6 / DENSE_MS
"""The least share that can be left, as predicted."""


def test_where_a_later_choice_is_impossible_an_earlier_one_that_kept_the_budget_is_taken() -> None:
    limit = LEAST * 1.01
    _, trial = pruned(instead=[limit * 0.95, limit * 1.2], speedup=1 / limit)
    assert trial.taken is not None and trial.taken.share == limit * 0.95
    assert not trial.warnings


def test_one_that_misses_by_a_little_is_taken_with_a_warning_where_nothing_else_can_be() -> None:
    limit = LEAST * 1.01
    _, trial = pruned(instead=[limit * 1.04], speedup=1 / limit)
    assert trial.taken is not None and trial.taken.share == limit * 1.04
    assert trial.warnings == ["What is left misses the budget by 4.00 %."]
    with pytest.raises(PruneError, match="cannot be met"):
        pruned(instead=[limit * 1.06], speedup=1 / limit)


def test_a_limit_that_does_not_bind_is_left_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """A size that is far below its limit says nothing of how well sizes are predicted."""
    aimed: list[float] = []
    choose = ByBudget._chosen

    def chosen(self: ByBudget, scored: Any, spaces: Any, limits: Costs, **more: Any) -> Any:
        aimed.append(limits.size)
        return choose(self, scored, spaces, limits, **more)

    monkeypatch.setattr(ByBudget, "_chosen", chosen)
    pruned(off=1.3, speedup=1.3, size_mb=0.2)
    assert len(aimed) > 1 and aimed == pytest.approx([200_000] * len(aimed))


def test_what_else_is_done_to_the_model_need_not_be_cut() -> None:
    """Merging saves 40 %, of which the table knows nothing."""
    sooner, trial = pruned(does_more=0.6, speedup=2.0)
    assert 0.93 / 2 < (trial.tries[-1].share or 0) <= 1.01 / 2
    slower, trial = pruned(does_more=0.6, steps=3, speedup=2.0)
    assert sum(slower.values()) == pytest.approx(sum(sooner.values()), rel=0.1), "no step cuts too far"
    _, trial = pruned(does_more=0.6, speedup=1 / 0.3)  # further than any cut goes alone
    assert (trial.tries[-1].share or 0) <= 0.3 * 1.01


def test_whole_blocks_go_where_narrower_ones_are_not_enough() -> None:
    units, trial = pruned(speedup=1 / 0.33, blocks=True)
    gone = {name.split(".")[1] for name, width in units.items() if width == 0}
    assert gone in ({"0"}, {"1"})  # of two that can go, one at most
    assert (trial.tries[-1].share or 0) <= 0.33 * 1.01


def test_without_leave_no_block_goes() -> None:
    with pytest.raises(PruneError, match="cannot be met"):
        pruned(speedup=1 / 0.33, blocks=False)


def test_layers_of_one_model_are_cut_to_different_widths() -> None:
    """What does nothing goes first, wherever it is."""
    model = vit()
    with torch.no_grad():
        model.blocks[1].mlp.fc1.weight[:96] *= 1e-3
        model.blocks[1].mlp.fc2.weight[:, :96] *= 1e-3
    pruning = PruneConfig.parse({"importance": "l1"})
    found = widths(model, pruning)
    line = SizeLine(1.0, dict.fromkeys(found, 0.0))
    trial = Tried(found, line)
    allocation = ByBudget(
        BudgetConfig(speedup=1.08),
        pruning,
        table=table(found),
        sizes=line,
        trial=trial,
        context=Recorder().context,
    )
    made = structured.prune(model, pruning, batches=None, context=Recorder().context, allocation=allocation)
    left = {name: width.units for name, width in widths(made, pruning).items()}
    assert left["blocks.1.mlp.fc2"] < left["blocks.0.mlp.fc2"]


@settings(max_examples=30, deadline=None)
@given(round_to=st.integers(1, 64), unit=st.sampled_from(["width", "heads"]))
def test_only_widths_that_rounding_allows_are_chosen(round_to: int, unit: str) -> None:
    config = PruneConfig.parse({"round_to": round_to, "attention_unit": unit})
    for width in widths(MODEL, config).values():
        found = candidates(width, width.units, config)
        multiple = 1 if width.unit == "heads" else round_to
        assert found[0] == width.units
        assert found == sorted(set(found), reverse=True)
        assert all(units % multiple == 0 for units in found[1:])
        assert found[-1] >= 0.1 * width.units


MODEL = vit()
