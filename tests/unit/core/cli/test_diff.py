"""``pqv diff``: two runs of a project, named by id, by name, or the two newest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pqv_core.cli import diff
from pqv_core.errors import UsageError
from pqv_core.project import project_file as projects
from pqv_core.project import run_label
from pqv_core.results import record as results
from tests.fakes.records import record


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with three runs, each cut farther; the first has a name."""
    path = tmp_path / "some.pqv"
    projects.save(path, projects.Project())
    for number, ratio in enumerate((0.25, 0.5, 0.75), start=1):
        plain = record(f"r{number}").model_dump(mode="json")
        plain["config"]["prune"]["ratio"] = ratio
        results.save(projects.runs_directory(path) / f"r{number}", results.RunRecord.model_validate(plain))
    run_label.save(projects.runs_directory(path) / "r1", name="First", note="")
    return path


def test_by_default_the_newest_is_compared_with_the_one_before(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    diff.show(project, None, None, as_json=False)
    shown = capsys.readouterr().out
    assert shown.startswith("50 % Taylor · INT8 dynamic · ONEDNN → 75 % Taylor · INT8 dynamic · ONEDNN\n")
    [setting] = [line.split() for line in shown.splitlines() if "prune.ratio" in line]
    assert setting == ["prune.ratio", "50", "%", "75", "%"]
    assert "Latency, median" in shown


@pytest.mark.parametrize("name", ["First", "r1"])
def test_a_run_is_meant_by_its_name_or_its_id(name: str, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    diff.show(project, "r3", name, as_json=True)
    [line] = capsys.readouterr().out.splitlines()
    found = json.loads(line)
    assert (found["type"], found["runs"], found["after"]) == ("difference", ["r3", "r1"], "First")
    assert found["settings"] == [{"name": "prune.ratio", "before": "75 %", "after": "25 %"}]


def test_a_run_that_there_is_not_is_refused_with_those_that_there_are(project: Path) -> None:
    with pytest.raises(UsageError, match="No run is called 'r9'") as caught:
        diff.show(project, "r9", None, as_json=False)
    assert "r1  First" in caught.value.action


def test_two_runs_of_one_name_are_told_apart_by_id(project: Path) -> None:
    run_label.save(projects.runs_directory(project) / "r2", name="First", note="")
    with pytest.raises(UsageError, match="2 runs are called 'First'"):
        diff.show(project, "First", None, as_json=False)


def test_one_run_has_nothing_to_be_compared_with(tmp_path: Path) -> None:
    path = tmp_path / "new.pqv"
    projects.save(path, projects.Project())
    with pytest.raises(UsageError, match="fewer than two runs"):
        diff.show(path, None, None, as_json=False)


def test_a_run_is_not_compared_with_itself(project: Path) -> None:
    for one, other in (("r3", None), ("First", "r1")):
        with pytest.raises(UsageError, match="Both are the run"):
            diff.show(project, one, other, as_json=False)


def test_names_of_strangers_folders_do_nothing_to_the_terminal(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = projects.runs_directory(project) / "r0\x1b[31m\u202e"
    damaged.mkdir()
    (damaged / results.RUN_FILE).write_text("{", encoding="utf-8")
    diff.show(project, None, None, as_json=False)
    said = capsys.readouterr().err
    assert "The run r0[31m is damaged." in said
    assert not {"\x1b", "\u202e"} & set(said)
