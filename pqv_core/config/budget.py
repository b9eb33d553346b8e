"""How fast and how small the result must be."""

from __future__ import annotations

import math
import re

from pydantic import Field, field_validator

from pqv_core.config.base import Config
from pqv_core.errors import ConfigError

LOCAL = "local"
"""This computer, among devices."""
MEGABYTE = 1_000_000
_AMOUNT = re.compile(r"\s*([0-9.]+(?:e[+-]?[0-9]+)?)\s*([a-zµ×]*)\s*", re.IGNORECASE)
_MILLISECONDS = {"": 1.0, "ms": 1.0, "s": 1e3, "us": 1e-3, "µs": 1e-3}
_MEGABYTES = {"": 1.0, "mb": 1.0, "kb": 1e-3, "gb": 1e3, "mib": 2**20 / MEGABYTE, "kib": 2**10 / MEGABYTE}
_TIMES = {"": 1.0, "x": 1.0, "×": 1.0}


class BudgetConfig(Config):
    """What pruning must reach, instead of a ratio; with none of these, the ratio counts.

    The result in the first of the run's formats is meant. Of several budgets all are kept.

    Attributes:
        latency_ms: Milliseconds of an inference, at most.
        speedup: How many times as fast as the uncut model in the same format and scheme, at least.
        on: Whose latency: ``local`` for this computer, or a device by its serial or name, of which there must be a
            latency table.
        size_mb: Megabytes of the file (10⁶ bytes), at most.
        blocks: Whole blocks may be left out too, up to half of them; not where tokens are merged. Off, for it has cost
            more accuracy than cutting all of them (docs/frontier.md), but is faster than any other cut.
    """

    latency_ms: float | None = Field(default=None, gt=0)
    speedup: float | None = Field(default=None, gt=1, le=1000)
    on: str = LOCAL
    size_mb: float | None = Field(default=None, gt=0)
    blocks: bool = False

    @property
    def limits_latency(self) -> bool:
        """Whether the latency on a device matters."""
        return self.latency_ms is not None or self.speedup is not None

    @property
    def is_set(self) -> bool:
        """Whether there is one."""
        return self.limits_latency or self.size_mb is not None

    @property
    def words(self) -> str:
        """The limits in a line: ``at most 30 ms on SERIAL, at most 10 MB``; empty where there are none."""
        where = f" on {self.on}" if self.on != LOCAL else ""
        limits = (
            f"at most {self.latency_ms:g} ms{where}" if self.latency_ms is not None else "",
            f"at least {self.speedup:g}× as fast{where}" if self.speedup is not None else "",
            f"at most {self.size_mb:g} MB" if self.size_mb is not None else "",
        )
        return ", ".join(limit for limit in limits if limit)

    @property
    def mark(self) -> str:
        """The limits within the name of a file: ``30ms-10MB``."""
        limits = ((self.latency_ms, "ms"), (self.speedup, "x"), (self.size_mb, "MB"))
        return "-".join(f"{value:g}{unit}" for value, unit in limits if value is not None)

    @field_validator("on")
    @classmethod
    def _names_a_device(cls, value: str) -> str:
        if not value.strip():
            raise ValueError(f"name a device, or {LOCAL} for this computer")
        return value


def milliseconds(text: str) -> float:
    """What a person writes of a latency: ``30ms``, ``0.03 s``, ``30``.

    Raises:
        ConfigError: It is none.
    """
    return _amount(text, _MILLISECONDS, field="budget.latency_ms", example="30ms")


def megabytes(text: str) -> float:
    """What a person writes of a size: ``10MB``, ``800 kB``, ``10``.

    Raises:
        ConfigError: It is none.
    """
    return _amount(text, _MEGABYTES, field="budget.size_mb", example="10MB")


def times(text: str) -> float:
    """What a person writes of a speed-up: ``2x``, ``1.5``.

    Raises:
        ConfigError: It is none.
    """
    return _amount(text, _TIMES, field="budget.speedup", example="2x")


def _amount(text: str, units: dict[str, float], *, field: str, example: str) -> float:
    found = _AMOUNT.fullmatch(text)
    try:
        value = float(found[1]) * units[found[2].lower()] if found else math.nan
    except (ValueError, KeyError):
        value = math.nan
    if not (0 < value < math.inf):
        raise ConfigError(
            f"{field}: {text[:40]!r} is not an amount above 0.", field=field, action=f"For example: {example}."
        )
    return value
