"""Engines are tried, not looked up."""

from __future__ import annotations

import pytest

from pqv_core.config.quantize import ENGINES
from pqv_core.engine.measure import probe
from pqv_core.engine.quantize import engines


def test_every_engine_of_this_build_works_here() -> None:
    found = probe.run()
    assert set(found.engines) == set(ENGINES) - {"auto"}
    assert {name for name, why in found.engines.items() if not why} == set(engines.supported_engines())


def test_an_engine_that_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "supported_engines", lambda: ("onednn",))
    assert probe.run().engines["fbgemm"] == "this build of PyTorch does not have it."
