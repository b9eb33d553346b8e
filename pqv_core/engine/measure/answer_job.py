"""This computer's answers to inputs that a phone will be asked too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor

from pqv_core import formats
from pqv_core.engine.context import Context
from pqv_core.engine.data import batches as data
from pqv_core.engine.data.preprocessing import Preprocessing
from pqv_core.engine.measure import benchmark, environment
from pqv_core.engine.measure.file_client import ExportedFile
from pqv_core.engine.quantize import engines
from pqv_core.errors import UsageError, from_os_error
from pqv_core.files.fsio import replacing
from pqv_core.process.job import AnswerJob, Answers

_PREPROCESSING = TypeAdapter(Preprocessing)
_SEED = 0


def run(job: AnswerJob, context: Context) -> Answers:
    """Ask every file of ``job``, each input alone, in a clean process.

    Raises:
        FileFormatError: A file is damaged, or of no format that can be run.
        UsageError: The files do not say which inputs they take, or take different ones.
        DataError: The images cannot be used.
    """
    context.enter("answer")
    folder = Path(job.folder)
    inputs, labels = _inputs(job, context)
    files = [exported(str(index), Path(file)) for index, file in enumerate(job.files)]
    threads = environment.default_threads()
    logits = benchmark.answers(files, inputs, threads=threads, scratch=folder, context=context)
    return Answers(
        inputs=_raw(folder / "inputs.f32", inputs),
        count=len(inputs),
        labels=tuple(labels),
        logits={file: _raw(folder / f"logits-{i}.f32", logits[str(i)]) for i, file in enumerate(job.files)},
    )


def _inputs(job: AnswerJob, context: Context) -> tuple[Tensor, list[int]]:
    """Noise first, then images: (N, C, H, W), and the classes of the images."""
    forms = [described(Path(file)) for file in job.files]
    if len({form.input_size for form, _ in forms}) > 1:
        raise UsageError("These files take inputs of different shapes.", action="Measure them one by one.")
    form, classes = forms[0]
    noise = torch.randn(1, *form.input_size, generator=torch.Generator().manual_seed(_SEED))
    if job.val is None or classes is None:
        return noise, []
    images = data.open_images(Path(job.val), preprocessing=form, classes=classes, limit=job.images, context=context)
    rows, labels = [noise], []
    with context.part("inputs", 0.0, 0.1):
        for index in range(len(images)):
            context.progress(index, len(images), unit="images")
            image, label = images[index]
            rows.append(image[None])
            labels.append(int(label))
    return torch.cat(rows), labels


def described(path: Path) -> tuple[Preprocessing, list[str] | None]:
    """The input of a file and the names of its classes, as the file itself says."""
    description = formats.read(path)[1].description
    classes = description.get("classes")
    try:
        form = _PREPROCESSING.validate_python(description["preprocessing"])
    except (KeyError, ValidationError) as error:
        raise UsageError(
            f"{path.name} does not state its input shape.", action="Export it with PQV-Mobile.", details=str(error)
        ) from error
    return form, [str(name) for name in classes] if isinstance(classes, list) else None


def exported(key: str, path: Path) -> ExportedFile:
    """The file, with the engine that it names where this computer has it."""
    info, facts = formats.read(path)
    engine = str(facts.description.get("engine", ""))
    known = engine if engine in engines.supported_engines() else ""
    return ExportedFile(key=key, path=str(path), format=info.key, engine=known)


def _raw(path: Path, values: Tensor) -> str:
    try:
        with replacing(path) as temporary:
            values.numpy().astype(np.dtype("<f4")).tofile(temporary)
    except OSError as error:
        raise from_os_error(error, path) from error
    return str(path)
