"""What stands in a stranger's project or run does nothing to the terminal."""

from __future__ import annotations

import pytest
from rich.table import Table

from pqv_core.cli import app as cli_app
from pqv_core.cli.console import console
from pqv_core.errors import ErrorInfo

HOSTILE = "red\x1b[31m \u202eback\x07"


def test_neither_sentences_nor_tables_do(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("head")
    table.add_row(HOSTILE)
    console().print(HOSTILE)
    console().print(table)
    said = capsys.readouterr().out
    assert said.count("red[31m back") == 2
    assert not {"\x1b", "\u202e", "\x07"} & set(said)


def test_errors_do_not(capsys: pytest.CaptureFixture[str]) -> None:
    cli_app.report(ErrorInfo(kind="ProjectError", message=HOSTILE, action=HOSTILE), as_json=False)
    assert capsys.readouterr().err == "Error: red[31m back\nred[31m back\n"
