"""Records of decisions are short, complete, listed, and name files that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "docs" / "decisions"
RECORDS = sorted(FOLDER.glob("[0-9]*.md"))
HEADINGS = ["Context", "Decision", "Consequences", "What would change it"]
CODE = re.compile(r"`((?:pqv_core|pqv_gui|deploy|android_runner|resources|tests|bench|scripts)/[\w./-]*)`")
LINK = re.compile(r"\]\((?!https?:)([^)#]+)\)")


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_they_are_numbered_without_a_gap_and_listed_with_their_titles() -> None:
    assert [int(path.name[:4]) for path in RECORDS] == list(range(1, len(RECORDS) + 1))
    titles = {path.name: text(path).splitlines()[0].removeprefix(f"# {path.name[:4]} ") for path in RECORDS}
    rows = re.findall(r"^\| \[\d{4}\]\((.+?)\) \| (.+?) \|$", text(FOLDER / "README.md"), re.MULTILINE)
    assert dict(rows) == titles and titles


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_a_record_says_why_what_follows_and_what_would_change_it_in_25_lines(path: Path) -> None:
    assert re.findall(r"^## (.+)$", text(path), re.MULTILINE) == HEADINGS
    assert len(text(path).splitlines()) <= 25


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_what_a_record_names_exists(path: Path) -> None:
    assert [name for name in CODE.findall(text(path)) if not (ROOT / name).exists()] == []
    assert [name for name in LINK.findall(text(path)) if not (FOLDER / name).exists()] == []
