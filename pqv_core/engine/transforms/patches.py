"""A patch embedding as the matrix product that it is.

A convolution whose stride is its kernel (ViT, Dosovitskiy et al. 2021, §3.1) cuts the image into patches and
multiplies each by one matrix. Written as ``nn.Linear`` it can be quantized like the other layers: its fp32 weights
would otherwise be the largest part of a small int8 file.
"""

from __future__ import annotations

from torch import Tensor, nn


class PatchLinear(nn.Module):
    """Answers as the convolution that it was made from, (N, C, H, W) → (N, D, H ∕ kernel, W ∕ kernel).

    Args:
        conv: Stride equal to the kernel, no padding, dilation or groups.
    """

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.kernel_size = (conv.kernel_size[0], conv.kernel_size[1])  # some models ask their convolution for it
        self.linear = nn.Linear(conv.weight[0].numel(), conv.out_channels, bias=conv.bias is not None)
        self.linear.weight = nn.Parameter(conv.weight.detach().flatten(1).clone())
        if conv.bias is not None:
            self.linear.bias = nn.Parameter(conv.bias.detach().clone())

    def forward(self, images: Tensor) -> Tensor:
        n, channels, height, width = images.shape
        high, wide = self.kernel_size
        rows, columns = height // high, width // wide
        images = images[:, :, : rows * high, : columns * wide]
        patches = images.reshape(n, channels, rows, high, columns, wide).permute(0, 2, 4, 1, 3, 5)
        embedded = self.linear(patches.reshape(n, rows * columns, channels * high * wide))
        return embedded.transpose(1, 2).reshape(n, -1, rows, columns)


def is_patch_embedding(conv: nn.Module) -> bool:
    """Whether a convolution only cuts its input into patches and multiplies each by one matrix."""
    return (
        isinstance(conv, nn.Conv2d)
        and conv.kernel_size == conv.stride
        and conv.kernel_size > (1, 1)
        and set(conv.padding) == {0}
        and set(conv.dilation) == {1}
        and conv.groups == 1
    )


def replace_patch_embeddings(model: nn.Module) -> None:
    """Turn every patch embedding of ``model`` into a ``PatchLinear``, in place."""
    found = [name for name, module in model.named_modules() if is_patch_embedding(module)]
    for name in found:
        parent, _, child = name.rpartition(".")
        owner = model.get_submodule(parent)
        setattr(owner, child, PatchLinear(model.get_submodule(name)))  # type: ignore[arg-type]
