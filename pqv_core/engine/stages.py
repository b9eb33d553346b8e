"""The stages of a run: what each depends on, what it does, and what it adds to the record."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from pydantic import TypeAdapter
from torch import nn

from pqv_core import dataset
from pqv_core import project as projects
from pqv_core.config import RunConfig
from pqv_core.config.prune import IMPORTANCES
from pqv_core.engine import (
    benchmark,
    checkpoint,
    crew,
    data,
    environment,
    evaluate,
    export,
    imagenet,
    models,
    named_data,
    parity,
    prune,
    sensitivity,
    sparsify,
)
from pqv_core.engine.context import Context
from pqv_core.engine.preprocessing import Preprocessing
from pqv_core.engine.quantize import quantize
from pqv_core.errors import DataError
from pqv_core.fsio import sha256_file
from pqv_core.results import (
    Accuracy,
    Candidate,
    LayerSensitivity,
    Measurement,
    OperatorTime,
    Parity,
    RunRecord,
    Variant,
)

WEIGHTS_FILE = "model.safetensors"
PREPROCESSING = TypeAdapter(Preprocessing)


@dataclass
class Work:
    """What the stages of one run share.

    Attributes:
        project: The project file.
        results: By stage, the JSON result of each stage that is complete.
        keys: By stage, the hash of its inputs.
        directories: By stage, the folder with its files.
        elsewhere: By role, what phones measured of this run's files in earlier times.
    """

    project: Path
    config: RunConfig
    context: Context
    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    directories: dict[str, Path] = field(default_factory=dict)
    elsewhere: dict[str, tuple[Measurement, ...]] = field(default_factory=dict)
    _fingerprints: dict[Path, str] = field(default_factory=dict)

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

    def fingerprint(self, folder: Path | None) -> str | None:
        """Hash of what lies in a folder of images; looked up once a run."""
        if folder is None:
            return None
        if folder not in self._fingerprints:
            self._fingerprints[folder] = dataset.fingerprint(folder)
        return self._fingerprints[folder]

    @property
    def final_stage(self) -> str:
        """The last stage that gave a model."""
        return next(name for name in ("finetune", "prune", "load") if name in self.results)

    def model(self, stage: str) -> nn.Module:
        """The model that a stage gave, in eval mode."""
        return checkpoint.load(self.directories[stage] / WEIGHTS_FILE).eval()

    @property
    def base(self) -> checkpoint.Base:
        """What timm creates before anything is cut."""
        return checkpoint.Base.model_validate(self.results["load"]["base"])

    @property
    def preprocessing(self) -> Preprocessing:
        """How images are brought into the model's form."""
        return PREPROCESSING.validate_python(self.results["load"]["preprocessing"])


Result = dict[str, Any]


@dataclass(frozen=True)
class Stage:
    """One step of a run.

    Attributes:
        inputs: What the result depends on, as JSON; None where this run does not need the stage.
        work: Does it, writing files into the given folder, and returns a JSON result.
        version: Raised when the stage's code changes what it gives.
        writes_history: The metrics of this stage belong into ``history.jsonl``.
    """

    name: str
    inputs: Callable[[Work], Result | None]
    work: Callable[[Work, Path], Result]
    version: int = 1
    writes_history: bool = False


# load ---------------------------------------------------------------------------------------------------------


def _load_inputs(work: Work) -> Result:
    model = work.config.model
    weights = projects.resolved_path(model.path, project=work.project) if model.path else None
    return {
        "model": model.model_dump(mode="json", exclude={"path"}),
        "weights": sha256_file(weights) if weights and model.weights == "file" else None,
        "classes": _classes(work),
        "seed": work.config.seed if model.weights != "pretrained" else None,
        "versions": environment.describe(threads=1).versions["timm"],
    }


def _classes(work: Work) -> list[str] | None:
    """Names of the classes in the images; None without images."""
    train, val = (dataset.classes(folder) if folder else None for folder in (work.train, work.val))
    if train is not None and val is not None:
        dataset.check_pair(train, val)
    return train if train is not None else val


