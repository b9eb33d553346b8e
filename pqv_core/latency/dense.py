"""How long whole models took, as earlier runs and latency tables know it: for choosing among models.

Models are compared only where they were measured alike (``Conditions``), and only as timm makes them: other arguments
make another model. A model with as many outputs as somebody's images have is taken for the same one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pqv_core import formatting


@dataclass(frozen=True, order=True)
class Conditions:
    """How latencies were measured that can be compared.

    Attributes:
        device: A person's name for it.
        threads: Of the runtime.
        file: Precision, format and engine of the file: ``FP32 .pte``.
    """

    device: str
    threads: int
    file: str

    @property
    def words(self) -> str:
        """All of it in a line."""
        return f"{self.device}, {formatting.counted(self.threads, 'thread')}, {self.file}"


@dataclass(frozen=True)
class DenseLatency:
    """How long one model took that nothing was cut of.

    Attributes:
        model: Its name in the catalogue.
        ns: Median of one image's inference, in nanoseconds.
        created: When it was measured, in ISO 8601.
        steady: Nothing disturbed it, as far as is known.
    """

    model: str
    conditions: Conditions
    ns: float
    created: str
    steady: bool = True


DenseLatencies = Mapping[Conditions, Mapping[str, DenseLatency]]
"""The newest of each model, by the conditions; those come first in which most models are known."""


def gathered(found: Iterable[DenseLatency]) -> DenseLatencies:
    """The newest of each model, by the conditions."""
    made: dict[Conditions, dict[str, DenseLatency]] = {}
    for each in sorted(found, key=lambda each: each.created):
        made.setdefault(each.conditions, {})[each.model] = each
    return dict(sorted(made.items(), key=lambda pair: (-len(pair[1]), pair[0])))
