"""Runs of earlier versions open with the same figures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from pqv_core.errors import ProjectError
from pqv_core.results import record as results
from pqv_core.results import summary

OLD = Path(__file__).parents[3] / "data" / "run_v1.json"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run as the version before artefacts had specifications left it."""
    shutil.copyfile(OLD, tmp_path / results.RUN_FILE)
    return tmp_path


def test_roles_become_specifications(run: Path) -> None:
    record = results.load(run)
    assert record.schema_version == results.SCHEMA_VERSION
    found = [(item.key, item.artifact.purpose, item.artifact.model, item.artifact.way) for item in record.variants]
    assert found == [
        ("paper_fp32", "baseline", "dense", "published"),
        ("fast_fp32", "baseline", "dense", "fastest"),
        ("pruned_fp32", "step", "final", "inherited"),
        ("compressed", "result", "final", "fastest"),
    ]
    assert {item.artifact.format for item in record.variants} == {"ptl"}
    assert [item.precision for item in record.variants] == ["fp32", "fp32", "fp32", "int8-dynamic"]


def test_no_figure_changes(run: Path) -> None:
    old = json.loads(OLD.read_text(encoding="utf-8"))
    for before, after in zip(old["variants"], results.load(run).variants, strict=True):
        kept = after.model_dump(mode="json")
        assert {key: kept[key] for key in before if key not in ("role", "precision")} == {
            key: value for key, value in before.items() if key not in ("role", "precision")
        }
    rows = {row.figure.key: row for row in summary.rows(results.load(run))}
    assert set(rows["latency_median_s"].values) == {item["role"] for item in old["variants"]}


def test_a_role_that_nobody_knew_is_kept(run: Path) -> None:
    old = json.loads(OLD.read_text(encoding="utf-8"))
    old["variants"][2] |= {"role": "distilled_int4", "precision": "int4"}
    (run / results.RUN_FILE).write_text(json.dumps(old))
    other = results.load(run).variants[2]
    assert (other.key, other.label, other.precision) == ("distilled_int4", "Distilled int4", "int4")
    assert not (other.artifact.is_baseline or other.artifact.is_step or other.artifact.is_result)


@pytest.mark.parametrize("variant", [{}, {"role": 3, "precision": "fp32"}, "text", None])
def test_what_is_damaged_is_said_to_be(run: Path, variant: object) -> None:
    old = json.loads(OLD.read_text(encoding="utf-8"))
    (run / results.RUN_FILE).write_text(json.dumps({**old, "variants": [variant]}))
    with pytest.raises(ProjectError, match="is damaged"):
        results.load(run)
