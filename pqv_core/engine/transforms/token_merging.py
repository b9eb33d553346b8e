"""The tokens most alike become one: bipartite soft matching (ToMe, Bolya et al. 2023, §3), in two forms.

The tokens of an image are dealt out in turns to two sets. Each of the first set has a nearest one in the second; those
nearest of all are added to theirs. Written from the paper.

``TokenMerging`` says it with indices (sort, gather, scatter): quickest in PyTorch and in ``.ptl`` files.
``ProductMerging`` says the same with products of matrices of ones and zeros: XNNPACK computes it as a whole, while
ExecuTorch leaves every operator on indices to portable kernels and has none that sorts.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

_LARGE = 1e30  # turns any difference of floating-point numbers into more than 1


class TokenMerging(nn.Module):
    """Merges ``merged`` tokens away.

    Args:
        merged: At most half of those that are no prefix tokens.
        prefix: Tokens in front that stay as they are.
    """

    def __init__(self, merged: int, prefix: int) -> None:
        super().__init__()
        self.merged, self.prefix = merged, prefix

    def forward(self, sums: Tensor, keys: Tensor) -> Tensor:
        """The sums of the tokens that are left: prefix, those of the first set that stay, the second set.

        Args:
            sums: What is added up, of shape (N, tokens, C).
            keys: By which tokens are compared (cosine), of shape (N, tokens, channels of a head).
        """
        keys = functional.normalize(keys[:, self.prefix :], dim=-1)
        nearest, to = (keys[:, ::2] @ keys[:, 1::2].transpose(1, 2)).max(dim=-1)
        order = nearest.argsort(dim=-1, descending=True)
        going = order[:, : self.merged]
        staying = order[:, self.merged :].sort(dim=-1)[0]  # in their order, which decides over the sets of later blocks
        first, second = sums[:, self.prefix :: 2], sums[:, self.prefix + 1 :: 2]
        added = first.gather(1, _rows(going, first))
        second = second.scatter_add(1, _rows(to.gather(1, going), first), added)
        return torch.cat([sums[:, : self.prefix], first.gather(1, _rows(staying, first)), second], dim=1)


def _rows(indices: Tensor, values: Tensor) -> Tensor:
    """Indices (N, rows) for all channels of what is gathered."""
    return indices.unsqueeze(-1).expand(-1, -1, values.shape[-1])


class ProductMerging(nn.Module):
    """As ``TokenMerging`` in products, maxima and sums; a token that is as near to several is shared out among them.

    Args:
        tokens: Those that come in, with prefix tokens.
    """

    before: Tensor
    places: Tensor

    def __init__(self, merging: TokenMerging, tokens: int) -> None:
        super().__init__()
        self.merged, self.prefix = merging.merged, merging.prefix
        count = (tokens - self.prefix + 1) // 2
        self.register_buffer("before", torch.ones(1, count, count).tril(-1), persistent=False)
        places = torch.arange(count - self.merged, dtype=torch.float32).view(1, -1, 1)
        self.register_buffer("places", places, persistent=False)

    def forward(self, sums: Tensor, keys: Tensor) -> Tensor:
        """As ``TokenMerging.forward``."""
        keys = keys[:, self.prefix :]
        keys = keys * torch.rsqrt((keys * keys).sum(-1, keepdim=True) + 1e-12)
        alike = keys[:, ::2] @ keys[:, 1::2].transpose(1, 2)
        row = (1, alike.shape[2])
        nearest = functional.max_pool2d(alike.unsqueeze(1), row, row).squeeze(1)
        # Of each token, how many are nearer to theirs than it is; of equals, the earlier one counts as nearer.
        rank = _unit((nearest.transpose(1, 2) - nearest) * _LARGE + self.before).sum(-1, keepdim=True)
        going = _unit((self.merged - 0.5 - rank) * _LARGE)
        to = _unit((alike - nearest) * _LARGE + 1.0)
        move = (to / to.sum(-1, keepdim=True) * going).transpose(1, 2)
        staying = 1.0 - going
        place = (self.before @ staying).transpose(1, 2)
        keep = _unit(1.0 - (place - self.places).abs()) * staying.transpose(1, 2)
        first, second = sums[:, self.prefix :: 2], sums[:, self.prefix + 1 :: 2]
        return torch.cat([sums[:, : self.prefix], keep @ first, second + move @ first], dim=1)


def _unit(values: Tensor) -> Tensor:
    return values.clamp(0.0, 1.0)
