"""From a limit on the command line to a file that keeps it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pqv_core.project import project_file as projects
from pqv_core.results import record as results
from tests.e2e.test_run import SMALL, pqv


def new(folder: Path, *limits: str) -> None:
    settings = {f"model.arguments.{key}": value for key, value in SMALL.items()}
    settings |= {"measure.threads": 1, "export.formats": '["ptl"]', "prune.attention_unit": "heads"}
    more = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    asked = ("new", "some.pqv", "--model", "vit_tiny_patch16_224", "--random", "--precision", "fp32")
    assert pqv(*asked, *limits, *more, folder=folder).returncode == 0


@pytest.mark.slow
def test_a_file_is_as_small_and_as_fast_as_was_asked(tmp_path: Path) -> None:
    new(tmp_path, "--speedup", "1.05x")
    first = pqv("run", "some.pqv", folder=tmp_path)
    assert first.returncode == 0, first.stderr
    (run,) = results.load_all(projects.runs_directory(tmp_path / "some.pqv"))[0]
    assert [cut.name for cut in run.widths] and any(cut.after < cut.before for cut in run.widths)
    dense = max(variant.size_bytes for variant in run.baselines)
    limit = round(0.8 * dense / 1e6, 4)
    (tmp_path / "some.pqv").unlink()
    new(tmp_path, "--max-size", f"{limit}MB")
    second = pqv("run", "some.pqv", folder=tmp_path)
    assert second.returncode == 0, second.stderr
    newest = results.load_all(projects.runs_directory(tmp_path / "some.pqv"))[0][-1]
    (made,) = newest.results
    assert 0.9 * limit * 1e6 < made.size_bytes <= 1.01 * limit * 1e6
    assert {stage.name: stage.state for stage in newest.stages}["latency"] == "skipped"


@pytest.mark.slow
def test_what_cannot_be_kept_is_said_with_what_is_possible(tmp_path: Path) -> None:
    new(tmp_path, "--latency", "1us")
    failed = pqv("run", "some.pqv", folder=tmp_path)
    assert failed.returncode == 1
    assert "The budget cannot be met: at its least the model still takes" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_a_device_that_nobody_has_measured_is_said_at_once(tmp_path: Path) -> None:
    new(tmp_path, "--latency", "5ms", "--on", "ABSENT")
    failed = pqv("run", "some.pqv", folder=tmp_path)
    assert failed.returncode == 1
    assert "There is no latency table of ABSENT" in failed.stderr
    assert "pqv latency" in failed.stderr
