"""The stages of a run: what each depends on, what it does, and what it adds to the record."""

from __future__ import annotations

from pqv_core.engine.stages.accuracy import EVALUATE, EVALUATE_PRUNED
from pqv_core.engine.stages.exporting import EXPORT, SENSITIVITY, VERIFY
from pqv_core.engine.stages.latency import LATENCY
from pqv_core.engine.stages.loading import LOAD
from pqv_core.engine.stages.measuring import BENCHMARK, PROFILE
from pqv_core.engine.stages.merging import MERGE
from pqv_core.engine.stages.pruning import PRUNE
from pqv_core.engine.stages.publishing import fill, publish
from pqv_core.engine.stages.stage import PREPROCESSING, RunState, Stage
from pqv_core.engine.stages.stage_log import log_line
from pqv_core.engine.stages.training import FINETUNE, SPARSIFY

STAGES: tuple[Stage, ...] = (
    LOAD,
    EVALUATE,
    LATENCY,
    SPARSIFY,
    PRUNE,
    MERGE,
    FINETUNE,
    EVALUATE_PRUNED,
    SENSITIVITY,
    EXPORT,
    VERIFY,
    BENCHMARK,
    PROFILE,
)

__all__ = ["PREPROCESSING", "STAGES", "RunState", "Stage", "fill", "log_line", "publish"]
