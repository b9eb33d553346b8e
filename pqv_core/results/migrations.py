"""The ``run.json`` of older versions, brought up to date by pure steps from dict to dict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pqv_core.files.migrating import Step
from pqv_core.results import artifacts
from pqv_core.results.artifacts import FINAL, ArtifactSpec

_FORMAT = "ptl"  # the only one that there was


def _to_2(plain: dict[str, Any]) -> dict[str, Any]:
    """Roles and precisions become specifications of artefacts."""
    variants = plain.get("variants")
    if not isinstance(variants, list):
        return plain
    return {**plain, "variants": [_specified(item) if isinstance(item, dict) else item for item in variants]}


def _specified(variant: dict[str, Any]) -> dict[str, Any]:
    rest = {key: value for key, value in variant.items() if key not in ("role", "precision")}
    role, precision = variant.get("role"), variant.get("precision")
    if not isinstance(role, str) or not isinstance(precision, str):
        return rest  # damaged: told when it is validated
    known = {spec.key: spec for spec in artifacts.of_run(formats=(_FORMAT,), scheme=precision)}
    other = ArtifactSpec(
        key=role, label=artifacts.label(role), purpose="", model=FINAL, format=_FORMAT, scheme=precision
    )
    spec = known.get(role, other).model_copy(update={"scheme": precision})
    return {"artifact": spec.model_dump(mode="json"), **rest}


STEPS: Mapping[int, Step] = {1: _to_2}
"""By the version that a step starts from; it returns the same run in the next version's form."""
