"""Which files of a run are asked side by side."""

from __future__ import annotations

import pytest

from pqv_core.errors import UsageError
from pqv_core.results import trying
from tests.fakes.records import in_two_formats, record


def test_the_uncut_file_is_asked_beside_the_result() -> None:
    assert [item.key for item in trying.pair(record())] == ["fast_fp32", "compressed"]


def test_both_are_of_the_same_format_where_there_are_several() -> None:
    made = in_two_formats()
    assert [item.key for item in trying.pair(made, after="compressed_pte")] == ["fast_fp32_pte", "compressed_pte"]
    assert [item.key for item in trying.pair(made, after="compressed")] == ["fast_fp32", "compressed"]


def test_any_two_can_be_named() -> None:
    assert [item.key for item in trying.pair(record(), "pruned_fp32", "paper_fp32")] == ["pruned_fp32", "paper_fp32"]


def test_what_cannot_be_asked_is_said() -> None:
    made = record()
    with pytest.raises(UsageError, match="no file 'other'"):
        trying.pair(made, "other")
    with pytest.raises(UsageError, match="Both are 'compressed'"):
        trying.pair(made, "compressed")
    with pytest.raises(UsageError, match="has made no file"):
        trying.pair(made.model_copy(update={"variants": ()}))
    with pytest.raises(UsageError, match="no file of the uncut model"):
        trying.pair(made.model_copy(update={"variants": made.variants[3:]}))
