"""A device's answers are judged by the tolerance of the file's scheme, as a run judges its own files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from deploy.measure import agreement
from pqv_core.formats import FileFacts
from pqv_core.results import record as results
from pqv_core.results.record import Parity
from tests.fakes.records import record


def remark(folder: Path, precision: Any, relative: float) -> str:
    found = Parity(max_abs=1.0, relative=relative, top1_agreement=1.0, inputs=8)
    return agreement.remark(folder / "x.ptl", FileFacts(size_bytes=1, description={"precision": precision}), found)


@pytest.mark.parametrize(
    ("precision", "usual", "apart"),
    [("fp32", 2e-6, 2e-4), ("fp16", 1e-3, 0.02), ("int8-dynamic", 0.02, 0.2), ("int4", 0.2, 0.4)],
)
def test_each_scheme_has_its_own(tmp_path: Path, precision: str, usual: float, apart: float) -> None:
    assert remark(tmp_path, precision, usual) == ""
    said = f"x.ptl differs from this computer’s outputs by {apart:.3g} (relative error of the logits), more than"
    assert remark(tmp_path, precision, apart).startswith(said)


@pytest.mark.parametrize("precision", [None, 8, "of-another-version", ["fp32"]])
def test_a_file_that_names_no_known_scheme_is_not_judged(tmp_path: Path, precision: Any) -> None:
    assert remark(tmp_path, precision, 1.0) == ""


def test_a_run_has_its_own_tolerances(tmp_path: Path) -> None:
    run = record()
    config = {**run.config, "export": {**run.config["export"], "int8_tolerance": 0.01}}
    results.save(tmp_path, run.model_copy(update={"config": config}))
    assert remark(tmp_path, "int8-dynamic", 0.02).endswith(
        "more than the tolerance of 0.01. Check its accuracy, or choose another engine."
    )


def test_a_run_of_another_version_is_judged_by_the_usual_ones(tmp_path: Path) -> None:
    results.save(tmp_path, record().model_copy(update={"config": {"export": "?"}}))
    assert remark(tmp_path, "int8-dynamic", 0.02) == ""
    assert remark(tmp_path, "int8-dynamic", 0.2) != ""
