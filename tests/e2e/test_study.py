"""``pqv study`` from a shell, with real runs of a very small Vision Transformer."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from pqv_core.project import project_file as projects
from pqv_core.results import record as results
from pqv_core.study.view import StudyView, StudyWatch
from tests.e2e.test_run import PQV, SMALL, posix, pqv
from tests.marks import marked, marked_environment

KILLS = 20


def make_project(folder: Path) -> Path:
    """Without images: pruned by weights, and measured in a moment."""
    settings = [f"model.arguments.{key}={value}" for key, value in SMALL.items()]
    settings += ["measure.iterations=5", "measure.warmup=0", "measure.threads=1"]
    more = [word for setting in settings for word in ("--set", setting)]
    new = ("new", "small.pqv", "--model", "vit_tiny_patch16_224", "--random", "--precision", "fp32", "--format", "ptl")
    made = pqv(*new, *more, folder=folder)
    assert made.returncode == 0, made.stderr
    return folder / "small.pqv"


def make_study(project: Path, *more: str) -> Path:
    varied = ("--vary", "prune.ratio=0.2:0.6:0.2", "--vary", "quantize.precision=fp32,fp16", "--sampler", "grid")
    made = pqv("study", "new", project, *varied, *more, folder=project.parent)
    assert made.returncode == 0, made.stderr
    return project.with_suffix(".study")


def look(folder: Path) -> StudyView:
    return StudyWatch(folder).look()


def check_whole(folder: Path) -> None:
    """Every combination was tried once, each by a run of its own that is whole."""
    view = look(folder)
    assert [trial.state for trial in view.trials] == ["done"] * 6
    assert len({json.dumps(dict(trial.params)) for trial in view.trials}) == 6
    records, problems = results.load_all(projects.runs_directory(view.project))
    assert problems == []
    assert [record.state for record in records] == ["succeeded"] * 6
    assert {record.id for record in records} == {trial.run for trial in view.trials}
    assert sorted(record.number for record in records) == [1, 2, 3, 4, 5, 6]
    assert view.front


@pytest.mark.slow
def test_a_study_from_its_making_to_the_use_of_what_it_found(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    folder = make_study(project, "--constraint", "size<=230kB")
    done = pqv("study", "run", folder, "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    said: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["trial"] for event in said if event["type"] == "trial_started"] == [0, 1, 2, 3, 4, 5]
    assert [event["type"] for event in said].count("finished") == 6
    assert said[-1]["type"] == "study_finished"
    check_whole(folder)

    dense, *others = look(folder).trials
    assert not dense.keeps  # fp32, and hardly pruned
    assert any(trial.keeps for trial in others)
    cached = [event for event in said if event["type"] == "stage_finished" and event["cached"]]
    assert [event["stage"] for event in cached].count("prune") == 3  # of each ratio once

    shown = pqv("study", "show", folder, folder=tmp_path)
    best = look(folder).front[0]
    assert f"pqv study use {folder} {best}" in shown.stdout
    plain = [json.loads(line) for line in pqv("study", "show", folder, "--json", folder=tmp_path).stdout.splitlines()]
    assert [line["type"] for line in plain] == ["study"] + ["trial"] * 6
    assert plain[0]["front"] == list(look(folder).front)

    measured = pqv("study", "measure", folder, folder=tmp_path)
    assert measured.returncode == 0, measured.stderr
    assert f"Trial {best}, Compressed" in measured.stdout
    loops = [loops_of(folder, trial) for trial in look(folder).front]
    assert len({last for _, last in loops}) == 1  # they took turns
    assert len({first for first, _ in loops}) == len(loops)  # which as trials they did not

    assert pqv("study", "use", folder, str(best), folder=tmp_path).returncode == 0
    assert pqv("study", "use", folder, "0", "--to", "mine.pqv", folder=tmp_path).returncode == 0
    used = projects.load(project).config
    assert used.prune.ratio == look(folder).trials[best].params["prune.ratio"]
    assert used.export.baselines
    assert projects.load(tmp_path / "mine.pqv").config.prune.ratio == dense.params["prune.ratio"]

    again = pqv("study", "run", folder, folder=tmp_path)
    assert again.returncode == 0
    assert "Trial" not in again.stderr  # there is nothing more to do


def loops_of(folder: Path, number: int) -> list[str]:
    """In which loops the result of a trial was measured."""
    view = look(folder)
    trial = view.trial(number)
    assert trial is not None
    (result,) = results.load(projects.runs_directory(view.project) / trial.run).results
    assert {item.threads for item in result.measurements} == {1}
    return [item.loop for item in result.measurements]


@pytest.mark.slow
@posix
def test_a_study_that_is_killed_time_and_again_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    folder = make_study(make_project(tmp_path))
    moments = random.Random(20)
    mark, environment = marked_environment()
    killed = 0
    while killed < KILLS:
        command = [*PQV, "study", "run", str(folder), "--json"]
        with subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as study:
            after = threading.Timer(moments.uniform(0.2, 12), study.kill)
            after.start()
            study.wait()
            after.cancel()
            after.join()
        if study.returncode == 0:  # a quick computer has done it all meanwhile
            break
        killed += 1
    assert killed >= KILLS // 4
    done = pqv("study", "run", folder, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    check_whole(folder)
    assert marked(mark) == []


@pytest.mark.slow
@posix
def test_ctrl_c_ends_a_study_cleanly_and_says_how_to_go_on(tmp_path: Path) -> None:
    folder = make_study(make_project(tmp_path))
    with subprocess.Popen(
        [*PQV, "study", "run", str(folder), "--json"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as study:
        assert study.stdout is not None and study.stderr is not None
        said = [json.loads(line) for line in iter(lambda: wanted(study.stdout.readline(), study), "")]
        words = study.stderr.read()
    assert study.returncode == 130
    assert said[-1] == {"type": "study_finished", "outcome": "cancelled", "reason": "Cancelled."}
    assert f"Continue with: pqv study run {folder}" in words
    assert [trial.state for trial in look(folder).trials] == ["interrupted"]

    with_another = pqv("study", "run", folder, folder=tmp_path)
    assert with_another.returncode == 0
    assert "Trial 0 (of at most 6) goes on" in with_another.stderr
    check_whole(folder)


def wanted(line: str, study: subprocess.Popen[str]) -> str:
    """A line; once its first run has begun the study is interrupted."""
    if '"job_started"' in line and study.poll() is None:
        os.kill(study.pid, signal.SIGINT)
    return line
