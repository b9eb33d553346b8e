"""Importance criteria: one file each, listed here and described in ``pqv_core.config.prune``."""

from __future__ import annotations

from collections.abc import Callable

from pqv_core.config.prune import Importance as Name
from pqv_core.engine.importance.base import Importance
from pqv_core.engine.importance.chance import Chance
from pqv_core.engine.importance.hessian import Hessian
from pqv_core.engine.importance.hessian_trace import HessianTrace
from pqv_core.engine.importance.magnitude import Magnitude
from pqv_core.engine.importance.taylor import Taylor

CRITERIA: dict[Name, Callable[[], Importance]] = {
    "l1": lambda: Magnitude(1),
    "l2": lambda: Magnitude(2),
    "taylor": Taylor,
    "hessian": Hessian,
    "hessian_trace": HessianTrace,
    "random": Chance,
}
