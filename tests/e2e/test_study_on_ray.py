"""``pqv study run --ray`` on a real Ray cluster, whose computers are started, and killed, by the test."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from pqv_core.config import RunConfig
from pqv_core.project import plan, stage_folder
from pqv_core.project import project_file as projects
from pqv_core.results import record as results
from pqv_core.study.view import StudyView, StudyWatch
from tests.e2e.test_run import PQV, SMALL, make_images, pqv
from tests.fakes.ray_cluster import Computers, computers
from tests.marks import marked, marked_environment

pytestmark = pytest.mark.slow

RATIOS, PRECISIONS = 3, 2
Line = dict[str, Any]


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Computers]:
    """Two computers that train; nothing of them, nor of what they did, is left."""
    mark, environment = marked_environment()
    for name in environment.keys() - os.environ.keys():
        monkeypatch.setenv(name, environment[name])
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    with computers(2) as made:
        yield made
    _, left = psutil.wait_procs(marked(mark), timeout=10)
    assert left == []


def make_study(tmp_path: Path, *, epochs: int) -> Path:
    """A study of three ratios, each in two precisions."""
    make_images(tmp_path / "images")
    settings = {
        **{f"model.arguments.{key}": value for key, value in SMALL.items()},
        "finetune.batch_size": 4,
        "measure.iterations": 5,
        "measure.warmup": 0,
        "measure.threads": 1,
    }
    more = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    new = (
        "new",
        "small.pqv",
        "--model",
        "vit_tiny_patch16_224",
        "--random",
        "--data",
        "images",
        "--epochs",
        str(epochs),
    )
    made = pqv(*new, "--importance", "taylor", "--format", "ptl", *more, folder=tmp_path)
    assert made.returncode == 0, made.stderr
    vary = ("--vary", "prune.ratio=0.2:0.6:0.2", "--vary", "quantize.precision=fp32,fp16", "--sampler", "grid")
    asked = pqv("study", "new", "small.pqv", *vary, "--objective", "latency", "--objective", "top1", folder=tmp_path)
    assert asked.returncode == 0, asked.stderr
    return tmp_path / "small.study"


def run(
    folder: Path, address: str, heard: Callable[[Line, subprocess.Popen[str]], None]
) -> tuple[int, list[Line], str]:
    """Run the study; its exit code, what it said, and its words for people."""
    command = [*PQV, "study", "run", str(folder), "--ray", address, "--json"]
    words = folder.parent / "words.txt"
    said = []
    with (
        words.open("w", encoding="utf-8") as errors,
        subprocess.Popen(command, cwd=folder.parent, stdout=subprocess.PIPE, stderr=errors, text=True) as study,
    ):
        assert study.stdout is not None
        for text in study.stdout:
            said.append(json.loads(text))
            heard(said[-1], study)
    return study.returncode, said, words.read_text(encoding="utf-8")


def look(folder: Path) -> StudyView:
    return StudyWatch(folder).look()


def check_whole(folder: Path) -> None:
    """Every combination is there once, each with a run whose every stage is whole; each ratio was trained once."""
    view = look(folder)
    assert [trial.state for trial in view.trials] == ["done"] * RATIOS * PRECISIONS
    assert all(trial.seconds > 0 and trial.values for trial in view.trials)
    records, problems = results.load_all(projects.runs_directory(view.project))
    assert problems == []
    trained = set()
    for record in records:
        assert record.state == "succeeded"
        run = projects.runs_directory(view.project) / record.id
        assert set(stage_folder.finished(run)) == set(plan.stages(RunConfig.parse(record.config)))
        assert not list(run.glob("stages/.*"))
        trained.add(next(stage.inputs_hash for stage in record.stages if stage.name == "finetune"))
        (variant,) = record.variants
        assert variant.accuracy is not None and variant.measurements
    assert len(records) == RATIOS * PRECISIONS
    assert len(trained) == RATIOS


class Killer:
    """Pulls the plug of a computer once both of them train."""

    def __init__(self, cluster: Computers) -> None:
        self._cluster = cluster
        self._training: set[str] = set()
        self.killed = False

    def __call__(self, line: Line, study: subprocess.Popen[str]) -> None:
        if line["type"] == "metric":
            self._training.add(line["run"])
        if line["type"] == "stage_finished":
            self._training.discard(line["run"])
        if len(self._training) == 2 and not self.killed:
            self.killed = True
            self._cluster.kill(self._cluster.others.pop())


def test_a_computer_is_lost_and_the_study_ends_as_if_it_had_not_been(cluster: Computers, tmp_path: Path) -> None:
    folder = make_study(tmp_path, epochs=250)  # so that both are training at a time
    killer = Killer(cluster)
    code, said, words = run(folder, cluster.address, killer)
    assert code == 0, words
    assert killer.killed
    logs = [line["text"] for line in said if line["type"] == "log"]
    assert len([text for text in logs if "was lost; what it had not finished is done elsewhere" in text]) == 1
    check_whole(folder)
    assert [line["type"] for line in said].count("finished") == RATIOS * PRECISIONS
    done = [(line["run"], line["stage"]) for line in said if line["type"] == "stage_finished"]
    assert len(done) == len(set(done))  # each stage is told of once
    worked = [line["stage"] for line in said if line["type"] == "stage_finished" and not line["cached"]]
    assert worked.count("finetune") == RATIOS
    assert worked.count("benchmark") == RATIOS * PRECISIONS


def test_an_interrupted_study_goes_on_without_a_cluster_and_with_one(cluster: Computers, tmp_path: Path) -> None:
    folder = make_study(tmp_path, epochs=4)

    def interrupt(line: Line, study: subprocess.Popen[str]) -> None:
        if line["type"] == "metric" and study.poll() is None:
            study.send_signal(signal.SIGINT)

    code, said, words = run(folder, cluster.address, interrupt)
    assert code == 130
    assert said[-1]["outcome"] == "cancelled"
    assert f"Continue with: pqv study run {folder} --ray {cluster.address}" in words
    assert {trial.state for trial in look(folder).trials} == {"interrupted"}
    records, _ = results.load_all(projects.runs_directory(look(folder).project))
    assert {record.state for record in records} == {"cancelled"}

    def kill(line: Line, study: subprocess.Popen[str]) -> None:
        if line["type"] == "stage_finished" and line["stage"] == "finetune":
            study.kill()

    code, _, _ = run(folder, cluster.address, kill)
    assert code == -signal.SIGKILL
    again = pqv("study", "run", folder, folder=folder.parent)
    assert again.returncode == 0, again.stderr
    check_whole(folder)
