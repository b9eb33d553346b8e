"""``pqv lost``: classes, confusions and images of a run, before and after."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pqv_core.cli import lost
from pqv_core.errors import UsageError
from pqv_core.project import project_file as projects
from pqv_core.results import record as results
from tests.fakes.answered import keep_run
from tests.fakes.records import record


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose first run has answers, and whose second, newer one has none."""
    path = tmp_path / "some.pqv"
    projects.save(path, projects.Project())
    runs = projects.runs_directory(path)
    keep_run(runs / "r1")
    results.save(runs / "r2", record("r2"))
    return path


def test_the_newest_run_with_answers_is_shown(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lost.show(project, None, before="", after="", as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith(": FP32 model, uncut → Compressed")
    assert lines[1].startswith("Of 6 images 66.7 % were right before and 50.0 % after: 2 lost, 1 won")
    cat = next(line.split() for line in lines if line.startswith("cat "))
    assert cat == ["cat", "3", "100", "%", "33.3", "%", "−66.67", "points", "2", "0"]
    images = [line.split()[:4] for line in lines if ".png" in line]
    assert images == [
        ["cat/1.png", "cat", "cat", "cow"],
        ["cat/2.png", "cat", "cat", "dog"],
        ["cow/4.png", "cow", "dog", "cow"],
        ["dog/5.png", "dog", "cow", "cat"],
    ]


def test_json_has_all_of_it(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lost.show(project, "r1", before="final", after="compressed", as_json=True)
    [line] = capsys.readouterr().out.splitlines()
    found = json.loads(line)
    assert (found["type"], found["run"], found["before"], found["after"]) == ("lost", "r1", "final", "compressed")
    assert (found["images"], found["names"]) == (6, ["cat", "cow", "dog"])
    assert found["classes"][0] == {
        "label": 0,
        "name": "cat",
        "images": 3,
        "before": 2,
        "after": 1,
        "lost": 1,
        "won": 0,
    }
    assert found["confusion_before"] == [[0, 0, 2], [0, 1, 1], [1, 1, 2], [2, 1, 1]]
    assert found["confusion_after"] == [[0, 0, 1], [0, 1, 1], [0, 2, 1], [1, 1, 2], [2, 0, 1]]
    assert found["changed"][0] == {
        "index": 1,
        "image": "cat/1.png",
        "label": 0,
        "before": 0,
        "after": 1,
        "kind": "lost",
    }


def test_a_run_without_answers_says_how_it_gets_some(project: Path) -> None:
    with pytest.raises(UsageError, match="has no answers to compare") as caught:
        lost.show(project, "r2", before="", after="", as_json=False)
    assert "run the project again" in caught.value.action


def test_a_project_without_runs_has_none(tmp_path: Path) -> None:
    path = tmp_path / "new.pqv"
    projects.save(path, projects.Project())
    with pytest.raises(UsageError, match="The project has no answers"):
        lost.show(path, None, before="", after="", as_json=False)
