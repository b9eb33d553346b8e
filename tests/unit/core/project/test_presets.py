"""Presets are settings that go together: each names real settings and makes a project that can run, or says why not."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from pqv_core.config import RunConfig, setting_names, with_settings
from pqv_core.config.export import engine_problem
from pqv_core.errors import DataError, UsageError
from pqv_core.project import new_config, presets
from pqv_core.project.new_config import Choices

MODEL = "deit_small_patch16_224"


@pytest.mark.parametrize("name", presets.PRESETS)
@pytest.mark.parametrize("images", [True, False])
def test_every_preset_is_a_valid_config(name: str, images: bool) -> None:
    settings = presets.get(name).settings(images=images)
    assert set(settings) <= set(setting_names())
    config = with_settings(RunConfig(), settings)
    assert engine_problem(config.quantize.engine, config.export.target) is None


def test_a_preset_leaves_model_images_and_training_alone() -> None:
    sections = {name.partition(".")[0] for preset in presets.PRESETS.values() for name in preset.values}
    assert sections == {"prune", "budget", "tokens", "quantize", "export"}


def test_all_presets_set_the_same_fields_so_that_none_shows_through() -> None:
    assert len({frozenset(preset.values) for preset in presets.PRESETS.values()}) == 1


def test_the_paper_is_what_was_published() -> None:
    config = with_settings(RunConfig(), presets.get("paper").settings(images=True))
    assert (config.prune.importance, config.prune.ratio, config.prune.embedding) == ("taylor", 0.09375, True)
    assert (config.quantize.precision, config.quantize.engine) == ("int8-dynamic", "fbgemm")


def test_an_unknown_preset_is_refused_with_the_names(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Unknown preset: 'best'") as caught:
        new_config.build(Choices(project=tmp_path / "p.pqv", model=MODEL, preset="best"))
    assert "paper, fastest, android" in caught.value.action


@pytest.mark.parametrize("name", ["fastest", "android"])
def test_without_images_importance_comes_from_the_weights(tmp_path: Path, name: str) -> None:
    made = new_config.build(Choices(project=tmp_path / "p.pqv", model=MODEL, preset=name))
    assert made.config.prune.importance == "l2"
    assert made.config.prune.ratio == 0.5
    assert "Importance: l2, from the preset." in made.notes


def test_the_paper_without_images_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="taylor needs images"):
        new_config.build(Choices(project=tmp_path / "p.pqv", model=MODEL, preset="paper"))


def test_the_paper_with_images_or_another_criterion_can_run(tmp_path: Path) -> None:
    for split in ("train", "val"):
        for kind in ("one", "two"):
            (tmp_path / "photos" / split / kind).mkdir(parents=True)
            Image.new("RGB", (8, 8)).save(tmp_path / "photos" / split / kind / "a.png")
    with_images = Choices(project=tmp_path / "p.pqv", model=MODEL, preset="paper", data=tmp_path / "photos")
    assert new_config.build(with_images).config.prune.importance == "taylor"
    spoken = Choices(project=tmp_path / "p.pqv", model=MODEL, preset="paper", importance="l1", ratio=0.25)
    config = new_config.build(spoken).config
    assert (config.prune.importance, config.prune.ratio, config.quantize.engine) == ("l1", 0.25, "fbgemm")


def test_what_is_said_beside_a_preset_counts_more(tmp_path: Path) -> None:
    said = Choices(
        project=tmp_path / "p.pqv", model=MODEL, preset="android", engine="auto", settings=("prune.round_to=4",)
    )
    config = new_config.build(said).config
    assert (config.quantize.engine, config.prune.round_to, config.export.target) == ("auto", 4, "android")
    assert not new_config.build(
        Choices(project=tmp_path / "p.pqv", model=MODEL, preset="paper", prune=False)
    ).config.prune.enabled


SWIN = "swin_tiny_patch4_window7_224"


def test_a_preset_leaves_whole_what_a_model_does_not_let_be_cut_and_says_so(tmp_path: Path) -> None:
    made = new_config.build(Choices(project=tmp_path / "p.pqv", model=SWIN, preset="android"))
    assert not made.config.prune.embedding
    assert made.config.prune.enabled
    assert any(note.startswith("The embedding is not cut: ") for note in made.notes)


def test_a_preset_prunes_nothing_where_nothing_can_be_cut() -> None:
    settings, differs = presets.get("fastest").fitted({"mlp": "a", "attention": "b"}, images=True)
    assert not settings["prune.enabled"]
    assert differs == ("Pruning is off: this model cannot be pruned.",)


def test_what_is_asked_beyond_the_preset_is_refused_at_once(tmp_path: Path) -> None:
    asked = Choices(project=tmp_path / "p.pqv", model=SWIN, preset="android", settings=("prune.embedding=true",))
    with pytest.raises(UsageError, match="embedding of this model cannot be cut"):
        new_config.build(asked)
