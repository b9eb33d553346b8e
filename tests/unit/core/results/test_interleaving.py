"""Files take turns: each as often as the others, all through the loop, behind changing neighbours."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict

from hypothesis import given
from hypothesis import strategies as st

from pqv_core.results.interleaving import BLOCK, rounds

FILES = st.sets(st.sampled_from("abcdefg"), min_size=1)


@given(files=FILES, iterations=st.integers(1, 60))
def test_each_file_is_measured_as_often_as_was_asked(files: set[str], iterations: int) -> None:
    counted: Counter[str] = Counter()
    for turns in rounds(sorted(files), iterations=iterations):
        for file, count in turns:
            counted[file] += count
    assert counted == dict.fromkeys(files, iterations)


@given(files=FILES, ended=st.integers(1, 11))
def test_when_time_is_up_all_have_been_measured_as_often(files: set[str], ended: int) -> None:
    counted: Counter[str] = Counter()
    for _, turns in zip(range(ended), rounds(sorted(files), iterations=60), strict=False):
        for file, count in turns:
            counted[file] += count
    assert counted == dict.fromkeys(files, ended * BLOCK)


def test_each_has_each_other_before_it() -> None:
    before: dict[str, set[str]] = defaultdict(set)
    for turns in rounds("abcd", iterations=200):
        for (first, _), (second, _) in itertools.pairwise(turns):
            before[second].add(first)
    assert before == {file: set("abcd") - {file} for file in "abcd"}