def _load(work: Work, directory: Path) -> Result:
    torch.manual_seed(work.config.seed)
    classes = _classes(work)
    if classes:
        classes = imagenet.head_classes(work.config.model, classes, project=work.project) or classes
    model, base = models.create(
        work.config.model,
        num_classes=len(classes) if classes else None,
        project=work.project,
        context=work.context,
    )
    checkpoint.save(model, directory / WEIGHTS_FILE, base=base)
    params, macs = models.count(model)
    return {
        "params": params,
        "macs": macs,
        "base": base.model_dump(mode="json"),
        "classes": classes,
        "preprocessing": PREPROCESSING.dump_python(models.preprocessing(model), mode="json"),
    }


# evaluate -----------------------------------------------------------------------------------------------------


def _evaluate_inputs(stage: str) -> Callable[[Work], Result | None]:
    def inputs(work: Work) -> Result | None:
        source = "load" if stage == "evaluate" else work.final_stage
        if work.val is None or (stage == "evaluate_pruned" and source == "load"):
            return None
        return {
            "model": work.keys[source],
            "val": work.fingerprint(work.val),
            "images": work.config.data.eval_images,
        }

    return inputs


def _evaluate(source: Callable[[Work], str]) -> Callable[[Work, Path], Result]:
    def work_(work: Work, directory: Path) -> Result:
        accuracy = evaluate.accuracy(
            work.model(source(work)),
            _val_images(work),
            batch_size=work.config.data.batch_size,
            context=work.context,
        )
        return accuracy.model_dump(mode="json")

    return work_


def _val_images(work: Work) -> data.Images:
    assert work.val is not None
    return data.open_images(
        work.val,
        preprocessing=work.preprocessing,
        classes=work.results["load"]["classes"],
        limit=work.config.data.eval_images,
        context=work.context,
    )


# sparsify -----------------------------------------------------------------------------------------------------


def _sparsify_inputs(work: Work) -> Result | None:
    config = work.config.prune
    if not config.enabled or config.sparse_epochs == 0:
        return None
    if work.train is None:
        raise DataError(
            "The sparse training before pruning needs training images, and none are set.",
            action="Choose a folder with training images, or set the sparse epochs to 0.",
        )
    return {
        "model": work.keys["load"],
        "config": config.model_dump(mode="json", include=set(sparsify.PHASE)),
        "training": work.config.finetune.model_dump(mode="json", exclude={"epochs"}),
        "train": work.fingerprint(work.train),
        "seed": work.config.seed,
    }


def _sparsify(work: Work, directory: Path) -> Result:
    assert work.train is not None
    plan = crew.Plan(
        model=work.directories["load"] / WEIGHTS_FILE,
        teacher=None,
        train=work.train,
        val=None,
        eval_images=None,
        classes=tuple(work.results["load"]["classes"]),
        preprocessing=work.preprocessing,
        config=work.config.finetune,
        seed=work.config.seed,
        directory=directory / "state",
        sparsify=work.config.prune,
    )
    checkpoint.save(crew.train(plan, work.context), directory / WEIGHTS_FILE, base=work.base)
    shutil.rmtree(directory / "state", ignore_errors=True)
    return {name: work.results["load"][name] for name in ("params", "macs")}


# prune --------------------------------------------------------------------------------------------------------


def _uncut(work: Work) -> str:
    """The stage whose model is going to be cut."""
    return "sparsify" if "sparsify" in work.results else "load"


def _prune_inputs(work: Work) -> Result | None:
    config = work.config.prune
    if not config.enabled:
        return None
    images = work.fingerprint(work.train or work.val) if IMPORTANCES[config.importance].needs_images else None
    return {
        "model": work.keys[_uncut(work)],
        "config": config.model_dump(mode="json"),
        "images": images,
        "seed": work.config.seed,
    }


