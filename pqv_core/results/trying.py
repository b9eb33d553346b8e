"""Which two files of a run are asked about the same image: the uncut one, and the result."""

from __future__ import annotations

from pqv_core.errors import UsageError
from pqv_core.results import select
from pqv_core.results.record import RunRecord, Variant


def pair(record: RunRecord, before: str = "", after: str = "") -> tuple[Variant, Variant]:
    """The files to ask.

    Args:
        before: Key of the one; by default the fp32 file of the uncut model, in the format of the other where there is
            one.
        after: Key of the other; by default the result by which the run is judged.

    Raises:
        UsageError: The run has not made them, or they are the same.
    """
    other = _named(record, after) if after else select.result(record)
    if other is None:
        raise UsageError("This run has made no file.", action="Run the project to its end first.")
    one = _named(record, before) if before else _uncut(record, other)
    if one is None:
        raise UsageError(
            "This run has no file of the uncut model.",
            action="Set export.baselines=true and run the project again, or name another file.",
        )
    if one.key == other.key:
        raise UsageError(f"Both are {one.key!r}.", action=f"Name another one of: {_known(record)}.")
    return one, other


def _uncut(record: RunRecord, result: Variant) -> Variant | None:
    bases = [base for base in record.baselines if base.artifact.is_fairest] or list(record.baselines)
    same = [base for base in bases if base.artifact.format == result.artifact.format]
    return next(iter((*same, *bases)), None)


def _named(record: RunRecord, key: str) -> Variant:
    found = record.variant(key)
    if found is None:
        raise UsageError(f"This run has no file {key!r}.", action=f"Name one of: {_known(record)}.")
    return found


def _known(record: RunRecord) -> str:
    return ", ".join(variant.key for variant in record.in_order)
