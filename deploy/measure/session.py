"""Several files, in turns, on one phone: what is wrong with one of them does not keep the others back."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploy.job import Job
from deploy.measure import answer_cache
from deploy.measure import inputs as questions
from deploy.measure.phone import Phone, Request, Result
from pqv_core.errors import BenchmarkError, Cancelled, PqvError
from pqv_core.process.worker_client import Worker


@dataclass
class Session:
    """How it went on one phone.

    Attributes:
        results: By file, of those that were measured.
        failures: By file, of those that this phone cannot run.
        error: What ended it early.
    """

    results: dict[Path, Result] = field(default_factory=dict)
    failures: dict[Path, PqvError] = field(default_factory=dict)
    error: PqvError | None = None
    cancelled: bool = False


def measure(phone: Phone, requests: Sequence[Request]) -> Session:
    """Measure all files in turns, and say how that went.

    The measurements carry the id of this session as their ``loop``: files that took turns on one phone may be compared.
    What another session measured, on another day, may not.
    """
    session = Session()
    try:
        phone.bench_all(requests, loop=secrets.token_hex(4), results=session.results, failures=session.failures)
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
) -> tuple[tuple[Request, ...], str]:
    """What every phone is asked; without questions where this computer cannot answer them itself.

    Args:
        roles: Of each file in its run; without one, its path stands for it.
        compare: Let this computer answer first, so that phones can be compared with it.
        val: Validation images to ask about, besides a fixed input.
        images: Most of them.
        folder: Where questions and answers are kept until all phones are done.
        runs: The ``.runs`` folder of the project that the files belong to: beside its runs answers are kept for the
            next time.

    Returns:
        The requests, and why answers are not compared, where they should be and cannot; else "".

    Raises:
        Cancelled: The person asked for the end.
    """
    asked: dict[Path, questions.Questions] = {}
    problem = ""
    if compare:
        try:
            cache = runs / answer_cache.FOLDER if runs is not None else None
            asked = questions.ask(
                tuple(roles), folder=folder, val=val, images=images, job=job, worker=worker, cache=cache
            )
        except BenchmarkError as error:
            problem = f"Outputs are not compared: {error.message}"
    made = (
        Request(file, role=role or str(file), input_shape=shape, questions=asked.get(file))
        for file, role in roles.items()
    )
    return tuple(made), problem
