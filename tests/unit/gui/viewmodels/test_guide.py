"""The guide: documents, their chapters, and where their links lead."""

from __future__ import annotations

import re

import pytest

from pqv_core.errors import StorageError
from pqv_core.files.resource_files import docs
from pqv_gui.pages import PAGES
from pqv_gui.viewmodels import guide
from pqv_gui.viewmodels.guide import Chapter, Document

TEXT = """# Head

Beginning.

## First `one`

Alpha and beta.

```sh
# no heading
```

### Below it

## Second

Gamma.
"""
LINK = re.compile(r"\]\((?!https?:)([^)]+)\)")


def test_chapters_are_headings_with_the_text_until_the_next_and_code_has_none() -> None:
    found = list(guide.chapters(TEXT))
    assert [(chapter.title, chapter.anchor) for chapter in found] == [
        ("Head", ""),
        ("First one", "first-one"),
        ("Second", "second"),
    ]
    assert "# no heading" in found[1].text and "### Below it" in found[1].text


def test_anchors_are_githubs() -> None:
    assert guide.anchor_of("Training between the steps of pruning") == "training-between-the-steps-of-pruning"
    assert guide.anchor_of("What it costs, and where") == "what-it-costs-and-where"


def test_a_search_keeps_chapters_that_have_all_words() -> None:
    document = Document("a.md", tuple(guide.chapters(TEXT)))
    assert guide.with_words([document], "") == [(document, list(document.chapters))]
    assert [[chapter.title for chapter in found] for _, found in guide.with_words([document], "BETA alp")] == [
        ["First one"]
    ]
    assert guide.with_words([document], "alpha gamma") == []


@pytest.mark.parametrize(
    ("link", "seen", "expected"),
    [
        ("studies.md", "guide.md", ("studies.md", "")),
        ("studies.md#on-a-phone", "guide.md", ("studies.md", "on-a-phone")),
        ("#model", "guide.md", ("guide.md", "model")),
        ("decisions/0016.md", "guide.md", ("decisions/0016.md", "")),
        ("../families.md", "decisions/0016.md", ("families.md", "")),
        ("0004.md", "decisions/0016.md", ("decisions/0004.md", "")),
    ],
)
def test_a_link_leads_from_the_document_in_which_it_stands(link: str, seen: str, expected: tuple[str, str]) -> None:
    assert guide.target(link, seen=seen) == expected


def test_every_page_has_a_chapter_of_its_name() -> None:
    anchors = [chapter.anchor for chapter in guide.documents()[0].chapters]
    assert [info.label for info in PAGES.values() if guide.anchor_of(info.label) not in anchors] == []


def test_the_guide_comes_first_then_the_glossary() -> None:
    assert [document.title for document in guide.documents()][:2] == ["Guide", "Glossary"]
    assert all(
        isinstance(chapter, Chapter) and chapter.title for each in guide.documents() for chapter in each.chapters
    )


@pytest.mark.parametrize("name", sorted(path.relative_to(docs()).as_posix() for path in docs().rglob("*.md")))
def test_every_link_leads_to_something_that_ships(name: str) -> None:
    """So that no link is dead where only the wheel is installed."""
    for link in LINK.findall(guide.read(name)):
        document, anchor = guide.target(link, seen=name)
        assert (docs() / document).exists(), link
        if anchor:
            headings = re.findall(r"^#+ (.+)$", guide.read(document), re.MULTILINE)
            assert anchor in [guide.anchor_of(heading) for heading in headings], link


def test_a_document_that_is_missing_is_said() -> None:
    with pytest.raises(StorageError, match=r"nothing\.md"):
        guide.read("nothing.md")
