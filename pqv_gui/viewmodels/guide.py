"""The guide: the documents that come with the program, and the chapters in them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pqv_core.errors import from_os_error
from pqv_core.files.resource_files import docs

GUIDE, GLOSSARY = "guide.md", "glossary.md"
SCHEME = "guide"
"""Of addresses that lead into the guide: ``guide:latency-tables.md#how-a-budget-is-kept``."""

_FIRST = (GUIDE, GLOSSARY)
_HEADING = re.compile(r"^(#{1,2}) (.+)$")


@dataclass(frozen=True)
class Chapter:
    """A heading of a document, and the text until the next one.

    Attributes:
        anchor: What follows # in a link to it; empty for the head of a document.
    """

    title: str
    anchor: str
    text: str


@dataclass(frozen=True)
class Document:
    """A file of the guide; its first chapter is its head."""

    name: str
    chapters: tuple[Chapter, ...]

    @property
    def title(self) -> str:
        """Its heading."""
        return self.chapters[0].title


def documents() -> tuple[Document, ...]:
    """All documents, the guide and the glossary first.

    Raises:
        StorageError: They did not come with this installation, or cannot be read.
    """
    names = sorted((path.name for path in docs().glob("*.md")), key=lambda name: (_place(name), name))
    return tuple(Document(name, tuple(chapters(read(name)))) for name in names)


def _place(name: str) -> int:
    return _FIRST.index(name) if name in _FIRST else len(_FIRST)


def read(name: str) -> str:
    """The text of a document, by its path below the folder of documentation, as Markdown.

    Raises:
        StorageError: It is not there.
    """
    path = docs() / name
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise from_os_error(error, path) from error


def chapters(text: str) -> Iterator[Chapter]:
    """The chapters of a text, in their order; a heading in a block of code is none."""
    title, lines, is_code = "", list[str](), False
    anchor = ""
    for line in text.splitlines():
        is_code ^= line.startswith("```")
        found = _HEADING.match(line) if not is_code else None
        if found is None:
            lines.append(line)
            continue
        if title:
            yield Chapter(title, anchor, "\n".join(lines))
        title, lines = found.group(2).replace("`", ""), []
        anchor = "" if len(found.group(1)) == 1 else anchor_of(title)
    yield Chapter(title, anchor, "\n".join(lines))


def anchor_of(heading: str) -> str:
    """What a link to a heading has after its #, as GitHub makes it."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def with_words(found: Sequence[Document], words: str) -> list[tuple[Document, list[Chapter]]]:
    """The chapters that have all of some words, or beginnings of words, by document; without words all of them."""
    wanted = words.casefold().split()
    kept = [
        (document, [chapter for chapter in document.chapters if _has(f"{chapter.title}\n{chapter.text}", wanted)])
        for document in found
    ]
    return [(document, list_) for document, list_ in kept if list_]


def _has(text: str, words: Sequence[str]) -> bool:
    text = text.casefold()
    return all(word in text for word in words)


def address(name: str, anchor: str) -> str:
    """The address of a place in the guide, for whoever opens links."""
    return f"{SCHEME}:{name}#{anchor}" if anchor else f"{SCHEME}:{name}"


def target(link: str, *, seen: str) -> tuple[str, str]:
    """The document and the anchor to which a link leads.

    Args:
        link: As it stands in a document: ``studies.md``, ``../families.md#x``, or ``#x`` alone.
        seen: The document in which it stands.

    Returns:
        A path below the folder of documentation, and what follows the #.
    """
    name, _, anchor = link.partition("#")
    if not name:
        return seen, anchor
    parts: list[str] = []
    for part in (*Path(seen).parent.parts, *Path(name).parts):
        parts = parts[:-1] if part == ".." else [*parts, part]
    return "/".join(parts), anchor
