"""What cannot be done with a model is said as soon as it is there, before anything is measured or trained."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from pqv_core.config import RunConfig, with_settings
from pqv_core.engine.models import checkpoint
from pqv_core.engine.stages import STAGES, RunState
from pqv_core.errors import ConfigError, PruneError
from tests.fakes.training import Recorder

LOAD = STAGES[0]
SWIN = checkpoint.Base(
    name="swin_tiny_patch4_window7_224",
    arguments={"img_size": 32, "patch_size": 2, "window_size": 4, "embed_dim": 24, "num_classes": 2},
)
VIT = {"img_size": 32, "patch_size": 8, "embed_dim": 24, "depth": 2, "num_heads": 3, "num_classes": 2}


def state_of(folder: Path, base: checkpoint.Base = SWIN, **settings: Any) -> RunState:
    """A run of a small model, which was loaded."""
    checkpoint.save(base.create(), folder / "model.safetensors", base=base, classes=())
    named = {name.replace("__", "."): value for name, value in settings.items()}
    state = RunState(folder / "p.pqv", with_settings(RunConfig(), named), Recorder().context)
    state.complete("load", key="", result={}, directory=folder)
    return state


def test_an_embedding_that_cannot_be_cut_is_refused_before_a_table_is_measured(tmp_path: Path) -> None:
    with pytest.raises(PruneError, match="The embedding of this model cannot be cut"):
        LOAD.check(state_of(tmp_path, prune__embedding=True, budget__speedup=2.0))


def test_what_is_not_to_be_cut_is_no_matter(tmp_path: Path) -> None:
    LOAD.check(state_of(tmp_path, budget__speedup=2.0))
    LOAD.check(state_of(tmp_path, prune__embedding=True, prune__enabled=False))


def test_features_that_cannot_be_learnt_are_refused_before_the_model_is_made(tmp_path: Path) -> None:
    asked = {"finetune__epochs": 1, "finetune__feature_distillation": 1.0, "prune__embedding": True}
    with pytest.raises(ConfigError, match="last features have more channels"):
        LOAD.inputs(state_of(tmp_path, **asked))


@pytest.mark.parametrize(
    ("name", "gives_all"), [("vit_tiny_patch16_224", False), ("vit_base_patch16_siglip_224", True)]
)
@pytest.mark.parametrize("tokens", [{"tokens__merge": 2}, {"tokens__by_budget": True, "budget__speedup": 2.0}])
def test_features_of_tokens_that_were_merged_away_cannot_be_learnt(
    tmp_path: Path, name: str, gives_all: bool, tokens: dict[str, Any]
) -> None:
    base = checkpoint.Base(name=name, arguments=VIT)
    asked = {"data__train": str(tmp_path), "finetune__epochs": 1, "finetune__feature_distillation": 1.0, **tokens}
    refused = pytest.raises(ConfigError, match="features are of fewer tokens than the unpruned one's")
    with nullcontext() if gives_all else refused:
        LOAD.check(state_of(tmp_path, base, **asked))
    LOAD.check(state_of(tmp_path, base, **{**asked, "finetune__feature_distillation": 0.0}))
