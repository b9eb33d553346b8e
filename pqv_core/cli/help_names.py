"""Commands whose help names what there is: it is imported for the help only, so that everything else is quick."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from typer.core import TyperCommand


def naming(names: Callable[[], Mapping[str, object]]) -> type[TyperCommand]:
    """A kind of command in whose help ``{key}`` becomes what ``names`` gives for the key."""

    class Naming(TyperCommand):
        def format_help(self, ctx: Any, formatter: Any) -> None:
            known = names()
            for parameter in self.params:
                text = getattr(parameter, "help", None)
                if text:
                    parameter.help = text.format(**known)  # type: ignore[attr-defined]
            super().format_help(ctx, formatter)

    return Naming
