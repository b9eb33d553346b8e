"""What came of a stage, in a few words for the log."""

from __future__ import annotations

from pqv_core import formatting, labels
from pqv_core.engine.stages.files import artefacts, layers
from pqv_core.engine.stages.measuring import measured
from pqv_core.engine.stages.work import Work
from pqv_core.results.record import Accuracy
from pqv_core.results.wait_policy import quickest


def said(work: Work, stage: str) -> str:
    """The result of a stage that is complete; empty where there is nothing to say."""
    words = {
        "load": _size,
        "prune": _size,
        "evaluate": _accuracy,
        "evaluate_pruned": _accuracy,
        "sensitivity": _sensitivity,
        "export": _export,
        "verify": _verify,
        "benchmark": _benchmark,
    }
    return words[stage](work, stage) if stage in words else ""


def _size(work: Work, stage: str) -> str:
    found = work.results[stage]
    return f"{formatting.count(found['params'])} parameters, {formatting.macs(found['macs'])}"


def _accuracy(work: Work, stage: str) -> str:
    return _right(Accuracy.model_validate(work.results[stage]))


def _right(found: Accuracy) -> str:
    return f"{formatting.percent(found.top1)} of {formatting.counted(found.images, 'image')} correct"


def _sensitivity(work: Work, stage: str) -> str:
    found = layers(work)
    kept = sum(item.kept for item in found)
    more = f", {kept:,} of them kept in floating point" if kept else ""
    return f"{formatting.counted(len(found), 'layer')}{more}"


def _export(work: Work, stage: str) -> str:
    files = artefacts(work)
    compressed = next(item for item in files if item.role == "compressed")
    engine = f", for {compressed.engine}" if work.config.quantize.uses_engine else ""
    return (
        f"{formatting.counted(len(files), 'file')}; {compressed.file}: {formatting.size(compressed.size_bytes)}{engine}"
    )


def _verify(work: Work, stage: str) -> str:
    found = work.results[stage]
    parity = found["parity"]["compressed"]["relative"]
    accuracy = f"{_right(Accuracy.model_validate(found['accuracy']))}; " if found["accuracy"] else ""
    return f"{accuracy}logits differ by {formatting.percent(parity)}"


def _benchmark(work: Work, stage: str) -> str:
    roles = [item.role for item in artefacts(work)]
    return ", ".join(
        f"{labels.role(role)} {formatting.nanoseconds(quickest(measured(work, role)).median_ns)}" for role in roles
    )
