"""Settings are checked, in words, and can be set by name."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pqv_core.config import (
    PruneConfig,
    RunConfig,
    TokensConfig,
    distillation,
    setting_names,
    with_setting,
    with_settings,
)
from pqv_core.config.model import argument_problem
from pqv_core.config.quantize import ENGINES
from pqv_core.criteria import CRITERIA
from pqv_core.errors import ConfigError
from pqv_core.models.sources import SOURCES
from pqv_core.schemes import SCHEMES

DEFAULT = RunConfig()
RATIOS = st.floats(min_value=0.001, max_value=0.9)


def _get(config: RunConfig, name: str) -> Any:
    value: Any = config
    for part in name.split("."):
        value = getattr(value, part)
    return value


@pytest.mark.parametrize("name", setting_names())
def test_every_setting_takes_its_own_value_as_text(name: str) -> None:
    value = _get(DEFAULT, name)
    assert with_setting(DEFAULT, name, json.dumps(value)) == DEFAULT


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("prune.ratio", "0.5", 0.5),
        ("prune.importance", "l1", "l1"),
        ("prune.importance", '"l2"', "l2"),
        ("prune.embedding", "true", True),
        ("prune.enabled", "no", False),
        ("finetune.epochs", "60", 60),
        ("finetune.clip_norm", "null", None),
        ("data.train", "images/train", "images/train"),
        ("data.train", "2024", "2024"),
        ("model.name", "vit_tiny_patch16_224", "vit_tiny_patch16_224"),
        ("model.arguments", '{"img_size": 32}', {"img_size": 32}),
        ("seed", "7", 7),
    ],
)
def test_a_setting_is_read_from_text(name: str, text: str, value: object) -> None:
    changed = with_setting(DEFAULT, name, text)
    assert _get(changed, name) == value
    assert type(_get(changed, name)) is type(value)


def test_one_argument_of_the_model_is_set_and_the_others_kept() -> None:
    config = with_setting(with_setting(DEFAULT, "model.arguments.img_size", "32"), "model.arguments.act", "gelu")
    assert config.model.arguments == {"img_size": 32, "act": "gelu"}


@given(RATIOS)
def test_setting_changes_one_thing_only(ratio: float) -> None:
    changed = with_setting(DEFAULT, "prune.ratio", repr(ratio))
    assert changed.prune.ratio == ratio
    assert changed == DEFAULT.changed(prune=DEFAULT.prune.changed(ratio=ratio).model_dump())
    assert with_setting(changed, "prune.ratio", "0.25") == DEFAULT


@pytest.mark.parametrize(
    "name",
    ["", "prune", "prune.ration", "prune.ratio.x", "model.arguments.", "Prune.ratio", "seed.x", ".", "__class__"],
)
def test_a_setting_that_is_none_is_refused_with_the_names_there_are(name: str) -> None:
    with pytest.raises(ConfigError, match="Unknown setting:") as caught:
        with_setting(DEFAULT, name, "1")
    assert "prune.ratio" in caught.value.action
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("prune.ratio", "0", "removes nothing"),
        ("prune.ratio", "1", "at most 0.9"),
        ("prune.ratio", "-1", "above 0"),
        ("prune.ratio", "NaN", "number"),
        ("prune.ratio", "Infinity", "number"),
        ("prune.ratio", "1e999", "finite"),
        ("prune.ratio", "a quarter", "number"),
        ("prune.ratio", "", "number"),
        ("prune.importance", "magic", "'taylor'"),
        ("prune.round_to", "0", "greater than or equal to 1"),
        ("finetune.epochs", "-3", "greater than or equal to 0"),
        ("finetune.epochs", "2.5", "integer"),
        ("finetune.learning_rate", "0", "greater than 0"),
        ("quantize.engine", "cuda", "'onednn'"),
        ("export.file_name", "../model.ptl", "without folders"),
        ("export.file_name", "model.exe", "ending in .ptl"),
        ("measure.iterations", "4", "greater than or equal to 5"),
        ("model.name", "", "at least 1"),
        ("model.weights", "file", "weights from a file need a path"),
        ("model.arguments.depth", "[1, 2]", "valid"),
        ("model.arguments", "[]", "dictionary"),
        ("seed", "9" * 5000, "integer"),
        ("seed", "[" * 100_000, "integer"),
        ("data", "{}", "Unknown setting:"),
    ],
)
def test_a_value_that_cannot_be_is_refused_in_words(name: str, text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        with_setting(DEFAULT, name, text)
    assert words in caught.value.message
    assert "\n" not in caught.value.message
    assert name.split(".")[0] in caught.value.field
    assert caught.value.action


@given(st.text(max_size=20), st.sampled_from(setting_names()))
def test_any_text_is_taken_or_refused_in_words(text: str, name: str) -> None:
    try:
        config = with_setting(DEFAULT, name, text)
    except ConfigError as error:
        assert error.message
    else:
        assert RunConfig.parse(config.model_dump(mode="json")) == config


def test_pruning_that_cuts_nothing_is_refused_unless_it_is_off() -> None:
    nothing = {"mlp": False, "attention": False, "embedding": False}
    with pytest.raises(ConfigError, match="choose what to cut"):
        PruneConfig.parse(nothing)
    assert not PruneConfig.parse({**nothing, "enabled": False}).enabled


def test_a_ratio_that_is_no_number_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"prune\.ratio|ratio"):
        PruneConfig.parse({"ratio": math.nan})


def test_unknown_keys_survive_a_change() -> None:
    config = RunConfig.parse({"prune": {"ratio": 0.5, "later": [1]}, "cloud": {"on": True}})
    plain = with_setting(config, "seed", "3").model_dump(mode="json")
    assert plain["prune"]["later"] == [1]
    assert plain["cloud"] == {"on": True}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, ""),
        ({"finetune.epochs": 1}, "1 epoch"),
        ({"prune.epochs_between": 2}, ""),
        ({"prune.steps": 3, "prune.epochs_between": 2}, "2 epochs between 3 steps"),
        (
            {"prune.steps": 3, "prune.epochs_between": 1, "finetune.epochs": 20},
            "1 epoch between 3 steps, then 20 epochs",
        ),
        ({"prune.steps": 3, "prune.epochs_between": 1, "prune.enabled": False}, ""),
    ],
)
def test_fine_tuning_is_told_in_words(settings: dict[str, object], words: str) -> None:
    assert with_settings(RunConfig(), settings).tuning_words == words


def test_configs_are_frozen() -> None:
    prune: Any = DEFAULT.prune
    with pytest.raises(ValidationError):
        prune.ratio = 0.5


@given(st.fixed_dictionaries({}, optional={name: st.integers(0, 5) for name in ("round_to", "images", "batch_size")}))
def test_parsing_what_was_dumped_changes_nothing(values: dict[str, int]) -> None:
    try:
        config = PruneConfig.parse(values)
    except ConfigError:
        assert 0 in values.values()
    else:
        assert PruneConfig.parse(json.loads(config.model_dump_json())) == config


def test_every_choice_has_words_for_a_person() -> None:
    described: list[tuple[str, str]] = [
        (info.label, info.sentence) for table in (CRITERIA, SCHEMES, SOURCES, ENGINES) for info in table.values()
    ]
    assert all(label and sentence.endswith(".") for label, sentence in described)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1_000_001])
def test_an_argument_beyond_any_model_is_named(value: float) -> None:
    assert "The argument drop_rate is" in argument_problem(
        {"depth": 12, "drop_rate": value, "act": "gelu"}, source="timm"
    )
    assert argument_problem({"depth": 1_000, "drop_rate": 1_000_000, "act": None}, source="timm") == ""


@pytest.mark.parametrize(
    ("settings", "asked_by"),
    [
        ({}, "tokens.merge"),
        ({"per_block": (4, 4)}, "tokens.per_block"),
        ({"per_block": (4, 4), "by_budget": True}, "tokens.by_budget"),
    ],
)
def test_the_setting_that_counts_says_how_many_tokens_are_merged(settings: dict[str, Any], asked_by: str) -> None:
    assert TokensConfig(merge=8, **settings).asked_by == asked_by


FEATURES = {"finetune.feature_distillation": 1.0, "prune.embedding": True}


@pytest.mark.parametrize("trained", [{"finetune.epochs": 1}, {"prune.steps": 2, "prune.epochs_between": 1}])
def test_features_are_not_learnt_where_the_embedding_is_cut(trained: dict[str, Any]) -> None:
    found = distillation.problem(with_settings(RunConfig(), {**FEATURES, **trained}))
    assert found is not None and found.field == "finetune.feature_distillation"
    for without in ({"prune.embedding": False}, {"prune.enabled": False}, {"finetune.feature_distillation": 0.0}):
        assert distillation.problem(with_settings(RunConfig(), {**FEATURES, **trained, **without})) is None
    assert distillation.problem(with_settings(RunConfig(), FEATURES)) is None, "nothing is trained"
