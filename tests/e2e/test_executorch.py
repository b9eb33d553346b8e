"""A run that writes a model in both formats, from the command line to the figures of all files."""

from __future__ import annotations

from pathlib import Path

import pytest

from pqv_core.formats import FORMATS
from pqv_core.project import project_file as projects
from pqv_core.results.operators import by_group
from tests.e2e.test_run import only_record, pqv

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        FORMATS["pte"].missing() is not None, reason="ExecuTorch is an extra that is not installed here"
    ),
]
SMALL = {"img_size": 32, "patch_size": 8, "embed_dim": 64, "depth": 1, "num_heads": 2, "num_classes": 10}


def test_both_formats_are_written_compared_measured_and_profiled(tmp_path: Path) -> None:
    settings = {"model.weights": "random", "export.formats": '["ptl","pte"]', "measure.iterations": 5}
    settings |= {f"model.arguments.{name}": str(value) for name, value in SMALL.items()}
    named = [part for name, value in settings.items() for part in ("--set", f"{name}={value}")]
    new = pqv("new", "p.pqv", "--model", "vit_tiny_patch16_224", "--no-prune", *named, folder=tmp_path)
    assert new.returncode == 0, new.stderr
    ran = pqv("run", "p.pqv", folder=tmp_path)
    assert ran.returncode == 0, ran.stderr
    record = only_record(tmp_path / "p.pqv")
    made = {item.artifact.format: item for item in record.variants if item.artifact.is_result}
    assert set(made) == {"ptl", "pte"}
    folder = projects.runs_directory(tmp_path / "p.pqv") / record.id
    for item in made.values():
        assert (folder / item.file).stat().st_size == item.size_bytes
        assert item.parity is not None
        assert item.parity.relative < 0.1
        assert item.measurements
        assert "Linear" in by_group(item.operators)
