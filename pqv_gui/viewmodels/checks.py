"""What is still missing before a project can run, said beside the field where it is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pqv_core.config import RunConfig, channels, distillation
from pqv_core.config.export import ExportConfig, engine_problem, format_problem
from pqv_core.config.model import argument_problem
from pqv_core.config.quantize import Engine
from pqv_core.criteria import CRITERIA
from pqv_core.data import brightness
from pqv_core.errors import from_os_error
from pqv_core.files import weights_files
from pqv_core.formats import FORMATS
from pqv_core.models import merged_tokens, predict
from pqv_core.models.sources import DEFAULT
from pqv_core.process.machine import Machine
from pqv_gui.viewmodels.image_folders import ImageFolders
from pqv_gui.viewmodels.latency_tables import LatencyTables
from pqv_gui.viewmodels.model_catalog import ModelCatalog
from pqv_gui.viewmodels.project_session import Problem, ProjectSession

_MERGE_NONE = {
    "tokens.merge": "Set the tokens to merge to 0.",
    "tokens.per_block": "Leave the tokens for each block empty.",
    "tokens.by_budget": "Turn off As many as pay.",
}


@dataclass(frozen=True)
class Surroundings:
    """What the settings are checked against."""

    models: ModelCatalog
    images: ImageFolders
    is_file: Callable[[Path], bool] = Path.is_file
    machine: Machine | None = None
    tables: LatencyTables | None = None


def problems(session: ProjectSession, around: Surroundings) -> tuple[Problem, ...]:
    """Every reason why the project cannot run as it is, in the order of the pages."""
    if session.problems:  # the settings as a whole cannot be checked, but what files they name can
        told = {problem.field for problem in session.problems}
        files = (*_weights(session, around), *_folders(around.images))
        return (*session.problems, *(item for item in files if item.field not in told))
    config = session.config
    return (
        *_model(config, session, around),
        *_images(config, around.images),
        *_prune(config, around),
        *_tokens(config, around),
        *_finetune(config),
        *_engine(config, around.machine),
        *_formats(config),
    )


def _model(config: RunConfig, session: ProjectSession, around: Surroundings) -> Iterator[Problem]:
    unknown = around.models.why_unknown(config.model.name)
    if unknown and config.model.source == DEFAULT:  # whose catalogue it is
        yield Problem("model.name", unknown)
    row = around.models.get(config.model.name)
    if config.model.weights == "pretrained" and row is not None and not row.pretrained:
        yield Problem("model.weights", "No weights are published for this model. Use a file or random weights.")
    if refused := argument_problem(config.model.arguments, source=config.model.source):
        yield Problem("model.arguments", refused)
    yield from _weights(session, around)


def _weights(session: ProjectSession, around: Surroundings) -> Iterator[Problem]:
    stored = session.get("model.path")
    if session.get("model.weights") == "file" and stored:
        path = session.resolved(stored)
        try:
            if path.is_dir():
                yield Problem("model.path", f"{path} is a folder. Choose the weights file in it.")
            elif not around.is_file(path):
                yield Problem("model.path", f"There is no such file: {path}.")
            elif why_not := weights_files.problem(path):
                yield Problem("model.path", why_not)
        except OSError as error:  # a folder that may not be looked into
            yield Problem("model.path", from_os_error(error, path).message)


def _folders(images: ImageFolders) -> Iterator[Problem]:
    for split in ("train", "val"):
        if images.folders[split].state == "failed":
            yield Problem(f"data.{split}", images.folders[split].sentence)
    if images.mismatch:
        yield Problem("data.val", images.mismatch)
    if images.order_problem:
        yield Problem("data.class_order", images.order_problem)


def _images(config: RunConfig, images: ImageFolders) -> Iterator[Problem]:
    yield from _folders(images)
    for folder in images.folders.values():
        depth = (
            brightness.missing(folder.scan.brightest, config.data.scale, folder.scan.folder) if folder.scan else None
        )
        if depth is not None:
            yield Problem("data.white", depth.message)
    problem = channels.problem(config)
    if problem is not None:
        yield Problem(_shown_at(problem.field), str(problem))


def _shown_at(field: str) -> str:
    """The field in which a setting is edited: arguments of the model have one for all."""
    return "model.arguments" if field.startswith("model.arguments.") else field


def _prune(config: RunConfig, around: Surroundings) -> Iterator[Problem]:
    if not config.prune.enabled:
        return
    on = config.budget.on
    if config.budget.limits_latency and around.tables is not None and on not in around.tables.devices(config):
        yield Problem("budget.on", f"What parts of this model take on {on} has not been measured.")
    row = around.models.get(config.model.name)
    why_not = predict.obstacle(row, config.prune) if row is not None else ""
    if row is not None and why_not:
        field = "prune.embedding" if config.prune.embedding and "embedding" in row.uncut else "prune.enabled"
        yield Problem(field, f"{why_not} Prune other parts, or turn pruning off.")
    if config.prune.sparse_epochs > 0 and config.data.train is None:
        yield Problem(
            "prune.sparse_epochs",
            "Sparse training needs training images. Choose a folder on the Model page, or set its epochs to 0.",
        )
    if config.prune.trains_between and config.data.train is None:
        yield Problem(
            "prune.epochs_between",
            "Fine-tuning between steps needs training images. Choose a folder on the Model page, or set its epochs to "
            "0.",
        )
    info = CRITERIA[config.prune.importance]
    if info.needs_images and config.data.train is None and config.data.val is None:
        yield Problem(
            "prune.importance",
            f"{info.label} needs images, but no folder is chosen. Choose one on the Model page, or use L1 or L2.",
        )


def _tokens(config: RunConfig, around: Surroundings) -> Iterator[Problem]:
    row = around.models.get(config.model.name)
    why_not = merged_tokens.obstacle(row.architecture) if row is not None and config.tokens.enabled else ""
    if why_not:
        field = config.tokens.asked_by
        yield Problem(field, f"{why_not} {_MERGE_NONE[field]}")
    elif problem := merged_tokens.problem(config):
        yield Problem("tokens.by_budget", problem.message)


def _finetune(config: RunConfig) -> Iterator[Problem]:
    if config.finetune.epochs > 0 and config.data.train is None:
        yield Problem(
            "finetune.epochs",
            "Fine-tuning needs training images. Choose them on the Model page, or set the epochs to 0.",
        )
    if problem := distillation.problem(config):
        yield Problem("finetune.feature_distillation", str(problem))


def _engine(config: RunConfig, machine: Machine | None) -> Iterator[Problem]:
    why_not = engine_obstacle(config.quantize.engine, config.export, machine)
    if why_not and config.quantize.uses_engine:
        yield Problem("quantize.engine", f"{why_not} Choose another, or Auto.")


def engine_obstacle(engine: Engine, export: ExportConfig, machine: Machine | None) -> str:
    """Why int8 files cannot be made with an engine; empty where they can, as far as is known."""
    chosen = [format for format in export.formats if FORMATS[format].chooses_engine(export.target)]
    for format in chosen:
        if problem := engine_problem(engine, export.target, format=format):
            return problem.message
    if not chosen or machine is None:
        return ""
    needed: Engine = "qnnpack" if export.target == "android" else engine  # what this computer checks the file with
    return machine.engine_problem(needed)


def _formats(config: RunConfig) -> Iterator[Problem]:
    for format in config.export.formats:
        if problem := format_problem(format, config.export.target, precision=config.quantize.precision):
            yield Problem("export.formats", str(problem))
