"""How often a model is right, before and after it was made smaller."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pqv_core.engine.data import batches as data
from pqv_core.engine.data import permuted
from pqv_core.engine.measure import evaluate
from pqv_core.engine.stages.stage import Result, RunState, Stage, always, judged_by
from pqv_core.project import plan


def _evaluate_inputs(stage: str) -> Callable[[RunState], Result | None]:
    def inputs(state: RunState) -> Result | None:
        if not plan.is_needed(stage, state.config):
            return None
        source = "load" if stage == "evaluate" else state.final_stage
        return {"model": state.keys[source], "val": judged_by(state)}

    return inputs


def _evaluate(state: RunState, directory: Path) -> Result:
    tally = _judged(state, "load")
    loaded = state.results["load"]
    if loaded["brought_head"]:
        remark = permuted.remark(tally.answers, loaded["classes"])
        if remark:
            state.context.warn(remark)
    return tally.result().model_dump(mode="json")


def _evaluate_pruned(state: RunState, directory: Path) -> Result:
    return _judged(state, state.final_stage).result().model_dump(mode="json")


def _judged(state: RunState, stage: str) -> evaluate.Tally:
    batch_size = state.config.data.batch_size
    return evaluate.judged(state.model(stage), val_images(state), batch_size=batch_size, context=state.context)


def val_images(state: RunState) -> data.Images:
    """The images that a model is judged by."""
    assert state.val is not None
    return data.open_images(
        state.val,
        preprocessing=state.preprocessing,
        classes=state.results["load"]["classes"],
        limit=state.config.data.eval_images,
        context=state.context,
    )


EVALUATE = Stage("evaluate", _evaluate_inputs("evaluate"), _evaluate, travels=always)
EVALUATE_PRUNED = Stage("evaluate_pruned", _evaluate_inputs("evaluate_pruned"), _evaluate_pruned, travels=always)
