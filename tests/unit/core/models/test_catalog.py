"""The list of models: whole, quickly found, and helpful when a name is wrong."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from pqv_core.errors import ModelError, StorageError
from pqv_core.models import catalog
from pqv_core.models.catalog import Catalog, CatalogEntry


@pytest.fixture(scope="module")
def models() -> Catalog:
    return catalog.load()


def _names(entries: list[CatalogEntry]) -> list[str]:
    return [entry.name for entry in entries]


def test_the_families_are_there(models: Catalog) -> None:
    assert len(models.entries) > 600
    assert len(models.families()) >= 50
    assert {"ViT", "DeiT", "DeiT III", "Swin", "MobileViT", "EVA"} <= set(models.families())


def test_names_are_unique_and_figures_sensible(models: Catalog) -> None:
    assert len({entry.name for entry in models.entries}) == len(models.entries)
    for entry in models.entries:
        assert 0 < entry.linear_weights <= entry.params or entry.linears == 0
        assert entry.macs is None or entry.macs > 0
        assert entry.input_size[0] == 3
        assert min(entry.input_size[1:]) >= 32


def test_what_is_published_about_deit_small(models: Catalog) -> None:
    entry = models.get("deit_small_patch16_224")
    assert entry.params == 22_050_664  # Touvron et al. 2021, table 5: 22 M
    assert entry.macs == pytest.approx(4.6e9, abs=0.05e9)  # the same: 4.6 GFLOPs
    assert entry.input_size == (3, 224, 224)
    assert (entry.num_classes, entry.family, entry.licence) == (1000, "DeiT", "apache-2.0")
    assert entry.hub_id == "timm/deit_small_patch16_224.fb_in1k"
    assert entry.download_bytes == pytest.approx(88e6, rel=0.01)
    assert entry.vit is not None
    assert (entry.vit.embed, entry.vit.depth, entry.vit.heads, entry.vit.hidden) == (384, 12, 6, 1536)
    assert not entry.uncut


def test_the_sizes_of_a_plain_vit_give_its_figures(models: Catalog) -> None:
    plain = [entry for entry in models.entries if entry.vit]
    assert len(plain) > 150
    for entry in plain:
        assert entry.vit is not None
        cost = entry.vit.cost()
        assert dataclasses.replace(cost, by_inputs=()) == entry.cost
        assert sum(weights for _, weights in cost.by_inputs) == entry.linear_weights, entry.name


def test_every_model_is_a_plain_vit_or_says_what_can_be_cut(models: Catalog) -> None:
    for entry in models.entries:
        kinds = {cut.kind for cut in entry.cuts}
        assert kinds.isdisjoint(entry.uncut)
        assert entry.vit is not None or kinds | set(entry.uncut) >= {"mlp", "attention"}


def test_weights_come_with_the_default_first(models: Catalog) -> None:
    entry = models.get("vit_base_patch16_224")
    assert entry.pretrained
    assert entry.hub_id.endswith(entry.weights[0].tag)
    classes = {weights.tag: weights.classes for weights in entry.weights}
    assert classes["augreg_in21k"] == 21843


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("deit_small_patch16_224", "deit_small_patch16_224"),
        ("deit small", "deit_small_patch16_224"),
        ("SMALL Deit", "deit_small_patch16_224"),
        ("vit base", "vit_base_patch16_224"),
        ("swin tiny window7", "swin_tiny_patch4_window7_224"),
        ("16 224 tiny vit", "vit_tiny_patch16_224"),
        ("in21k_ft_in1k vit base", "vit_base_patch16_224"),
    ],
)
def test_words_find_the_best_known_model_first(models: Catalog, text: str, first: str) -> None:
    assert models.search(text)[0].name == first


def test_all_words_must_match(models: Catalog) -> None:
    for entry in models.search("dino small"):
        everything = f"{entry.name} {entry.family} {entry.weights}".casefold()
        assert "dino" in everything
        assert "small" in everything
    assert models.search("dino nosuchword") == []


def test_nothing_asked_lists_all_in_order(models: Catalog) -> None:
    assert _names(models.search("")) == _names(models.search("  ")) == _names(list(models.entries))


def test_a_family_is_a_filter(models: Catalog) -> None:
    found = models.search("small", family="DeiT")
    assert found
    assert {entry.family for entry in found} == {"DeiT"}
    assert models.search("", family="No such family") == []


def test_a_model_is_had_with_or_without_a_tag(models: Catalog) -> None:
    assert models.get("deit_small_patch16_224.fb_in1k") is models.get("deit_small_patch16_224")


@pytest.mark.parametrize(
    ("name", "close"),
    [
        ("deit_smal_patch16_224", "deit_small_patch16_224"),
        ("DeiT_Small_Patch16_224", "deit_small_patch16_224"),
        ("vit-base-patch16-224", "vit_base_patch16_224"),
        ("deit small", "deit_small_patch16_224"),
        ("xyzzy", "pqv models"),
        ("", "pqv models"),
    ],
)
def test_a_wrong_name_is_answered_with_close_ones(models: Catalog, name: str, close: str) -> None:
    with pytest.raises(ModelError, match="no transformer named") as caught:
        models.get(name)
    assert close in caught.value.action


def test_a_wrong_tag_is_answered_with_the_right_ones(models: Catalog) -> None:
    with pytest.raises(ModelError, match="no published weights 'nope'") as caught:
        models.get("deit_small_patch16_224.nope")
    assert "fb_in1k" in caught.value.action


def test_it_is_read_once() -> None:
    assert catalog.load() is catalog.load()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"timm": "1", "models": [{"name": "x"}]}', '{"timm": "1"}'])
def test_a_damaged_catalogue_is_said(text: str, tmp_path: Path) -> None:
    path = tmp_path / "catalog.json"
    path.write_text(text)
    with pytest.raises(StorageError, match="catalogue is damaged"):
        catalog.load(path)
    with pytest.raises(StorageError, match="does not exist"):
        catalog.load(tmp_path / "missing.json")


def test_the_file_is_small_enough_to_ship() -> None:
    path = Path(__file__).parents[4] / "resources" / "catalog.json"
    assert path.stat().st_size < 600_000
    assert json.loads(path.read_text(encoding="utf-8"))["timm"] == catalog.load().timm
