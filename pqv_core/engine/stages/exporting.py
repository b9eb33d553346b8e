"""The files: which layers stay in fp32, what is written, and whether the files answer as the models do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from pqv_core.engine import export, sensitivity
from pqv_core.engine.data import batches as data
from pqv_core.engine.measure import benchmark, environment, evaluate, parity
from pqv_core.engine.quantize import quantize
from pqv_core.engine.stages.accuracy import val_images
from pqv_core.engine.stages.stage import Result, Stage, Work, judged_by, machine, versions
from pqv_core.project import plan
from pqv_core.results.record import Accuracy, LayerSensitivity


def _sensitivity_inputs(work: Work) -> Result | None:
    if not plan.is_needed("sensitivity", work.config):
        return None
    config = work.config.quantize
    return {
        "model": work.keys[work.final_stage],
        "precision": config.precision,
        "keep": config.keep,
        "tolerance": config.tolerance,
        "calibration": _calibrated_by(work),
        "inputs": _compared_on(work),
    }


def _sensitivity(work: Work, directory: Path) -> Result:
    config = work.config.quantize
    batches = _calibration(work)
    model = work.model(work.final_stage)

    def make(given: nn.Module, keep: Sequence[str]) -> nn.Module:
        names = (*config.keep, *keep)
        return quantize(given, config.precision, keep=names, observer=config.observer, batches=batches)

    inputs = parity.inputs(
        val_images(work) if work.val else None, preprocessing=work.preprocessing, seed=work.config.seed
    )
    ranked = sensitivity.measure(model, inputs, make=make, context=work.context)
    kept: list[str] = []
    if config.tolerance is not None:
        with work.context.part("spare", 0.9, 1.0):
            kept, _ = sensitivity.spare(
                model, inputs, ranked, tolerance=config.tolerance, make=make, context=work.context
            )
    return {"layers": [item.model_copy(update={"kept": item.name in kept}).model_dump(mode="json") for item in ranked]}


def layers(work: Work) -> tuple[LayerSensitivity, ...]:
    """What was found about the layers; empty where nothing was looked for."""
    return tuple(LayerSensitivity.model_validate(row) for row in work.results.get("sensitivity", {}).get("layers", []))


def _export_inputs(work: Work) -> Result:
    config = work.config
    return {
        "dense": work.keys["load"],
        "final": work.keys[work.final_stage],
        "precision": config.quantize.precision,
        "engine": config.quantize.engine if config.quantize.uses_engine else None,
        "keep": config.quantize.keep,
        "kept": _kept(work),
        "calibration": _calibrated_by(work),
        "prune": config.prune.model_dump(mode="json") if config.prune.enabled else None,  # the files tell it
        "formats": config.export.formats,
        "target": config.export.target,
        "file_name": config.export.file_name,
        "scale": [config.data.black, config.data.white],  # written into the files
        **_written_for(work),
    }


def _written_for(work: Work) -> Result:
    """What the target's files depend on: this computer's are chosen by measuring."""
    if work.config.export.target == "host":
        return {"machine": machine(work)}
    return {"runtime": work.config.export.runtime, "versions": versions()}


def _kept(work: Work) -> list[str]:
    """The layers that were found to need floating point."""
    return [item.name for item in layers(work) if item.kept]


def _calibrated_by(work: Work) -> Result | None:
    """What a scheme learns its ranges from; None where none are learnt."""
    if not work.config.quantize.scheme.calibrates:
        return None
    config = work.config.quantize
    return {
        "folder": work.fingerprint(work.train or work.val),
        "images": config.images,
        "observer": config.observer,
        "seed": work.config.seed,
    }


def _compared_on(work: Work) -> Result:
    """The inputs on which logits are compared: images, or noise."""
    return judged_by(work) or {"seed": work.config.seed}


def _calibration(work: Work) -> list[torch.Tensor]:
    """Images from which a scheme learns ranges, in small batches; noise where there are none."""
    if not work.config.quantize.scheme.calibrates:
        return []
    folder, images = work.train or work.val, work.config.quantize.images
    if folder is None:
        work.context.warn("No calibration images: noise was used. Only latency is meaningful.")
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
    with work.context.part("calibrate", 0.0, 0.05):
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
        keep=_kept(work),
    )
    return {"artefacts": [artefact.model_dump(mode="json") for artefact in artefacts]}


def artefacts(work: Work) -> list[export.Artefact]:
    """The files that a run has written."""
    return [export.Artefact.model_validate(plain) for plain in work.results["export"]["artefacts"]]


def _verify_inputs(work: Work) -> Result:
    config = work.config
    judged = {precision: config.export.tolerance(precision) for precision in ("fp32", config.quantize.precision)}
    return {"export": work.keys["export"], "inputs": _compared_on(work), "tolerances": judged}


def _verify(work: Work, directory: Path) -> Result:
    exported = work.directories["export"]
    images = val_images(work) if work.val else None
    inputs = parity.inputs(images, preprocessing=work.preprocessing, seed=work.config.seed)
    dense, final = work.model("load"), work.model(work.final_stage)
    made = artefacts(work)
    references = {item.key: dense if item.spec.is_dense else final for item in made}
    compared = len(references) * len(inputs)
    with work.context.part("parity", 0.0, compared / (compared + len(images)) if images is not None else 1.0):
        found = parity.compare(
            made,
            folder=exported,
            references=references,
            inputs=inputs,
            scratch=directory,
            config=work.config,
            context=work.context,
        )
    accuracies: dict[str, Accuracy] = {}
    if images is not None:
        with work.context.part("accuracy", compared / (compared + len(images)), 1.0):
            accuracies = {item.key: _accuracy(work, item, images, directory) for item in made if item.spec.is_result}
    return {
        "parity": {key: value.model_dump(mode="json") for key, value in found.items()},
        "accuracies": {key: value.model_dump(mode="json") for key, value in accuracies.items()},
    }


def _accuracy(work: Work, artefact: export.Artefact, images: data.Images, scratch: Path) -> Accuracy:
    """How often a file is right, one image at a time: as it will run, and as it was measured."""
    file = artefact.exported(work.directories["export"])
    threads = work.config.measure.threads or environment.default_threads()
    with benchmark.answering(file, threads=threads, scratch=scratch, context=work.context) as answer:
        return evaluate.accuracy(answer, images, batch_size=work.config.data.batch_size, context=work.context)


SENSITIVITY = Stage("sensitivity", _sensitivity_inputs, _sensitivity, version=2)
EXPORT = Stage("export", _export_inputs, _export, version=4)
VERIFY = Stage("verify", _verify_inputs, _verify, version=2)
