"""Randomness that depends on nothing but where one is, so that nothing about it needs to be saved."""

from __future__ import annotations

import contextlib
import hashlib
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch


def derived(*parts: int | str) -> int:
    """A 63-bit seed from what identifies a place, such as (seed, epoch, index)."""
    text = "/".join(str(part) for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) >> 1


def seed_all(*parts: int | str) -> None:
    """Seed the generators of Python, numpy and torch (all devices): timm's transforms draw from each of them."""
    seed = derived(*parts)
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def seed_host(*parts: int | str) -> None:
    """As ``seed_all`` but only on the CPU, which is all that reading an image needs."""
    seed = derived(*parts)
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.default_generator.manual_seed(seed)


@contextlib.contextmanager
def reproducible(device: torch.device) -> Iterator[None]:
    """Sums in the same order each time on the CPU; other devices keep their fastest kernels.

    Without it the gradient of an indexed table (Swin's relative positions) depends on which thread came first.
    """
    before = torch.are_deterministic_algorithms_enabled()
    memory: Any = torch.utils.deterministic  # its one switch is a property that type checkers do not see
    filling = memory.fill_uninitialized_memory
    torch.use_deterministic_algorithms(device.type == "cpu" or before, warn_only=True)
    memory.fill_uninitialized_memory = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=True)
        memory.fill_uninitialized_memory = filling
