"""What a run's folder and its record show of the stages."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from pqv_core.engine import export
from pqv_core.engine.stages.exporting import artifacts, layers
from pqv_core.engine.stages.measuring import measured
from pqv_core.engine.stages.stage import Result, RunState
from pqv_core.files.fsio import move, remove, replacing
from pqv_core.results import operators
from pqv_core.results.record import (
    HISTORY_FILE,
    Accuracy,
    Candidate,
    OperatorTime,
    Parity,
    RunRecord,
    TableUsed,
    Variant,
    WidthCut,
)
from pqv_core.results.wait_policy import quickest


def publish(state: RunState, stage: str, directory: Path) -> None:
    """Show the files that a person looks for in the run's folder itself."""
    place = state.directories[stage]
    curve, shown = place / HISTORY_FILE, directory / HISTORY_FILE
    if curve.exists() and (stage == "finetune" or _is_ahead(curve, shown)):
        with replacing(shown, durable=False) as temporary:  # a copy: points are added to it in place
            shutil.copyfile(curve, temporary)
    if stage == "export":
        for artifact in artifacts(state):
            _show(place / artifact.file, directory)


def _is_ahead(curve: Path, shown: Path) -> bool:
    """Whether a stage's curve is not all shown; what is shown may go on where a later training was ended."""
    return not shown.exists() or shown.stat().st_size < curve.stat().st_size


def _show(file: Path, directory: Path) -> None:
    shown = directory / file.name
    if not file.exists() or (shown.exists() and shown.samefile(file)):
        return
    temporary = directory / f".{file.name}.part"
    remove(temporary)
    try:
        os.link(file, temporary)
    except OSError:  # a file system without links
        shutil.copy2(file, temporary)
    move(temporary, shown)


def fill(record: RunRecord, state: RunState) -> RunRecord:
    """The record with everything that the finished stages have found."""
    found = state.results
    return record.model_copy(
        update={
            "dense_accuracy": _accuracy(found.get("evaluate")),
            "pruned_accuracy": _accuracy(found.get("evaluate_pruned")) or _accuracy(found.get("evaluate")),
            "variants": tuple(_variant(artifact, state) for artifact in artifacts(state))
            if "export" in found
            else record.variants,
            "sensitivity": layers(state),
            "latency_table": TableUsed.model_validate(found["latency"]) if "latency" in found else None,
            "merged": tuple(found.get("merge", {}).get("merged", ())),
            "widths": tuple(WidthCut.model_validate(item) for item in found.get("prune", {}).get("widths", ())),
        }
    )


def _accuracy(plain: Result | None) -> Accuracy | None:
    return Accuracy.model_validate(plain) if plain else None


def _variant(artifact: export.ArtifactFile, state: RunState) -> Variant:
    found = state.results
    key, dense = artifact.key, artifact.spec.is_dense
    counts = found["load" if dense else state.final_stage]
    verified = found.get("verify", {})
    # A fp32 file answers as its model does (parity is checked): the model's accuracy is the file's.
    if artifact.spec.is_contrast:
        accuracy = None
        counts = counts if dense else {**counts, "macs": found["merge"]["macs_before"]}
    elif artifact.spec.is_result:
        accuracy = verified.get("accuracies", {}).get(key)
    else:
        accuracy = found.get("evaluate") if dense else found.get("evaluate_pruned", found.get("evaluate"))
    parities = verified.get("parity", {})
    here = measured(state, key)
    profiled = [OperatorTime.model_validate(row) for row in found.get("profile", {}).get(key, [])]
    return Variant(
        artifact=artifact.spec,
        file=artifact.file,
        size_bytes=artifact.size_bytes,
        params=counts["params"],
        macs=counts["macs"],
        engine=artifact.engine,
        passes=artifact.passes,
        delegation=artifact.delegation,
        accuracy=_accuracy(accuracy),
        parity=Parity.model_validate(parities[key]) if key in parities else None,
        measurements=(*here, *state.elsewhere.get(key, ())),
        operators=operators.shared_out(profiled, quickest(here).median_ns) if here else tuple(profiled),
        candidates=tuple(Candidate.model_validate(item) for item in artifact.candidates),
    )
