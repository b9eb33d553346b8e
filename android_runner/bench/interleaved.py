"""Compare pqv_bench with the bare loop: interleaved.py FOLDER MODEL SHAPE [ROUNDS [ITERATIONS [THREADS]]].

FOLDER is the build folder (build/runner/host); the model's suffix says which programs of it are meant. WRAPPER, in the
environment, starts them where this computer cannot by itself. The two programs take turns, so that what else the
machine does falls on both; the medians of all samples are compared.
"""

from __future__ import annotations

import json
import os
import shlex
import statistics
import subprocess
import sys
from pathlib import Path

PROGRAMS = {
    ".ptl": ("bench/bare_loop", "pqv_bench"),
    ".pte": ("bench/bare_loop_executorch", "executorch/pqv_bench"),
}
WRAPPER = shlex.split(os.environ.get("WRAPPER", ""))


def bare(program: Path, model: str, shape: str, iterations: int, threads: int) -> list[int]:
    command = [*WRAPPER, str(program), model, shape, "3", str(iterations), str(threads)]
    return [int(line) for line in subprocess.check_output(command, text=True).splitlines() if line.isdecimal()]


def ours(program: Path, model: str, shape: str, iterations: int, threads: int) -> list[int]:
    command = [*WRAPPER, str(program), "--json", "--model", model, "--input-shape", shape, "--warmup", "3"]
    command += ["--min-iters", str(iterations), "--threads", str(threads)]
    # Read while it runs, as its users do.
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        records = [json.loads(line) for line in process.stdout if line.startswith("{")]
    return [record["ns"] for record in records if record["type"] == "iteration"]


def main() -> None:
    folder, model, shape, *counts = sys.argv[1:]
    rounds, iterations, threads = (*map(int, counts), *(10, 100, 1)[len(counts) :])
    bare_loop, program_name = PROGRAMS[Path(model).suffix]
    samples: dict[str, list[int]] = {"bare": [], "pqv_bench": []}
    medians: dict[str, list[float]] = {"bare": [], "pqv_bench": []}
    for turn in range(rounds):
        pair = [("bare", bare, bare_loop), ("pqv_bench", ours, program_name)]
        for name, measure, path in pair if turn % 2 else reversed(pair):
            found = measure(Path(folder, path), model, shape, iterations, threads)
            samples[name] += found
            medians[name].append(statistics.median(found))
    for name, found in samples.items():
        print(
            f"{name:10} median {statistics.median(found) / 1e6:.4f} ms over {len(found)}; best {min(found) / 1e6:.4f}"
        )
    print(f"ratio of medians {statistics.median(samples['pqv_bench']) / statistics.median(samples['bare']):.4f}")
    print(f"ratio of the rounds' least medians {min(medians['pqv_bench']) / min(medians['bare']):.4f}")


if __name__ == "__main__":
    main()
