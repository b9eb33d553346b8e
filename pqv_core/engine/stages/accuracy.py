"""How often a model is right, before and after it was made smaller."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from pqv_core.engine.context import Context
from pqv_core.engine.data import batches as data
from pqv_core.engine.data import permuted
from pqv_core.engine.measure import evaluate
from pqv_core.engine.stages.stage import Result, RunState, Stage, always, judged_by
from pqv_core.project import plan
from pqv_core.results import answers
from pqv_core.results.artifacts import DENSE, FINAL


def _evaluate_inputs(stage: str) -> Callable[[RunState], Result | None]:
    def inputs(state: RunState) -> Result | None:
        if not plan.is_needed(stage, state.config):
            return None
        source = "load" if stage == "evaluate" else state.final_stage
        return {"model": state.keys[source], "val": judged_by(state)}

    return inputs


def _evaluate(state: RunState, directory: Path) -> Result:
    images = val_images(state)
    tally = _judged(state, "load", images)
    loaded = state.results["load"]
    if loaded["brought_head"]:
        labels = images.labels
        confusion = Counter((labels[index], output) for index, output in tally.answers.items())
        if remark := permuted.remark(confusion, loaded["classes"]):
            state.context.warn(remark)
    keep_answers(directory, images, {DENSE: tally}, state.context)
    return tally.result().model_dump(mode="json")


def _evaluate_pruned(state: RunState, directory: Path) -> Result:
    images = val_images(state)
    tally = _judged(state, state.final_stage, images)
    keep_answers(directory, images, {FINAL: tally}, state.context)
    return tally.result().model_dump(mode="json")


def _judged(state: RunState, stage: str, images: data.Images) -> evaluate.Tally:
    batch_size = state.config.data.batch_size
    return evaluate.judged(state.model(stage), images, batch_size=batch_size, context=state.context)


def keep_answers(directory: Path, images: data.Images, tallies: Mapping[str, evaluate.Tally], context: Context) -> None:
    """Keep in a stage's folder what was answered to each image, by what was judged."""
    given = {key: tally.answers for key, tally in tallies.items()}
    if not answers.save(directory, classes=images.classes, images=images.names, labels=images.labels, answers=given):
        context.log(f"Answers are kept of at most {answers.MAX_IMAGES:,} images.", level="warning")


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


EVALUATE = Stage("evaluate", _evaluate_inputs("evaluate"), _evaluate, version=2, travels=always)
EVALUATE_PRUNED = Stage(
    "evaluate_pruned", _evaluate_inputs("evaluate_pruned"), _evaluate_pruned, version=2, travels=always
)