def _prune(work: Work, directory: Path) -> Result:
    config = work.config.prune
    batches = None
    folder = work.train or work.val
    if folder is not None and IMPORTANCES[config.importance].needs_images:
        read = data.calibration_batches(
            folder,
            preprocessing=work.preprocessing,
            classes=work.results["load"]["classes"],
            images=config.images,
            batch_size=config.batch_size,
            seed=work.config.seed,
            context=work.context,
        )
        batches = list(read)  # every step of pruning looks at all of them
    torch.manual_seed(work.config.seed)
    pruned = prune.prune(work.model(_uncut(work)), config, batches=batches, context=work.context)
    checkpoint.save(pruned, directory / WEIGHTS_FILE, base=work.base)
    params, macs = models.count(pruned)
    return {"params": params, "macs": macs}


# finetune -----------------------------------------------------------------------------------------------------


def _finetune_inputs(work: Work) -> Result | None:
    config = work.config.finetune
    if config.epochs == 0:
        return None
    if work.train is None:
        raise DataError(
            "Fine-tuning needs training images, and none are set.",
            action="Choose a folder with training images, or set the epochs to 0.",
        )
    return {
        "model": work.keys[work.final_stage],
        "teacher": work.keys["load"] if config.needs_teacher else None,
        "config": config.model_dump(mode="json"),
        "train": work.fingerprint(work.train),
        "val": work.fingerprint(work.val),
        "eval_images": work.config.data.eval_images,
        "seed": work.config.seed,
    }


def _finetune(work: Work, directory: Path) -> Result:
    assert work.train is not None
    config = work.config
    plan = crew.Plan(
        model=work.directories[work.final_stage] / WEIGHTS_FILE,
        teacher=work.directories["load"] / WEIGHTS_FILE if config.finetune.needs_teacher else None,
        train=work.train,
        val=work.val,
        eval_images=config.data.eval_images,
        classes=tuple(work.results["load"]["classes"]),
        preprocessing=work.preprocessing,
        config=config.finetune,
        seed=config.seed,
        directory=directory / "state",
    )
    tuned = crew.train(plan, work.context)
    checkpoint.save(tuned, directory / WEIGHTS_FILE, base=work.base)
    shutil.rmtree(directory / "state", ignore_errors=True)
    params, macs = models.count(tuned)
    return {"params": params, "macs": macs}


# sensitivity --------------------------------------------------------------------------------------------------


def _sensitivity_inputs(work: Work) -> Result | None:
    config = work.config.quantize
    if not config.looks_at_layers:
        return None
    return {
        "model": work.keys[work.final_stage],
        "quantize": config.model_dump(mode="json", exclude={"engine"}),
        "calibration": work.fingerprint(work.train or work.val) if _is_static(work) else None,
        "val": work.fingerprint(work.val),
        "images": work.config.data.eval_images,
        "seed": work.config.seed,
    }


def _sensitivity(work: Work, directory: Path) -> Result:
    config = work.config.quantize
    batches = _calibration(work)
    model = work.model(work.final_stage)

    def make(given: nn.Module, keep: Sequence[str]) -> nn.Module:
        names = (*config.keep, *keep)
        return quantize(given, config.precision, keep=names, observer=config.observer, batches=batches)

    inputs = parity.inputs(
        _val_images(work) if work.val else None, preprocessing=work.preprocessing, seed=work.config.seed
    )
    ranked = sensitivity.measure(model, inputs, make=make, context=work.context)
    kept: list[str] = []
    if config.tolerance is not None:
        kept, _ = sensitivity.spare(model, inputs, ranked, tolerance=config.tolerance, make=make, context=work.context)
    return {"layers": [item.model_copy(update={"kept": item.name in kept}).model_dump(mode="json") for item in ranked]}


def _layers(work: Work) -> tuple[LayerSensitivity, ...]:
    return tuple(LayerSensitivity.model_validate(row) for row in work.results.get("sensitivity", {}).get("layers", []))


# export, verify, benchmark ------------------------------------------------------------------------------------


def _export_inputs(work: Work) -> Result:
    config = work.config
    return {
        "dense": work.keys["load"],
        "final": work.keys[work.final_stage],
        "quantize": config.quantize.model_dump(mode="json"),
        "calibration": work.fingerprint(work.train or work.val) if _is_static(work) else None,
        "export": config.export.model_dump(mode="json"),
        "machine": _machine(work),
    }


