"""What is varied: a person's words, and what a setting may hold."""

from __future__ import annotations

import json

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqv_core.config import RunConfig, setting_names, with_settings
from pqv_core.errors import ConfigError
from pqv_core.study import space
from pqv_core.study.space import Choice, Range, Space

BASE = RunConfig()


def test_a_list_of_values_is_a_choice() -> None:
    made = space.parse("quantize.precision", "fp32, int8-dynamic", BASE)
    assert isinstance(made, Choice)
    assert made.grid() == ("fp32", "int8-dynamic")


def test_a_range_has_its_ends_and_every_step_between() -> None:
    made = space.parse("prune.ratio", "0.1:0.6:0.1", BASE)
    assert made.grid() == (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)


def test_a_step_that_does_not_reach_the_end_stops_before_it() -> None:
    assert space.parse("prune.ratio", "0.15:0.5:0.1", BASE).grid() == (0.15, 0.25, 0.35, 0.45)


def test_a_whole_number_stays_one() -> None:
    made = space.parse("finetune.epochs", "2:6:2", BASE)
    assert made.grid() == (2, 4, 6)
    assert all(isinstance(value, int) for value in made.grid())


def test_a_setting_with_a_point_is_varied_without_one() -> None:
    made = space.parse("finetune.clip_norm", "1:3", BASE)
    assert isinstance(made, Range)
    assert not made.whole


def test_a_range_between_large_and_small_is_logarithmic_where_it_says_so() -> None:
    made = space.parse("finetune.learning_rate", "1e-5:1e-3:log", BASE)
    assert isinstance(made, Range)
    assert made.log
    assert made.size is None


def test_a_word_for_a_setting_of_several_is_a_list_of_one() -> None:
    made = Space.of(BASE, {"export.formats": "ptl,pte"})
    assert [made.config({"export.formats": word}).export.formats for word in ("ptl", "pte")] == [("ptl",), ("pte",)]


def test_lists_are_written_as_json() -> None:
    made = Space.of(BASE, {"export.formats": '[["ptl"], ["ptl", "pte"]]'})
    (parameter,) = made.parameters
    assert parameter.grid() == ('["ptl"]', '["ptl", "pte"]')
    assert made.config({"export.formats": '["ptl", "pte"]'}).export.formats == ("ptl", "pte")


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("prune.ration", "0.1:0.5", "Unknown setting"),
        ("prune.ratio", "0:0.5", "a ratio of 0 removes nothing"),
        ("prune.ratio", "0.5:0.95", "at most 0.9"),
        ("prune.ratio", "0.5:0.1", "from a smaller number to a larger one"),
        ("prune.ratio", "0.1:0.5:0.6", "does not fit"),
        ("prune.ratio", "0.1:0.5:0", "does not fit"),
        ("prune.ratio", "0.1:0.5:1e-9", "more than 100,000 values"),
        ("prune.ratio", "0.1:half", "is no range"),
        ("prune.ratio", "0.3", "at least two values"),
        ("prune.ratio", "0.3,0.3", "there twice"),
        ("prune.mlp", "0:1:log", "begins above 0"),
        ("finetune.epochs", "1:3:0.5", "whole numbers"),
        ("quantize.precision", "fp32,int7", "'int7' is not known"),
        ("finetune.epochs", "1,many", "finetune.epochs"),
    ],
)
def test_what_cannot_be_is_said(name: str, text: str, words: str) -> None:
    with pytest.raises(ConfigError) as raised:
        space.parse(name, text, BASE)
    assert words in str(raised.value)
    assert raised.value.action


@pytest.mark.parametrize("pair", ["prune.ratio", "=0.1:0.5", "prune.ratio=", ""])
def test_a_pair_needs_both_its_parts(pair: str) -> None:
    with pytest.raises(ConfigError, match="--vary takes KEY=VALUES"):
        space.split(pair)


@given(name=st.sampled_from([*setting_names(), "no.setting", ""]), text=st.text(max_size=30))
def test_any_words_are_a_space_or_a_sentence(name: str, text: str) -> None:
    try:
        made = space.parse(name, text, BASE)
    except ConfigError as error:
        assert error.message
        return
    assert made.size is None or made.size >= 2
    for word in made.ends:
        with_settings(BASE, {name: made.value(word)})


@given(
    low=st.decimals("0.01", "0.8", places=3),
    width=st.decimals("0.01", "0.09", places=3),
    step=st.decimals("0.001", "0.01", places=3),
)
def test_a_grid_is_what_optuna_suggests(low: object, width: object, step: object) -> None:
    made = space.parse("prune.ratio", f"{low}:{float(str(low)) + float(str(width)):.3f}:{step}", BASE)
    grid = made.grid()
    assert len(grid) == made.size
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for word in (grid[0], grid[-1]):
        study.enqueue_trial({"prune.ratio": word})
        assert made.value(made.suggested(study.ask())) == word


def test_what_touches_the_first_stages_changes_last() -> None:
    made = Space.of(BASE, {"quantize.precision": "fp32,int8-dynamic", "prune.ratio": "0.2,0.4", "seed": "1,2"})
    assert [item.name for item in made.parameters] == ["seed", "prune.ratio", "quantize.precision"]
    points = made.points()
    assert [point["prune.ratio"] for point in points[:4]] == [0.2, 0.2, 0.4, 0.4]
    assert len({json.dumps(dict(point)) for point in points}) == made.size == 8


def test_a_grid_without_an_end_asks_for_a_step() -> None:
    with pytest.raises(ConfigError, match="a grid needs a step"):
        Space.of(BASE, {"prune.ratio": "0.1:0.5"}).points()


def test_true_is_not_one() -> None:
    made = Space.of(BASE, {"finetune.augment": "true,false"})
    assert [made.config(point).finetune.augment for point in made.points()] == [True, False]
