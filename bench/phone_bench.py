"""Files for phones under a real Android C library on this computer, in turns.

    python -m bench.phone_bench AENV FILE...

AENV is a folder with ``run-x86_64``, which starts an Android program under a bionic for x86_64. Each file runs by its
format's prebuilt program beside its runtime's libraries, as on a phone. The processor time of an inference (user and
system, of all threads) is what a longer run takes beyond a short one, so that loading is not in it, and it holds on a
busy machine where the time on the clock does not.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.job import Job
from deploy.kit import programs, runtimes
from deploy.measure.runner import PROGRAM
from pqv_core import formats
from pqv_core.formats import Format

ABI = "x86_64"
ROUNDS = 3
SHORT, LONG = 2, 32
THREADS = (1, 2)


@dataclass
class Series:
    """One file with one number of threads.

    Attributes:
        cpu_ms: Processor time of an inference, one figure a round.
        wall_ns: On the clock, all inferences of the longer runs.
    """

    cpu_ms: list[float] = field(default_factory=list)
    wall_ns: list[int] = field(default_factory=list)


def main() -> None:
    """Measure what the command line names, and print a line for each file and number of threads."""
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    wrapper, files = Path(sys.argv[1], f"run-{ABI}").resolve(), [Path(name).resolve() for name in sys.argv[2:]]
    series = {(file, threads): Series() for threads in THREADS for file in files}
    with tempfile.TemporaryDirectory(prefix="pqv-phone-bench-") as folder:
        commands = {file: [str(wrapper), *command(file, Path(folder))] for file in files}
        for _ in range(ROUNDS):
            for (file, threads), one in series.items():
                take(one, [*commands[file], "--threads", str(threads)])
    for (file, threads), one in series.items():
        cpu, wall = statistics.median(one.cpu_ms), statistics.median(one.wall_ns) / 1e6
        print(f"{file.name:32} threads {threads}  processor {cpu:8.2f} ms  clock {wall:8.2f} ms")


def command(file: Path, folder: Path) -> list[str]:
    """The words that measure a file, but for threads and inferences; its format's program is put into ``folder``."""
    found, facts = formats.read(file)
    place = folder / found.key
    program = place / PROGRAM if place.exists() else kit(found, place)
    shape = ",".join(map(str, facts.input_shape or (1, 3, 224, 224)))
    words = [str(program), "--json", "--model", str(file), "--input-shape", shape]
    return [*words, "--warmup", "3", "--max-seconds", "600"]


def kit(found: Format, folder: Path) -> Path:
    """The program for a format, in a folder of its own with the libraries that it needs."""
    runtime = found.runtime(found.default_runtime)
    archives = runtimes.archives(runtime, Job())
    folder.mkdir()
    for library in runtimes.libraries(runtime, ABI, archives):
        shutil.copy(library, folder)
    return Path(shutil.copy(programs.verified(runtime.program, ABI), folder))


def take(series: Series, words: list[str]) -> None:
    """A short and a longer run of one file."""
    before, _ = run([*words, "--min-iters", str(SHORT)])
    after, samples = run([*words, "--min-iters", str(SHORT + LONG)])
    series.cpu_ms.append((after - before) / LONG * 1000)
    series.wall_ns += samples


def run(words: list[str]) -> tuple[float, list[int]]:
    """Seconds of processor time, and nanoseconds of each inference."""
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    lines: list[dict[str, Any]] = [json.loads(line) for line in process.stdout if line.startswith(b"{")]
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    if process.returncode:
        raise SystemExit(f"{' '.join(words)}: {lines[-1]['message'] if lines else process.returncode}")
    return used.ru_utime + used.ru_stime, [line["ns"] for line in lines if line["type"] == "iteration"]


if __name__ == "__main__":
    main()
