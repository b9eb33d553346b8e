"""What a run was to reach, against what was measured of its result."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from pqv_core import formatting
from pqv_core.config import RunConfig
from pqv_core.config.budget import LOCAL, MEGABYTE
from pqv_core.errors import ConfigError
from pqv_core.results import select
from pqv_core.results.record import Measurement, RunRecord, Variant


def verdicts(record: RunRecord) -> list[str]:
    """A sentence for each limit: ``28.4 ms on Pixel 8: within the budget of 30 ms.``; and one for the embedding.

    Nothing is said of a limit on the latency of a device on which the result was not measured.
    """
    config = _kept(record)
    if config is None:
        return []
    form = config.export.formats[0]
    result = next((item for item in record.results if item.artifact.format == form), None)
    if result is None:
        return []
    return [*_of_latency(config, record, result), *_of_size(config, result), *_of_embedding(record)]


def decided(record: RunRecord) -> bool:
    """Whether a budget said how far the model is cut."""
    return _kept(record) is not None


def _kept(record: RunRecord) -> RunConfig | None:
    """The settings of a run that keeps a budget; None of another, or where they are a newer version's."""
    try:
        config = RunConfig.parse(record.config)
    except ConfigError:
        return None
    return config if config.prunes_for_budget else None


def _of_latency(config: RunConfig, record: RunRecord, result: Variant) -> Iterator[str]:
    budget, item = config.budget, _measured(config, record, result)
    if item is None:
        return
    table = record.latency_table
    where = "" if item.target == LOCAL else f" on {_name(item.target)}"
    threads = table is not None and table.threads != item.threads
    how = f" with {formatting.counted(item.threads, 'thread')}" if threads else ""
    if budget.latency_ms is not None:
        limit = budget.latency_ms * 1e6
        words = formatting.nanoseconds(limit)
        judged = _judged(item.median_ns, limit, words)
        yield f"{formatting.nanoseconds(item.median_ns)}{where}{how}: {judged}{_doubt(item)}."
    uncut, wanted = _uncut(record, result), budget.speedup
    if wanted is None:
        return
    if uncut is None:  # nor does an earlier version write it
        if not config.export.baselines:
            yield f"The speed-up{where} is not known: the uncut model is not written where export.baselines is false."
        return
    before, after = _together(uncut, result, item)
    reached = select.ratio(before, after)
    if reached is None:
        yield f"The speed-up{where} is not known: the result and {uncut.label} were not measured together."
    else:
        words = f"{formatting.ratio(wanted)} as fast"
        below = formatting.percent(1 - reached / wanted)
        judged = f"the budget, {words}, is met" if reached >= wanted else f"{below} below the budget, {words}"
        yield f"{formatting.ratio(reached)} as fast as the uncut model{where}{how}: {judged}{_doubt(after, before)}."


def _doubt(item: Measurement | None, before: Measurement | None = None) -> str:
    """What a judgement carries whose figures are not to be trusted."""
    return ", but other work disturbed the measurement" if select.doubtful(before, item) else ""


def _of_size(config: RunConfig, result: Variant) -> Iterator[str]:
    if config.budget.size_mb is not None:
        limit = config.budget.size_mb * MEGABYTE
        yield f"{formatting.size(result.size_bytes)}: {_judged(result.size_bytes, limit, formatting.size(limit))}."


def _of_embedding(record: RunRecord) -> Iterator[str]:
    for cut in record.widths:
        if cut.kind == "embedding":
            kept = f"{cut.after:,} of {cut.before:,}" if cut.after < cut.before else f"all {cut.before:,}"
            yield f"The embedding keeps {kept} channels."


def _judged(value: float, limit: float, words: str) -> str:
    above = formatting.percent(value / limit - 1)
    return f"within the budget of {words}" if value <= limit else f"{above} above the budget of {words}"


def _measured(config: RunConfig, record: RunRecord, result: Variant) -> Measurement | None:
    """The latest of the result where its latency is limited; with the threads of the table, where there is one."""
    if not config.budget.limits_latency:
        return None
    targets = dict.fromkeys(
        item.target for item in reversed(result.measurements) if _is_on(item.target, config, record)
    )
    like_table = record.latency_table.threads if record.latency_table is not None else None
    for threads in (like_table, None):
        for target in targets:
            chosen = select.setting(record, target=target, threads=threads, batch=1)
            if found := select.at(result, chosen):
                return found
    return None


def _uncut(record: RunRecord, result: Variant) -> Variant | None:
    """The model as it was taken, in the result's format and scheme."""
    ours = result.artifact
    alike = [item for item in record.variants if (item.artifact.format, item.precision) == (ours.format, ours.scheme)]
    return next((item for item in alike if item.artifact.is_dense and not item.artifact.is_published), None)


def _together(uncut: Variant, result: Variant, item: Measurement) -> tuple[Measurement | None, Measurement | None]:
    """What both took in the latest loop that holds both, measured as ``item`` was; None twice where none does."""
    like = select.Setting.of(item)
    settings = [select.Setting.of(one) for one in reversed(result.measurements)]
    for one in settings:
        if dataclasses.replace(one, loop=like.loop) == like:
            before, after = select.at(uncut, one), select.at(result, one)
            if select.together(before, after):
                return before, after
    return None, None


def _is_on(target: str, config: RunConfig, record: RunRecord) -> bool:
    """Whether a measurement's target is the device that a budget names, by its key, name or kind."""
    on = config.budget.on
    if on == LOCAL or target == LOCAL:
        return on == target
    known = {target, _name(target), target[len(_name(target)) :].strip(" ()")}
    return on in known or (record.latency_table is not None and record.latency_table.device == _name(target))


def _name(target: str) -> str:
    """A device without the key by which it is connected: ``Pixel 8`` of ``Pixel 8 (SERIAL)``."""
    return target.rpartition(" (")[0] or target
