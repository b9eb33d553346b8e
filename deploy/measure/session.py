"""Several files, in turns, on one device: what is wrong with one of them does not keep the others back."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploy.device import discovery
from deploy.device.shell import Check, Shell
from deploy.device.target import Found
from deploy.job import Job
from deploy.kit.kit import KitChoice
from deploy.measure import answer_cache
from deploy.measure.device_bench import BenchRequest, BenchResult, DeviceBench
from deploy.measure.reference import Reference, reference_outputs
from deploy.measure.steps import PhoneConfig
from pqv_core.errors import BenchmarkError, Cancelled, PqvError
from pqv_core.process.worker_client import Worker


@dataclass
class BenchSession:
    """How it went on one device.

    Attributes:
        results: By file, of those that were measured.
        failures: By file, of those that this device cannot run.
        error: What ended it early.
    """

    results: dict[Path, BenchResult] = field(default_factory=dict)
    failures: dict[Path, PqvError] = field(default_factory=dict)
    error: PqvError | None = None
    cancelled: bool = False


def bench_of(
    found: Found,
    job: Job,
    config: PhoneConfig,
    choice: KitChoice,
    *,
    asked: Callable[[], None] | None = None,
    skip_cooling: threading.Event | None = None,
) -> DeviceBench:
    """What measures on a device.

    Args:
        asked: Called when the device shows its question to the person.
        skip_cooling: Set when the person does not want to wait for a cool device any longer.
    """
    target = discovery.target(found.target)

    def connect(check: Check) -> Shell:
        return target.connect(found, check, asked=asked)

    return DeviceBench(found.key, target, connect, job, config, choice, skip_cooling or threading.Event())


def measure(bench: DeviceBench, requests: Sequence[BenchRequest]) -> BenchSession:
    """Measure all files in turns, and say how that went.

    The measurements carry the id of this session as their ``loop``: files that took turns on one device may be
    compared. What another session measured, on another day, may not.
    """
    session = BenchSession()
    try:
        bench.bench_all(requests, loop=secrets.token_hex(4), results=session.results, failures=session.failures)
    except Cancelled:
        session.cancelled = True
    except PqvError as error:
        session.error = error
    return session


def requests(
    roles: Mapping[Path, str],
    *,
    shape: tuple[int, ...] | None,
    compare: bool,
    val: Path | None,
    images: int,
    folder: Path,
    job: Job,
    worker: Callable[..., Worker] = Worker,
    runs: Path | None = None,
) -> tuple[tuple[BenchRequest, ...], str]:
    """What every device is asked; without reference outputs where this computer cannot compute them.

    Args:
        roles: Of each file in its run; without one, its path stands for it.
        compare: Let this computer answer first, so that devices can be compared with it.
        val: Validation images to ask about, besides a fixed input.
        images: Most of them.
        folder: Where inputs and reference outputs are kept until all devices are done.
        runs: The ``.runs`` folder of the project that the files belong to: beside its runs answers are kept for the
            next time.

    Returns:
        The requests, and why answers are not compared, where they should be and cannot; else "".

    Raises:
        Cancelled: The person asked for the end.
    """
    known: dict[Path, Reference] = {}
    problem = ""
    if compare:
        try:
            cache = runs / answer_cache.FOLDER if runs is not None else None
            known = reference_outputs(
                tuple(roles), folder=folder, val=val, images=images, job=job, worker=worker, cache=cache
            )
        except BenchmarkError as error:
            problem = f"Outputs are not compared: {error.message}"
    made = (
        BenchRequest(file, role=role or str(file), input_shape=shape, reference=known.get(file))
        for file, role in roles.items()
    )
    return tuple(made), problem
