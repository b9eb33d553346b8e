"""Inputs that a device and this computer both run, and this computer's outputs for comparison."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deploy.job import Job
from deploy.measure import answer_cache, answers
from deploy.measure.worker_result import worker_result
from pqv_core.errors import PqvError
from pqv_core.process.job import AnswerJob, Answers
from pqv_core.process.worker_client import Worker
from pqv_core.results.record import Accuracy, Parity


@dataclass(frozen=True)
class Reference:
    """Inputs of one file, and what this computer makes of them.

    Attributes:
        inputs: Raw float32 inputs, one after another.
        count: Number of inputs.
        labels: Classes of the last inputs, those that are validation images.
        expected: This computer's logits with the same file, (inputs, classes).
    """

    inputs: Path
    count: int
    labels: tuple[int, ...]
    expected: answers.Logits

    def judge(self, logits: answers.Logits) -> tuple[Parity, Accuracy | None]:
        """A device's logits, (inputs, classes), against this computer's, and against the labels where there are any."""
        images = logits[len(logits) - len(self.labels) :]
        return answers.compare(logits, self.expected), answers.accuracy(
            images, np.asarray(self.labels)
        ) if self.labels else None


def reference_outputs(
    files: Sequence[Path],
    *,
    folder: Path,
    val: Path | None = None,
    images: int,
    job: Job,
    worker: Callable[[AnswerJob], Worker] = Worker,
    cache: Path | None = None,
) -> dict[Path, Reference]:
    """Let this computer answer first: a fixed input, and up to ``images`` validation images.

    Args:
        files: Which take inputs of one shape.
        folder: Where inputs and answers are put; kept for as long as they are used.
        cache: Where answers are kept for the next time; None for nowhere.

    Raises:
        BenchmarkError: This computer cannot answer.
        Cancelled: The person asked for the end.
    """
    asked = AnswerJob(
        run=job.run,
        files=tuple(str(file.resolve()) for file in files),
        folder=str(folder.resolve()),
        val=str(val.resolve()) if val else None,
        images=images,
    )
    found = _known_or_answered(asked, job, worker, cache)
    return {
        file: Reference(
            inputs=Path(found.inputs),
            count=found.count,
            labels=found.labels,
            expected=answers.read_logits(Path(found.logits[str(file.resolve())]), found.count),
        )
        for file in files
    }


def _known_or_answered(
    asked: AnswerJob, job: Job, worker: Callable[[AnswerJob], Worker], cache: Path | None
) -> Answers:
    if cache is None:
        return _answered(asked, job, worker)
    try:
        key = answer_cache.key(asked)
    except PqvError:  # the worker says what is wrong
        return _answered(asked, job, worker)
    found = answer_cache.find(cache, key, asked)
    if found is None:
        found = _answered(asked, job, worker)
        answer_cache.keep(cache, key, asked, found)
    return found


def _answered(asked: AnswerJob, job: Job, worker: Callable[[AnswerJob], Worker]) -> Answers:
    found = worker_result(asked, job, worker, missing="This computer's outputs are missing.")
    return Answers.model_validate(found)
