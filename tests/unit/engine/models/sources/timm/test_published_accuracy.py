"""A published accuracy is shown for the weights that are loaded, with images as they are prepared here."""

from __future__ import annotations

from timm.models import get_pretrained_cfg

from pqv_core.models import catalog


def test_it_is_of_the_weights_and_size_that_are_loaded_by_default() -> None:
    shown = [entry for entry in catalog.load().entries if entry.top1 is not None]
    assert len(shown) > 400
    for entry in shown:
        loaded = get_pretrained_cfg(entry.name)
        assert loaded is not None
        assert (entry.weights[0].tag, entry.weights[0].image_size) == (loaded.tag, loaded.input_size[-1]), entry.name
        assert loaded.num_classes == 1000
