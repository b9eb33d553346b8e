"""Published accuracies belong to one set of weights, with images of one size, and name their source."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pqv_core.errors import StorageError
from pqv_core.models import catalog, published_accuracy
from pqv_core.models.catalog import Catalog, Weights
from pqv_core.models.published_accuracy import PublishedAccuracy
from scripts.make_published_accuracy import top1

HEAD = "model,img_size,top1,top1_err,top5,top5_err,param_count,crop_pct,interpolation\n"
SMALL = {"name": "vit_small", "params": 22_050_664, "classes": 1000}


@pytest.fixture(scope="module")
def models() -> Catalog:
    return catalog.load()


def test_what_is_published_of_deit_small(models: Catalog) -> None:
    top1 = models.get("deit_small_patch16_224").top1
    assert top1 == pytest.approx(0.799, abs=0.001)  # Touvron et al. 2021, table 5: 79.9 %


def test_the_source_is_named_with_its_date(models: Catalog) -> None:
    assert models.accuracy_source == "timm, results-imagenet.csv, 2025-10-30, commit 4e5207c"


def test_a_model_has_the_figure_of_its_default_weights(models: Catalog) -> None:
    entry = models.get("vit_base_patch16_224")
    default, *others = entry.weights
    assert entry.top1 == default.top1
    assert all(other.top1 != default.top1 for other in others)
    tagged = entry.weights_of("vit_base_patch16_224.augreg_in1k")
    assert tagged is not None and tagged.top1 == pytest.approx(0.792, abs=0.001)  # Steiner et al. 2022
    assert entry.weights_of("vit_base_patch16_224") is default


def test_weights_of_other_classes_and_models_without_weights_have_none(models: Catalog) -> None:
    entry = models.get("vit_base_patch16_224")
    of_21k = entry.weights_of("vit_base_patch16_224.augreg_in21k")
    assert of_21k is not None and of_21k.top1 is None
    assert all(weights.top1 is None for each in models.entries for weights in each.weights if weights.classes != 1000)
    assert all(each.top1 is None for each in models.entries if not each.pretrained)
    unknown = next(each for each in models.entries if not each.pretrained)
    assert unknown.weights_of(unknown.name) is None


def test_figures_at_other_sizes_are_kept_apart(models: Catalog) -> None:
    weights = models.get("edgenext_base").weights[0]
    assert [each.image_size for each in weights.accuracies] == [256, 320]
    assert weights.image_size == 256
    assert weights.top1 == weights.accuracies[0].top1 < weights.accuracies[1].top1
    assert Weights("t", 1000, 224, (PublishedAccuracy(288, 0.8),)).top1 is None


def test_all_belong_to_weights_of_the_catalogue_and_are_shares(models: Catalog) -> None:
    known = {f"{entry.name}.{weights.tag}" for entry in models.entries for weights in entry.weights}
    published = published_accuracy.load().by_weights
    assert len(published) > 500
    assert set(published) <= known
    assert all(0.3 < each.top1 < 0.95 for found in published.values() for each in found)


def test_rows_go_to_the_weights_of_exactly_their_name() -> None:
    rows = [
        "vit_small.in1k,384,81.5,18.5,95,5,22.05,1.0,bicubic",
        "vit_small.in1k,224,79.858,20.142,95.04,4.96,22.05,0.900,bicubic",
        "vit_small.in1k_more,224,80.0,20.0,95,5,22.05,0.9,bicubic",
        "vit_small,224,10.0,90.0,20,80,22.05,0.9,bicubic",
    ]
    tags = {"in21k": [21843, 224], "in1k": [1000, 224]}
    assert top1(HEAD + "\n".join(rows), [{**SMALL, "tags": tags}]) == {"vit_small.in1k": {"224": 79.858, "384": 81.5}}
    assert list(top1(HEAD + "\n".join(rows), [{**SMALL, "tags": tags}])["vit_small.in1k"]) == ["224", "384"]


def test_a_row_about_another_model_of_that_name_is_refused() -> None:
    row = 'vit_small.in1k,224,79.858,20.142,95.04,4.96,"1,014.45",0.900,bicubic'
    with pytest.raises(ValueError, match=r"1014\.45 million parameters, not 22,050,664"):
        top1(HEAD + row, [{**SMALL, "tags": {"in1k": [1000, 224]}}])


@pytest.mark.parametrize("text", ["", "[]", '{"source": {}}', '{"source": {"name": "x", "date": "?"}, "top1": {}}'])
def test_a_damaged_file_is_said(text: str, tmp_path: Path) -> None:
    path = tmp_path / "imagenet.json"
    path.write_text(text)
    with pytest.raises(StorageError, match="published accuracies are damaged"):
        published_accuracy.load(path)
    with pytest.raises(StorageError, match="does not exist"):
        published_accuracy.load(tmp_path / "missing.json")


def test_where_it_was_taken_from_can_be_found_again() -> None:
    path = Path(__file__).parents[4] / "resources" / "imagenet.json"
    source = json.loads(path.read_text(encoding="utf-8"))["source"]
    assert source["repository"].endswith("huggingface/pytorch-image-models")
    assert (len(source["commit"]), len(source["sha256"])) == (40, 64)
