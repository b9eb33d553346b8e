"""Runs as a person chooses among them, and how their settings stand to the project's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pqv_core.comparison import StoredRun, compare
from pqv_core.config import RunConfig
from pqv_core.project.run_label import RunLabel
from pqv_core.results.record import RunRecord
from pqv_gui.viewmodels.results.run_choices import changed_since, choices, in_a_line
from tests.fakes.records import record


def stored(run: str, *, ratio: float = 0.25, name: str = "", **changed: Any) -> StoredRun:
    plain = {**record(run).model_dump(mode="json"), **changed}
    plain["config"]["prune"]["ratio"] = ratio
    return StoredRun(Path("/p/some.runs", run), RunRecord.model_validate(plain), RunLabel(name=name))


def test_the_newest_comes_first_and_none_is_called_by_its_id() -> None:
    runs = compare([stored("r1", name="First"), stored("r2", ratio=0.5, state="failed", variants=[])]).runs
    newest, first = choices(runs)
    assert (newest.key, newest.words, newest.state) == ("r2", "50 % Taylor · INT8 dynamic", "Failed")
    assert (first.key, first.words, first.state) == ("r1", "First", "")


def test_when_a_run_was_made_is_told_on_hover() -> None:
    [choice] = choices([stored("r1", created="2026-01-31T12:00:00+00:00")])
    assert "31 Jan 2026" in choice.tip
    [strange] = choices([stored("r1", created="long ago")])
    assert strange.tip.endswith("Complete, long ago")


def test_settings_that_have_changed_since_a_run_are_named() -> None:
    did = RunConfig()
    assert changed_since(did.model_dump(mode="json"), did) == ()
    now = did.changed(seed=3, prune=did.prune.changed(ratio=0.5).model_dump())
    assert changed_since(did.model_dump(mode="json"), now) == ("prune.ratio", "seed")
    old = {name: section for name, section in did.model_dump(mode="json").items() if name != "tokens"}
    assert changed_since(old, did) == (), "what an earlier version did not know has not changed"


def test_a_run_is_told_from_another_in_a_line() -> None:
    config = RunConfig.parse(
        {
            "model": {"name": "deit_small_patch16_224"},
            "prune": {"importance": "taylor", "ratio": 0.25},
            "finetune": {"epochs": 3},
            "quantize": {"precision": "int8-static", "engine": "fbgemm"},
        }
    )
    assert (
        in_a_line(config) == "deit_small_patch16_224 · Taylor 25.0 % · 3 epochs · INT8 static, FBGEMM · this computer"
    )
    off = config.changed(prune={"enabled": False}, quantize={"precision": "fp32"}, finetune={"epochs": 0})
    assert in_a_line(off) == "deit_small_patch16_224 · not pruned · FP32 · this computer"
