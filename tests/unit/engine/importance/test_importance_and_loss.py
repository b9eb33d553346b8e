"""What a criterion estimates of the loss, against the loss itself with single parts of the demo's network gone.

One by one such parts change the loss up or down by little: it is the size of the change that says how much they matter
(Molchanov et al. 2019, eq. 2).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from pqv_core.config import PruneConfig
from pqv_core.criteria import CRITERIA
from pqv_core.engine import structure
from pqv_core.engine.data import batches as data
from pqv_core.engine.models import create as models
from pqv_core.engine.prune.dependencies import Dependencies
from pqv_core.engine.structure import Width
from pqv_core.project import demo
from tests.fakes.training import Recorder

IMAGES = 64
EVERY = 48
"""Of the channels of an MLP one in so many is closed."""


@dataclass
class Digits:
    """The demo's network, what it was trained on, and its widths: MLPs, and attention in heads."""

    model: Any
    batches: list[tuple[Tensor, Tensor]]
    widths: list[Width]

    @cached_property
    def whole(self) -> float:
        """The loss with nothing gone."""
        return self.loss()

    def loss(self) -> float:
        images, labels = (torch.cat(parts) for parts in zip(*self.batches, strict=True))
        with torch.inference_mode():
            return float(F.cross_entropy(self.model(images), labels))

    def units(self, kind: str) -> list[tuple[Width, list[int]]]:
        """Some units of each width of a kind, as their channels."""
        found = []
        for width in self.widths:
            size = width.channels // width.units
            step = 1 if width.unit == "heads" else EVERY
            if width.kind == kind:
                found += [(width, list(range(unit * size, (unit + 1) * size))) for unit in range(0, width.units, step)]
        return found

    def change_without(self, width: Width, channels: list[int]) -> float:
        """How far the loss is from what it was when nothing reads these channels."""
        weight: Any = width.root.weight
        kept = weight.detach().clone()
        with torch.no_grad():
            weight[:, channels] = 0
            after = self.loss()
            weight.copy_(kept)
        return abs(after - self.whole)


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Digits]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    folder, context = tmp_path_factory.mktemp("demo"), Recorder().context
    project, config = demo.create(folder), demo.config()
    model, _ = models.create(config.model, num_classes=10, project=project, context=context)
    read = data.calibration_batches(
        folder / demo.IMAGES_FOLDER / "train",
        preprocessing=models.preprocessing(model),
        images=IMAGES,
        batch_size=16,
        seed=0,
        context=context,
    )
    widths = structure.widths(model, PruneConfig(attention_unit="heads"))
    yield Digits(model.eval(), list(read), widths)
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def changes(digits: Digits) -> dict[str, Tensor]:
    """By kind, what the loss really changes by, a unit."""
    return {
        kind: torch.tensor([digits.change_without(width, channels) for width, channels in digits.units(kind)])
        for kind in ("mlp", "attention")
    }


@pytest.mark.parametrize("name", [name for name, info in CRITERIA.items() if info.needs_images])
def test_estimates_rank_the_parts_of_all_layers_as_the_loss_does(
    name: Any, digits: Digits, changes: dict[str, Tensor]
) -> None:
    torch.manual_seed(0)
    criterion, context = CRITERIA.load(name)(), Recorder().context
    shape = (1, *models.preprocessing(digits.model).input_size)
    dependencies = Dependencies(digits.model, digits.widths, shape=shape, context=context)
    criterion.prepare(digits.model, digits.batches, total=IMAGES, context=context)
    for kind, measured in changes.items():
        scores = {
            width.name: criterion.scores(dependencies.group(width, list(range(width.channels))))
            for width in digits.widths
        }
        estimated = torch.stack([scores[width.name][channels].sum() for width, channels in digits.units(kind)])
        assert spearman(estimated, measured) > 0.6, kind


def spearman(first: Tensor, second: Tensor) -> float:
    """Correlation of the ranks."""
    ranks = torch.stack([values.argsort().argsort().double() for values in (first, second)])
    return float(torch.corrcoef(ranks)[0, 1])
