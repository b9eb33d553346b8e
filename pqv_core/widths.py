"""How wide a layer stays when a share of it is cut. Pruning and its prediction both ask here."""

from __future__ import annotations


def kept_width(width: int, *, ratio: float, round_to: int) -> int:
    """Channels left of ``width``: the multiple of ``round_to`` nearest to (1 − ratio) · width.

    At least ``round_to`` (or the whole width, when that is less), and never more than there were.
    """
    kept = max(1, round(width * (1 - ratio) / round_to)) * round_to
    return min(width, kept)


def kept_heads(heads: int, *, ratio: float) -> int:
    """Attention heads left when whole heads are cut: nearest to (1 − ratio) · heads, at least one."""
    return max(1, round(heads * (1 - ratio)))
