"""A format of another package stands beside ours, and never in the place of one."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pqv_core import formats
from pqv_core.config import export
from pqv_core.formats import FORMATS
from tests.fakes.installed import offer

Bring = Callable[[str], str]
CLASS = """
from pqv_core.files.kind import Kind
from pqv_example.torchscript import TorchScript

class Foreign(TorchScript):
    key = "foreign"
    {change}

INFO = Foreign()
"""


@pytest.fixture
def bring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bring:
    monkeypatch.syspath_prepend(Path(__file__).resolve().parents[3] / "data" / "plugin")
    monkeypatch.delitem(sys.modules, "foreign_format", raising=False)

    def with_change(change: str) -> str:
        """Why a format that differs by ``change`` from the example cannot be used; empty where it can."""
        (tmp_path / "foreign_format.py").write_text(CLASS.format(change=change))
        monkeypatch.syspath_prepend(str(tmp_path))
        offer(monkeypatch, tmp_path / "installed", FORMATS, name="foreign", value="foreign_format:INFO")
        return " ".join(item.reason for item in FORMATS.broken)

    return with_change


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("suffix = '.ptl'", "its files are those of PyTorch Lite (ptl)"),
        ("kind = Kind.LITE", "its files are those of PyTorch Lite (ptl)"),
        ("suffix = '.TS'", "'.TS' is no suffix"),
        ("suffix = ''", "'' is no suffix"),
        ("engines = {'host': ['auto']}", "its engines cannot be"),
        ("implementation = None", "its implementation cannot be None"),
    ],
)
def test_one_that_cannot_be_told_from_ours_or_is_not_described_is_left_out(
    bring: Bring, change: str, reason: str
) -> None:
    assert reason in bring(change)
    assert "foreign" not in FORMATS


def test_the_first_in_the_list_is_not_therefore_the_usual_one(bring: Bring) -> None:
    usual = formats.default()
    assert bring("order = -1") == ""
    assert next(iter(FORMATS)) == "foreign"
    assert formats.default() == usual


def test_a_target_that_it_does_not_name_has_no_engines(bring: Bring) -> None:
    assert bring("engines = {'host': ('auto',)}") == ""
    assert export.engines("android", format="foreign") == ()
    assert export.engines("host", format="foreign") == ("auto",)
