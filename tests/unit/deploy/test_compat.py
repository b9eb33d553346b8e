"""Which phones a runtime can be used on; all that speaks against one is said at once."""

from __future__ import annotations

from typing import Any

import pytest

from deploy.device.info import DeviceInfo
from deploy.kit import compat
from pqv_core.formats.base import Runtime

RUNTIME = Runtime(
    version="9.9", program="example", archives=(), abis=("arm64-v8a", "x86_64"), page_size=16384, api_level=26
)
PHONE = DeviceInfo(abis=("arm64-v8a", "armeabi-v7a"), sdk=34, page_size=16384, free_bytes=1 << 30)


def problems(*, programs: tuple[str, ...] = ("arm64-v8a", "x86_64"), **changes: Any) -> list[str]:
    """What speaks against a phone for which there are ``programs``."""
    info = PHONE.model_copy(update=changes)
    found = compat.problems(None, RUNTIME, info, abis=programs, needed_bytes=50_000_000)
    assert all(remedy for _, remedy in found)
    return [problem for problem, _ in found]


def test_a_phone_that_fits() -> None:
    assert problems() == []
    assert problems(sdk=26) == []


def test_a_phone_that_says_little_is_not_refused_for_it() -> None:
    assert problems(sdk=None, page_size=None, free_bytes=None) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"abis": ()}, "The phone does not report its processor."),
        (
            {"abis": ("armeabi-v7a", "armeabi")},
            "The Android runtime 9.9 has no libraries for this phone's processor (armeabi-v7a, armeabi), only for "
            "arm64-v8a and x86_64.",
        ),
        ({"sdk": 25}, "The phone has API level 25 of Android; the Android runtime 9.9 needs 26."),
        (
            {"page_size": 65536},
            "The phone uses memory pages of 64 KB; the libraries of the Android runtime 9.9 are built for 16 KB.",
        ),
        ({"free_bytes": 1_000_000}, "The phone has 1 MB free; 50 MB are needed."),
    ],
)
def test_each_problem_has_its_sentence(changes: dict[str, Any], said: str) -> None:
    assert problems(**changes) == [said]


def test_a_program_that_is_missing_is_another_matter_than_libraries_that_are() -> None:
    assert problems(programs=("x86_64",)) == [
        "There is no benchmark program for this phone's processor (arm64-v8a, armeabi-v7a)."
    ]


def test_all_of_it_is_said_at_once() -> None:
    assert len(problems(abis=("mips",), sdk=19, page_size=65536, free_bytes=0)) == 4
