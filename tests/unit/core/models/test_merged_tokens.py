"""How many tokens go in each block, and how many are left."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqv_core.config import RunConfig, TokensConfig, with_settings
from pqv_core.errors import ConfigError
from pqv_core.models import catalog
from pqv_core.models.block_tokens import BlockTokens, entering
from pqv_core.models.merged_tokens import merged, obstacle, problem, tried

configs = st.builds(
    TokensConfig,
    merge=st.integers(0, 60),
    schedule=st.sampled_from(["constant", "decreasing"]),
    per_block=st.lists(st.integers(0, 60), max_size=12).map(tuple),
)


def test_as_many_in_every_block() -> None:
    assert merged(TokensConfig(merge=8), patches=196, depth=12) == (8,) * 12
    assert merged(TokensConfig(), patches=196, depth=12) == (0,) * 12


def test_a_budget_tries_all_tokens_and_three_numbers_of_merged_ones() -> None:
    asked = TokensConfig(by_budget=True, merge=5, per_block=(1, 2))
    assert tried(asked, patches=196, depth=12) == [(0,) * 12, (9,) * 12, (13,) * 12, (17,) * 10 + (13, 6)]
    assert tried(asked, patches=16, depth=6) == [(0,) * 6, (1,) * 6, (2,) * 6]


def test_where_a_budget_chooses_tokens_may_be_merged_whatever_else_is_set() -> None:
    assert TokensConfig(by_budget=True).enabled
    assert TokensConfig(by_budget=True, per_block=(0, 0)).enabled
    assert not TokensConfig().enabled
    assert not TokensConfig(merge=3, per_block=(0, 0)).enabled


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({}, "no limit of latency on this computer"),
        ({"budget.size_mb": 5.0}, "no limit of latency on this computer"),
        ({"budget.speedup": 2.0, "budget.on": "PHONE"}, "no limit of latency on this computer"),
        ({"budget.speedup": 2.0, "prune.enabled": False}, "no limit of latency on this computer"),
        ({"budget.speedup": 2.0, "data.val": None}, "no images"),
    ],
)
def test_a_budget_chooses_tokens_only_with_a_clock_and_images(settings: dict[str, object], reason: str) -> None:
    asked = with_settings(RunConfig(), {"data.val": "val", "tokens.by_budget": True, **settings})
    found = problem(asked)
    assert found is not None and reason in str(found)
    assert problem(with_settings(asked, {"tokens.by_budget": False})) is None
    assert (
        problem(
            with_settings(
                asked, {"budget.on": "local", "budget.speedup": 2.0, "prune.enabled": True, "data.val": "val"}
            )
        )
        is None
    )


def test_a_decreasing_schedule_merges_as_many_but_sooner() -> None:
    found = merged(TokensConfig(merge=8, schedule="decreasing"), patches=196, depth=12)
    assert sum(found) == 8 * 12
    assert list(found) == sorted(found, reverse=True)
    assert found[0] in (15, 16) and found[-1] == 0
    assert merged(TokensConfig(merge=3, schedule="decreasing"), patches=196, depth=1) == (3,)


def test_a_list_says_it_for_each_block_and_later_ones_keep_all() -> None:
    config = TokensConfig(merge=8, per_block=(5, 0, 7))
    assert merged(config, patches=196, depth=4) == (5, 0, 7, 0)
    with pytest.raises(ConfigError, match="2 blocks"):
        merged(config, patches=196, depth=2)


@given(configs, st.integers(1, 200), st.integers(12, 24))
def test_no_block_merges_more_than_half_and_one_patch_is_left(config: TokensConfig, patches: int, depth: int) -> None:
    found = merged(config, patches=patches, depth=depth)
    assert len(found) == depth
    left = patches
    for gone in found:
        assert 0 <= gone <= left // 2
        left -= gone
    assert left >= 1
    assert config.enabled or not any(found)


@given(st.lists(st.integers(0, 5), max_size=12), st.integers(100, 200))
def test_what_leaves_one_block_enters_the_next(gone: list[int], tokens: int) -> None:
    seen = entering(gone, tokens=tokens)
    assert [block.attention - block.mlp for block in seen] == gone
    assert [block.mlp for block in seen[:-1]] == [block.attention for block in seen[1:]]
    assert not seen or seen[0].attention == tokens


def test_the_tokens_of_deit_as_the_paper_merges_them() -> None:
    seen = entering((13,) * 12, tokens=197)
    assert (seen[0], seen[-1]) == (BlockTokens(197, 184), BlockTokens(54, 41))


def test_only_plain_transformers_merge() -> None:
    known = catalog.load()
    assert not obstacle(known.get("deit3_small_patch16_224").architecture)
    assert "SwinTransformer" in obstacle(known.get("swin_tiny_patch4_window7_224").architecture)
