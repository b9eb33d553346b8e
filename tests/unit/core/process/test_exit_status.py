"""Why a worker ended without a word, in a sentence."""

from __future__ import annotations

import pytest

from pqv_core.process import exit_status


def test_an_abort_for_want_of_memory_is_not_called_a_crash() -> None:
    error = exit_status.explain(-6, stderr="terminate called after throwing an instance of 'std::bad_alloc'")
    assert "memory" in error.message and "ulimit -v" in error.action


def test_any_other_abort_is() -> None:
    assert "SIGABRT" in exit_status.explain(-6, stderr="assertion failed").message


@pytest.mark.parametrize(
    "text",
    [
        "libtorch_cpu.so: failed to map segment from shared object",
        "[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory",
        "CUDA out of memory.",
        "[Errno 12] Cannot allocate memory",
    ],
)
def test_what_libraries_say_of_memory_is_understood(text: str) -> None:
    assert exit_status.is_about_memory(text)
