"""Which number of merged tokens a budget takes."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import Mock

import pytest
import timm
import torch

from pqv_core.config import RunConfig, with_settings
from pqv_core.engine.context import Context
from pqv_core.engine.models.checkpoint import Base
from pqv_core.engine.stages import PREPROCESSING, RunState, pruning
from pqv_core.engine.stages.merging import asked
from pqv_core.engine.stages.token_search import Cut, Tried, least_loss
from pqv_core.engine.structure import blocks
from pqv_core.engine.transforms import merged_tokens
from pqv_core.engine.transforms.merged_tokens import Merging
from pqv_core.errors import PruneError
from tests.fakes.training import FORM, image_folder

SMALL = {"img_size": 32, "patch_size": 8, "embed_dim": 32, "depth": 2, "num_heads": 2, "num_classes": 4}
SCHEDULES = [(0, 0), (2, 2), (4, 4)]


def images() -> list[tuple[torch.Tensor, torch.Tensor]]:
    draw = torch.Generator().manual_seed(0)
    return [(torch.randn(6, 3, 32, 32, generator=draw), torch.randint(4, (6,), generator=draw)) for _ in range(2)]


def chosen(
    refused: tuple[tuple[int, ...], ...] = (), missing: tuple[tuple[int, ...], ...] = ()
) -> tuple[Cut, list[Tried]]:
    torch.manual_seed(0)
    model = timm.create_model("vit_tiny_patch16_224", **SMALL).eval()

    def cut(merging: Merging | None) -> Cut:
        merged = merging.merged if merging else (0, 0)
        if merged in refused:
            raise PruneError("The budget cannot be met.")
        return Cut(model, merging, Mock(is_within=False, measured=None) if merged in missing else None)

    best, tried = least_loss(SCHEDULES, cut, images(), Context(run="", send=Mock()), proportional=True)
    return best, tried


def loss(merged: tuple[int, ...]) -> float:
    """What a model that merges so really loses on the images."""
    torch.manual_seed(0)
    model = timm.create_model("vit_tiny_patch16_224", **SMALL).eval()
    if any(merged):
        merged_tokens.merge(model, Merging(merged=merged))
    with torch.inference_mode():
        losses = [torch.nn.functional.cross_entropy(model(inputs), classes) for inputs, classes in images()]
    return float(sum(losses)) / len(losses)


def test_the_schedule_with_the_least_loss_is_taken() -> None:
    best, tried = chosen()
    expected = {merged: loss(merged) for merged in SCHEDULES}
    assert {item.merged: item.loss for item in tried} == pytest.approx(expected)
    merged = best.merging.merged if best.merging else (0, 0)
    assert merged == min(expected, key=expected.__getitem__)
    assert merged_tokens.merging_of(best.model) is None, "tokens are merged later"


def test_what_is_too_slow_is_left_out_and_said() -> None:
    best, tried = chosen(refused=((0, 0),))
    assert best.merging is not None
    assert [item.loss is None for item in tried] == [True, False, False]


def test_what_misses_the_budget_is_taken_only_where_nothing_keeps_it() -> None:
    best, tried = chosen(missing=((0, 0), (2, 2)))
    assert best.merging is not None and best.merging.merged == (4, 4)
    assert all(item.loss is not None for item in tried)
    best, tried = chosen(missing=tuple(SCHEDULES))
    assert best.allocation is not None
    merged = best.merging.merged if best.merging else (0, 0)
    assert merged == min(tried, key=lambda item: item.loss or 0).merged


def test_a_budget_that_no_number_meets_is_refused() -> None:
    with pytest.raises(PruneError, match="cannot be met"):
        chosen(refused=tuple(SCHEDULES))


def test_with_each_number_of_merged_tokens_the_same_is_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[float] = []

    def cut(model: torch.nn.Module, *given: object, **named: object) -> torch.nn.Module:
        drawn.append(float(torch.rand(1)))
        return model

    monkeypatch.setattr(pruning, "_allocation", lambda *given: None)
    monkeypatch.setattr(pruning.prune, "prune", cut)
    image_folder(tmp_path / "train")
    settings = {"tokens.by_budget": True, "budget.speedup": 2.0, "data.train": "train", "prune.images": 6}
    config = with_settings(RunConfig(), settings)
    state = RunState(tmp_path / "some.pqv", config, Context(run="", send=Mock()))
    base = Base(name="vit_tiny_patch16_224", arguments={**SMALL, "num_classes": 3})
    form = PREPROCESSING.dump_python(FORM, mode="json")
    load = {"classes": ["blue", "green", "red"], "preprocessing": form, "base": base.model_dump(mode="json")}
    load["brought_head"] = False
    state.complete("load", key="", result=load, directory=tmp_path)
    state.save(base.create(), tmp_path)
    (tmp_path / "part").mkdir()
    pruning._prune(state, tmp_path / "part")
    assert len(drawn) == 3 and len(set(drawn)) == 1
    assert any("has not learnt these classes yet" in warning for warning in state.context.warnings)


def test_where_no_token_is_merged_blocks_may_have_been_left_out(tmp_path: Path) -> None:
    model = timm.create_model("vit_tiny_patch16_224", **SMALL).eval()
    blocks.leave_out(model, ["blocks.0"])
    config = with_settings(RunConfig(), {"tokens.by_budget": True})
    state = RunState(tmp_path / "some.pqv", config, Context(run="", send=Mock()))
    state.complete("prune", key="", result={"merged": [0, 0]}, directory=tmp_path)
    assert not any(asked(model, state).merged)
