"""How often a model is right, before and after it was made smaller."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pqv_core.engine.data import batches as data
from pqv_core.engine.data import permuted
from pqv_core.engine.measure import evaluate
from pqv_core.engine.stages.stage import Result, Stage, Work, judged_by
from pqv_core.project import plan


def _evaluate_inputs(stage: str) -> Callable[[Work], Result | None]:
    def inputs(work: Work) -> Result | None:
        if not plan.is_needed(stage, work.config):
            return None
        source = "load" if stage == "evaluate" else work.final_stage
        return {"model": work.keys[source], "val": judged_by(work)}

    return inputs


def _evaluate(work: Work, directory: Path) -> Result:
    tally = _judged(work, "load")
    loaded = work.results["load"]
    if loaded["brought_head"]:
        remark = permuted.remark(tally.answers, loaded["classes"])
        if remark:
            work.context.warn(remark)
    return tally.result().model_dump(mode="json")


def _evaluate_pruned(work: Work, directory: Path) -> Result:
    return _judged(work, work.final_stage).result().model_dump(mode="json")


def _judged(work: Work, stage: str) -> evaluate.Tally:
    batch_size = work.config.data.batch_size
    return evaluate.judged(work.model(stage), val_images(work), batch_size=batch_size, context=work.context)


def val_images(work: Work) -> data.Images:
    """The images that a model is judged by."""
    assert work.val is not None
    return data.open_images(
        work.val,
        preprocessing=work.preprocessing,
        classes=work.results["load"]["classes"],
        limit=work.config.data.eval_images,
        context=work.context,
    )


EVALUATE = Stage("evaluate", _evaluate_inputs("evaluate"), _evaluate)
EVALUATE_PRUNED = Stage("evaluate_pruned", _evaluate_inputs("evaluate_pruned"), _evaluate_pruned)
