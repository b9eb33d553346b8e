"""By what trials are judged: one row a figure that a finished run gives. Which measurement counts: ``select``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from pqv_core import formatting
from pqv_core.config.base import unknown
from pqv_core.results import select
from pqv_core.results.record import Accuracy, Measurement, RunRecord


@dataclass(frozen=True)
class Figure:
    """One figure of a run's result, on the device by which the run is judged (``select.headline``).

    Attributes:
        unit: In which it is kept; empty for a share from 0 to 1.
        units: By what a person may write behind a number, how many of ``unit`` it is.
        greater: Whether more is better.
        read: From a run; None where it was not measured.
        text: For a person.
        needs_images: It is known only with validation images.
    """

    key: str
    label: str
    unit: str
    units: Mapping[str, float]
    greater: bool
    read: Callable[[RunRecord], float | None]
    text: Callable[[float], str]
    needs_images: bool = False

    @property
    def direction(self) -> Literal["maximize", "minimize"]:
        """As Optuna calls it."""
        return "maximize" if self.greater else "minimize"

    @property
    def named(self) -> str:
        """With its unit: ``latency (ms)``."""
        return f"{self.key} ({self.unit})" if self.unit else self.key


def _measured(record: RunRecord) -> Measurement | None:
    return select.of_result(record, target=select.headline(record))


def _accuracy(record: RunRecord) -> Accuracy | None:
    """Of the file where it was measured, else this computer's of the same file."""
    result = select.result(record, target=select.headline(record))
    if result is None:
        return None
    return select.answers(result, _measured(record))[0] or result.accuracy


def _top1(record: RunRecord) -> float | None:
    accuracy = _accuracy(record)
    return accuracy.top1 if accuracy else None


def _top1_drop(record: RunRecord) -> float | None:
    top1, dense = _top1(record), record.dense_accuracy
    return None if top1 is None or dense is None else 100 * (dense.top1 - top1)


def _latency(record: RunRecord) -> float | None:
    item = _measured(record)
    return item.median_ms if item else None


def _size(record: RunRecord) -> float | None:
    result = select.result(record, target=select.headline(record))
    return result.size_bytes / 1e6 if result else None


def _memory(record: RunRecord) -> float | None:
    item = _measured(record)
    return item.memory_bytes / 1e6 if item and item.memory_bytes is not None else None


def _energy(record: RunRecord) -> float | None:
    item = _measured(record)
    joule = (item.heat or {}).get("joule_an_inference") if item else None
    return 1e3 * joule if isinstance(joule, int | float) else None


def _points(value: float) -> str:
    return f"{value:.2f} points".replace("-", "−")


def _megabytes(value: float) -> str:
    return formatting.size(value * 1e6)


_MEGABYTES = {"MB": 1.0, "kB": 1e-3, "GB": 1e3}
FIGURES: dict[str, Figure] = {
    figure.key: figure
    for figure in (
        Figure("top1", "Top-1", "", {"%": 0.01, "": 1.0}, True, _top1, formatting.percent, needs_images=True),
        Figure(
            "top1_drop",
            "Top-1 lost",
            "points",
            {"": 1.0, "point": 1.0, "points": 1.0},
            False,
            _top1_drop,
            _points,
            needs_images=True,
        ),
        Figure(
            "latency",
            "Latency",
            "ms",
            {"ms": 1.0, "µs": 1e-3, "us": 1e-3, "s": 1e3},
            False,
            _latency,
            formatting.milliseconds,
        ),
        Figure("size", "Size", "MB", _MEGABYTES, False, _size, _megabytes),
        Figure("memory", "Memory", "MB", _MEGABYTES, False, _memory, _megabytes),
        Figure(
            "energy",
            "Energy",
            "mJ",
            {"mJ": 1.0, "J": 1e3},
            False,
            _energy,
            lambda value: f"{formatting.significant(value)} mJ",
        ),
    )
}
"""Energy is measured on phones alone, and only where they tell it."""


def named(key: str) -> Figure:
    """The figure of this key.

    Raises:
        ConfigError: There is none.
    """
    if key not in FIGURES:
        raise unknown(key, FIGURES, field="figure")
    return FIGURES[key]


def of_run(record: RunRecord) -> dict[str, float]:
    """What a run gives of all figures, by their keys."""
    found = {key: figure.read(record) for key, figure in FIGURES.items()}
    return {key: value for key, value in found.items() if value is not None}
