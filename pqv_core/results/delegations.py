"""How much of each file of a run is delegated, and what the rest costs, as a person reads it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pqv_core import formatting
from pqv_core.results import operators, select, summary
from pqv_core.results.record import LOCAL, RunRecord, Variant


@dataclass(frozen=True)
class DelegationRow:
    """What there is to say of one file.

    Attributes:
        file: What a person calls it.
        delegated: What backends compute.
        left: What is left to the runtime's own operators.
        cost: Their share of an inference wherever it was profiled; empty where it was nowhere, or nothing is left.
    """

    file: str
    delegated: str
    left: str
    cost: str

    @property
    def words(self) -> str:
        """All of it in a line."""
        cost = f" ({self.cost})" if self.cost else ""
        return f"{self.file}: {self.delegated}; {self.left} outside of delegates{cost}"


def rows(record: RunRecord) -> list[DelegationRow]:
    """One row for each file whose format tells who computes what in it."""
    return [
        DelegationRow(variant.label, variant.delegation.delegated, variant.delegation.left, _cost(record, variant))
        for variant in record.in_order
        if variant.delegation is not None
    ]


def _cost(record: RunRecord, variant: Variant) -> str:
    return ", ".join(
        f"{formatting.percent(share)} of an inference on {'this computer' if target == LOCAL else target}"
        for target, share in _shares(record, variant)
    )


def _shares(record: RunRecord, variant: Variant) -> Iterator[tuple[str, float]]:
    """Each target that has profiled a file, with the share of what is not delegated, if there is any."""
    if variant.delegation is None or not variant.delegation.outside:
        return
    for target in summary.targets(record):
        measured = select.shown(record, target=target).get(variant.key)
        if measured is None:
            continue
        share = operators.share_outside(variant.delegation, select.operators(variant, measured))
        if share is not None:
            yield target, share