def _machine(work: Work) -> Result:
    """What a choice by measuring depends on."""
    threads = work.config.measure.threads or environment.default_threads()
    here = environment.describe(threads=threads)
    return here.model_dump(mode="json", include={"processor", "cores", "threads", "versions", "engines", "wait_policy"})


def _is_static(work: Work) -> bool:
    return work.config.quantize.precision == "int8-static"


def _calibration(work: Work) -> list[torch.Tensor]:
    """Images from which static int8 learns ranges, in small batches; noise where there are none."""
    if not _is_static(work):
        return []
    folder, images = work.train or work.val, work.config.quantize.images
    if folder is None:
        work.context.warn("There are no images to calibrate static int8 with: noise was taken. Only latency counts.")
        generator = torch.Generator().manual_seed(work.config.seed)
        return [torch.randn(1, *work.preprocessing.input_size, generator=generator) for _ in range(min(images, 8))]
    read = data.calibration_batches(
        folder,
        preprocessing=work.preprocessing,
        classes=work.results["load"]["classes"],
        images=images,
        batch_size=8,
        seed=work.config.seed,
        context=work.context,
    )
    return [batch for batch, _ in read]


def _export(work: Work, directory: Path) -> Result:
    artefacts = export.export(
        dense=work.model("load"),
        final=work.model(work.final_stage),
        config=work.config,
        preprocessing=work.preprocessing,
        classes=work.results["load"]["classes"],
        directory=directory,
        context=work.context,
        batches=_calibration(work),
        keep=[item.name for item in _layers(work) if item.kept],
    )
    return {"artefacts": [artefact.model_dump(mode="json") for artefact in artefacts]}


def _artefacts(work: Work) -> list[export.Artefact]:
    return [export.Artefact.model_validate(plain) for plain in work.results["export"]["artefacts"]]


def _verify_inputs(work: Work) -> Result:
    return {
        "export": work.keys["export"],
        "val": work.fingerprint(work.val),
        "images": work.config.data.eval_images,
    }


def _verify(work: Work, directory: Path) -> Result:
    artefacts, exported = _artefacts(work), work.directories["export"]
    images = _val_images(work) if work.val else None
    inputs = parity.inputs(images, preprocessing=work.preprocessing, seed=work.config.seed)
    dense, final = work.model("load"), work.model(work.final_stage)
    references = {"paper_fp32": dense, "fast_fp32": dense, "pruned_fp32": final, "compressed": final}
    found = parity.compare(
        artefacts,
        folder=exported,
        references=references,
        inputs=inputs,
        scratch=directory,
        config=work.config,
        context=work.context,
    )
    compressed = next(artefact for artefact in artefacts if artefact.role == "compressed")
    accuracy = (
        evaluate.accuracy(
            export.loaded(compressed, exported),
            images,
            batch_size=1,  # as it will run: dynamic quantization scales an input by the whole batch
            context=work.context,
        )
        if images is not None
        else None
    )
    return {
        "parity": {role: value.model_dump(mode="json") for role, value in found.items()},
        "accuracy": accuracy.model_dump(mode="json") if accuracy else None,
    }


def _benchmark_inputs(work: Work) -> Result:
    return {
        "export": work.keys["export"],
        "measure": work.config.measure.model_dump(mode="json", exclude={"profile"}),
        "machine": _machine(work),
    }


def _benchmark(work: Work, directory: Path) -> Result:
    config = work.config.measure
    measurements = benchmark.measure(
        [artefact.lite_file(work.directories["export"]) for artefact in _artefacts(work)],
        input_shape=(1, *work.preprocessing.input_size),
        threads=config.threads or environment.default_threads(),
        warmup=config.warmup,
        iterations=config.iterations,
        max_seconds=config.max_seconds,
        context=work.context,
    )
    return {role: measurement.model_dump(mode="json") for role, measurement in measurements.items()}


def _profile_inputs(work: Work) -> Result | None:
    if not work.config.measure.profile:
        return None
    return {"export": work.keys["export"], "machine": _machine(work)}


