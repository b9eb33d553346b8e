"""What a person reads for the names of stages and roles, and while a stage is at work."""

from __future__ import annotations

from pqv_core import formatting
from pqv_core.process.events import Progress, StageFinished
from pqv_core.results import artifacts
from pqv_core.results.record import LOCAL

STAGES = {
    "load": "Load the model",
    "evaluate": "Baseline accuracy",
    "latency": "Latency table",
    "sparsify": "Sparse training",
    "prune": "Prune",
    "merge": "Merge tokens",
    "finetune": "Fine-tune",
    "evaluate_pruned": "Accuracy after pruning",
    "sensitivity": "Layer sensitivity",
    "export": "Quantize and export",
    "verify": "Verify the file",
    "benchmark": "Measure latency",
    "profile": "Profile operators",
    "check": "Check the phone",
    "push": "Push to the phone",
    "cool": "Cool down",
    "measure": "Measure on the phone",
    "compare": "Compare outputs",
}

DOING = {
    "start": "Starting",
    "load": "Loading the model",
    "evaluate": "Measuring baseline accuracy",
    "sparsify": "Sparse training",
    "prune": "Pruning",
    "merge": "Merging tokens",
    "finetune": "Fine-tuning",
    "evaluate_pruned": "Measuring accuracy after pruning",
    "sensitivity": "Measuring layer sensitivity",
    "export": "Exporting",
    "verify": "Verifying",
    "benchmark": "Measuring latency",
    "profile": "Profiling operators",
    "latency": "Measuring parts of the model",
    "answer": "Computing reference outputs on this computer",
    "try": "Asking the files",
    "check": "Checking the phone",
    "push": "Pushing",
    "cool": "Cooling down",
    "measure": "Measuring",
    "compare": "Comparing outputs",
}
"""What a stage does, in the present tense."""

PARTS = {
    "python": "Starting Python",
    "torch": "Loading PyTorch",
    "next": "Preparing the next stage",
    "images": "Scanning images",
    "inputs": "Reading validation images",
    "calibrate": "Reading calibration images",
    "between": "Fine-tuning between steps",
    "quantize": "Quantizing",
    "spare": "Choosing layers to keep in floating point",
    "parity": "Comparing the files’ outputs",
    "accuracy": "Verifying",
    "prepare": "Preparing the measurement",
    "cut": "Cutting the model to each width",
    "way": "Choosing passes and kernels",
    "probes": "Writing the parts",
    "timing": "Timing the parts",
    "trial": "Trying what is left",
    "schedule": "Trying a number of merged tokens",
}
"""What a stage of several parts is at, in the present tense."""

STATES = {
    "running": "Running",
    "succeeded": "Complete",
    "failed": "Failed",
    "cancelled": "Stopped",
    "interrupted": "Interrupted",
}
"""How a run is, or how it ended."""

UNITS = {
    "images": "image",
    "files": "file",
    "steps": "step",
    "layers": "layer",
    "inferences": "inference",
    "iterations": "iteration",
    "candidates": "candidate",
    "answers": "answer",
    "widths": "width",
    "parts": "part",
}
"""What is counted one by one, in the singular."""


def stage(name: str) -> str:
    """Name of a stage."""
    return STAGES.get(name, _plain(name))


def state(name: str) -> str:
    """How a run is, in a word."""
    return STATES.get(name, _plain(name))


def doing(name: str, part: str = "", unit: str = "") -> str:
    """What a stage, or a part of it, does now: ``Verifying``."""
    if artifacts.is_known(part):
        verb = "Finding the fastest file for" if unit == "candidates" else "Writing"
        return f"{verb} “{artifacts.label(part)}”"
    return PARTS.get(part) or DOING.get(name, stage(name))


def counted(done: int, total: int, unit: str) -> str:
    """How far something is: ``image 209 of 355``, ``12.0 MB of 30.0 MB``; empty where nothing is counted."""
    if total <= 0:
        return ""
    if unit == "bytes":
        return f"{formatting.size(done)} of {formatting.size(total)}"
    one = UNITS.get(unit)
    count = f"{done:,} of {total:,}"
    return f"{one} {count}" if one else f"{count} {unit}".strip()


def activity(at: Progress) -> str:
    """What goes on and how far it is: ``Verifying: image 209 of 355``."""
    return ": ".join(part for part in (doing(at.stage, at.part, at.unit), counted(at.done, at.total, at.unit)) if part)


def finished(event: StageFinished) -> str:
    """A stage that is complete, with its time and what came of it: ``Prune: 12.4 M parameters (3.20 s)``."""
    how = "reused" if event.cached else formatting.duration(event.seconds)
    return f"{stage(event.stage)}: {event.said} ({how})" if event.said else f"{stage(event.stage)}: {how}"


def target(name: str) -> str:
    """What a person calls a target of measurements."""
    return "This computer" if name == LOCAL else name


def _plain(name: str) -> str:
    words = name.replace("_", " ")
    return words[:1].upper() + words[1:]
