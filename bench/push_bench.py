"""A push through a running adb server and over adb-shell against Debian's ``adb push``: same file, same fake phone.

    python -m bench.push_bench [--megabytes 100] [--rounds 9]

Needs ``adb``. The ways take turns, each round in another order. Prints the median MB/s of each, the median over the
rounds of its ratio to adb and the ratio of the fastest rounds (which a busy machine disturbs least), and how long a
second push and a cancel take.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import resource
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

from deploy.device import discovery
from deploy.device.shell import PushItem
from deploy.job import Job
from deploy.targets.android.adb_devices import AdbPhone
from deploy.targets.android.connection import AdbConnection, opener
from deploy.targets.android.push import push
from pqv_core.errors import Cancelled
from pqv_core.process.events import Event, Progress
from tests.fakes.adbd import Adbd, Faults
from tests.fakes.phone import Phone

TARGET = "/data/local/tmp/file"


def ours(found: AdbPhone, source: Path, job: Job | None = None) -> None:
    """One push as the program does it, from connecting to closing; the free space is known from the phone's facts."""
    with AdbConnection(found.key, opener(found)) as device:
        push(device, [PushItem(source, TARGET)], job or Job(), free=1 << 50)


def cancelled_after(found: AdbPhone, source: Path) -> float:
    """Seconds from a cancel in the middle of a push to the end of the push."""
    job = Job()
    start = 0.0

    def cancel(event: Event) -> None:
        nonlocal start
        if isinstance(event, Progress) and not job.cancelled.is_set():
            start = time.perf_counter()
            job.cancelled.set()

    job.send = cancel
    with contextlib.suppress(Cancelled):
        ours(found, source, job)
    return time.perf_counter() - start


def seconds(work: Callable[[], object]) -> float:
    """How long it took."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def serve(folder: str, pipe: Connection) -> None:
    """The phone, in a process of its own so that it takes no time from what is measured."""
    phone = Phone(Path(folder))
    phone.set_free(1 << 50)
    with Adbd(phone, Faults(auth="accept")) as daemon:
        pipe.send(daemon.address)
        pipe.recv()


def measure(address: str, file: Path, source: Path, rounds: int) -> dict[str, list[float]]:
    """Seconds of each way in each round."""
    adb = ["adb", "-s", address, "push", str(source), TARGET]
    server = discovery.choose(address, discovery.find())
    direct = AdbPhone(key=address, serial=address, kind="tcp", state="ready")
    ways: dict[str, Callable[[], object]] = {
        "adb": lambda: subprocess.run(adb, check=True, capture_output=True),
        "adb server": lambda: ours(server, source),
        "adb-shell over TCP": lambda: ours(direct, source),
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    names = list(ways)
    for turn in range(rounds + 1):
        for name in names[turn % 3 :] + names[: turn % 3]:
            file.unlink(missing_ok=True)
            taken[name].append(seconds(ways[name]))
    for name, found in (("adb server", server), ("adb-shell over TCP", direct)):
        ours(found, source)
        again = seconds(lambda found=found: ours(found, source))  # type: ignore[misc]
        file.unlink()
        print(f"{name:>20}: {again:.2f} s for the same file again, {cancelled_after(found, source):.2f} s to cancel")
    return {name: spent[1:] for name, spent in taken.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(dir=_fast()) as scratch:
        os.environ.update(HOME=scratch, XDG_CONFIG_HOME=scratch, ANDROID_ADB_SERVER_PORT=str(port))
        source = Path(scratch, "file")
        with source.open("wb") as file:
            for _ in range(options.megabytes):
                file.write(os.urandom(1_000_000))
        ours_end, theirs = multiprocessing.get_context("spawn").Pipe()
        phone = multiprocessing.get_context("spawn").Process(target=serve, args=(f"{scratch}/phone", theirs))
        phone.start()
        address = ours_end.recv()
        before = _peak()
        try:
            subprocess.run(["adb", "connect", address], check=True, capture_output=True)
            subprocess.run(["adb", "-s", address, "wait-for-device"], check=True)
            taken = measure(address, Path(scratch, "phone", TARGET.lstrip("/")), source, options.rounds)
        finally:
            subprocess.run(["adb", "kill-server"], check=True, capture_output=True)
            ours_end.send("end")
            phone.join()
    for name, spent in taken.items():
        ratio = statistics.median(base / own for base, own in zip(taken["adb"], spent, strict=True))
        best = min(taken["adb"]) / min(spent)
        speed = options.megabytes / statistics.median(spent)
        print(f"{name:>20}: {speed:6.0f} MB/s, {ratio:.2f} of adb (the fastest rounds: {best:.2f})")
    print(f"memory that the pushes took: {(_peak() - before) / 1e6:.0f} MB")


def _fast() -> str | None:
    """A folder in memory where there is one, so that no disk is measured."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - a private folder is made in it


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
