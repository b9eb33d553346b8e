"""Presets: settings that go together, under a name. A preset only fills in fields; each can be changed afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pqv_core.config.export import usual_formats
from pqv_core.errors import UsageError


@dataclass(frozen=True)
class Preset:
    """What a preset sets. The model, its weights, the images and fine-tuning stay as they are.

    Attributes:
        sentence: What it is for.
        values: Settings by dotted name.
        without_images: Settings that differ where a project has no images. A preset that has none here stays as it
            is, and the project says what is missing.
    """

    label: str
    sentence: str
    values: Mapping[str, Any]
    without_images: Mapping[str, Any] = field(default_factory=dict)

    def settings(self, *, images: bool) -> dict[str, Any]:
        """The settings by dotted name, for a project with or without images; the target's usual formats too."""
        formats = usual_formats(self.values["export.target"], precision=self.values["quantize.precision"])
        return {"export.formats": list(formats), **self.values, **({} if images else self.without_images)}

    def fitted(self, uncut: Mapping[str, str], *, images: bool) -> tuple[dict[str, Any], tuple[str, ...]]:
        """The settings for a model of which some kinds of widths cannot be cut, and a sentence for each that differs.

        Args:
            uncut: The kinds, with the end of a sentence that says why, as the catalogue has them.
        """
        settings = self.settings(images=images)
        wanted = [kind for kind in KINDS if settings[f"prune.{kind}"]]
        vain = [kind for kind in wanted if kind in uncut]
        if wanted == vain:
            return {**settings, "prune.enabled": False}, ("Pruning is off: this model cannot be pruned.",)
        if "embedding" not in vain:  # where the others cannot be cut, pruning leaves them whole
            return settings, ()
        return {**settings, "prune.embedding": False}, (f"The embedding is not cut: {uncut['embedding']}.",)


KINDS = ("mlp", "attention", "embedding")

_ONE_CUT = {
    "prune.enabled": True,
    "prune.importance": "taylor",
    "prune.mlp": True,
    "prune.attention": True,
    "prune.attention_unit": "width",
    "prune.distribution": "uniform",
    "prune.steps": 1,
    "prune.epochs_between": 0,
    "prune.sparse_epochs": 0,
    "budget.latency_ms": None,
    "budget.speedup": None,
    "budget.size_mb": None,
    "tokens.merge": 0,
    "tokens.per_block": [],
    "tokens.by_budget": False,
    "quantize.precision": "int8-dynamic",
    "quantize.keep": [],
    "quantize.sensitivity": False,
    "quantize.tolerance": None,
}
"""One uniform cut, and everything in int8 afterwards."""

PRESETS: dict[str, Preset] = {
    "paper": Preset(
        "Paper",
        "The published PQV-Mobile setup: 9.375 % of every width cut by Taylor importance, embedding included, int8 on "
        "FBGEMM. Needs images.",
        {
            **_ONE_CUT,
            "prune.ratio": 0.09375,
            "prune.embedding": True,
            "prune.round_to": 1,
            "quantize.engine": "fbgemm",
            "export.target": "host",
        },
    ),
    "fastest": Preset(
        "Fastest on this computer",
        "Half of every MLP and head cut, int8 on the fastest engine here. Fine-tune on images to recover accuracy.",
        {
            **_ONE_CUT,
            "prune.ratio": 0.5,
            "prune.embedding": False,
            "prune.round_to": 16,
            "quantize.engine": "auto",
            "export.target": "host",
        },
        without_images={"prune.importance": "l2"},
    ),
    "android": Preset(
        "Smallest for Android",
        "Half of every width cut, embedding included, int8 on QNNPACK for phones. Fine-tune on images to recover "
        "accuracy.",
        {
            **_ONE_CUT,
            "prune.ratio": 0.5,
            "prune.embedding": True,
            "prune.round_to": 8,
            "quantize.engine": "qnnpack",
            "export.target": "android",
        },
        without_images={"prune.importance": "l2"},
    ),
}


def get(name: str, own: Mapping[str, Preset] | None = None) -> Preset:
    """The preset of this name.

    Args:
        own: A person's own ones, by their names (``own_presets.found``).

    Raises:
        UsageError: There is none.
    """
    known = {**(own or {}), **PRESETS}
    if name not in known:
        raise UsageError(f"Unknown preset: {name!r}.", action=f"Choose one of: {', '.join([*PRESETS, *(own or {})])}.")
    return known[name]
