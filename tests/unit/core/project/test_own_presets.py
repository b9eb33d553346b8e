"""Presets of a person's own: what is kept comes back, a stranger's file does no harm, and none takes a known name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import platformdirs
import pytest

from pqv_core.config import RunConfig, with_settings
from pqv_core.errors import UsageError
from pqv_core.project import new_config, own_presets, presets
from pqv_core.project.new_config import Choices

QUICK = {
    "prune.ratio": 0.4,
    "prune.importance": "l1",
    "budget.speedup": 2.0,
    "quantize.precision": "fp16",
    "export.target": "android",
    "export.formats": ["pte"],
}


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(platformdirs, "user_data_path", lambda *_, **__: tmp_path / "data")
    return tmp_path / "data" / "presets"


def test_what_is_saved_is_there_in_every_project(tmp_path: Path) -> None:
    here = {
        "model.name": "vit_tiny_patch16_224",
        "export.file_name": "a.pte",
        "finetune.epochs": 7,
        "budget.on": "PHONE",
    }
    own_presets.save(" Quick & small ", with_settings(RunConfig(), {**QUICK, **here}))
    (name,) = own_presets.found()
    assert name == "Quick & small"
    asked = Choices(project=tmp_path / "p.pqv", model="deit_small_patch16_224", preset=name)
    settings = presets.get(asked.preset or "", own_presets.found()).settings(images=False)
    made = with_settings(RunConfig(), settings)
    for setting, value in QUICK.items():
        section, _, field = setting.partition(".")
        assert made.model_dump(mode="json")[section][field] == value
    assert (made.export.file_name, made.budget.on, made.finetune.epochs) == (None, "local", RunConfig().finetune.epochs)


def test_a_new_project_takes_it_by_its_name(tmp_path: Path) -> None:
    own_presets.save("Quick", with_settings(RunConfig(), {"prune.ratio": 0.4, "prune.importance": "l1"}))
    made = new_config.build(Choices(project=tmp_path / "p.pqv", model="deit_small_patch16_224", preset="Quick"))
    assert (made.config.prune.ratio, made.config.prune.importance) == (0.4, "l1")


def test_one_of_the_same_name_takes_its_place_and_one_can_be_removed() -> None:
    own_presets.save("Quick", with_settings(RunConfig(), {"prune.ratio": 0.1}))
    own_presets.save("quick", with_settings(RunConfig(), {"prune.ratio": 0.2}))
    assert [preset.values["prune.ratio"] for preset in own_presets.found().values()] == [0.2]
    own_presets.remove("Quick")
    own_presets.remove("Quick")
    assert own_presets.found() == {}


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 61, "paper", "Smallest for Android"])
def test_a_name_that_cannot_be_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        own_presets.save(name, RunConfig())
    assert own_presets.found() == {}


@pytest.mark.parametrize(
    "damaged",
    [
        "{",
        "[]",
        json.dumps({"version": 2, "name": "New", "settings": {}}),
        json.dumps({"version": 1, "name": "a\u202eb", "settings": {}}),
        json.dumps({"version": 1, "name": "Odd", "settings": {"prune.ratio": "much"}}),
    ],
)
def test_what_cannot_be_read_is_as_if_it_were_not_there(own_folder: Path, damaged: str) -> None:
    own_presets.save("Quick", RunConfig())
    (own_folder / "damaged.json").write_text(damaged, encoding="utf-8")
    assert list(own_presets.found()) == ["Quick"]


def test_settings_that_no_preset_has_are_not_taken_from_a_file(own_folder: Path) -> None:
    own_folder.mkdir(parents=True)
    settings: dict[str, Any] = {"model.path": "/etc/passwd", "prune.ratio": 0.3}
    plain = {"version": 1, "name": "Sly", "settings": settings}
    (own_folder / "sly.json").write_text(json.dumps(plain), encoding="utf-8")
    values = own_presets.found()["Sly"].values
    assert "model.path" not in values and values["prune.ratio"] == 0.3


def test_an_unknown_name_is_refused_with_the_own_ones_too() -> None:
    own_presets.save("Quick", RunConfig())
    with pytest.raises(UsageError) as caught:
        presets.get("best", own_presets.found())
    assert caught.value.action == "Choose one of: paper, fastest, android, Quick."
