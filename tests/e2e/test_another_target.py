"""``pqv bench`` on a device of a kind that another package brings: files are pushed, measured and compared."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.e2e.test_run import PQV
from tests.fakes.installed import lay_down

ROOT = Path(__file__).parents[2]
PREPROCESSING = {
    "input_size": [3, 8, 8],
    "mean": [0.5] * 3,
    "std": [0.5] * 3,
    "interpolation": "bilinear",
    "crop_pct": 1.0,
}


@pytest.fixture
def environment(host_program: Path, tmp_path: Path) -> dict[str, str]:
    """Of processes that find the package, and one device of its kind."""
    lay_down(tmp_path / "installed", group="pqv.targets", name="directory", value="tests.fakes.directory_target:INFO")
    (tmp_path / "board").mkdir()
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path / "installed")]),
        "BOARD_FOLDER": str(tmp_path / "board"),
        "BOARD_PROGRAM": str(host_program),
        "ANDROID_ADB_SERVER_PORT": "1",
    }


@pytest.fixture
def model(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, 5)).eval()
    about = {"pqv.json": json.dumps({"input_shape": [1, 3, 8, 8], "preprocessing": PREPROCESSING})}
    path = tmp_path / "net.ptl"
    torch.jit.freeze(torch.jit.script(net))._save_for_lite_interpreter(str(path), _extra_files=about)
    return path


def of_type(events: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [event for event in events if event["type"] == kind]


def test_from_the_push_to_the_comparison(environment: dict[str, str], model: Path, tmp_path: Path) -> None:
    words = ("bench", model, "--target", "board", "--threads", "1,2", "--iterations", "20", "--profile", "--json")
    done = subprocess.run([*PQV, *words], env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    stages = [event["stage"] for event in of_type(events, "stage_started")]
    assert stages == ["check", "push", *["cool", "measure"] * 2, "compare"]
    heat = {event["name"]: event["value"] for event in of_type(events, "metric")}
    assert heat == {"celsius": 41, "thermal_status": 1}
    assert len(of_type(events, "latency_sample")) == 2 * 20

    last = events[-1]
    assert (last["type"], last["outcome"]) == ("finished", "succeeded")
    assert last["result"]["device"]["system"] == "Test OS 1"
    one, two = last["result"]["measurements"][str(model)]
    assert (one["target"], one["threads"], two["threads"]) == ("Acme Board (board)", 1, 2)
    assert len(one["samples_ns"]) == len(two["samples_ns"]) == 20
    assert one["parity"]["relative"] < 1e-5
    assert one["parity"]["top1_agreement"] == 1
    assert "aten::linear" in {row["name"] for row in one["operators"]}
    assert list((tmp_path / "board").iterdir()) == []
