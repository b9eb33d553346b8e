"""How often a model is right, before and after it was made smaller."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pqv_core.engine import data, evaluate
from pqv_core.engine.stages.work import Result, Stage, Work


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
            val_images(work),
            batch_size=work.config.data.batch_size,
            context=work.context,
        )
        return accuracy.model_dump(mode="json")

    return work_


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


EVALUATE = Stage("evaluate", _evaluate_inputs("evaluate"), _evaluate(lambda work: "load"))
EVALUATE_PRUNED = Stage(
    "evaluate_pruned", _evaluate_inputs("evaluate_pruned"), _evaluate(lambda work: work.final_stage)
)
