"""The list of models: which are shown, in which order, and what is said of each."""

from __future__ import annotations

import pytest

from pqv_core.latency.dense import Conditions, DenseLatency, gathered
from pqv_core.models import catalog
from pqv_core.models.catalog import CatalogEntry
from pqv_gui.viewmodels.kept_models import KeptModels
from pqv_gui.viewmodels.model_catalog import ModelCatalog, latency_words, published_accuracy
from pqv_gui.viewmodels.recent_projects import TextStore

PIXEL = Conditions("Pixel 8", 4, "FP32 .pte")
HERE = Conditions("This computer", 2, "FP32 .ptl")
SMALL, TINY = "deit_small_patch16_224", "deit_tiny_patch16_224"
LATENCIES = gathered(
    [
        DenseLatency(SMALL, PIXEL, 31e6, "2026-02-01T10:00:00"),
        DenseLatency(TINY, PIXEL, 12.3e6, "2026-02-02T10:00:00"),
        DenseLatency(SMALL, HERE, 20e6, "2026-03-01T10:00:00", steady=False),
    ]
)


@pytest.fixture
def models() -> ModelCatalog:
    stores = [["swin_tiny_patch4_window7_224", SMALL]], [[TINY, SMALL, "no_longer_there"]]
    starred, recent = (TextStore(read=lambda kept=kept: kept[-1], write=kept.append) for kept in stores)
    made = ModelCatalog(KeptModels(starred=starred, recent=recent))
    made.take(catalog.load())
    return made


def names(models: ModelCatalog) -> list[str]:
    return [entry.name for entry in models.shown]


def entry(name: str) -> CatalogEntry:
    return catalog.load().get(name)


def test_the_best_match_is_first_until_another_order_is_asked_for(models: ModelCatalog) -> None:
    models.search("deit small", "")
    assert names(models)[0] == SMALL
    models.order_by("accuracy")
    accuracies = [shown.top1 or 0 for shown in models.shown]
    assert len(accuracies) > 2
    assert accuracies == sorted(accuracies, reverse=True)
    models.order_by("params")
    assert [shown.params for shown in models.shown] == sorted(shown.params for shown in models.shown)
    models.order_by("")
    assert names(models)[0] == SMALL


def test_only_starred_or_recent_ones_are_shown_in_their_order(models: ModelCatalog) -> None:
    models.show_only("starred")
    assert names(models) == ["swin_tiny_patch4_window7_224", SMALL]
    models.show_only("recent")
    assert names(models) == [TINY, SMALL]
    models.order_by("accuracy")
    assert names(models) == [SMALL, TINY]
    models.search("tiny", "")
    assert names(models) == [TINY]
    models.show_only("")
    assert len(models.shown) > 10


def test_a_star_is_heard_of_and_changes_what_is_shown(models: ModelCatalog) -> None:
    heard = list[int]()
    models.listed.subscribe(lambda: heard.append(models.revision))
    shown = models.shown
    assert models.kept is not None
    models.kept.star(TINY, True)
    assert models.shown is shown  # all are shown, as before
    models.show_only("starred")
    models.kept.star(TINY, False)
    assert TINY not in names(models)
    assert len(set(heard)) == len(heard) == 3


def test_latency_is_an_order_only_where_something_is_known(models: ModelCatalog) -> None:
    assert list(models.orders.values()) == ["Best match", "Published top-1", "Parameters", "Compute"]
    models.take_latencies(LATENCIES)
    *_, pixel, here = models.orders
    assert models.orders[pixel] == "Latency: Pixel 8, 4 threads, FP32 .pte (2 models)"
    models.order_by(pixel)
    assert names(models)[:2] == [TINY, SMALL]
    assert len(models.shown) == len(models)
    assert [models.figure(shown) for shown in models.shown[:3]] == ["12.3 ms", "31.0 ms", "–"]
    assert models.figure_name == "Latency"
    models.order_by(here)
    assert models.figure(models.shown[0]) == "20.0 ms ⚠"
    models.take_latencies({})
    assert models.order == ""


def test_new_figures_are_shown_though_the_order_stays(models: ModelCatalog) -> None:
    models.take_latencies(LATENCIES)
    models.order_by(list(models.orders)[-2])
    shown = models.shown
    models.take_latencies(gathered([DenseLatency(TINY, PIXEL, 11e6, "2026-04-01"), *LATENCIES[PIXEL].values()]))
    assert models.shown is not shown
    assert models.figure(models.shown[0]) == "11.0 ms"


def test_the_figure_at_the_right_is_the_one_by_which_is_sorted(models: ModelCatalog) -> None:
    small = entry(SMALL)
    assert (models.figure_name, models.figure(small)) == ("Published top-1", "79.9 %")
    assert models.detail(small) == "22.1 M · 4.60 GMAC · 224 px"
    models.order_by("macs")
    assert (models.figure_name, models.figure(small)) == ("Compute", "4.60 GMAC")
    assert models.detail(small) == "79.9 % top-1 · 22.1 M · 224 px"


def test_a_model_without_a_published_figure_shows_none(models: ModelCatalog) -> None:
    dino = entry("vit_small_patch16_dinov3")
    assert dino.pretrained
    assert models.figure(dino) == "–"
    assert "no published accuracy" in models.said(dino)
    without = next(each for each in models.entries if not each.pretrained)
    assert models.figure(without) == "–"
    assert models.detail(without).endswith("no published weights")


def test_a_screen_reader_hears_what_each_figure_is(models: ModelCatalog) -> None:
    said = models.said(entry(SMALL))
    assert said == f"{SMALL}, top-1 79.9 %, 22.1 M parameters, 4.60 GMAC, 224 px, starred"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (SMALL, "ImageNet-1k top-1 as published: 79.9 % at 224 px (weights fb_in1k)."),
        ("edgenext_base", "ImageNet-1k top-1 as published: 83.7 % at 256 px, 84.0 % at 320 px (weights usi_in1k)."),
        ("vit_base_patch16_224.augreg_in1k", "79.2 % at 224 px (weights augreg_in1k)"),
        ("vit_base_patch16_224.augreg_in21k", "No published ImageNet-1k accuracy for the weights augreg_in21k."),
    ],
)
def test_the_published_accuracy_is_that_of_the_weights_which_are_loaded(name: str, expected: str) -> None:
    assert expected in published_accuracy(entry(name), name)


def test_without_weights_nothing_is_said_of_their_accuracy(models: ModelCatalog) -> None:
    without = next(each for each in models.entries if not each.pretrained)
    assert published_accuracy(without, without.name) == ""


def test_what_is_known_of_a_models_latency_is_said_with_how_it_was_measured(models: ModelCatalog) -> None:
    models.take_latencies(LATENCIES)
    words = [latency_words(known) for known in models.known_latencies(f"{SMALL}.fb_in1k")]
    assert words == [
        "20.0 ms ⚠: This computer, 2 threads, FP32 .ptl, 2026-03-01",
        "31.0 ms: Pixel 8, 4 threads, FP32 .pte, 2026-02-01",
    ]
    assert models.known_latencies("swin_tiny_patch4_window7_224") == []
