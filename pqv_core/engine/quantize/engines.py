"""Quantized engines: those of this computer, and which one packs the weights."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

from pqv_core.config.quantize import Engine
from pqv_core.errors import QuantizeError


def supported_engines() -> tuple[str, ...]:
    """Quantized engines of this build of torch on this machine, in alphabetical order."""
    return tuple(sorted(name for name in torch.backends.quantized.supported_engines if name != "none"))


@contextlib.contextmanager
def using_engine(name: str) -> Iterator[None]:
    """Make ``name`` the engine that packs weights, for the length of the block.

    Raises:
        QuantizeError: This computer does not have it.
    """
    require_engine(name)
    before = torch.backends.quantized.engine
    torch.backends.quantized.engine = name
    try:
        yield
    finally:
        torch.backends.quantized.engine = before


def require_engine(name: str) -> None:
    """Refuse an engine that this computer does not have, in words."""
    engines = supported_engines()
    if name not in engines:
        raise QuantizeError(
            f"The engine {name} is not available on this computer.",
            action=f"Choose auto or one of: {', '.join(engines) or 'none (use fp32)'}.",
        )


def candidate_engines(engine: Engine) -> tuple[str, ...]:
    """The engines to try: the one that was asked for, or all of this computer for ``auto``."""
    if engine == "auto":
        engines = supported_engines()
        if not engines:
            raise QuantizeError("This build of torch has no quantized engine.", action="Use fp32.")
        return engines
    require_engine(engine)
    return (engine,)
