"""Which stages a run will do and about how long they take, before torch is loaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from pqv_core.config import RunConfig, with_settings
from pqv_core.process.job import RunJob
from pqv_core.project import plan
from pqv_core.project import project_file as projects
from pqv_core.results import record as results
from tests.fakes import records

BARE = {"prune.enabled": False, "finetune.epochs": 0, "measure.profile": False}


def config(**settings: object) -> RunConfig:
    return with_settings(RunConfig(), {name.replace("__", "."): value for name, value in settings.items()})


@pytest.mark.parametrize(
    ("settings", "more"),
    [
        ({}, ()),
        ({"data.val": "v"}, ("evaluate",)),
        ({"prune.enabled": True}, ("prune",)),
        ({"prune.enabled": True, "data.val": "v"}, ("evaluate", "prune", "evaluate_pruned")),
        ({"prune.sparse_epochs": 2}, ()),
        ({"prune.enabled": True, "prune.sparse_epochs": 2}, ("sparsify", "prune")),
        ({"finetune.epochs": 2}, ("finetune",)),
        ({"finetune.epochs": 2, "data.val": "v"}, ("evaluate", "finetune", "evaluate_pruned")),
        ({"quantize.tolerance": 0.1}, ("sensitivity",)),
        ({"quantize.tolerance": 0.1, "quantize.precision": "fp32"}, ()),
        ({"measure.profile": True}, ("profile",)),
    ],
)
def test_the_stages_follow_from_the_settings(settings: dict[str, object], more: tuple[str, ...]) -> None:
    names = plan.stages(with_settings(RunConfig(), {**BARE, **settings}))
    assert set(names) == {"load", *more, "export", "verify", "benchmark"}
    assert list(names) == [name for name in plan._NEEDED if name in names]


def seconds(job: RunJob) -> dict[str, float]:
    return {item.name: item.seconds for item in plan.of(job)}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    path = tmp_path / "small.pqv"
    projects.save(path, projects.Project(config=config()))
    for name in ("train", "val"):
        for kind in ("a", "b"):
            (tmp_path / name / kind).mkdir(parents=True)
            for number in range(50 if name == "train" else 10):
                (tmp_path / name / kind / f"{number}.png").touch()
    return path


def job(project: Path, *, run: str = "new", fresh: bool = False, **settings: object) -> RunJob:
    given = {"model__name": "deit_tiny_patch16_224", "data__train": "train", "data__val": "val", **settings}
    return RunJob(run=run, project=str(project), config=config(**given), fresh=fresh)


def test_without_earlier_runs_time_follows_from_images_epochs_and_the_size_of_the_model(project: Path) -> None:
    usual = seconds(job(project, finetune__epochs=4))
    assert next(iter(usual)) == plan.START
    assert seconds(job(project, finetune__epochs=8))["finetune"] == pytest.approx(2 * usual["finetune"], rel=0.1)
    large = seconds(job(project, finetune__epochs=4, model__name="deit_base_patch16_224"))
    assert large["finetune"] > 3 * usual["finetune"]
    assert large["evaluate"] > 3 * usual["evaluate"]
    (project.parent / "val").rename(project.parent / "gone")
    assert seconds(job(project, finetune__epochs=4))["evaluate"] > 10 * usual["evaluate"]


def test_training_between_the_steps_of_pruning_takes_time(project: Path) -> None:
    def pruning(**settings: object) -> float:
        return seconds(job(project, prune__importance="l2", **settings))["prune"]

    once = pruning(prune__steps=2, prune__epochs_between=4)
    tuned = seconds(job(project, finetune__epochs=4, data__val=None, prune__enabled=False))["finetune"]
    assert 0.7 * tuned < once < 1.1 * tuned  # of a model that is half cut
    assert pruning(prune__steps=3, prune__epochs_between=4) == pytest.approx(2 * once, rel=0.1)
    assert pruning(prune__steps=3) == pruning(prune__epochs_between=4) == pruning()
    every = pruning(prune__steps=2, prune__epochs_between=4, tokens__by_budget=True)
    assert every > 3 * once, "it is trained with each number of merged tokens"


def test_what_a_stage_took_before_is_what_it_will_take_scaled_to_the_settings(project: Path) -> None:
    before = job(project, finetune__epochs=4).config
    stages = (
        results.StageRecord(name="finetune", state="done", seconds=100.0),
        results.StageRecord(name="verify", state="failed", seconds=3.0),
    )
    folder = projects.runs_directory(project) / "old"
    changes = {"config": before.model_dump(mode="json"), "stages": stages}
    results.save(folder, records.record("old").model_copy(update=changes))
    planned = {item.name: item for item in plan.of(job(project, finetune__epochs=6))}
    assert (planned["finetune"].seconds, planned["finetune"].known) == (pytest.approx(150, rel=0.05), True)
    assert not planned["verify"].known
    resumed = plan.of(RunJob(run="old", project=str(project), config=before))
    assert next(item.seconds for item in resumed if item.name == "finetune") < 1
    fresh = plan.of(RunJob(run="old", project=str(project), config=before, fresh=True))
    assert next(item.seconds for item in fresh if item.name == "finetune") == pytest.approx(100)
