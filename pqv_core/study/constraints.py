"""What a trial must keep to: ``top1_drop<=1``, ``size<=10MB``, ``top1>=98%``."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from pqv_core.errors import ConfigError
from pqv_core.study import figures
from pqv_core.study.figures import Figure

_FORM = re.compile(r"\s*(\w+)\s*(<=|>=)\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([^\d\s]*)\s*")
_EXAMPLE = 'For example: --constraint "top1_drop<=1", or --constraint "size<=10MB".'


@dataclass(frozen=True)
class Constraint:
    """A bound of a figure.

    Attributes:
        bound: In the figure's unit.
        at_most: The figure is at most the bound, else at least.
    """

    figure: Figure
    bound: float
    at_most: bool

    @property
    def words(self) -> str:
        """For a person: ``Size ≤ 10.0 MB``."""
        return f"{self.figure.label} {'≤' if self.at_most else '≥'} {self.figure.text(self.bound)}"

    def excess(self, value: float) -> float:
        """By which share of the bound it is broken; 0 or less where it is kept."""
        over = value - self.bound if self.at_most else self.bound - value
        return over / (abs(self.bound) or 1.0)


def parse(text: str) -> Constraint:
    """A constraint from a person's words.

    Raises:
        ConfigError: It is not of this form, there is no such figure, or the unit is missing or not one of its own.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise ConfigError(f"{text!r} is no constraint: write FIGURE<=BOUND or FIGURE>=BOUND.", action=_EXAMPLE)
    key, sign, number, unit = found.groups()
    figure = figures.named(key)
    if unit not in figure.units:
        known = ", ".join(name for name in figure.units if name)
        what = f"{figure.label} is not given in {unit!r}" if unit else f"the unit of {figure.label} is missing"
        raise ConfigError(f"{text!r}: {what}.", action=f"Write one of {known} behind the number.")
    bound = float(number) * figure.units[unit]
    if not math.isfinite(bound):
        raise ConfigError(f"{text!r}: the bound is no number.", action=_EXAMPLE)
    if not figure.unit and not 0 <= bound <= 1:
        raise ConfigError(f"{text!r}: {figure.label} is a share.", action=f'Write for example "{key}{sign}98%".')
    return Constraint(figure, bound, at_most=sign == "<=")
