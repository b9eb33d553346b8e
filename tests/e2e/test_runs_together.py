"""``pqv run`` twice at once on one project, for real."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from pqv_core.config import with_settings
from pqv_core.project import project_file as projects
from pqv_core.results import record as results
from tests.e2e.test_run import PQV, SMALL, pqv

ROUNDS = 2


def make_project(folder: Path) -> Path:
    """A project without images, of which a run takes seconds."""
    settings = [f"model.arguments.{key}={value}" for key, value in SMALL.items()]
    settings += [
        "measure.iterations=5",
        "measure.warmup=0",
        "measure.threads=1",
        "measure.profile=false",
        "measure.max_seconds=1",
    ]
    more = [word for setting in settings for word in ("--set", setting)]
    made = pqv(
        *("new", "small.pqv", "--model", "vit_tiny_patch16_224", "--random", "--importance", "l2"),
        *("--precision", "fp32", *more),
        folder=folder,
    )
    assert made.returncode == 0, made.stderr
    return folder / "small.pqv"


def together(project: Path, *settings: dict[str, object]) -> list[tuple[int, str]]:
    """Start a run with each of the settings in the same instant; exit codes and what was said.

    Each has a project file of its own, whose name differs in the suffix alone, so all share one folder of runs.
    """
    started = []
    for number, values in enumerate(settings):
        own = project.with_suffix(f".pqv{number}")
        projects.save(own, projects.Project(config=with_settings(projects.load(project).config, values)))
        command = [*PQV, "run", str(own), "--json"]
        started.append(
            subprocess.Popen(command, cwd=project.parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        )
    ends = [process.communicate(timeout=500) for process in started]
    return [(process.returncode, err) for process, (_, err) in zip(started, ends, strict=True)]


def check(project: Path) -> None:
    """Every run has a number of its own and is whole."""
    found, problems = results.load_folders(projects.runs_directory(project))
    assert problems == []
    numbers = [record.number for _, record in found]
    assert sorted(numbers) == list(range(1, len(numbers) + 1))
    for folder, record in found:
        assert record.state == "succeeded"
        for stage in record.stages:
            if stage.state == "done":
                done = json.loads((folder / "stages" / stage.name / "done.json").read_text())
                sizes = {name: (folder / "stages" / stage.name / name).stat().st_size for name in done["files"]}
                assert sizes == done["files"]
        assert [path.name for path in (folder / "stages").iterdir() if path.name.startswith(".")] == []


@pytest.mark.slow
def test_two_runs_of_one_project_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    for number in range(ROUNDS):
        ratios = [{"prune.ratio": round(0.2 + 0.01 * (2 * number + place), 2)} for place in (0, 1)]
        ends = together(project, *ratios)
        assert [code for code, _ in ends] == [0, 0], ends
        check(project)


@pytest.mark.slow
def test_the_same_run_at_once_is_done_once_and_the_other_is_told(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    ends = together(project, {"prune.ratio": 0.3}, {"prune.ratio": 0.3})
    assert sorted(code for code, _ in ends) in ([0, 0], [0, 1]), ends
    for code, said in ends:
        assert code == 0 or "is in use by another process" in said
    check(project)
