"""Names for runs that have none of their own, made from what tells them apart: ``25 % Taylor · INT8 static · x86``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from pqv_core.comparison import settings
from pqv_core.comparison.rows import Chosen, engine_name, importance, limits, precision
from pqv_core.formats import FORMATS
from pqv_core.results.record import RunRecord
from pqv_core.schemes import has_groups, has_quantized_layers

_TOLD = (
    "model.name",
    "prune.enabled",
    "prune.importance",
    "prune.ratio",
    "tokens.merge",
    "quantize.precision",
    "quantize.group",
)
"""Settings that every name tells."""
_MOST = 3  # settings beside these: longer names tell less
_LETTERS = 160
_DOT = " · "


def names(records: Sequence[RunRecord]) -> list[str]:
    """A name for each of the runs of a project, in their order; no two are the same.

    Each tells how the run is cut, in which precision it computes, and with which kernels; where runs have several
    models, its model. Runs that are the same in that are told apart by their other settings, and those that have the
    same settings by which run of the project they are, counted from 1.
    """
    models = {_model(record) for record in records}
    made = [words(record, model=len(models) > 1) for record in records]
    for places in _alike(made):
        for place, more in zip(places, _others([records[place] for place in places]), strict=True):
            made[place] = settings.in_line(_DOT.join((made[place], *more)), _LETTERS)
    for places in _alike(made):
        for place in places:
            made[place] = f"{made[place]}{_DOT}run {records[place].number or place + 1}"
    for places in _alike(made):  # a copy of a run's folder has its number
        for copy, place in enumerate(places[1:], start=2):
            made[place] = f"{made[place]}{_DOT}copy {copy}"
    return made


def words(record: RunRecord, *, model: bool = False) -> str:
    """How a run compresses its model, in a line.

    Args:
        model: Name the model, too.
    """
    chosen, quantize = Chosen.of(record), record.config.get("quantize")
    quantize = quantize if isinstance(quantize, dict) else {}
    scheme = str(quantize.get("precision") or "")
    group = f", groups of {chosen.group}" if chosen.group and has_groups(scheme) else ""
    merged = f"{chosen.merged} merged" if chosen.merged else ""
    parts = (
        chosen.model if model else "",
        _cut(record, chosen),
        merged,
        f"{precision(scheme)}{group}",
        _engine(record, scheme, quantize),
    )
    return settings.in_line(_DOT.join(part for part in parts if part), _LETTERS)


def _cut(record: RunRecord, chosen: Chosen) -> str:
    """How far it is cut, and by what: ``25 % Taylor``, ``Taylor, at most 30 ms``."""
    prune, budget = record.config.get("prune"), limits(record.config.get("budget"))
    if budget and isinstance(prune, dict) and prune.get("enabled"):
        return f"{importance(str(prune.get('importance') or ''))}, {budget}"
    return f"{settings.share(chosen.ratio)} {importance(chosen.importance)}" if chosen.importance else "not pruned"


def _engine(record: RunRecord, scheme: str, quantize: dict[str, Any]) -> str:
    """Whose kernels run its layers: those that were chosen by measuring, else those that were asked for."""
    if not has_quantized_layers(scheme):
        return ""
    used = {result.artifact.format: engine_name(result.engine) for result in record.results}
    if len(used) > 1:  # each format has kernels of its own, or no choice of them
        return " and ".join(f"{_suffix(key)} {engine}".strip() for key, engine in used.items())
    asked = str(quantize.get("engine") or "")
    return next(iter(used.values()), engine_name(asked) if asked != "auto" else "")


def _suffix(format: str) -> str:
    return next((info.suffix for key, info in FORMATS.items() if key == format), format)


def _model(record: RunRecord) -> str:
    model = record.config.get("model")
    return str(model.get("name") or "") if isinstance(model, dict) else ""


def _alike(made: Iterable[str]) -> list[list[int]]:
    """Places of names that are the same."""
    places = defaultdict(list)
    for place, name in enumerate(made):
        places[name].append(place)
    return [found for found in places.values() if len(found) > 1]


def _others(records: Sequence[RunRecord]) -> list[list[str]]:
    """What tells runs of the same name apart, for each of them."""
    tables = [settings.flat(record.config) for record in records]
    first = tables[0]
    vary = dict.fromkeys(name for table in tables[1:] for name in settings.changed(first, table) if name not in _TOLD)
    return [[settings.short(name, table.get(name)) for name in list(vary)[:_MOST]] for table in tables]
