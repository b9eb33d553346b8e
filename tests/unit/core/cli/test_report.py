"""``pqv show``: a project, its runs, and the newest figures."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pqv_core.config import RunConfig, with_settings
from pqv_core.errors import ErrorInfo
from pqv_core.formats.delegation import Delegation
from pqv_core.project import project_file as projects
from pqv_core.project import runs
from pqv_core.results import record as results
from pqv_core.results.budgets import verdicts
from pqv_gui import cli
from tests.fakes.records import in_two_formats, record


@pytest.fixture
def project(tmp_path: Path) -> Path:
    path = tmp_path / "some.pqv"
    projects.save(path, projects.Project())
    return path


def keep(project: Path, run: results.RunRecord) -> Path:
    folder = projects.runs_directory(project) / run.id
    results.save(folder, run)
    return folder


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main(["show", *arguments]) == 0
    return capsys.readouterr().out


def test_without_runs_it_says_what_comes_next(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, str(project))
    assert "deit_small_patch16_224, prune 25.0 % by taylor, int8-dynamic (auto)" in text
    assert f"pqv run {project}" in text


def test_runs_and_the_newest_figures_are_shown(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keep(project, record("20260101-000000-0001"))
    keep(project, record("20260102-000000-0002"))
    text = shown(capsys, str(project))
    for words in ("20260101-000000-0001", "Run 20260102-000000-0002:", "8.00× faster", "2.00×", "Something to know."):
        assert words in text


def test_why_a_run_failed_is_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    failed = record("20260101-000000-0001").model_copy(
        update={
            "state": "failed",
            "error": ErrorInfo(kind="QuantizeError", message="No layer a.", action="Name another."),
        }
    )
    keep(project, failed)
    assert "20260101-000000-0001: No layer a. Name another." in shown(capsys, str(project))


def test_each_format_has_a_table_with_its_gains_over_the_same_baselines(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(project, in_two_formats())
    first, second = shown(capsys, str(project)).split("Latency, median")[1:]
    assert "8.00× faster" in first and "2.00× slower" in first
    assert "40.0× faster" in second and "2.50× faster" in second


def test_how_much_of_each_file_is_delegated_is_told_and_what_the_rest_costs(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = in_two_formats()
    *others, compressed = run.variants
    told = {
        "delegation": Delegation(parts={"XnnpackBackend": 2}, outside={"aten::sin.out": 3}),
        "operators": (
            results.OperatorTime(name="Softmax (NC, F32)", calls=1, ns=9_000_000),
            results.OperatorTime(name="interpreter", calls=1, ns=1_000_000),
        ),
    }
    keep(project, run.model_copy(update={"variants": (*others, compressed.model_copy(update=told))}))
    (line,) = [line for line in shown(capsys, str(project)).splitlines() if "XnnpackBackend" in line]
    assert line.split("  ")[0].startswith("Compressed (pte) 2 parts to XnnpackBackend 3 operators: aten::sin.out 3 ×")
    assert "10.0 % of an inference on this computer" in line


def test_of_many_layers_the_most_sensitive_and_those_that_were_kept_are_shown(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layers = [
        results.LayerSensitivity(name=f"layer{number}", relative=1 / number, kept=number == 10)
        for number in range(1, 12)
    ]
    keep(project, record().model_copy(update={"sensitivity": tuple(layers)}))
    text = shown(capsys, str(project))
    assert "The most sensitive of 11 layers" in text
    assert re.findall(r"layer\d+", text) == [f"layer{number}" for number in (1, 2, 3, 4, 5, 6, 7, 8, 10)]
    assert re.findall(r"(layer\d+) .* kept in floating point", text) == ["layer10"]


def test_layers_that_were_spared_in_eight_bits_are_called_so(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    layer = results.LayerSensitivity(name="head", relative=0.5, kept=True, kept_in="int8")
    keep(project, record().model_copy(update={"sensitivity": (layer,)}))
    assert re.search(r"head .* kept in INT8", shown(capsys, str(project)))


def test_a_run_that_was_killed_is_interrupted_and_one_at_work_is_running(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = keep(project, record().model_copy(update={"state": "running"}))
    assert "interrupted" in shown(capsys, str(project))
    with runs.claimed(folder):
        assert "running" in shown(capsys, str(project))
    assert "interrupted" in shown(capsys, str(project))


def test_as_json_there_is_a_line_for_the_project_and_one_a_run(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(project, record())
    first, second = (json.loads(line) for line in shown(capsys, str(project), "--json").splitlines())
    assert (first["type"], first["path"]) == ("project", str(project))
    assert second["speedup_over"] == {"paper_fp32": 8.0, "fast_fp32": 2.0}
    assert results.RunRecord.model_validate(second["record"]).id == record().id
    assert {row["figure"] for row in second["summary"]} >= {"top1", "latency_median_s", "size_bytes"}


def test_as_json_a_run_says_how_it_stands_to_its_budget(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    budget = {"budget.latency_ms": 12.0, "budget.size_mb": 1.0, "export.formats": ["ptl"]}
    for id_, settings in (("20260101-000000-0001", {}), ("20260102-000000-0002", budget)):
        config = with_settings(RunConfig(), settings).model_dump(mode="json")
        keep(project, record(id_).model_copy(update={"config": config}))
    _, first, second = (json.loads(line) for line in shown(capsys, str(project), "--json").splitlines())
    assert first["budget"] == []
    assert second["budget"] == verdicts(results.RunRecord.model_validate(second["record"]))
    assert second["budget"][0] == "10.0 ms: within the budget of 12.0 ms."
    assert len(second["budget"]) == 2


def test_a_damaged_run_is_named_and_the_others_are_shown(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keep(project, record("20260101-000000-0001"))
    (keep(project, record("20260102-000000-0002")) / results.RUN_FILE).write_text("{")
    assert cli.main(["show", str(project)]) == 0
    said = capsys.readouterr()
    assert "20260101-000000-0001" in said.out
    assert "20260102-000000-0002 is damaged" in said.err


def test_the_papers_baseline_is_told_as_published_where_a_better_way_counts(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = record()
    paper, *others = run.variants
    [sleeping] = paper.measurements
    spinning = sleeping.model_copy(update={"samples_ns": (640_000_000,)})
    both = (spinning, sleeping.model_copy(update={"wait_policy": "PASSIVE"}))
    keep(project, run.model_copy(update={"variants": (paper.model_copy(update={"measurements": both}), *others)}))
    text = " ".join(shown(capsys, str(project)).split())
    assert "as published, with threads that spin while waiting: 640 ms" in text
    assert "8.00× faster" in text
