"""At which widths the parts of a model are measured."""

from __future__ import annotations

_EIGHTHS = (8, 7, 6, 5, 4, 3, 2, 1)
_MULTIPLE = 8  # kernels compute in blocks of this many channels, or of a multiple


def levels(units: int, *, whole: bool) -> list[int]:
    """Widths at which a part is measured, the widest, which is all of it, first.

    Args:
        units: How many it has where nothing is cut.
        whole: They are heads, of which every number is possible.
    """
    multiple = 1 if whole or units <= _MULTIPLE else _MULTIPLE
    steps = {max(multiple, round(units * eighths / 8 / multiple) * multiple) for eighths in _EIGHTHS[1:]}
    return [units, *sorted((step for step in steps if step < units), reverse=True)]
