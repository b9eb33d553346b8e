"""How much room a cluster has for trainings, and what is said where there is none."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pqv_core.config import RunConfig, with_settings
from pqv_core.errors import ClusterError, UsageError

pytest.importorskip("ray")

from pqv_core.study import ray_nodes
from pqv_core.study.ray_nodes import RayNodes, Room

SMALL, LARGE, GPUS = {"CPU": 4.0}, {"CPU": 16.0}, {"CPU": 16.0, "GPU": 2.0}


@pytest.mark.parametrize(
    ("others", "device", "cpus", "room", "fits"),
    [
        ([SMALL, LARGE], "auto", None, Room(4, 0), [1, 4]),  # the smallest does one
        ([SMALL, LARGE], "auto", 8, Room(8, 0), [0, 2]),
        ([SMALL, GPUS], "auto", None, Room(8, 1), [0, 2]),  # one for each GPU
        ([SMALL, GPUS], "cuda", 2, Room(2, 1), [0, 2]),
        ([SMALL, GPUS], "cpu", None, Room(4, 0), [1, 4]),
    ],
)
def test_what_a_training_takes(
    others: list[dict[str, float]], device: str, cpus: int | None, room: Room, fits: list[int]
) -> None:
    config = with_settings(RunConfig(), {"finetune.device": device})
    found = ray_nodes._room(others, config, cpus)
    assert found == room
    assert [found.fits(resources) for resources in others] == fits


@pytest.mark.parametrize("address", ["local", "ray://192.0.2.1:10001"])
def test_an_address_to_which_this_computer_cannot_belong(address: str) -> None:
    with pytest.raises(UsageError, match="a cluster to which this computer belongs"):
        RayNodes(address, config=RunConfig())


@pytest.mark.parametrize("address", ["127.0.0.1:1", "127.0.0.1", "127.0.0.1:port"])
def test_without_a_cluster_it_is_said_how_to_start_one(address: str) -> None:
    with pytest.raises(ClusterError, match="There is no Ray cluster at 127") as raised:
        RayNodes(address, config=RunConfig())
    assert "ray start --head" in raised.value.action


def test_without_ray_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from pqv_core.cli import study as cli_study
    from pqv_core.project import project_file as projects
    from pqv_core.study import new_study, study_file

    project = tmp_path / "some.pqv"
    projects.save(project, projects.Project(config=RunConfig()))
    made = new_study.build(new_study.Choices(project=project, vary=("prune.ratio=0.1:0.4:0.1",), objectives=("size",)))
    study_file.create(tmp_path / "some.study", made)
    monkeypatch.delitem(sys.modules, "pqv_core.study.ray_nodes")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match="Ray is not installed") as raised:
        cli_study.do(tmp_path / "some.study", as_json=True, ray="auto")
    assert "pip install 'pqv-mobile[cluster]'" in raised.value.action


def test_processors_for_each_training_are_a_clusters(tmp_path: Path) -> None:
    from pqv_core.cli import study as cli_study

    with pytest.raises(UsageError, match="--ray-cpus is for a Ray cluster"):
        cli_study.do(tmp_path, as_json=True, ray_cpus=2)
