"""The summary at the right: what is chosen, and what it is predicted to give."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pqv_core import formatting
from pqv_core.config import ModelConfig, RunConfig
from pqv_core.config.export import TARGETS
from pqv_core.config.quantize import ENGINES
from pqv_core.criteria import CRITERIA
from pqv_core.errors import ConfigError, PluginError
from pqv_core.formats import FORMATS
from pqv_core.models.catalog import CatalogEntry
from pqv_core.models.predict import Prediction, predict
from pqv_gui.viewmodels.image_folders import ImageFolders
from pqv_gui.viewmodels.latency_tables import LatencyTables
from pqv_gui.viewmodels.model_catalog import ModelCatalog

WEIGHTS = {"pretrained": "Published weights", "file": "Weights from a file", "random": "Random weights"}


@dataclass(frozen=True)
class Estimate:
    """One predicted figure, before and after."""

    name: str
    before: str
    after: str
    change: str


@dataclass(frozen=True)
class Overview:
    """All of the summary.

    Attributes:
        choices: Short lines, each a name and what is chosen.
        problem: Why nothing can be predicted; empty where it can.
    """

    model: str
    choices: tuple[tuple[str, str], ...]
    estimates: tuple[Estimate, ...]
    prediction: Prediction | None
    problem: str = ""


def overview(
    config: RunConfig, *, models: ModelCatalog, images: ImageFolders, tables: LatencyTables | None = None
) -> Overview:
    """The summary of a project."""
    entry = models.get(config.model.name)
    predictions, problem = dict[str, Prediction](), ""
    if entry is not None:
        try:
            predictions = _by_format(entry, config, with_classes(config, images))
        except (ConfigError, PluginError) as error:
            problem = str(error)
    prediction = next(iter(predictions.values()), None)
    if prediction is not None and prediction.after is None:
        problem = prediction.why_not
    return Overview(
        model=config.model.name,
        choices=tuple(_choices(config, images)),
        estimates=(*_estimates(predictions, config), *_latencies(config, tables)),
        prediction=prediction,
        problem=problem,
    )


def _by_format(entry: CatalogEntry, config: RunConfig, model: ModelConfig) -> dict[str, Prediction]:
    """What becomes of a model, by the format of the file; all else is the same in each."""
    return {
        format: predict(
            entry, model=model, prune=config.prune, quantize=config.quantize, tokens=config.tokens, format=format
        )
        for format in config.export.formats
    }


def with_classes(config: RunConfig, images: ImageFolders) -> ModelConfig:
    """The model's settings with as many classes as the images have."""
    if images.classes is None or "num_classes" in config.model.arguments:
        return config.model
    return config.model.changed(arguments={**config.model.arguments, "num_classes": images.classes})


def _choices(config: RunConfig, images: ImageFolders) -> list[tuple[str, str]]:
    prune = config.prune
    pruned = f"{config.cut_words}, {CRITERIA[prune.importance].label}" if prune.enabled else "Off"
    quantized = config.quantize.label
    if config.uses_engine:
        quantized = f"{quantized}, {ENGINES[config.quantize.engine].label}"
    return [
        ("Target", TARGETS[config.export.target].label),
        ("Weights", WEIGHTS[config.model.weights]),
        ("Images", _images(images)),
        ("Pruning", pruned),
        *([("Merging", config.tokens.words)] if config.tokens.enabled else []),
        ("Fine-tuning", config.tuning_words or "Off"),
        ("Precision", quantized),
    ]


def _images(images: ImageFolders) -> str:
    parts = [
        f"{folder.scan.total:,} {name}"
        for folder, name in ((images.train, "train"), (images.val, "validation"))
        if folder.scan is not None
    ]
    if images.checking:
        return "Scanning …"
    return ", ".join(parts) if parts else "None: no accuracy"


def _latencies(config: RunConfig, tables: LatencyTables | None) -> Iterator[Estimate]:
    """How long the result takes on each device of which there is a table; tables know models with all their tokens."""
    for found in tables.predictions(config) if tables is not None else ():
        words, after = formatting.nanoseconds, None if config.tokens.enabled else found.after_ns
        yield _estimate(f"Latency, {found.device}", found.before_ns, after, words)


def _estimates(predictions: Mapping[str, Prediction], config: RunConfig) -> tuple[Estimate, ...]:
    """Figures of the model, and for each format the size of its file; what a budget leaves is not known before."""
    if not predictions:
        return ()
    if config.prunes_for_budget:
        predictions = {format: replace(found, after=None) for format, found in predictions.items()}
    first = next(iter(predictions.values()))
    before, after = first.before, first.after
    made = [_estimate("Parameters", before.params, after.params if after else None, formatting.count)]
    if before.macs is not None:
        made.append(_estimate("Compute", before.macs, after.macs if after else None, formatting.macs))
    for format, found in predictions.items():
        name = "File size" if len(predictions) == 1 else f"File size, {FORMATS[format].suffix}"
        size = found.after.file_bytes if found.after else None
        made.append(_estimate(name, found.before.file_bytes, size, formatting.size))
    return tuple(made)


def _estimate(name: str, before: float, after: float | None, words: Callable[[Any], str]) -> Estimate:
    if after is None:
        return Estimate(name, words(before), "", "")
    return Estimate(name, words(before), words(after), formatting.change(before, after))
