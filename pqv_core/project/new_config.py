"""From what a person said on the command line to the config of a new project."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pqv_core.config import (
    DataConfig,
    ModelConfig,
    RunConfig,
    budget,
    channels,
    distillation,
    with_setting,
    with_settings,
)
from pqv_core.config import export as exports
from pqv_core.config.model import argument_problem
from pqv_core.criteria import CRITERIA
from pqv_core.data import brightness, class_order, dataset, images
from pqv_core.data import layout as dataset_layout
from pqv_core.data.dataset import Listing
from pqv_core.errors import ConfigError, DataError, StorageError, UsageError
from pqv_core.files import weights_files
from pqv_core.formats import FORMATS
from pqv_core.models import merged_tokens, predict, sources
from pqv_core.project import own_presets, presets
from pqv_core.project import project_file as projects

EPOCHS_WITH_IMAGES = 3


@dataclass(frozen=True)
class Choices:
    """What was said; None is left to the defaults.

    Attributes:
        project: The project file to come; stored paths are relative to its folder.
        preset: Name of a preset; what is said beside it counts more.
        formats: Keys of file formats; none for the target's usual ones.
        settings: ``KEY=VALUE`` pairs, which have the last word.
    """

    project: Path
    model: str
    pretrained: bool = False
    weights: Path | None = None
    random: bool = False
    data: Path | None = None
    importance: str | None = None
    ratio: float | None = None
    latency: str | None = None
    speedup: str | None = None
    on: str | None = None
    max_size: str | None = None
    prune: bool = True
    epochs: int | None = None
    precision: str | None = None
    engine: str | None = None
    target: str | None = None
    formats: Sequence[str] = ()
    preset: str | None = None
    settings: Sequence[str] = ()


@dataclass(frozen=True)
class NewConfig:
    """The config, and what to say about it.

    Attributes:
        notes: A sentence for each choice that was made for the person.
        images: What was found in the folders of images, and what was not taken.
    """

    config: RunConfig
    notes: tuple[str, ...]
    images: tuple[str, ...] = ()


def build(choices: Choices) -> NewConfig:
    """A config that can be run.

    Raises:
        UsageError: Two options exclude each other, or a value cannot be.
        DataError: The images cannot be used.
    """
    notes: list[str] = []
    data = _data(choices, notes)
    config = RunConfig(model=_model(choices, data, notes), data=data)
    filled = _filled(choices, data, notes)
    config = with_settings(config, filled)
    for name, text in _given(choices, data, filled, notes):
        config = with_setting(config, name, text)
    for pair in choices.settings:
        config = with_setting(config, *_split(pair))
    config = _with_formats(config, choices, notes)
    check_settings(config, project=choices.project)
    found = look_at_images(config, project=choices.project)
    return NewConfig(config, tuple(notes), tuple(_image_notes(config, found, choices.project)))


def _with_formats(config: RunConfig, choices: Choices, notes: list[str]) -> RunConfig:
    """The formats that were asked for, or else those that the target usually gets, and what is said of them."""
    if any(_split(pair)[0] == "export.formats" for pair in choices.settings):
        return config
    target = config.export.target
    formats = tuple(choices.formats) or exports.usual_formats(target, precision=config.quantize.precision)
    if not choices.formats and len(formats) > 1:
        notes.append(f"Formats: {', '.join(formats)} (alternative: --format {formats[0]}).")
    if not choices.formats and target == "android":
        notes.extend(" ".join(missing) for info in FORMATS.values() if (missing := info.missing()))
    return with_settings(config, {"export.formats": formats})


def _filled(choices: Choices, data: DataConfig, notes: list[str]) -> dict[str, Any]:
    """What the preset sets."""
    if choices.preset is None:
        return {}
    entry = sources.entry(_source(choices), choices.model)
    uncut = entry.uncut if entry is not None else {}
    preset = presets.get(choices.preset, own_presets.found())
    settings, differs = preset.fitted(uncut, images=bool(data.train or data.val))
    notes.extend(differs)
    return settings


def check(config: RunConfig, *, project: Path) -> None:
    """Refuse at once what a run would refuse after a while.

    Raises:
        UsageError: There is no such model, it cannot be pruned as asked, or it cannot have such an argument.
        DataError: The images cannot be used.
        ModelError: The weights file is another kind of file.
        StorageError: The weights file does not exist.
    """
    check_settings(config, project=project)
    look_at_images(config, project=project)


def check_settings(config: RunConfig, *, project: Path) -> None:
    """The part of ``check`` that looks at no image.

    Raises:
        UsageError: There is no such model, it cannot be pruned as asked, or no file can be written so.
        ModelError: The weights file is another kind of file.
        StorageError: The weights file does not exist.
    """
    entry = sources.entry(config.model.source, config.model.name)
    if problem := argument_problem(config.model.arguments, source=config.model.source):
        raise UsageError(problem, action="Change the model's arguments.")
    why_not = predict.obstacle(entry, config.prune) if entry is not None and config.prune.enabled else ""
    if why_not:
        raise UsageError(why_not, action="Prune other parts, or turn pruning off (--no-prune).")
    if config.tokens.enabled and entry is not None and (why_not := merged_tokens.obstacle(entry.architecture)):
        raise UsageError(why_not, action=f"Choose another model, or leave {config.tokens.asked_by} out.")
    if token_problem := merged_tokens.problem(config):
        raise token_problem
    for refused in exports.problems(config.export, config.quantize):
        raise refused
    if config.model.weights == "file" and config.model.path:
        weights = projects.resolved_path(config.model.path, project=project)
        if not weights.exists():
            raise StorageError(
                f"The weights file does not exist: {weights}.", action="Give the path of a .safetensors or .pth file."
            )
        weights_files.parts(weights)
    if refused_together := channels.problem(config) or distillation.problem(config):
        raise refused_together
    _check_needs(config)


def look_at_images(config: RunConfig, *, project: Path) -> dict[str, Listing]:
    """What lies in the folders of images, by ``train`` and ``val``; named data sets, which the run fetches, left out.

    Raises:
        DataError: They cannot be used, or not together, or the file with the order of classes cannot.
        StorageError: They may not be read.
    """
    given = {name: stored for name in dataset.SPLITS if (stored := getattr(config.data, name))}
    folders = {name: projects.resolved_path(stored, project=project) for name, stored in given.items()}
    found = {
        name: dataset.listing(folder)
        for name, folder in folders.items()
        if folder.exists() or not dataset.is_named(given[name])
    }
    for listing in found.values():
        values = dataset.brightest(listing.folder, listing.samples)
        if problem := brightness.missing(values, config.data.scale, listing.folder):
            raise problem
    if len(found) == 2:
        dataset.check_pair(found["train"].classes, found["val"].classes)
    for name in found:
        class_order.arranged(found[name].classes, config.data.class_order, project=project)
    return found


def _image_notes(config: RunConfig, found: Mapping[str, Listing], project: Path) -> Iterator[str]:
    """What to say about the folders of images."""
    for name, listing in found.items():
        yield f"{dataset.SPLITS[name]} ({images.shown(getattr(config.data, name))}): {listing.sentence}"
        yield from (f"{dataset.SPLITS[name]}: {remark}" for remark in listing.remarks)
    if len(found) == 2 and (missing := dataset.missing_classes(found["train"].classes, found["val"].classes)):
        yield missing
    if found:
        names = (found.get("train") or found["val"]).classes
        named = class_order.arranged(names, config.data.class_order, project=project)
        if unseen := class_order.without_images(named, names):
            yield unseen
    if found and config.model.weights == "file" and config.data.class_order == class_order.TEXT:
        doubt = class_order.doubt(next(iter(found.values())).classes)
        if doubt:
            yield doubt


def _check_needs(config: RunConfig) -> None:
    given = {name for name in dataset.SPLITS if getattr(config.data, name)}
    if config.finetune.epochs and "train" not in given:
        raise DataError(
            "Fine-tuning needs training images, but there are none.",
            action="Give a folder with training images (--data DIR), or set --epochs 0.",
        )
    if config.prune.trains_between and "train" not in given:
        raise DataError(
            "Fine-tuning between the steps of pruning needs training images, but there are none.",
            action="Give a folder with training images (--data DIR), or leave prune.epochs_between at 0.",
        )
    if config.prune.enabled and CRITERIA[config.prune.importance].needs_images and not given:
        raise DataError(
            f"The importance {config.prune.importance} needs images, but there are none.",
            action="Give a folder with images (--data DIR), or choose --importance l2.",
        )


def _data(choices: Choices, notes: list[str]) -> DataConfig:
    if choices.data is None:
        notes.append("No images: accuracy is not measured; latency, size and memory are.")
        return DataConfig()
    if dataset.is_named(choices.data.as_posix()) and not choices.data.exists():
        return DataConfig(train=choices.data.as_posix(), val=choices.data.as_posix())
    pair = dataset_layout.find(choices.data)
    if pair.remark:
        notes.append(pair.remark)
    if pair.val is None:
        notes.append("No validation images: accuracy is not measured.")
    stored = {
        name: projects.stored_path(folder, project=choices.project) if folder else None
        for name, folder in (("train", pair.train), ("val", pair.val))
    }
    return DataConfig.parse(stored)


def _model(choices: Choices, data: DataConfig, notes: list[str]) -> ModelConfig:
    asked = [choices.pretrained, choices.weights is not None, choices.random]
    if sum(asked) > 1:
        raise UsageError(
            "--pretrained, --weights and --random are mutually exclusive.", action="Give one of them, or none."
        )
    model = ModelConfig.parse({"source": _source(choices), "name": choices.model})
    entry = sources.entry(model.source, model.name)
    if choices.weights is not None:
        path = projects.stored_path(choices.weights, project=choices.project)
        return model.changed(weights="file", path=path)
    if choices.pretrained and entry is not None and not entry.pretrained:
        raise UsageError(f"No weights are published for {choices.model}.", action="Give --weights FILE or --random.")
    if choices.pretrained or choices.random:
        return model.changed(weights="pretrained" if choices.pretrained else "random")
    if entry is not None and entry.pretrained and (data.train or data.val):
        notes.append("Weights: published (alternatives: --weights FILE, --random).")
        return model.changed(weights="pretrained")
    notes.append("Weights: random; they do not affect latency and size (alternatives: --pretrained, --weights FILE).")
    return model.changed(weights="random")


def _source(choices: Choices) -> str:
    """The model source, which says what the name means: among the other settings, but heeded before them."""
    given = dict(_split(pair) for pair in choices.settings)
    return given.get("model.source", sources.DEFAULT)


def _given(choices: Choices, data: DataConfig, filled: Mapping[str, Any], notes: list[str]) -> list[tuple[str, str]]:
    """Settings by dotted name, as text: what was said, and what follows from the images."""
    if not choices.prune and (choices.ratio is not None or choices.importance is not None):
        raise UsageError("--no-prune cannot be combined with --ratio or --importance.", action="Omit one of them.")
    limits = _limits(choices)
    importance = choices.importance or filled.get("prune.importance")
    if importance != choices.importance and choices.prune:
        notes.append(f"Importance: {importance}, from the preset.")
    if importance is None and choices.prune:
        importance = "taylor" if data.train or data.val else "l2"
        why = "on your images" if importance == "taylor" else "as Taylor needs images"
        notes.append(f"Importance: {importance}, {why}.")
    epochs = choices.epochs
    if epochs is None:
        epochs = EPOCHS_WITH_IMAGES if data.train else 0
        notes.append(
            f"Fine-tuning: {epochs} epochs." if epochs else "Fine-tuning: none, as there are no training images."
        )
    spoken: dict[str, Any] = {
        "prune.enabled": "true" if choices.prune else "false",
        "prune.importance": importance,
        "prune.ratio": choices.ratio,
        **limits,
        "finetune.epochs": epochs,
        "quantize.precision": choices.precision,
        "quantize.engine": choices.engine,
        "export.target": choices.target,
    }
    return [(name, str(value)) for name, value in spoken.items() if value is not None]


def _limits(choices: Choices) -> dict[str, Any]:
    """The budget that was asked for, by dotted names."""
    limits = {
        "budget.latency_ms": budget.milliseconds(choices.latency) if choices.latency is not None else None,
        "budget.speedup": budget.times(choices.speedup) if choices.speedup is not None else None,
        "budget.size_mb": budget.megabytes(choices.max_size) if choices.max_size is not None else None,
    }
    if not choices.prune and any(limits.values()):
        raise UsageError(
            "--no-prune cannot be combined with a budget (--latency, --speedup, --max-size).",
            action="Omit one of them.",
        )
    if choices.on and not (choices.latency or choices.speedup):
        raise UsageError("--on says whose latency is limited, and none is.", action="Add --latency or --speedup.")
    if choices.ratio is not None and any(limits.values()):
        raise UsageError("A budget takes the place of --ratio.", action="Omit one of them.")
    return {**limits, "budget.on": choices.on}


def _split(pair: str) -> tuple[str, str]:
    name, sign, value = pair.partition("=")
    if not sign or not name.strip():
        raise ConfigError(f"--set takes KEY=VALUE, not {pair!r}.", action="For example: --set prune.round_to=16.")
    return name.strip(), value.strip()
