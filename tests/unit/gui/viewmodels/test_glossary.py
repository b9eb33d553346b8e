"""The glossary as the window has it: what its rows say, and that what the window explains is in it."""

from __future__ import annotations

import pytest

from pqv_core.config.quantize import ENGINES
from pqv_core.criteria import CRITERIA
from pqv_core.schemes import SCHEMES
from pqv_gui.viewmodels import display_names, glossary, guide

TEXT = """# Glossary

| Term | Meaning |
|---|---|
| **Taylor** | How much the [loss](a.md) of a `.ptl` changes. It needs **images**. See [recovery](recovery.md#left). |
| **Loop** | Files in turns. |
"""


def test_a_row_has_a_plain_text_and_where_one_reads_more() -> None:
    taylor = glossary.parse(TEXT)["taylor"]
    assert taylor.text == "How much the loss of a .ptl changes. It needs images."
    assert taylor.more == ("recovery", "guide:recovery.md#left")


def test_a_row_that_leads_nowhere_else_leads_to_itself() -> None:
    assert glossary.parse(TEXT)["loop"].more == ("Glossary", "guide:glossary.md#loop")


def test_capitals_do_not_matter_and_what_is_not_there_is_none() -> None:
    found = glossary.find("qnnpack")
    assert found is not None and found.name == "QNNPACK"
    assert glossary.find("no such thing") is None


EXPLAINED = [
    *display_names.TERMS.values(),
    *(info.label for key, info in CRITERIA.items() if key != "random"),  # its name says it
    *(info.label for info in ENGINES.values()),
    *(info.label for info in SCHEMES.values()),
    *("Criterion", "Delegate", "Disturbed", "Engine", "Parity", "Precision", "Sensitivity", "Trial"),
]


@pytest.mark.parametrize("name", sorted(set(EXPLAINED)))
def test_what_the_window_explains_is_told_in_two_sentences_with_a_link(name: str) -> None:
    term = glossary.find(name)
    assert term is not None
    assert term.text.count(". ") == 1 and term.text.endswith("."), term.text
    assert term.more[0] != "Glossary"


def test_settings_that_are_explained_are_settings() -> None:
    assert set(display_names.TERMS) <= set(display_names.SETTINGS)


def test_all_rows_are_read() -> None:
    rows = [line for line in guide.read(guide.GLOSSARY).splitlines() if line.startswith("| **")]
    assert len(glossary.parse(guide.read(guide.GLOSSARY))) == len(rows) > 50
