"""Why a file could not be run: the file by name, its own words, and a remedy that fits the cause."""

from __future__ import annotations

import signal
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqv_core.formats import model_errors

HANDLE = "\n  \n  Debug info for handle(s): debug_handles:{-1}, was not found.\n  "


@pytest.mark.parametrize(
    ("text", "sentence", "action"),
    [
        (
            "mat1 and mat2 shapes cannot be multiplied (2x4 and 6x4)",
            "a different input shape, not 1 × 3",
            "input shape",
        ),
        (
            "Given groups=1, expected input[1, 3, 9, 9] to have 1 channels, but got 3",
            "a different input shape",
            "input shape",
        ),
        ("Expected Tensor but got None", "takes several inputs, not one image", "one image"),
        ("Expected tensor for argument #1 'indices' to have scalar types: Long", "takes whole numbers", "one image"),
        (
            "DefaultCPUAllocator: can't allocate memory",
            "not enough memory",
            "Close other",
        ),
        ("std::bad_alloc", "not enough memory", "Close other"),
        ("index 9 is out of bounds", "could not be run: index 9 is out of bounds.", "another engine"),
        ("", "could not be run; no reason was given.", "another engine"),
    ],
)
def test_what_pytorch_said_becomes_a_sentence(text: str, sentence: str, action: str) -> None:
    info = model_errors.explained("a.ptl", text + HANDLE, shape=(1, 3, 9, 9))
    assert info.message.startswith("a.ptl ") or "a.ptl" in info.message
    assert sentence in info.message
    assert "Debug info" not in info.message
    assert action in info.action


def test_the_models_own_words_are_quoted() -> None:
    info = model_errors.explained("a.ptl", "AssertionError: 32 x 32 only", own=True)
    assert info.message == "a.ptl refuses its input: “32 x 32 only”."
    info = model_errors.explained("a.ptl", "AssertionError: ", own=True)
    assert info.message == "a.ptl refuses its input: an assertion in it does not hold."
    info = model_errors.explained("a.ptl", "\x1b[31mred\x1b[0m " + "y" * 9000, own=True)
    assert info.message.startswith("a.ptl refuses its input: “red yyy")
    assert len(info.message) < 300


@given(st.text(max_size=500), st.booleans())
def test_any_words_are_one_printable_sentence(text: str, own: bool) -> None:
    info = model_errors.explained("a.ptl", text, own=own)
    assert info.message.isprintable()
    assert len(info.message) < 400
    assert info.action


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize(
    ("code", "stderr", "what", "frees_memory"),
    [
        (-signal.SIGKILL, "", "memory ran out", True),
        (-signal.SIGABRT, "terminate called after throwing an instance of 'std::bad_alloc'", "memory ran out", True),
        (-signal.SIGSEGV, "", "crashed in compiled code (SIGSEGV) while it ran a.ptl", False),
        (-signal.SIGTERM, "", "terminated from outside (SIGTERM)", False),
        (1, "Traceback", "ended unexpectedly (exit status 1)", False),
    ],
)
def test_other_programs_are_blamed_for_want_of_memory_alone(
    code: int, stderr: str, what: str, frees_memory: bool
) -> None:
    error = model_errors.ended(code, stderr, "a.ptl")
    assert what in error.message
    assert "a.ptl" in error.message
    assert ("Close other programs" in error.action) == frees_memory
