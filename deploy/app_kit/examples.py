"""One input, and what a run's files make of it: by which an app's developer sees that the app does the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deploy.app_kit.contents import AppKit, InputRecipe, KitFile
from deploy.job import Job
from deploy.measure.answers import Logits
from deploy.measure.reference import reference_outputs
from pqv_core.data import dataset
from pqv_core.process.worker_client import Worker
from pqv_core.project import project_file as projects
from pqv_core.results.record import LOCAL, Measurement

_EXACT = 0.02
"""Of a pixel's 255 steps: what rounding to float32 may have taken from a whole number."""


@dataclass(frozen=True)
class Example:
    """An input of a run's files.

    Attributes:
        values: Of the input, (channels, height, width), float32.
        is_image: Whether it is a validation image; otherwise it is noise.
        logits: By the file's name, (classes,).
    """

    values: NDArray[np.float32]
    is_image: bool
    logits: dict[str, Logits]


def answered(
    kit: AppKit, *, project: Path | None, scratch: Path, job: Job, worker: Callable[..., Worker] = Worker
) -> Example:
    """Let this computer answer with every file of a kit: to a validation image of the project, else to noise.

    Args:
        project: The project of the run; None where only the run is left.
        scratch: A folder for what is computed on the way.

    Raises:
        BenchmarkError: This computer cannot run a file.
        Cancelled: The person asked for the end.
    """
    paths = [file.path for file in kit.files]
    found = reference_outputs(paths, folder=scratch, val=_images(kit, project), images=1, job=job, worker=worker)
    one = found[paths[0]]
    values = np.fromfile(one.inputs, dtype="<f4").reshape(one.count, *kit.recipe.input_size)[-1]
    return Example(values, bool(one.labels), {path.name: found[path].expected[-1] for path in paths})


def _images(kit: AppKit, project: Path | None) -> Path | None:
    """The folder of the run's validation images, where it is there."""
    data = kit.record.config.get("data")
    val = data.get("val") if isinstance(data, dict) else None
    if project is None or not isinstance(val, str) or not val or dataset.is_named(val):
        return None
    folder = projects.resolved_path(val, project=project)
    return folder if folder.is_dir() else None


def pixels(values: NDArray[np.float32], recipe: InputRecipe) -> NDArray[np.uint8] | None:
    """The image behind an input, (height, width, channels); None where it had more than 8 bits, or is none."""
    mean = np.asarray(recipe.mean, np.float64)[:, None, None]
    std = np.asarray(recipe.std, np.float64)[:, None, None]
    steps = (values * std + mean) * 255
    whole = np.rint(steps)
    if np.abs(steps - whole).max() > _EXACT or whole.min() < 0 or whole.max() > 255:
        return None
    return whole.astype(np.uint8).transpose(1, 2, 0)


def described(kit: AppKit, example: Example) -> dict[str, Any]:
    """For ``expected.json``: the answers here, and how far devices were from this computer's."""
    return {
        "input": "a validation image" if example.is_image else "noise",
        "computed_on": kit.record.environment.processor,
        "versions": kit.record.environment.versions,
        "files": {file.path.name: _answer(kit, file, example.logits[file.path.name]) for file in kit.files},
    }


def _answer(kit: AppKit, file: KitFile, logits: Logits) -> dict[str, Any]:
    best = int(logits.argmax())
    return {
        "class": best,
        "label": kit.labels[best] if best < len(kit.labels) else str(best),
        "logits": [round(float(value), 6) for value in logits],
        "devices": [_measured(item) for item in file.variant.measurements if item.target != LOCAL],
    }


def _measured(item: Measurement) -> dict[str, Any]:
    parity = item.parity
    return {
        "device": item.target,
        "median_ms": round(item.median_ms, 4),
        "threads": item.threads,
        "relative_error": parity.relative if parity is not None else None,
    }
