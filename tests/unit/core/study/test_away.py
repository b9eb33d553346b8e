"""What another computer does of a run, and what it refuses to begin with."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pqv_core.config import RunConfig, with_settings
from pqv_core.errors import ClusterError
from pqv_core.process.events import Finished
from pqv_core.process.job import RunJob
from pqv_core.project import project_file as projects
from pqv_core.study import away
from pqv_core.study.away import Began
from tests.fakes.training import image_folder


@pytest.fixture
def job(tmp_path: Path) -> RunJob:
    for name in ("train", "val"):
        image_folder(tmp_path / "images" / name, each=1)
    settings = {"data.train": "images/train", "data.val": "images/val", "data.class_order": "natural"}
    return RunJob(run="run-1", project=str(tmp_path / "some.pqv"), config=with_settings(RunConfig(), settings))


def end(job: RunJob, *, versions: dict[str, str] | None = None) -> Finished:
    """How it ends there, where nothing could be begun."""
    order, archives = away.order(job, images=away.image_hashes(job), stages={})
    return ended(order.model_dump_json(), archives, versions or away.versions())


def ended(order: str, archives: list[bytes], versions: dict[str, str]) -> Finished:
    began, *_, last = [away.read(text) for text, _ in away.work(versions, order, *archives)]
    assert isinstance(began, Began) and began.node
    assert isinstance(last, Finished)
    return last


def test_what_is_sent_means_the_same_files_wherever_it_is_read(job: RunJob, tmp_path: Path) -> None:
    order, _ = away.order(job, images=away.image_hashes(job), stages={})
    data = order.job.config.data
    assert data.train == (tmp_path / "images" / "train").as_posix()
    assert data.class_order == "natural"  # no path
    assert set(order.images) == {data.train, data.val}
    assert order.job.part == "away"
    assert away.Order.model_validate_json(order.model_dump_json()) == order


def test_other_versions_are_refused_in_a_sentence(job: RunJob) -> None:
    last = end(job, versions={**away.versions(), "torch": "1.0", "timm": "0.1"})
    assert last.error is not None
    assert last.error.kind == ClusterError.__name__
    assert last.error.message.startswith("Other versions are installed: torch ")
    assert ", not 1.0; timm " in last.error.message


def test_images_that_were_copied_without_their_times_are_refused(job: RunJob, tmp_path: Path) -> None:
    order, archives = away.order(job, images=away.image_hashes(job), stages={})
    copied = next((tmp_path / "images" / "val").rglob("*.png"))
    os.utime(copied, (1, 1))
    last = ended(order.model_dump_json(), archives, away.versions())
    assert last.error is not None
    assert last.error.message == f"Other images lie in {tmp_path / 'images' / 'val'} (by names, sizes or times)."
    assert "rsync -a" in last.error.action


def test_images_that_are_not_there_are_refused(job: RunJob, tmp_path: Path) -> None:
    order, archives = away.order(job, images=away.image_hashes(job), stages={})
    (tmp_path / "images" / "train").rename(tmp_path / "moved")
    last = ended(order.model_dump_json(), archives, away.versions())
    assert last.error is not None
    assert last.error.kind == ClusterError.__name__
    assert str(tmp_path / "images" / "train") in last.error.message


def test_half_a_stage_is_refused(job: RunJob) -> None:
    order, _ = away.order(job, images=away.image_hashes(job), stages={})
    text = order.model_copy(update={"stages": ("load",)}).model_dump_json()
    last = ended(text, [b"PK\x05\x06 and no more"], away.versions())
    assert last.run == job.run
    assert last.error is not None
    assert last.error.message == "The stage load has not arrived whole."


def test_what_only_another_version_says_is_refused() -> None:
    with pytest.raises(ClusterError, match="unknown message"):
        away.read('{"type": "sings"}')


def test_named_data_sets_are_looked_for_by_each_computer(job: RunJob) -> None:
    settings = {"data.train": "torch/cifar10", "data.val": "torch/cifar10"}
    named = job.model_copy(update={"config": with_settings(job.config, settings)})
    assert away.image_hashes(named) == {}
    assert away.order(named, images={}, stages={})[0].job.config.data.train == "torch/cifar10"
    assert projects.with_absolute_paths(named.config, project=Path(job.project)) == named.config
