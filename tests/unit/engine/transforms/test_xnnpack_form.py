"""Networks in the form that XNNPACK takes answer as before, and consist of what it takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import timm
import torch
from torch import Tensor, nn
from torch.fx import Node
from torch.nn import functional

from pqv_core.engine.transforms.xnnpack_form import in_xnnpack_form, prepared_for_xnnpack

TAKEN = {
    *("add.Tensor", "sub.Tensor", "mul.Tensor", "div.Tensor", "add.Scalar", "mul.Scalar", "rsqrt.default"),
    *("bmm.default", "mm.default", "linear.default", "conv2d.default", "softmax.int", "gelu.default", "sqrt.default"),
    *("view.default", "reshape.default", "permute.default", "transpose.int", "slice.Tensor", "cat.default"),
    *("clone.default", "_unsafe_view.default", "mean.dim", "zeros.default", "avg_pool2d.default"),
    "maximum.default",
}
SMALL: dict[str, Any] = {"img_size": 32, "depth": 2, "embed_dim": 48, "num_heads": 3, "num_classes": 5}


def rewritten(module: nn.Module, image: Tensor) -> tuple[set[str], nn.Module]:
    """The operators of a module in XNNPACK's form, and itself in that form."""
    program = in_xnnpack_form(torch.export.export(module.eval(), (image,)))
    nodes = [node for node in program.graph.nodes if node.op == "call_function"]
    means = [node for node in nodes if node.target is torch.ops.aten.mean.dim]
    assert all(node.args[0].meta["val"].dim() == 4 and tuple(node.args[1]) == (-1, -2) for node in means)
    return {node.target.__name__ for node in nodes}, program.module()


