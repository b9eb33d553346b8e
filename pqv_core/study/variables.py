"""Which settings a study usually varies, and over what: one row a setting. ``--vary`` takes any other, too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from pqv_core.config.quantize import ENGINES, OBSERVERS
from pqv_core.criteria import CRITERIA
from pqv_core.formats import FORMATS
from pqv_core.schemes import SCHEMES

_YES_NO = {"true": "Yes", "false": "No"}


@dataclass(frozen=True)
class Variable:
    """A setting that can be varied.

    Attributes:
        name: Dotted, as everywhere.
        usual: Values to begin with, as ``space.parse`` takes them.
        options: The words that it may hold, with what a person calls them; empty for numbers of a range.
    """

    name: str
    usual: str
    options: Mapping[str, str] = field(default_factory=dict)


@cache
def variables() -> Mapping[str, Variable]:
    """All rows by their names, in the order of the stages that they touch."""
    formats = {key: info.label for key, info in FORMATS.items()}
    rows = (
        Variable("prune.ratio", "0.1:0.6:0.05"),
        Variable("prune.importance", "l2,taylor", {key: info.label for key, info in CRITERIA.items()}),
        Variable("prune.distribution", "uniform,global", {"uniform": "Uniform", "global": "Global"}),
        Variable("prune.attention_unit", "width,heads", {"width": "Narrower heads", "heads": "Whole heads"}),
        Variable("prune.embedding", "true,false", _YES_NO),
        Variable("prune.round_to", "8,16", {text: text for text in ("1", "4", "8", "16", "32")}),
        Variable("prune.max_ratio", "0.5:0.9:0.1"),
        Variable("prune.steps", "1:5"),
        Variable("prune.epochs_between", "0:2"),
        Variable("prune.sparse_epochs", "0:10:5"),
        Variable("tokens.merge", "0:16:4"),
        Variable("tokens.schedule", "constant,decreasing", {"constant": "Constant", "decreasing": "Decreasing"}),
        Variable("finetune.epochs", "1:10"),
        Variable("finetune.learning_rate", "1e-05:0.001:log"),
        Variable("finetune.batch_size", "32,64", {text: text for text in ("16", "32", "64", "128", "256")}),
        Variable("finetune.weight_decay", "0.001:0.1:log"),
        Variable("finetune.layer_decay", "0.6:1:0.1"),
        Variable("finetune.distillation", "0:1:0.25"),
        Variable("finetune.mixup", "0:0.8:0.2"),
        Variable("quantize.precision", "fp32,int8-dynamic", {key: info.label for key, info in SCHEMES.items()}),
        Variable("quantize.engine", "onednn,x86", {key: info.label for key, info in ENGINES.items()}),
        Variable("quantize.observer", "histogram,minmax", {key: info.label for key, info in OBSERVERS.items()}),
        Variable("quantize.group", "32,64", {text: text for text in ("32", "64", "128")}),
        Variable("export.formats", ",".join(formats), formats),
    )
    return {row.name: row for row in rows}
