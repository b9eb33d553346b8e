"""What the fork server saves: ``pqv demo --fresh`` as it is, and with every measuring process importing torch anew.

    python -m bench.demo_bench [--rounds N] [--json]

Both take turns, each in a folder of its own, the order changing from round to round. Counted are the clock and the
processor time, user and system, of every process that a demo starts, also of those that outlive their parent for a
moment: they become children of this program, which waits for them. Exits with 1 where the median of the rounds' ratios
by the clock is above what was aimed at. Linux only, as the fork server is.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
AIM = 0.6
_PR_SET_CHILD_SUBREAPER = 36

_PQV = "import sys; from pqv_gui.cli import main; sys.exit(main())"
_WORKER_WITHOUT = """
import sys
from pqv_core.engine.measure import fork_server
fork_server.IS_POSSIBLE = False
from pqv_core.engine import worker
sys.exit(worker.main())
"""
_PQV_WITHOUT = f"""
import sys
from pqv_core.process import worker_client
command = (sys.executable, "-P", "-c", {_WORKER_WITHOUT!r}, "--owned")
worker_client.default_command = lambda: command
{_PQV}
"""
WAYS = {"fork server": _PQV, "without": _PQV_WITHOUT}


def adopt_orphans() -> None:
    """Become the parent of every descendant that loses its own, so that its processor time is counted here."""
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def processor_seconds() -> float:
    """User and system time of all children that have been waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def demo(script: str, folder: Path) -> dict[str, float]:
    """Run the demo in ``folder``: seconds by the clock, and of the processor."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    clock, processor = time.perf_counter(), processor_seconds()
    done = subprocess.run(
        [sys.executable, "-P", "-c", script, "demo", str(folder), "--fresh", "--json"],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    taken = time.perf_counter() - clock
    if done.returncode:
        raise SystemExit(f"the demo failed:\n{done.stderr}")
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()
    return {"clock": taken, "processor": processor_seconds() - processor}


def in_turns(rounds: int) -> dict[str, list[dict[str, float]]]:
    """Seconds of each way in each round."""
    found: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as place:
        for number in range(rounds):
            for way in sorted(WAYS, reverse=number % 2 == 1):
                found[way].append(demo(WAYS[way], Path(place, f"{way} {number}")))
    return found


def summary(found: dict[str, list[dict[str, float]]]) -> dict[str, dict[str, float]]:
    """Medians of each way, and of the rounds' ratios, by the clock and of the processor."""
    told = {}
    for unit in ("clock", "processor"):
        seconds = {way: [taken[unit] for taken in rounds] for way, rounds in found.items()}
        ratios = [ours / theirs for ours, theirs in zip(seconds["fork server"], seconds["without"], strict=True)]
        told[unit] = {way: statistics.median(values) for way, values in seconds.items()}
        told[unit]["ratio"] = statistics.median(ratios)
    return told


def main() -> int:
    """Measure, print, and say by the exit code whether the aim is reached."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    wanted = parser.parse_args()
    if sys.platform != "linux":
        print("demo            the fork server is for Linux, left out")
        return 0
    adopt_orphans()
    found = in_turns(wanted.rounds)
    told = summary(found)
    if wanted.json:
        print(json.dumps({**told, "rounds": found}))
    else:
        for unit, taken in told.items():
            print(f"demo, {unit:<10}{taken['fork server']:.1f} s, without fork server {taken['without']:.1f} s: "
                  f"{taken['ratio']:.2f}×")  # fmt: skip
    return 0 if told["clock"]["ratio"] <= AIM else 1


if __name__ == "__main__":
    sys.exit(main())
