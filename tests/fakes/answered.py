"""A run that has kept what its models and its file answered."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pqv_core.results import answers
from pqv_core.results import record as results
from pqv_core.results.record import RunRecord, StageRecord
from tests.fakes.records import record

CLASSES = ("cat", "cow", "dog")
LABELS = (0, 0, 0, 1, 1, 2)
IMAGES = ("cat/0.png", "cat/1.png", "cat/2.png", "cow/3.png", "cow/4.png", "dog/5.png")
DENSE = (0, 0, 0, 1, 2, 1)
FINAL = (0, 0, 1, 1, 1, 1)
FILE = (0, 1, 2, 1, 1, 0)
"""Two cats are lost, the second cow is won, and the dog is taken for a cat instead of a cow."""


def answered_record(run: str = "r1") -> RunRecord:
    """A whole run that was judged."""
    done = (StageRecord(name=stage, state="done") for stage in ("evaluate", "evaluate_pruned", "verify"))
    return record(run).model_copy(update={"stages": tuple(done)})


def keep(
    directory: Path,
    stage: str,
    given: dict[str, Sequence[int]],
    *,
    classes: Sequence[str] = CLASSES,
    images: Sequence[str] = IMAGES,
    labels: Sequence[int] = LABELS,
) -> Path:
    """Write the answers of a stage; returns the file."""
    place = directory / "stages" / stage
    place.mkdir(parents=True, exist_ok=True)
    by_image = {
        key: {index: value for index, value in enumerate(values) if value >= 0} for key, values in given.items()
    }
    answers.save(place, classes=classes, images=images, labels=labels, answers=by_image)
    return place / answers.ANSWERS_FILE


def keep_run(directory: Path) -> RunRecord:
    """A run's folder with its record and all its answers."""
    made = answered_record(directory.name)
    results.save(directory, made)
    keep(directory, "evaluate", {"dense": DENSE})
    keep(directory, "evaluate_pruned", {"final": FINAL})
    keep(directory, "verify", {"compressed": FILE})
    return made
