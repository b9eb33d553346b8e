"""``pqv latency``: from a project to a table of what its parts take."""

from __future__ import annotations

from pathlib import Path

import pytest

from pqv_core.latency import table as tables
from tests.e2e.test_run import SMALL, pqv


@pytest.mark.slow
def test_every_part_is_measured_at_every_width(tmp_path: Path) -> None:
    settings = {f"model.arguments.{key}": value for key, value in SMALL.items()}
    settings |= {"measure.threads": 1, "prune.attention_unit": "heads"}
    more = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    new = ("new", "some.pqv", "--model", "vit_tiny_patch16_224", "--random", "--precision", "fp32")
    assert pqv(*new, *more, folder=tmp_path).returncode == 0
    done = pqv("latency", "some.pqv", "--out", "some.json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "blocks.0.mlp.fc2 (mlp)" in done.stdout
    assert "The whole model takes" in done.stdout
    table = tables.load(tmp_path / "some.json")
    assert {part.name for part in table.parts} == {
        f"blocks.{block}.{layer}" for block in range(2) for layer in ("mlp.fc2", "attn.proj")
    }
    assert all(len(curve) > 1 for curve in table.curves)
    assert [block.name for block in table.blocks] == ["blocks.0"]  # the last one is never left out
    assert len(table.loops) > len(table.curves)
