"""A model knows which source made it, and only its own source is asked about it."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch

from pqv_core.config import ModelConfig
from pqv_core.engine.models import checkpoint, sources, tensorfile
from pqv_core.engine.models import create as models
from pqv_core.engine.models.checkpoint import Base
from pqv_core.errors import ModelError
from tests.fakes import plug_in
from tests.fakes.training import Recorder, tiny_vit

TINY = Base(source="tiny", name="tiny_vit", arguments={"depth": 1, "in_chans": 1})


@pytest.fixture(autouse=True)
def plug_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in.bring(monkeypatch)


def create(project: Path, *, classes: int | None = 5, **settings: Any) -> tuple[Any, Recorder]:
    config, recorder = ModelConfig(**{"source": "tiny", "name": "tiny_vit", **settings}), Recorder()
    made, _ = models.create(config, num_classes=classes, project=project, context=recorder.context)
    return made, recorder


def test_a_model_and_its_copies_are_described_by_the_source_that_made_them() -> None:
    made = TINY.create()
    assert not made.training
    for model in (made, copy.deepcopy(made)):
        assert type(sources.of(model)).__name__ == "Tiny"
        assert models.preprocessing(model).input_size == (1, 32, 32)
    assert models.count(made)[0] == sum(parameter.numel() for parameter in made.parameters())
    assert type(sources.of(tiny_vit())).__name__ == type(sources.of(torch.nn.Identity())).__name__ == "Timm"


def test_a_checkpoint_names_its_source(tmp_path: Path) -> None:
    made, image = TINY.create(), torch.randn(1, 1, 32, 32)
    checkpoint.save(made, tmp_path / "a.safetensors", base=TINY)
    assert torch.equal(checkpoint.load(tmp_path / "a.safetensors")(image), made(image))

    own, recorder = create(tmp_path / "p.pqv", weights="file", path="a.safetensors")
    assert (own.num_classes, own(image).shape) == (5, (1, 5))
    assert recorder.context.warnings == ["The model's head is new (5 classes) and must be trained."]
    with pytest.raises(ModelError, match=r"contains a model of Tiny, not of timm\. Set model\.source to tiny\."):
        create(tmp_path / "p.pqv", source="timm", name="vit_tiny_patch16_224", weights="file", path="a.safetensors")


def test_a_checkpoint_of_before_there_were_sources_is_timms(tmp_path: Path) -> None:
    base = Base(name="vit_tiny_patch16_224", arguments={"img_size": 32, "depth": 1})
    checkpoint.save(base.create(), tmp_path / "a.safetensors", base=base)
    state, facts = tensorfile.read(tmp_path / "a.safetensors")
    assert facts["base"].pop("source") == "timm"
    tensorfile.write(tmp_path / "old.safetensors", state, facts)
    assert checkpoint.read_recipe(tmp_path / "old.safetensors").base == base
    assert type(sources.of(checkpoint.load(tmp_path / "old.safetensors"))).__name__ == "Timm"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"name": "vit_tiny_patch16_224"}, "Tiny has no model named 'vit_tiny_patch16_224'"),
        ({"weights": "pretrained"}, "No weights are published for tiny_vit"),
        ({"arguments": {"colour": 3}}, "cannot be made with these settings"),
    ],
)
def test_what_the_source_does_not_have_is_refused(tmp_path: Path, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ModelError, match=words):
        create(tmp_path / "p.pqv", **settings)


def test_weights_of_a_source_that_knows_no_other_layout_fit_as_they_are(tmp_path: Path) -> None:
    given = Base(source="tiny", name="tiny_vit").create()
    torch.save({"state_dict": given.state_dict()}, tmp_path / "given.pth")
    made, recorder = create(tmp_path / "p.pqv", classes=None, weights="file", path="given.pth")
    assert all(torch.equal(made.state_dict()[name], tensor) for name, tensor in given.state_dict().items())
    made, recorder = create(tmp_path / "p.pqv", weights="file", path="given.pth")
    assert torch.equal(made.patches.weight, given.patches.weight)
    assert recorder.context.warnings == ["The model's head is new (5 classes) and must be trained."]


def test_a_source_that_is_not_installed_is_named() -> None:
    with pytest.raises(ModelError, match=r"the source 'gone', which is not known.*Install the plug-in"):
        Base(source="gone", name="x").create()
