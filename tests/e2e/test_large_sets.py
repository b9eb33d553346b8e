"""``pqv run`` on more images than any threshold of reading them: read ahead in other processes, none kept in memory.

The sets of the other tests are small, and small sets take another way.
"""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image

from pqv_core.engine.data import batches as data
from pqv_core.process import events
from tests.e2e.test_run import PQV, SMALL, lasting, only_record, pqv
from tests.marks import marked, marked_environment

TRAINED, JUDGED = 600, 520
SIZE = (640, 480)
KILLS = 20
posix = pytest.mark.skipif(sys.platform == "win32", reason="signals")
pytestmark = pytest.mark.slow


def make_images(folder: Path, count: int, size: tuple[int, int]) -> None:
    """Coarse noise, brighter in one class than in the other."""
    noise = random.Random(0)
    for name, light in (("dark", 0), ("light", 120)):
        (folder / name).mkdir(parents=True)
        for number in range(count // 2):
            coarse = Image.frombytes("L", (8, 6), bytes(light + noise.randrange(130) for _ in range(48)))
            coarse.resize(size).save(folder / name / f"{number:03}.jpg", quality=40)


def make_large_images(folder: Path) -> Path:
    """Both sets are large enough to be read ahead; that to train with is too large to be kept in memory as well."""
    make_images(folder / "train", TRAINED, SIZE)
    make_images(folder / "val", JUDGED, (40, 32))
    assert min(TRAINED, JUDGED) >= data.READ_AHEAD_FROM
    assert TRAINED * SIZE[0] * SIZE[1] * 3 > data.KEPT_BYTES
    return folder


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Not to be changed."""
    return make_large_images(tmp_path_factory.mktemp("large"))


def make_project(folder: Path, images: Path, *, readers: int | None, **more: str) -> Path:
    """One epoch, Taylor pruning, static int8: evaluates, calibrates, trains, evaluates."""
    settings = {f"model.arguments.{key}": str(value) for key, value in SMALL.items()}
    settings |= {"measure.iterations": "5", "measure.warmup": "1", "measure.threads": "1", "finetune.batch_size": "50"}
    settings |= {"data.readers": str(readers)} if readers is not None else {}
    words = [word for name, value in (settings | more).items() for word in ("--set", f"{name}={value}")]
    folder.mkdir(exist_ok=True)
    made = pqv(
        *("new", "large.pqv", "--model", "vit_tiny_patch16_224", "--random", "--data", images),
        *("--epochs", "1", "--engine", "onednn", "--precision", "int8-static", *words),
        folder=folder,
    )
    assert made.returncode == 0, made.stderr
    return folder / "large.pqv"


def run(project: Path, *, cores: int | None = None) -> subprocess.CompletedProcess[str]:
    """``pqv run`` to its end, on so many cores; it ends by itself within minutes, or the test fails."""
    limit = f"import os; os.sched_setaffinity(0, range({cores})); " if cores else ""
    command = [*PQV[:-1], limit + PQV[-1], "run", str(project), "--json"]
    return subprocess.run(command, cwd=project.parent, capture_output=True, text=True, check=False, timeout=400)


@pytest.fixture(scope="module")
def whole(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that was run to its end by two reading processes. Not to be changed."""
    project = make_project(tmp_path_factory.mktemp("whole"), images, readers=2)
    done = run(project)
    assert done.returncode == 0, done.stderr
    project.with_suffix(".jsonl").write_text(done.stdout)
    return project


def test_a_large_set_is_evaluated_calibrated_trained_and_evaluated(whole: Path) -> None:
    record = only_record(whole)
    assert record.dense_accuracy is not None and record.dense_accuracy.images == JUDGED
    assert record.pruned_accuracy is not None and record.pruned_accuracy.images == JUDGED
    assert {stage.state for stage in record.stages if stage.state != "skipped"} == {"done"}


@pytest.mark.parametrize(
    ("cores", "readers"),
    [
        pytest.param(1, None, id="one core"),
        pytest.param(2, None, id="two cores"),
        pytest.param(1, 2, id="more processes than cores"),
    ],
)
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cores cannot be taken away here")
def test_the_result_does_not_depend_on_who_reads(
    whole: Path, images: Path, tmp_path: Path, cores: int, readers: int | None
) -> None:
    project = make_project(tmp_path, images, readers=readers)
    done = run(project, cores=cores)
    assert done.returncode == 0, done.stderr
    if cores == 1:
        assert rounded(project) == rounded(whole)
    else:
        assert lasting(project) == lasting(whole)


def rounded(project: Path) -> dict[str, Any]:
    """What one core finds as two do: sums of another number of threads are in another order."""
    found = lasting(project)
    dense, pruned = found["dense"], found["pruned"]
    return {"dense": dense.images, "pruned": pruned.images, "top1": round(dense.top1, 2), "stages": found["stages"]}


@posix
@pytest.mark.timeout(3000)
def test_killed_at_any_moment_it_leaves_nothing_behind_and_comes_to_the_same_result(
    whole: Path, images: Path, tmp_path: Path
) -> None:
    chance = random.Random(12)
    projects = (make_project(tmp_path / str(number), images, readers=2) for number in itertools.count())
    project = next(projects)
    lines = len(whole.with_suffix(".jsonl").read_text().splitlines())
    met: Counter[str] = Counter()
    for number in range(KILLS):
        victim = ("the command line", "the worker", "a reader")[number % 3]
        said, status = kill(project, victim=victim, after=chance.randrange(lines), met=met)
        assert victim != "a reader" or status == 0  # another one reads on
        assert status in (0, 1, -signal.SIGKILL)
        assert status != 1 or isinstance(events.decode(said[-1]), events.Finished)
        if status == 0:
            assert lasting(project) == lasting(whole)
            project = next(projects)
    done = run(project)
    assert done.returncode == 0, done.stderr
    assert lasting(project) == lasting(whole)
    assert min(met.values()) >= 2 and len(met) == 3


def kill(project: Path, *, victim: str, after: int, met: Counter[str]) -> tuple[list[str], int]:
    """kill -9 after so many lines of events; what was said after that, and the exit status. Nothing may be left.

    Args:
        met: Counts the victims that were there.
    """
    mark, environment = marked_environment()
    with subprocess.Popen(
        [*PQV, "run", str(project), "--json"],
        cwd=project.parent,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as running:
        assert running.stdout is not None
        for _ in range(after):
            running.stdout.readline()
        names = {"the command line": str(project), "the worker": "engine.worker", "a reader": "spawn_main"}
        for target in [process for process in marked(mark) if names[victim] in words(process)][:1]:
            met[victim] += 1
            target.kill()
        said, _ = running.communicate(timeout=300)
    psutil.wait_procs(marked(mark), timeout=10)
    assert marked(mark) == []
    return said.splitlines(), running.returncode


def words(process: psutil.Process) -> str:
    """The command that a process was started with."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""
