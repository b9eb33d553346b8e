"""What exported files answer to images of a person's choice, on this computer."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from pqv_core.engine.context import Context
from pqv_core.engine.data.batches import normalized
from pqv_core.engine.data.image_reading import Item, ReadingRecipe, read
from pqv_core.engine.data.preprocessing import Preprocessing
from pqv_core.engine.measure import benchmark, environment
from pqv_core.engine.measure.answer_job import described, exported
from pqv_core.engine.measure.evaluate import Answer
from pqv_core.errors import DataError, ModelError
from pqv_core.process.job import Guess, Tried, TryJob

_MOST_LIKELY = 5
_AT_ONCE = 16


def run(job: TryJob, context: Context) -> Tried:
    """Ask every file of ``job`` about every image, each alone, in a clean process.

    Raises:
        FileFormatError: A file is damaged, or of no format that can be run.
        UsageError: A file does not say which inputs it takes.
        DataError: None of the images can be read.
        ModelError: A file's outputs are not finite.
        Cancelled: The end was asked for.
    """
    context.enter("try")
    problems: dict[str, str] = {}
    guesses: dict[str, dict[str, tuple[Guess, ...]]] = {}
    for number, file in enumerate(job.files):
        form, classes = described(Path(file))
        with (
            context.part("answers", number / len(job.files), (number + 1) / len(job.files)),
            tempfile.TemporaryDirectory() as scratch,
            benchmark.answering(
                exported(str(number), Path(file)),
                threads=environment.default_threads(),
                scratch=Path(scratch),
                context=context,
            ) as answer,
        ):
            guesses[file] = dict(_guessed(job.images, answer, form, classes or [], problems, context))
    if len(problems) == len(job.images):
        first = job.images[0]
        raise DataError(
            f"None of the images can be read; {Path(first).name}: {problems[first]}.", action="Choose other files."
        )
    return Tried(guesses=guesses, problems=problems)


def _guessed(
    images: tuple[str, ...],
    answer: Answer,
    form: Preprocessing,
    classes: list[str],
    problems: dict[str, str],
    context: Context,
) -> Iterator[tuple[str, tuple[Guess, ...]]]:
    """Each image that can be read, with the classes that a file takes it for; why others cannot is noted."""
    recipe = ReadingRecipe(Path(), form)
    for start in range(0, len(images), _AT_ONCE):
        context.check_cancelled()
        context.progress(start, len(images), unit="images")
        pictures = {path: read(recipe, Item(0, 0, path)) for path in images[start : start + _AT_ONCE]}
        problems |= {path: picture for path, picture in pictures.items() if isinstance(picture, str)}
        whole = {path: picture for path, picture in pictures.items() if isinstance(picture, Tensor)}
        if whole:
            logits = answer(normalized(torch.stack(list(whole.values())), form))
            yield from zip(whole, (_likeliest(row, classes) for row in logits), strict=True)


def _likeliest(logits: Tensor, classes: list[str]) -> tuple[Guess, ...]:
    if not torch.isfinite(logits).all():
        raise ModelError("The file's outputs are not finite.", action="Export with another precision or engine.")
    shares, outputs = logits.double().softmax(0).topk(min(_MOST_LIKELY, len(logits)))
    return tuple(
        Guess(name=classes[output] if output < len(classes) else f"output {output}", share=share)
        for output, share in zip(outputs.tolist(), shares.tolist(), strict=True)
    )
