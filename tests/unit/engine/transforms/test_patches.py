"""A patch embedding written as a linear layer answers as the convolution did."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from pqv_core.engine.transforms.patches import PatchLinear, is_patch_embedding, replace_patch_embeddings


@pytest.mark.parametrize("kernel", [(4, 4), (2, 8)])
@pytest.mark.parametrize("size", [(32, 32), (35, 41)], ids=["whole patches", "a rest at the edges"])
@pytest.mark.parametrize("bias", [True, False])
def test_it_answers_as_the_convolution(kernel: tuple[int, int], size: tuple[int, int], bias: bool) -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(3, 10, kernel, stride=kernel, bias=bias)
    images = torch.randn(2, 3, *size)
    torch.testing.assert_close(PatchLinear(conv)(images), conv(images))


def test_a_model_may_ask_for_the_kernel() -> None:
    assert PatchLinear(nn.Conv2d(3, 8, (2, 4), stride=(2, 4))).kernel_size == (2, 4)


@pytest.mark.parametrize(
    "other",
    [
        nn.Conv2d(3, 8, 4, stride=2),
        nn.Conv2d(3, 8, 4, stride=4, padding=1),
        nn.Conv2d(8, 8, 4, stride=4, groups=8),
        nn.Conv2d(8, 8, 1),
        nn.Linear(4, 4),
    ],
)
def test_other_layers_are_left_alone(other: nn.Module) -> None:
    model = nn.Sequential(other)
    replace_patch_embeddings(model)
    assert not is_patch_embedding(other)
    assert model[0] is other
