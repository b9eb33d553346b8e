"""Files of older versions, brought up to date by pure steps from dict to dict."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Step = Callable[[dict[str, Any]], dict[str, Any]]


def advance(plain: dict[str, Any], *, to: int, steps: Mapping[int, Step]) -> dict[str, Any]:
    """Bring data from the version that it names to version ``to``.

    Args:
        steps: By the version that each starts from; there is one for each version in between.
    """
    for start in range(plain["schema_version"], to):
        plain = {**steps[start](plain), "schema_version": start + 1}
    return plain
