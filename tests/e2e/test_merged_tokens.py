"""A run that merges tokens, from the command line: pruned, merged, trained, written; and measured with all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pqv_core.engine.models import checkpoint
from pqv_core.engine.transforms import merged_tokens
from pqv_core.project import project_file as projects
from tests.e2e.test_run import SMALL, make_images, only_record, pqv

pytestmark = pytest.mark.slow


def new(folder: Path, *settings: str, model: str = "vit_tiny_patch16_224") -> tuple[int, str]:
    """The exit code of ``pqv new``, and what it said."""
    named = ["finetune.batch_size=8", "measure.iterations=5", "measure.threads=1", *settings]
    more = [word for setting in named for word in ("--set", setting)]
    made = pqv(
        *("new", "p.pqv", "--model", model, "--random", "--data", "images", "--importance", "l2"),
        *("--epochs", "1", "--engine", "onednn", "--force", *more),
        folder=folder,
    )
    return made.returncode, made.stderr


def test_a_run_merges_tokens_and_shows_what_that_gains(tmp_path: Path) -> None:
    make_images(tmp_path / "images")
    small = [f"model.arguments.{key}={value}" for key, value in SMALL.items()]
    code, said = new(tmp_path, "tokens.merge=4", *small)
    assert code == 0, said
    ran = pqv("run", "p.pqv", folder=tmp_path)
    assert ran.returncode == 0, ran.stderr
    record = only_record(tmp_path / "p.pqv")
    assert [stage.name for stage in record.stages if stage.state == "done"][2:5] == ["prune", "merge", "finetune"]
    merged, whole = record.variant("compressed"), record.variant("unmerged")
    assert merged is not None and whole is not None
    assert merged.macs < whole.macs and merged.params == whole.params
    assert merged.accuracy is not None and whole.accuracy is None
    assert merged.parity is not None and merged.parity.relative < 0.1
    assert merged.measurements[-1].loop == whole.measurements[-1].loop
    shown = pqv("show", "p.pqv", folder=tmp_path)
    assert "Merging tokens" in shown.stdout
    tuned = projects.runs_directory(tmp_path / "p.pqv") / record.id / "stages/finetune/model.safetensors"
    found = merged_tokens.merging_of(checkpoint.load(tuned))
    assert found is not None and found.merged == (4, 4)


def test_a_budget_merges_as_many_tokens_as_pay(tmp_path: Path) -> None:
    make_images(tmp_path / "images")
    large_enough = {**SMALL, "img_size": 64, "embed_dim": 192, "depth": 3}  # calls of operators are a small share
    settings = [f"model.arguments.{key}={value}" for key, value in large_enough.items()]
    code, said = new(tmp_path, "tokens.by_budget=true", "budget.speedup=1.1", "prune.attention_unit=heads", *settings)
    assert code == 0, said
    ran = pqv("run", "p.pqv", folder=tmp_path)
    assert ran.returncode == 0, ran.stderr
    record = only_record(tmp_path / "p.pqv")
    pruned = projects.runs_directory(tmp_path / "p.pqv") / record.id / "stages/prune/model.safetensors"
    assert merged_tokens.merging_of(checkpoint.load(pruned)) is None, "tokens are merged in a stage of their own"
    tuned = projects.runs_directory(tmp_path / "p.pqv") / record.id / "stages/finetune/model.safetensors"
    taken = merged_tokens.merging_of(checkpoint.load(tuned))
    assert sum(record.merged) == (sum(taken.merged) if taken else 0)
    line = next(line for line in ran.stderr.splitlines() if "tokens merged: loss" in line)
    assert line.count("tokens merged") == 4, "what every number costs is said"
    assert f"{sum(taken.merged) if taken else 0} tokens merged: loss" in line.partition(";")[2].partition(";")[0]
    assert (record.variant("unmerged") is None) == (taken is None)


def test_a_budget_on_another_device_cannot_choose_tokens(tmp_path: Path) -> None:
    make_images(tmp_path / "images")
    code, said = new(tmp_path, "tokens.by_budget=true", "budget.speedup=1.05", "budget.on=PHONE")
    assert code == 2
    assert "A budget cannot choose how many tokens are merged: there is no limit of latency on this computer" in said


def test_a_model_that_cannot_merge_tokens_is_refused_at_once(tmp_path: Path) -> None:
    make_images(tmp_path / "images")
    code, said = new(tmp_path, "tokens.merge=4", model="swin_tiny_patch4_window7_224")
    assert code == 2
    assert "Tokens are merged only in plain Vision Transformers" in said
