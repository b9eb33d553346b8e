"""What the glossary says of a term, which the window shows where the term stands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from pqv_core.errors import PqvError
from pqv_gui.viewmodels import guide

_ROW = re.compile(r"^\| \*\*(.+?)\*\* \| (.+) \|$", re.MULTILINE)
_SEE = re.compile(r" See \[(.+?)\]\((.+?)\)\.$")
_LINK = re.compile(r"\[(.+?)\]\(.+?\)")


@dataclass(frozen=True)
class Term:
    """A row of the glossary.

    Attributes:
        text: What it means, without markup.
        more: What is read about it, and the address of that in the guide; its row, where it names nothing.
    """

    name: str
    text: str
    more: tuple[str, str]


def find(name: str) -> Term | None:
    """A term by its name, whatever its capitals; None where the glossary has none."""
    return _terms().get(name.casefold())


@cache
def _terms() -> Mapping[str, Term]:
    try:
        return parse(guide.read(guide.GLOSSARY))
    except PqvError:  # the guide says what is wrong with this installation; a page only has no marks then
        return {}


def parse(text: str) -> Mapping[str, Term]:
    """The rows of a glossary, by their names in small letters."""
    found = (_term(name, meaning) for name, meaning in _ROW.findall(text))
    return {term.name.casefold(): term for term in found}


def _term(name: str, meaning: str) -> Term:
    see = _SEE.search(meaning)
    place = guide.target(see.group(2), seen=guide.GLOSSARY) if see else (guide.GLOSSARY, guide.anchor_of(name))
    plain = _LINK.sub(r"\1", _SEE.sub("", meaning)).replace("`", "").replace("**", "")
    return Term(name, plain, (see.group(1) if see else "Glossary", guide.address(*place)))
