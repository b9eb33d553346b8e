"""A computer with or without what formats need besides PQV-Mobile, whatever the one that runs the tests has."""

from __future__ import annotations

import pytest

from pqv_core.formats import FORMATS


def bring(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every format be written here, as far as is asked before it is done."""
    for info in FORMATS.values():
        monkeypatch.setattr(type(info), "needs", ())


def leave_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the formats that need an extra be without it."""
    for info in FORMATS.values():
        if info.extra:
            monkeypatch.setattr(type(info), "needs", ("no_such_package.of_an_extra",))
