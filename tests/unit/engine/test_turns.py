"""Files take turns: each as often as the others, all through the loop, behind changing neighbours."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict

from hypothesis import given
from hypothesis import strategies as st

from pqv_core.engine.turns import BLOCK, rounds

FILES = st.sets(st.sampled_from("abcdefg"), min_size=1)


@given(keys=FILES, quick=FILES, iterations=st.integers(1, 60))
def test_each_file_is_measured_as_often_as_was_asked(keys: set[str], quick: set[str], iterations: int) -> None:
    counted: Counter[str] = Counter()
    for turns in rounds(sorted(keys), quick=quick, iterations=iterations):
        for key, count in turns:
            counted[key] += count
    assert counted == dict.fromkeys(keys, iterations)


@given(keys=FILES, quick=FILES, ended=st.integers(1, 59))
def test_when_time_is_up_nobody_lacks_more_than_a_turn(keys: set[str], quick: set[str], ended: int) -> None:
    counted: Counter[str] = Counter()
    for _, turns in zip(range(ended), rounds(sorted(keys), quick=quick, iterations=60), strict=False):
        for key, count in turns:
            counted[key] += count
    assert all(ended <= counted[key] < ended + BLOCK for key in keys)


def test_each_has_each_other_before_it() -> None:
    before: dict[str, set[str]] = defaultdict(set)
    for turns in rounds("abcd", quick={"b", "c"}, iterations=200):
        for (first, _), (second, _) in itertools.pairwise(turns):
            before[second].add(first)
    assert before == {key: set("abcd") - {key} for key in "abcd"}
