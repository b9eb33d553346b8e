"""Two processes, started as a person would start them on several GPUs, learn what one learns."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import torch

from pqv_core.config import RunConfig, with_setting
from pqv_core.engine import pipeline
from pqv_core.engine.context import Context
from pqv_core.engine.data import batches as data
from pqv_core.engine.models import checkpoint
from pqv_core.engine.stages import PREPROCESSING
from pqv_core.engine.train import finetune, sparsify
from pqv_core.process import events
from pqv_core.project import history, runs
from pqv_core.project import project_file as projects
from pqv_core.results import record as results
from tests.fakes.training import Recorder, image_folder
from tests.marks import marked, marked_environment

BETWEEN = "between_loss"
SETTINGS = {
    "model.name": "vit_tiny_patch16_224",
    "model.arguments": '{"img_size": 32, "patch_size": 8, "embed_dim": 32, "depth": 2, "num_heads": 2}',
    "data.train": "train",
    "data.val": "val",
    "prune.importance": "l2",
    "prune.sparse_epochs": "2",
    "prune.sparse_strength": "0.05",
    "prune.steps": "3",
    "prune.epochs_between": "1",
    "quantize.precision": "fp32",
    "measure.iterations": "5",
    "measure.warmup": "0",
    "finetune.epochs": "3",
    "finetune.batch_size": "8",
    "finetune.learning_rate": "0.002",
    "finetune.mixup": "0.4",
    "finetune.cutmix": "1.0",
    "finetune.device": "cpu",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("two")
    image_folder(folder / "train")
    image_folder(folder / "val", each=5)  # 15 images: the processes have unequal parts
    config = RunConfig()
    for name, text in SETTINGS.items():
        config = with_setting(config, name, text)
    path = folder / "two.pqv"
    projects.save(path, projects.Project(config=config))
    return path


def launch(project: Path) -> list[str]:
    """As docs/fine-tuning.md has it."""
    command = [sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_machines", "1"]
    command += ["--num_processes", "2", "--mixed_precision", "no", "--dynamo_backend", "no"]
    return [*command, "--main_process_port", "0", "-m", "pqv_core.engine.train.launch", str(project)]


def launched(project: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        launch(project),
        cwd=Path(__file__).parents[2],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )


@pytest.mark.slow
def test_two_processes_learn_what_one_learns(project: Path, tmp_path: Path) -> None:
    done = launched(project)

    assert done.returncode == 0, done.stderr
    heard = [events.decode(line) for line in done.stdout.splitlines()]
    assert isinstance(heard[-1], events.Finished) and None not in heard

    run = projects.runs_directory(project) / heard[-1].run
    recorder = Recorder()
    alone = trained_alone(project, run, tmp_path, recorder)

    together = history.read(run / results.HISTORY_FILE)
    for name in ("train_loss", "learning_rate", "val_loss", "val_top1"):
        curve = {metric.step: metric.value for metric in together if metric.name == name}
        assert curve == pytest.approx(recorder.curve(name), rel=1e-4), name
    same_weights(run / "stages" / "finetune", alone)
    sparse = sparsified_alone(project, run, tmp_path / "sparse", recorder)
    for name in ("sparse_loss", "group_norm"):
        curve = {metric.step: metric.value for metric in together if metric.name == name}
        assert curve == pytest.approx(recorder.curve(name), rel=1e-4), name
    same_weights(run / "stages" / "sparsify", sparse)
    pruned_alone(project, run, tmp_path / "alone")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("stage", ["", "finetune"])
def test_the_processes_end_with_the_one_that_launched_them(project: Path, tmp_path: Path, stage: str) -> None:
    """As soon as both are there, which is before they have imported anything, and while they train."""
    own = tmp_path / project.name
    shutil.copytree(project.parent, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.runs"))
    mark, environment = marked_environment()
    with subprocess.Popen(
        launch(own), cwd=Path(__file__).parents[2], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as launcher:
        assert launcher.stdout is not None
        while stage and stage not in launcher.stdout.readline().decode():
            assert launcher.poll() is None
        while len(others := [process for process in marked(mark) if process.pid != launcher.pid]) < 2:
            assert launcher.poll() is None
        launcher.kill()
        psutil.wait_procs(others, timeout=15)
        assert marked(mark) == []


def same_weights(stage: Path, alone: torch.nn.Module) -> None:
    shared = checkpoint.load(stage / "model.safetensors").state_dict()
    assert all(torch.allclose(shared[name], tensor, atol=1e-4) for name, tensor in alone.state_dict().items())


def sparsified_alone(project: Path, run: Path, scratch: Path, recorder: Recorder) -> torch.nn.Module:
    config = projects.load(project).config
    form = PREPROCESSING.validate_python(load_result(run)["preprocessing"])
    train = data.open_images(project.parent / "train", preprocessing=form, context=recorder.context)
    return sparsify.sparsify(
        checkpoint.load(run / "stages" / "load" / "model.safetensors"),
        config.finetune,
        config.prune,
        train=train,
        directory=scratch,
        seed=config.seed,
        context=recorder.context,
    )


def pruned_alone(project: Path, run: Path, folder: Path) -> None:
    """One process that begins with the same sparse weights trains between the steps to the same curve and weights."""
    shutil.copytree(project.parent, folder)
    own = projects.runs_directory(folder / project.name) / run.name
    shutil.rmtree(own / "stages" / "prune")
    job = runs.job(folder / project.name)
    assert job.run == run.name
    pipeline.run(job, Context(run=job.run, send=lambda event: None))
    shared, alone = (
        {point.step: point.value for point in history.read(stage / results.HISTORY_FILE) if point.name == BETWEEN}
        for stage in (run / "stages" / "prune", own / "stages" / "prune")
    )
    assert list(shared) == list(range(1, 7))
    assert shared == pytest.approx(alone, rel=1e-4)
    same_weights(run / "stages" / "prune", checkpoint.load(own / "stages" / "prune" / "model.safetensors"))


def trained_alone(project: Path, run: Path, scratch: Path, recorder: Recorder) -> torch.nn.Module:
    config = projects.load(project).config
    model = checkpoint.load(run / "stages" / "prune" / "model.safetensors")
    form = PREPROCESSING.validate_python(load_result(run)["preprocessing"])
    train, val = (
        data.open_images(project.parent / name, preprocessing=form, context=recorder.context)
        for name in ("train", "val")
    )
    return finetune.finetune(
        model,
        config.finetune,
        train=train,
        val=val,
        directory=scratch,
        seed=config.seed,
        context=recorder.context,
    )


def load_result(run: Path) -> dict[str, dict[str, object]]:
    plain = json.loads((run / "stages" / "load" / "done.json").read_text(encoding="utf-8"))
    return plain["result"]  # type: ignore[no-any-return]