class Doing(nn.Module):
    """A function as a network."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "layer norm": lambda x: functional.layer_norm(x, (6,)),
    "layer norm of two axes": lambda x: functional.layer_norm(x, (4, 6)),
    "RMS norm": lambda x: functional.rms_norm(x, (6,), eps=1e-6),
    "group norm": lambda x: functional.group_norm(x, 2),
    "mean of channels": lambda x: x.mean(1),
    "mean of all": lambda x: x.mean(),
    "mean of two axes apart": lambda x: x.mean((1, 3), keepdim=True),
    "sum": lambda x: x.sum((0, -1)),
    "variance": lambda x: x.var(-1),
    "variance of a sample": lambda x: x.var(1, unbiased=False, keepdim=True),
    "standard deviation": lambda x: x.std((2, 3)),
    "length": lambda x: functional.normalize(x, dim=-1),
    "global response": lambda x: x * (x.norm(p=2, dim=(1, 2), keepdim=True) / 3),
    "pooled": lambda x: functional.adaptive_avg_pool2d(x, 1),
    "average of pieces": lambda x: functional.avg_pool1d(x[0], 4),
    "each repeated": lambda x: x.repeat_interleave(3, dim=2),
    "average pool": lambda x: functional.avg_pool2d(x, 2),
    "every second": lambda x: x[:, 1::2, ::2, :-1:2] * 2,
    "every third of a few": lambda x: x[..., ::4],
    "selected": lambda x: x[:, 1] + x[:, -1],
    "unbound": lambda x: x.unbind(1)[2],
    "split": lambda x: torch.cat(x.split(3, 1)[::-1], 1),
    "chunks": lambda x: torch.cat(x.chunk(3, -1)[::-1], -1),
    "squeezed": lambda x: x.squeeze(0).unsqueeze(-1),
    "stacked": lambda x: torch.stack([x, x + 1], 2),
    "rolled": lambda x: x.roll((1, -2), (2, 3)),
    "flipped": lambda x: x.flip(1, 3),
    "expanded": lambda x: x[:, :, :1].expand(-1, -1, 5, -1),
    "repeated": lambda x: x.repeat(1, 2, 1, 3),
    "as often as it is long": lambda x: x[:, :, :1].repeat(1, 8, 3, 6),
    "viewed": lambda x: x.permute(0, 2, 3, 1).contiguous().view(1, -1, 8) * 2,
    "largest of a few": lambda x: x.amax(2),
    "product": lambda x: x @ x.transpose(-2, -1),
    "product with one for all": lambda x: x @ x[:, :1].transpose(-2, -1),
    "attention": lambda x: functional.scaled_dot_product_attention(x, x, x, scale=0.3),
    "softmax of channels": lambda x: x.softmax(1),
    "softmax of rows": lambda x: x.softmax(-1),
}


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS.keys())
def test_every_rewriting_gives_the_same_values(function: Callable[[Tensor], Tensor]) -> None:
    x = torch.randn(1, 8, 4, 6, generator=torch.Generator().manual_seed(0))
    used, made = rewritten(Doing(function), x)
    torch.testing.assert_close(made(x), function(x), rtol=1e-5, atol=1e-6)
    assert used - TAKEN - {"pow.Tensor_Scalar", "clamp.default", "clamp_min.default", "zeros_like.default"} == set()


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size", [{"size": (5, 9)}, {"scale_factor": 2}, {"scale_factor": (0.5, 1.5)}], ids=str)
@pytest.mark.parametrize("corners", [False, True])
def test_resizing_becomes_products_with_constants(mode: str, size: dict[str, Any], corners: bool) -> None:
    x = torch.randn(1, 8, 4, 6, generator=torch.Generator().manual_seed(0))
    resize = Doing(lambda x: functional.interpolate(x, **size, mode=mode, align_corners=corners))
    program = in_xnnpack_form(torch.export.export(resize, (x,)))
    torch.testing.assert_close(program.module()(x), resize(x), rtol=1e-5, atol=1e-6)
    (image,) = (node for node in program.graph.nodes if node.op == "placeholder")
    assert reading(image) <= TAKEN


def reading(node: Node) -> set[str]:
    """The operators that what a node gives goes through."""
    users = {user for user in node.users if user.op == "call_function"}
    return {user.target.__name__ for user in users}.union(*map(reading, users))  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("deit_tiny_patch16_224", SMALL),
        ("vit_tiny_patch16_224", {**SMALL, "qk_norm": True, "reg_tokens": 2}),
        ("deit_tiny_distilled_patch16_224", SMALL),
        ("deit3_small_patch16_224", SMALL),
        ("mixer_s32_224", {"img_size": 64, "num_classes": 5}),
        ("swin_tiny_patch4_window7_224", {"img_size": 56, "depths": (2, 2), "num_heads": (2, 4), "embed_dim": 32}),
        ("xcit_nano_12_p16_224", {"img_size": 64, "depth": 2, "num_classes": 5}),
        ("poolformer_s12", {"num_classes": 5}),
    ],
)
def test_a_prepared_network_answers_as_before(name: str, arguments: dict[str, Any]) -> None:
    torch.manual_seed(0)
    model = timm.create_model(name, **arguments).eval()
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.1)
    size = arguments.get("img_size", 64)
    image = torch.randn(1, 3, size, size)
    with torch.inference_mode():
        expected = model(image)
        before = {key: value.clone() for key, value in model.state_dict().items()}
        _, made = rewritten(prepared_for_xnnpack(model), image)
        found = made(image)
    assert float((found - expected).norm() / expected.norm()) < 1e-5
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_attention_becomes_products_whose_scale_is_in_the_weights() -> None:
    torch.manual_seed(0)
    model = timm.create_model("deit_tiny_patch16_224", **SMALL).eval()
    used, _ = rewritten(prepared_for_xnnpack(model), torch.randn(1, 3, 32, 32))
    assert "bmm.default" in used
    assert used - TAKEN == set()
    assert all(block.attn.scale == 1.0 for block in prepared_for_xnnpack(model).blocks)  # type: ignore[union-attr]


def test_whole_numbers_times_one_become_fractions() -> None:
    doing = Doing(lambda x: x * (torch.arange(6) * 1.0).add_(0.5))
    _, made = rewritten(doing, x := torch.randn(1, 8, 4, 6))
    torch.testing.assert_close(made(x), doing(x))


def test_views_of_views_are_one() -> None:
    used, made = rewritten(Doing(lambda x: x.view(8, 24).view(4, 48).reshape(1, 8, 4, 6) * 2), torch.randn(1, 8, 4, 6))
    assert used == {"mul.Tensor"}
    assert made(torch.ones(1, 8, 4, 6)).shape == (1, 8, 4, 6)


def test_a_slice_of_everything_is_no_copy() -> None:
    used, _ = rewritten(Doing(lambda x: x[:, :, :4, :6] * 2), torch.randn(1, 8, 4, 6))
    assert used == {"mul.Tensor"}