def _profile(work: Work, directory: Path) -> Result:
    times = benchmark.profile(
        [artefact.lite_file(work.directories["export"]) for artefact in _artefacts(work)],
        input_shape=(1, *work.preprocessing.input_size),
        threads=work.config.measure.threads or environment.default_threads(),
        context=work.context,
    )
    return {role: [row.model_dump(mode="json") for row in rows] for role, rows in times.items()}


STAGES: tuple[Stage, ...] = (
    Stage("load", _load_inputs, _load),
    Stage("evaluate", _evaluate_inputs("evaluate"), _evaluate(lambda work: "load")),
    Stage("sparsify", _sparsify_inputs, _sparsify, writes_history=True),
    Stage("prune", _prune_inputs, _prune),
    Stage("finetune", _finetune_inputs, _finetune, writes_history=True),
    Stage("evaluate_pruned", _evaluate_inputs("evaluate_pruned"), _evaluate(lambda work: work.final_stage)),
    Stage("sensitivity", _sensitivity_inputs, _sensitivity),
    Stage("export", _export_inputs, _export),
    Stage("verify", _verify_inputs, _verify),
    Stage("benchmark", _benchmark_inputs, _benchmark),
    Stage("profile", _profile_inputs, _profile),
)


# what a run's folder and its record show of the stages --------------------------------------------------------


def publish(work: Work, stage: str, directory: Path) -> None:
    """Show the files that a person looks for in the run's folder itself."""
    place = work.directories[stage]
    if stage == "finetune":
        _show(place / "history.jsonl", directory)
    if stage == "sparsify" and not (directory / "history.jsonl").exists():
        shutil.copy(place / "history.jsonl", directory)  # not linked: fine-tuning adds to it
    if stage == "export":
        for artefact in _artefacts(work):
            _show(place / artefact.file, directory)


def _show(file: Path, directory: Path) -> None:
    shown = directory / file.name
    if not file.exists() or (shown.exists() and shown.samefile(file)):
        return
    temporary = directory / f".{file.name}.part"
    temporary.unlink(missing_ok=True)
    try:
        os.link(file, temporary)
    except OSError:  # a file system without links
        shutil.copy2(file, temporary)
    temporary.replace(shown)


def fill(record: RunRecord, work: Work) -> RunRecord:
    """The record with everything that the finished stages have found."""
    found = work.results
    return record.model_copy(
        update={
            "dense_accuracy": _accuracy(found.get("evaluate")),
            "pruned_accuracy": _accuracy(found.get("evaluate_pruned")) or _accuracy(found.get("evaluate")),
            "variants": tuple(_variant(artefact, work) for artefact in _artefacts(work))
            if "export" in found
            else record.variants,
            "sensitivity": _layers(work),
        }
    )


def _accuracy(plain: Result | None) -> Accuracy | None:
    return Accuracy.model_validate(plain) if plain else None


def _variant(artefact: export.Artefact, work: Work) -> Variant:
    found = work.results
    dense = artefact.role in ("paper_fp32", "fast_fp32")
    counts = found["load" if dense else work.final_stage]
    verified = found.get("verify", {})
    # A fp32 file answers as its model does (parity is checked): the model's accuracy is the file's.
    accuracy = verified.get("accuracy") if artefact.role == "compressed" else None
    if artefact.role != "compressed":
        accuracy = found.get("evaluate") if dense else found.get("evaluate_pruned", found.get("evaluate"))
    parities = verified.get("parity", {})
    measured = found.get("benchmark", {}).get(artefact.role)
    return Variant(
        role=artefact.role,
        file=artefact.file,
        size_bytes=artefact.size_bytes,
        params=counts["params"],
        macs=counts["macs"],
        precision=artefact.precision,
        engine=artefact.engine,
        passes=artefact.passes,
        accuracy=_accuracy(accuracy),
        parity=Parity.model_validate(parities[artefact.role]) if artefact.role in parities else None,
        measurements=(
            *([Measurement.model_validate(measured)] if measured else []),
            *work.elsewhere.get(artefact.role, ()),
        ),
        operators=tuple(OperatorTime.model_validate(row) for row in found.get("profile", {}).get(artefact.role, [])),
        candidates=tuple(Candidate.model_validate(item) for item in artefact.candidates),
    )
