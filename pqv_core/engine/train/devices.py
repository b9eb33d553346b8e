"""Where a training runs, by Accelerate: one process or many, CPU, CUDA or MPS."""

from __future__ import annotations

from datetime import timedelta

import torch
from accelerate import Accelerator, InitProcessGroupKwargs  # type: ignore[import-untyped]

from pqv_core.config import FinetuneConfig
from pqv_core.errors import TrainingError

_PATIENCE = timedelta(days=1)
"""The first process prunes before it trains, and exports after; the others wait."""


def accelerator(config: FinetuneConfig) -> Accelerator:
    """An Accelerator for these settings and this machine.

    Raises:
        TrainingError: The device or its arithmetic is not there.
    """
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "auto": True}
    if not there[config.device]:
        raise TrainingError(
            f"This computer has no {config.device.upper()} device that torch can use.",
            action="Set finetune.device to auto.",
        )
    on_cpu = config.device == "cpu" or not (there["cuda"] or there["mps"])
    if config.mixed_precision == "fp16" and on_cpu:
        raise TrainingError("Training in fp16 needs a GPU.", action="Set finetune.mixed_precision to auto, no or bf16.")
    return Accelerator(
        cpu=on_cpu,
        mixed_precision=_precision(config, on_cpu=on_cpu),
        kwargs_handlers=[InitProcessGroupKwargs(timeout=_PATIENCE)],
    )


def _precision(config: FinetuneConfig, *, on_cpu: bool) -> str:
    if config.mixed_precision != "auto":
        return config.mixed_precision
    if on_cpu or not torch.cuda.is_available():
        return "no"
    return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
