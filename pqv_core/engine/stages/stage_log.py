"""What came of a stage, in a few words for the log."""

from __future__ import annotations

from collections.abc import Iterator

from pqv_core import formatting
from pqv_core.engine.export import ArtifactFile
from pqv_core.engine.stages.exporting import artifacts, layers
from pqv_core.engine.stages.measuring import measured
from pqv_core.engine.stages.stage import RunState
from pqv_core.formats.base import NO_ENGINE
from pqv_core.results.record import Accuracy
from pqv_core.results.wait_policy import quickest


def log_line(state: RunState, stage: str) -> str:
    """The result of a stage that is complete; empty where there is nothing to say."""
    words = {
        "load": _size,
        "prune": _size,
        "merge": _merge,
        "evaluate": _accuracy,
        "evaluate_pruned": _accuracy,
        "sensitivity": _sensitivity,
        "export": _export,
        "verify": _verify,
        "benchmark": _benchmark,
    }
    return words[stage](state, stage) if stage in words else ""


def _size(state: RunState, stage: str) -> str:
    found = state.results[stage]
    return f"{formatting.count(found['params'])} parameters, {formatting.macs(found['macs'])}"


def _merge(state: RunState, stage: str) -> str:
    return "; ".join([_size(state, stage), *_tried(state)])


def _tried(state: RunState) -> Iterator[str]:
    """What a budget found of each number of merged tokens, the one that was taken first."""
    found = state.results.get("prune", {})
    taken = found.get("merged")
    for item in sorted(found.get("tokens_tried", ()), key=lambda item: item["merged"] != taken):
        words = f"{sum(item['merged']):,} tokens merged"
        if item["loss"] is None:
            yield f"{words}: too slow"
        else:
            share = f" at {formatting.percent(item['share'])} of the latency" if item["share"] is not None else ""
            yield f"{words}: loss {item['loss']:.3f}{share}"


def _accuracy(state: RunState, stage: str) -> str:
    return _right(Accuracy.model_validate(state.results[stage]))


def _right(found: Accuracy) -> str:
    return f"{formatting.percent(found.top1)} of {formatting.counted(found.images, 'image')} correct"


def _sensitivity(state: RunState, stage: str) -> str:
    found = layers(state)
    kept = [item.spared for item in found if item.kept]
    more = f", {len(kept):,} of them {kept[0]}" if kept else ""
    return f"{formatting.counted(len(found), 'layer')}{more}"


def _export(state: RunState, stage: str) -> str:
    files = artifacts(state)
    results = [item for item in files if item.spec.is_result]
    log_line = [f"{item.file}: {formatting.size(item.size_bytes)}{_kernels(state, item)}" for item in results]
    return "; ".join([formatting.counted(len(files), "file"), *log_line])


def _kernels(state: RunState, item: ArtifactFile) -> str:
    return f", for {item.engine}" if state.config.quantize.uses_engine and item.engine != NO_ENGINE else ""


def _verify(state: RunState, stage: str) -> str:
    found = state.results[stage]
    log_line = []
    for item in [item for item in artifacts(state) if item.spec.is_result]:
        accuracy = found["accuracies"].get(item.key)
        right = f"{_right(Accuracy.model_validate(accuracy))}; " if accuracy else ""
        log_line.append(f"{right}logits differ by {formatting.percent(found['parity'][item.key]['relative'])}")
    return "; ".join(log_line)


def _benchmark(state: RunState, stage: str) -> str:
    return ", ".join(
        f"{item.spec.label} {formatting.nanoseconds(quickest(measured(state, item.key)).median_ns)}"
        for item in artifacts(state)
    )
