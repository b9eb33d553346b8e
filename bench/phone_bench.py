"""Files for phones under a real Android C library on this computer, in turns, and TensorFlow Lite's beside them.

    python -m bench.phone_bench AENV [FILE...] [--model NAME]... [--rounds N] [--threads N]...

AENV is a folder with ``run-x86_64``, which starts an Android program under a bionic for x86_64, and
``toolchain-x86_64.cmake``, a CMake toolchain file, with which the bare loops are built. Without files, those of DeiT-T
and DeiT-S (or of the models named) are made first, with random weights, and kept in ``build/phones``: ours by the
product's exporters, TensorFlow Lite's by LiteRT's converter. Ours run by the product's program as it ships, some of
them by a bare loop as well, beside their runtime's libraries, as on a phone.

The processor time of an inference (user and system, of all threads) is what a longer run takes beyond a short one, so
that loading is not in it, and it holds on a busy machine where the time on the clock does not. All ratios are of files
that took turns.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.phones import files
from bench.phones.programs import Program, Programs
from pqv_core import formats

ABI = "x86_64"
MODELS = ("deit_tiny_patch16_224", "deit_small_patch16_224")
SHORT, LONG = 2, 12
BARE = " in a bare loop"
LOOPED = ("fp32.pte", "int8.pte", "int8.ptl")
"""Files that run in a bare loop too."""
RATIOS = (
    ("int8.pte", "int8.ptl"),
    ("int8.pte", "fp32.pte"),
    ("int8.pte", "int8.tflite"),
    ("fp32.pte", "fp32.tflite"),
    ("paper.ptl", "pruned-int8.pte"),
    ("fp32.ptl", "pruned-int8.pte"),
    *((name, name + BARE) for name in LOOPED),
)
"""Whose processor time is divided by whose."""


@dataclass
class Series:
    """One file with one number of threads.

    Attributes:
        cpu_ms: Processor time of an inference, one figure a round.
        wall_ns: On the clock, all inferences of the longer runs.
    """

    cpu_ms: list[float] = field(default_factory=list)
    wall_ns: list[int] = field(default_factory=list)

    @property
    def cpu(self) -> float:
        """Median in milliseconds."""
        return statistics.median(self.cpu_ms)

    @property
    def wall(self) -> float:
        """Median in milliseconds."""
        return statistics.median(self.wall_ns) / 1e6


@dataclass
class Entry:
    """A file, what runs it, and what was measured by the number of threads."""

    name: str
    file: Path
    program: Program
    shape: str = "1,3,224,224"
    series: dict[int, Series] = field(default_factory=dict)


def entries(paths: Iterable[Path], programs: Programs) -> Iterator[Entry]:
    """What runs each file; some run in a bare loop too, those of TensorFlow Lite in nothing else."""
    for path in paths:
        kind = path.suffix.removeprefix(".")
        if kind == "tflite":
            yield Entry(path.name, path, programs.bare(kind))
            continue
        shape = ",".join(map(str, formats.read(path)[1].input_shape or (1, 3, 224, 224)))
        yield Entry(path.name, path, programs.ours(kind), shape)
        if path.name in LOOPED:
            yield Entry(path.name + BARE, path, programs.bare(kind), shape)


def measure(found: list[Entry], *, rounds: int, numbers: Sequence[int]) -> None:
    """Take turns; nobody always follows the same neighbour."""
    for turn in range(rounds):
        first = turn % len(found)
        for threads in numbers:
            for entry in found[first:] + found[:first]:
                take(entry, threads)


def take(entry: Entry, threads: int) -> None:
    """A short and a longer run of one file."""
    used, samples = [], []
    for iterations in (SHORT, SHORT + LONG):
        command = entry.program.command(entry.file, shape=entry.shape, threads=threads, iterations=iterations)
        seconds, lines = run(command)
        used.append(seconds)
        samples = nanoseconds(lines)
    series = entry.series.setdefault(threads, Series())
    series.cpu_ms.append((used[1] - used[0]) / LONG * 1000)
    series.wall_ns += samples


def run(words: list[str]) -> tuple[float, list[str]]:
    """Seconds of processor time, and the lines that a program writes."""
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    lines = process.stdout.read().splitlines()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    if process.returncode:
        raise SystemExit(f"{' '.join(words)}: ended with {process.returncode}. {lines[-1] if lines else ''}")
    return used.ru_utime + used.ru_stime, lines


def nanoseconds(lines: Iterable[str]) -> list[int]:
    """Of each inference: of the records of our program, or of a bare loop's numbers."""
    found = []
    for line in lines:
        if line.isdecimal():
            found.append(int(line))
        elif line.startswith("{"):
            record: dict[str, Any] = json.loads(line)
            if record["type"] == "iteration":
                found.append(record["ns"])
    return found


def ratios(series: Mapping[str, Mapping[int, Series]]) -> Iterator[tuple[str, float]]:
    """What ``RATIOS`` asks of processor times with one thread, and how much sooner two threads are done than one."""
    for one, other in RATIOS:
        if 1 in series.get(one, {}) and 1 in series.get(other, {}):
            yield f"{one} ÷ {other}", series[one][1].cpu / series[other][1].cpu
    for name, found in series.items():
        if name.endswith(".pte") and {1, 2} <= found.keys():
            yield f"{name}, clock, one thread ÷ two", found[1].wall / found[2].wall


def report(title: str, found: list[Entry]) -> None:
    """Print a line for each file, and the ratios."""
    print(f"\n{title}")
    for entry in found:
        times = [
            f"threads {threads}: processor {one.cpu:7.1f} ms, clock {one.wall:7.1f} ms"
            for threads, one in entry.series.items()
        ]
        print(f"{entry.name:>28} {entry.file.stat().st_size / 1e6:6.1f} MB  {'  '.join(times)}")
    for name, value in ratios({entry.name: entry.series for entry in found}):
        print(f"{name}: {value:.3f}")


def main() -> None:
    """Make what is to be measured, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("android", type=Path, metavar="AENV")
    parser.add_argument("files", type=Path, nargs="*", metavar="FILE")
    parser.add_argument("--model", action="append", help="instead of DeiT-T and DeiT-S; repeatable")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, action="append", help="instead of one and two; repeatable")
    given = parser.parse_args()
    programs = Programs(given.android.resolve(), ABI, files.BUILD / f"programs-{ABI}")
    if given.files:
        groups = {"Files": [path.resolve() for path in given.files]}
    else:
        groups = {model: files.of(model) for model in given.model or MODELS}
    for title, paths in groups.items():
        found = list(entries(paths, programs))
        measure(found, rounds=given.rounds, numbers=given.threads or (1, 2))
        report(title, found)


if __name__ == "__main__":
    main()
