"""From what torch's profiler saw to the time of each operator in an inference that nobody watches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import torch

from pqv_core.operators import INTERPRETER
from pqv_core.results import OperatorTime

Rows = dict[str, tuple[float, float]]


@dataclass(frozen=True)
class Turn:
    """An inference without the profiler, and the next one with it.

    Attributes:
        plain: Nanoseconds without.
        profiled: Nanoseconds with.
        rows: By the operator's name: its calls, and nanoseconds without those of operators that it calls.
    """

    plain: int
    profiled: int
    rows: Rows


def rows_of(profiler: torch.autograd.profiler.profile, *, inferences: int) -> Rows:
    """Calls and nanoseconds of each operator in one of the ``inferences`` that the profiler saw."""
    return {
        row.key: (row.count / inferences, row.self_cpu_time_total * 1000 / inferences)
        for row in profiler.key_averages()
    }


def operator_times(turns: Sequence[Turn]) -> tuple[OperatorTime, ...]:
    """The operators, the longest first, and what passes between them: together, the time of one inference.

    Medians over the turns. What profiling itself takes is the same at every call, so it is taken off by calls.
    """
    calls = {name: median(turn.rows.get(name, (0, 0))[0] for turn in turns) for turn in turns for name in turn.rows}
    spent = {name: median(turn.rows.get(name, (0, 0))[1] for turn in turns) for name in calls}
    cost = max(0.0, median(turn.profiled - turn.plain for turn in turns)) / max(1, sum(calls.values()))
    rows = [
        OperatorTime(name=name, calls=max(1, round(calls[name])), ns=max(1, round(ns - cost * calls[name])))
        for name, ns in spent.items()
        if ns > 0
    ]
    between = round(median(turn.plain for turn in turns)) - sum(row.ns for row in rows)
    if between > 0:
        rows.append(OperatorTime(name=INTERPRETER, calls=1, ns=between))
    return tuple(sorted(rows, key=lambda row: -row.ns))
