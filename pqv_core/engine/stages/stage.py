"""What the stages of one run share, and what a stage is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from torch import nn

from pqv_core.config import RunConfig
from pqv_core.data import dataset, images
from pqv_core.engine.context import Context
from pqv_core.engine.data import named_data
from pqv_core.engine.data.preprocessing import Preprocessing
from pqv_core.engine.measure import environment
from pqv_core.engine.models import checkpoint
from pqv_core.files.fsio import sha256_json
from pqv_core.project import project_file as projects
from pqv_core.results.record import Measurement

WEIGHTS_FILE = "model.safetensors"
PREPROCESSING = TypeAdapter(Preprocessing)


@dataclass
class RunState:
    """What the stages of one run share.

    Attributes:
        project: The project file.
        results: By stage, the JSON result of each stage that is complete.
        keys: By stage, the hash of its inputs.
        directories: By stage, the folder with its files.
        elsewhere: By artefact, what phones, and this computer, measured of this run's files beside its own benchmark.
    """

    project: Path
    config: RunConfig
    context: Context
    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    directories: dict[str, Path] = field(default_factory=dict)
    elsewhere: dict[str, tuple[Measurement, ...]] = field(default_factory=dict)
    _fingerprints: dict[Path, str] = field(default_factory=dict)
    _listings: dict[str, dataset.Listing] = field(default_factory=dict)

    def complete(self, stage: str, *, key: str, result: dict[str, Any], directory: Path) -> None:
        """Note that a stage is done and where its files are."""
        self.results[stage], self.keys[stage], self.directories[stage] = result, key, directory

    def folder(self, which: str) -> Path | None:
        """The folder of ``train`` or ``val`` images as an absolute path; None where none is set.

        A named data set is written into one when it is asked for the first time.
        """
        stored = getattr(self.config.data, which)
        if not stored:
            return None
        path = projects.resolved_path(stored, project=self.project)
        if path.exists() or not dataset.is_named(stored):
            return path
        root = self.config.data.root
        known = projects.resolved_path(root, project=self.project) if root else None
        return named_data.folder(stored, which, root=known, context=self.context)

    @property
    def train(self) -> Path | None:
        """Folder of training images."""
        return self.folder("train")

    @property
    def val(self) -> Path | None:
        """Folder of validation images."""
        return self.folder("val")

    def listing(self, which: str) -> dataset.Listing | None:
        """What lies in the folder of ``train`` or ``val`` images; looked up, and told, once a run.

        It is told in a run that takes every stage over, too: what is skipped may change without any image.
        """
        folder = self.folder(which)
        if folder is None:
            return None
        if which not in self._listings:
            with self.context.part("images", 0.0, 0.0):
                found = self._listings[which] = dataset.listing(folder)
            self.context.log(f"{dataset.SPLITS[which]}: {found.sentence}")
            for remark in found.remarks:
                self.context.warn(f"{dataset.SPLITS[which]}: {remark}")
        return self._listings[which]

    def fingerprint(self, folder: Path | None) -> str | None:
        """Hash of what lies in a folder of images and of how their values are read; looked up once a run."""
        if folder is None:
            return None
        if folder not in self._fingerprints:
            data = self.config.data
            reading = {"version": images.READING, "black": data.black, "white": data.white}
            self._fingerprints[folder] = sha256_json({"files": dataset.fingerprint(folder), "reading": reading})
        return self._fingerprints[folder]

    @property
    def final_stage(self) -> str:
        """The last stage that gave a model."""
        return next(name for name in ("finetune", "merge", "prune", "load") if name in self.results)

    def model(self, stage: str) -> nn.Module:
        """The model that a stage gave, in eval mode."""
        return checkpoint.load(self.directories[stage] / WEIGHTS_FILE).eval()

    def save(self, model: nn.Module, directory: Path) -> None:
        """Keep the model that a stage gives in the stage's folder.

        Raises:
            StorageError: The file cannot be written.
        """
        classes = self.results["load"]["classes"] or ()
        checkpoint.save(model, directory / WEIGHTS_FILE, base=self.base, classes=classes)

    @property
    def base(self) -> checkpoint.Base:
        """What the model's source creates before anything is cut."""
        return checkpoint.Base.model_validate(self.results["load"]["base"])

    @property
    def preprocessing(self) -> Preprocessing:
        """How images are brought into the model's form."""
        form = PREPROCESSING.validate_python(self.results["load"]["preprocessing"])
        return replace(form, black=self.config.data.black, white=self.config.data.white)


Result = dict[str, Any]


def always(config: RunConfig) -> bool:
    """Whatever the settings: for ``Stage.travels``."""
    return True


@dataclass(frozen=True)
class Stage:
    """One step of a run.

    Attributes:
        inputs: What the result depends on, as JSON; None where this run does not need the stage.
        execute: Does it, writing files into the given folder, and returns a JSON result.
        check: Refuses settings that the result, also one that was taken over, shows to be wrong for a later stage.
        version: Raised when the stage's code changes what it gives.
        measures: It takes times, which a person may want taken once more.
        travels: Whether another computer can do it: it takes no times here, nor chooses by any.
        writes_history: The metrics of this stage belong into ``history.jsonl``.
    """

    name: str
    inputs: Callable[[RunState], Result | None]
    execute: Callable[[RunState, Path], Result]
    check: Callable[[RunState], None] = field(default=lambda state: None, kw_only=True)
    version: int = 1
    writes_history: bool = False
    measures: bool = False
    travels: Callable[[RunConfig], bool] = field(default=lambda config: False, kw_only=True)

    def key(self, inputs: Result) -> str:
        """The hash by which a result is found again: of everything that it depends on."""
        return sha256_json({"stage": self.name, "version": self.version, "inputs": inputs})


def judged_by(state: RunState) -> Result | None:
    """Which images a model is judged by; None without."""
    if state.val is None:
        return None
    return {"folder": state.fingerprint(state.val), "images": state.config.data.eval_images}


_MACHINE = {"processor", "cpu_capability", "cores", "threads", "versions", "engines"}


def machine(state: RunState) -> Result:
    """What is measured here depends on, and a choice by measuring."""
    threads = state.config.measure.threads or environment.default_threads()
    return environment.describe(threads=threads).model_dump(mode="json", include=_MACHINE)


def versions() -> dict[str, str]:
    """The libraries that write the files."""
    return environment.describe(threads=1).versions
