"""What operators are for: the groups of figure 3 of the paper, from their names alone.

Those of XNNPACK have names like ``Fully Connected (NC, F32) GEMM``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from pqv_core.formats.delegation import Delegation
from pqv_core.results.record import OperatorTime

OTHER = "Other"
INTERPRETER = "interpreter"  # the time between operators: the interpreter's own, and giving memory back
_GROUPS: tuple[tuple[str, str], ...] = (
    ("Quantize", r"quantize|choose_qparams|dequant|^convert"),
    ("Linear", r"linear|addmm|mkl_linear|::mm$|fully connected"),
    ("Matmul", r"matmul|bmm|dot_product|attention|batch matrix multiply"),
    ("Convolution", r"conv"),
    ("Softmax", r"softmax"),
    ("Norm", r"norm|^mean|reciprocal square root"),
    ("Activation", r"gelu|relu|silu|hardswish|hardtanh|sigmoid|tanh|clamp|^unary"),
)
GROUPS = (*(name for name, _ in _GROUPS), OTHER)


def group(name: str) -> str:
    """The group of an operator, such as ``aten::linear``. Quantized products count as what they compute."""
    plain = name.lower()
    if plain.startswith(("quantized::linear", "quantized::conv", "prepacked::")):
        plain = plain.split("::")[1]
    return next((found for found, pattern in _GROUPS if re.search(pattern, plain)), OTHER)


def shared_out(times: Sequence[OperatorTime], total_ns: float) -> tuple[OperatorTime, ...]:
    """The same proportions with ``total_ns`` as their sum.

    Operators are timed in a process of their own, whose inferences take some percent more or less than those of the
    benchmark, as the machine happens to be: what each takes of the latency is what was learnt there.
    """
    whole = sum(row.ns for row in times) or 1
    return tuple(row.model_copy(update={"ns": max(1, round(row.ns * total_ns / whole))}) for row in times)


def by_group(times: Iterable[OperatorTime]) -> dict[str, int]:
    """Nanoseconds by group, those with any, the longest first."""
    sums: dict[str, int] = {}
    for row in times:
        sums[group(row.name)] = sums.get(group(row.name), 0) + row.ns
    return dict(sorted(sums.items(), key=lambda item: -item[1]))


def share_outside(delegation: Delegation, times: Sequence[OperatorTime]) -> float | None:
    """Share of an inference, from 0 to 1, that operators outside of delegates take; None where it is not known.

    Phones time each of them under the name that it has in the file. The profile of this computer sees the operators of
    delegates only: what passes between those is the others' time, with some of the runtime's own.
    """
    total = sum(row.ns for row in times)
    between = [row for row in times if row.name == INTERPRETER]
    if total <= 0 or (delegation.parts and len(between) == len(times)):  # no delegate let itself be looked into
        return None
    if not delegation.outside:
        return 0.0
    named = [row for row in times if row.name in delegation.outside]
    return sum(row.ns for row in named or between) / total
