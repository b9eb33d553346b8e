"""Who computes what in a file: parts that a backend takes as a whole, and operators that are left to the runtime."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from pqv_core import formatting

_SHOWN = 8
_NOTHING = "nothing"
_Count = Annotated[int, Field(ge=0, lt=1 << 31)]


class Delegation(BaseModel):
    """How much of a file its runtime hands to backends; for formats whose runtime does so.

    Attributes:
        parts: How many parts each backend is given in an inference, by the backend's name.
        outside: How often each operator outside of them is called, by ``name.overload``.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    parts: dict[str, _Count] = {}
    outside: dict[str, _Count] = {}

    @property
    def count(self) -> int:
        """Parts of all backends."""
        return sum(self.parts.values())

    @property
    def calls(self) -> int:
        """Of operators outside."""
        return sum(self.outside.values())

    @property
    def delegated(self) -> str:
        """For a person: ``2 parts to XnnpackBackend``."""
        return ", ".join(f"{formatting.counted(n, 'part')} to {name}" for name, n in self.parts.items()) or _NOTHING

    @property
    def left(self) -> str:
        """For a person: ``3 operators: aten::sin.out 2 ×, aten::cos.out 1 ×``."""
        if not self.outside:
            return _NOTHING
        return f"{formatting.counted(self.calls, 'operator')}: {_listed(self.outside)}"


def _listed(calls: Mapping[str, int]) -> str:
    """Operators with how often they are called, the most frequent first."""
    usual = sorted(calls.items(), key=lambda item: (-item[1], item[0]))
    more = f" and {len(usual) - _SHOWN:,} more" if len(usual) > _SHOWN else ""
    return ", ".join(f"{name} {count:,} ×" for name, count in usual[:_SHOWN]) + more
