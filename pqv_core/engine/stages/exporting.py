"""The files: which layers are too sensitive, what is written, and whether the files answer as the models do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from pqv_core.config import QuantizeConfig
from pqv_core.engine import export, sensitivity
from pqv_core.engine.data import batches as data
from pqv_core.engine.measure import benchmark, environment, evaluate, parity
from pqv_core.engine.quantize import quantize_as
from pqv_core.engine.quantize.request import Request
from pqv_core.engine.stages.accuracy import keep_answers, val_images
from pqv_core.engine.stages.stage import Result, RunState, Stage, judged_by, machine, versions
from pqv_core.formats import FORMATS
from pqv_core.project import plan
from pqv_core.results.record import LayerSensitivity


def _sensitivity_inputs(state: RunState) -> Result | None:
    if not plan.is_needed("sensitivity", state.config):
        return None
    config = state.config.quantize
    return {
        "model": state.keys[state.final_stage],
        "precision": config.precision,
        **_layers_of(config),
        "tolerance": config.tolerance,
        "calibration": _calibrated_by(state),
        "inputs": _compared_on(state),
    }


def _sensitivity(state: RunState, directory: Path) -> Result:
    config = state.config.quantize
    batches = _calibration(state)
    model = state.model(state.final_stage)

    def made(given: nn.Module, changed: QuantizeConfig) -> nn.Module:
        return quantize_as(given, config.precision, Request.of(changed, batches))

    def alone(given: nn.Module, others: Sequence[str]) -> nn.Module:
        return made(given, config.changed(keep=(*config.keep, *others)))

    def sparing(given: nn.Module, names: Sequence[str]) -> nn.Module:
        return made(given, config.sparing(names))

    inputs = parity.inputs(
        val_images(state) if state.val else None, preprocessing=state.preprocessing, seed=state.config.seed
    )
    ranked = sensitivity.measure(model, inputs, make=alone, context=state.context)
    spared: list[str] = []
    if config.tolerance is not None:
        with state.context.part("spare", 0.9, 1.0):
            spared, _ = sensitivity.layers_to_spare(
                model, inputs, ranked, tolerance=config.tolerance, make=sparing, context=state.context
            )
    facts = {item.name: {"kept": item.name in spared, "kept_in": config.scheme.fallback} for item in ranked}
    return {"layers": [item.model_copy(update=facts[item.name]).model_dump(mode="json") for item in ranked]}


def layers(state: RunState) -> tuple[LayerSensitivity, ...]:
    """What was found about the layers; empty where nothing was looked for."""
    return tuple(LayerSensitivity.model_validate(row) for row in state.results.get("sensitivity", {}).get("layers", []))


def _export_inputs(state: RunState) -> Result:
    config = state.config
    return {
        **({"dense": state.keys["load"]} if config.export.baselines else {}),
        "final": state.keys[state.final_stage],
        "precision": config.quantize.precision,
        "engine": config.quantize.engine if config.uses_engine else None,
        **_layers_of(config.quantize),
        "kept": _spared(state),
        "calibration": _calibrated_by(state),
        "prune": config.prune.told() if config.prune.enabled else None,  # the files tell it
        "formats": config.export.formats,
        "target": config.export.target,
        "file_name": config.export.file_name,
        "scale": [config.data.black, config.data.white],  # written into the files
        **_written_for(state),
    }


def _written_for(state: RunState) -> Result:
    """What the target's files depend on: this computer's are chosen by measuring."""
    if state.config.export.target == "host":
        return {"machine": machine(state)}
    runtimes = {format: FORMATS[format].default_runtime for format in state.config.export.formats}
    return {"runtimes": runtimes, "versions": versions()}


def _layers_of(config: QuantizeConfig) -> Result:
    """What a scheme reads about single layers."""
    read: Result = {"keep": config.keep}
    if config.scheme.has_groups:
        read["group"] = config.group
    if config.scheme.fallback == "int8":
        read["keep_int8"] = config.keep_int8
    return read


def _spared(state: RunState) -> list[str]:
    """The layers that were found to be too sensitive."""
    return [item.name for item in layers(state) if item.kept]


def _calibrated_by(state: RunState) -> Result | None:
    """What a scheme learns its ranges from; None where none are learnt."""
    if not state.config.quantize.scheme.calibrates:
        return None
    config = state.config.quantize
    return {
        "folder": state.fingerprint(state.train or state.val),
        "images": config.images,
        "observer": config.observer,
        "seed": state.config.seed,
    }


def _compared_on(state: RunState) -> Result:
    """The inputs on which logits are compared: images, or noise."""
    return judged_by(state) or {"seed": state.config.seed}


def _calibration(state: RunState) -> list[torch.Tensor]:
    """Images from which a scheme learns ranges, in small batches; noise where there are none."""
    if not state.config.quantize.scheme.calibrates:
        return []
    folder, images = state.train or state.val, state.config.quantize.images
    if folder is None:
        state.context.warn("No calibration images: noise was used. Only latency is meaningful.")
        generator = torch.Generator().manual_seed(state.config.seed)
        return [torch.randn(1, *state.preprocessing.input_size, generator=generator) for _ in range(min(images, 8))]
    read = data.calibration_batches(
        folder,
        preprocessing=state.preprocessing,
        classes=state.results["load"]["classes"],
        images=images,
        batch_size=8,
        seed=state.config.seed,
        context=state.context,
    )
    with state.context.part("calibrate", 0.0, 0.05):
        return [batch for batch, _ in read]


def _export(state: RunState, directory: Path) -> Result:
    artifacts = export.export(
        dense=state.model("load"),
        final=state.model(state.final_stage),
        config=state.config,
        preprocessing=state.preprocessing,
        classes=state.results["load"]["classes"],
        directory=directory,
        context=state.context,
        batches=_calibration(state),
        spared=_spared(state),
    )
    return {"artefacts": [artifact.model_dump(mode="json") for artifact in artifacts]}


def artifacts(state: RunState) -> list[export.ArtifactFile]:
    """The files that a run has written."""
    return [export.ArtifactFile.model_validate(plain) for plain in state.results["export"]["artefacts"]]


def _verify_inputs(state: RunState) -> Result:
    config = state.config
    judged = {precision: config.export.tolerance(precision) for precision in ("fp32", config.quantize.precision)}
    return {"export": state.keys["export"], "inputs": _compared_on(state), "tolerances": judged}


def _verify(state: RunState, directory: Path) -> Result:
    exported = state.directories["export"]
    images = val_images(state) if state.val else None
    inputs = parity.inputs(images, preprocessing=state.preprocessing, seed=state.config.seed)
    dense, final = state.model("load"), state.model(state.final_stage)
    made = artifacts(state)
    references = {item.key: export.held(item.spec, dense=dense, final=final) for item in made}
    compared = len(references) * len(inputs)
    with state.context.part("parity", 0.0, compared / (compared + len(images)) if images is not None else 1.0):
        found = parity.compare(
            made,
            folder=exported,
            references=references,
            inputs=inputs,
            scratch=directory,
            config=state.config,
            context=state.context,
        )
    tallies: dict[str, evaluate.Tally] = {}
    if images is not None:
        with state.context.part("accuracy", compared / (compared + len(images)), 1.0):
            tallies = {item.key: _judged(state, item, images, directory) for item in made if item.spec.is_result}
        keep_answers(directory, images, tallies, state.context)
    return {
        "parity": {key: value.model_dump(mode="json") for key, value in found.items()},
        "accuracies": {key: tally.result().model_dump(mode="json") for key, tally in tallies.items()},
    }


def _judged(state: RunState, artifact: export.ArtifactFile, images: data.Images, scratch: Path) -> evaluate.Tally:
    """How often a file is right, one image at a time: as it will run, and as it was measured."""
    file = artifact.exported(state.directories["export"])
    threads = state.config.measure.threads or environment.default_threads()
    with benchmark.answering(file, threads=threads, scratch=scratch, context=state.context) as answer:
        return evaluate.judged(answer, images, batch_size=state.config.data.batch_size, context=state.context)


SENSITIVITY = Stage("sensitivity", _sensitivity_inputs, _sensitivity, version=2)
EXPORT = Stage("export", _export_inputs, _export, version=5)
VERIFY = Stage("verify", _verify_inputs, _verify, version=3)
