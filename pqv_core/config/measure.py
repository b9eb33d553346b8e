"""How latency is measured."""

from __future__ import annotations

from pydantic import Field

from pqv_core.config.base import Config


class MeasureConfig(Config):
    """An interleaved, time-boxed loop over all artefacts of a run, at batch 1, each in a clean process.

    Attributes:
        threads: Threads of the runtime; None for one a physical core, at most 4.
        warmup: Untimed inferences of each artefact.
        iterations: Timed inferences of each artefact.
        max_seconds: Time box of the whole loop; at least 5 timed inferences of each artefact are made.
        profile: Time the operators of each artefact too, apart from the loop.
    """

    threads: int | None = Field(default=None, ge=1, le=256)
    warmup: int = Field(default=5, ge=0, le=10_000)
    iterations: int = Field(default=50, ge=5, le=1_000_000)
    max_seconds: float = Field(default=60.0, gt=0, le=86_400)
    profile: bool = True
