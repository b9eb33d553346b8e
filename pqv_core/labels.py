"""What a person reads for the names of stages and roles."""

from __future__ import annotations

from pqv_core.results import LOCAL

STAGES = {
    "load": "Load the model",
    "evaluate": "Accuracy before",
    "sparsify": "Sparse training",
    "prune": "Prune",
    "finetune": "Fine-tune",
    "evaluate_pruned": "Accuracy after pruning",
    "sensitivity": "Sensitivity of layers",
    "export": "Quantize and export",
    "verify": "Verify the file",
    "benchmark": "Measure latency",
    "profile": "Time the operators",
    "check": "Check the phone",
    "push": "Push to the phone",
    "cool": "Cool down",
    "measure": "Measure on the phone",
    "compare": "Compare the answers",
}

ROLES = {
    "paper_fp32": "FP32, paper’s baseline",
    "fast_fp32": "FP32, fastest",
    "pruned_fp32": "Pruned FP32",
    "compressed": "Compressed",
}


def stage(name: str) -> str:
    """Name of a stage."""
    return STAGES.get(name, _plain(name))


def role(name: str) -> str:
    """Name of an artefact's role."""
    return ROLES.get(name, _plain(name))


def target(name: str) -> str:
    """What a person calls a target of measurements."""
    return "This computer" if name == LOCAL else name


def _plain(name: str) -> str:
    words = name.replace("_", " ")
    return words[:1].upper() + words[1:]
