"""From what a runtime's profiler saw to the time of each operator in an inference that nobody watches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, median

from pqv_core.results.operators import INTERPRETER
from pqv_core.results.record import OperatorTime

Rows = dict[str, tuple[float, float]]


@dataclass(frozen=True)
class ProfiledRun:
    """An inference without the profiler, and the next one with it.

    Attributes:
        plain: Nanoseconds without.
        profiled: Nanoseconds with.
        rows: By the operator's name: its calls, and nanoseconds without those of operators that it calls.
    """

    plain: int
    profiled: int
    rows: Rows


def operator_times(runs: Sequence[ProfiledRun]) -> tuple[OperatorTime, ...]:
    """The operators, the longest first, and what passes between them: together, the time of one inference.

    Means over the calmer half of the runs: a disturbance meets another operator in each run, so the sum of medians
    would be less than any inference. What profiling itself takes is the same at every call, and is taken off by calls.
    """
    limit = median(run.profiled for run in runs)
    calm = [run for run in runs if run.profiled <= limit]
    names = {name for run in calm for name in run.rows}
    rows = {name: [run.rows.get(name, (0.0, 0.0)) for run in calm] for name in names}
    calls = {name: mean(row[0] for row in found) for name, found in rows.items()}
    spent = {name: mean(row[1] for row in found) for name, found in rows.items()}
    cost = max(0.0, median(run.profiled - run.plain for run in runs)) / max(1, sum(calls.values()))
    times = [
        OperatorTime(name=name, calls=max(1, round(calls[name])), ns=max(1, round(ns - cost * calls[name])))
        for name, ns in spent.items()
        if ns > 0
    ]
    between = round(mean(run.profiled for run in calm) - sum(spent.values()))
    if between > 0:
        times.append(OperatorTime(name=INTERPRETER, calls=1, ns=between))
    return tuple(sorted(times, key=lambda row: (-row.ns, row.name)))
