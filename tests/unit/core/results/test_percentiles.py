"""The benchmark program and this one mean the same by p90: the nearest rank, at every count."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqv_core.process import process_group
from pqv_core.process.child import Child
from pqv_core.results.record import Measurement
from pqv_gui.pages.device.phone_run import P90_WINDOW, RunningP90

SOURCES = Path(__file__).resolve().parents[4] / "android_runner" / "src" / "core"
COMPILER = next(filter(None, map(shutil.which, (os.environ.get("CXX", ""), "c++", "g++", "clang++"))), None)
# A line of samples in, their p90 out.
PROGRAM = """
#include "stats.hpp"
#include <iostream>
#include <sstream>
#include <string>
int main() {
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::vector<std::int64_t> samples;
    for (std::int64_t sample; words >> sample;) samples.push_back(sample);
    std::cout << pqv::summarize(samples).p90 << std::endl;
  }
}
"""


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Child]:
    """The program's own statistics, compiled for this computer."""
    if COMPILER is None:
        pytest.skip("no C++ compiler is installed")
    folder = tmp_path_factory.mktemp("stats")
    (folder / "p90.cpp").write_text(PROGRAM)
    sources = [str(folder / "p90.cpp"), str(SOURCES / "stats.cpp")]
    subprocess.run([COMPILER, "-std=c++17", f"-I{SOURCES}", *sources, "-o", str(folder / "p90")], check=True)
    with Child(process_group.start([str(folder / "p90")], environment=os.environ)) as child:
        yield child


def p90(runner: Child, samples: list[int]) -> int:
    runner.send(" ".join(map(str, samples)).encode())
    return int(runner.line() or b"0")


def ours(samples: list[int]) -> float:
    return Measurement(threads=1, warmup=0, samples_ns=tuple(samples)).percentile_ms(0.9) * 1e6


def test_they_agree_at_every_count(runner: Child) -> None:
    for count in range(1, 301):
        samples = list(range(count, 0, -1))
        assert p90(runner, samples) == round(ours(samples)) == -(-9 * count // 10), count


@given(samples=st.lists(st.integers(1, 2**50), min_size=1, max_size=P90_WINDOW))
def test_they_agree_on_every_list(runner: Child, samples: list[int]) -> None:
    assert p90(runner, samples) == round(ours(samples))
    live = RunningP90()
    assert [live.add(sample) for sample in samples][-1] == p90(runner, samples)
