"""The one rule which measurement of an artefact counts, and between which of them a ratio exists."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from pqv_core import formatting
from pqv_core.results import stability, wait_policy
from pqv_core.results.record import LOCAL, Accuracy, Measurement, OperatorTime, Parity, RunRecord, Variant


@dataclass(frozen=True)
class Setting:
    """How something was measured. A ratio exists only between measurements of one setting.

    Attributes:
        loop: Id of the interleaved loop, or of the session on a phone, which is one push; phones of the oldest records
            have none.
    """

    target: str
    threads: int
    batch: int
    loop: str

    @classmethod
    def of(cls, item: Measurement) -> Self:
        """The setting of a measurement."""
        return cls(item.target, item.threads, item.batch, item.loop)

    @property
    def is_one_loop(self) -> bool:
        """Whether all that was measured in it is of one loop, or of one push: a phone's without an id may not be."""
        return self.target == LOCAL or bool(self.loop)

    @property
    def words(self) -> str:
        """What a figure has to carry beside those of another setting: ``4 threads``, ``1 thread, batch 8``."""
        threads = formatting.counted(self.threads, "thread")
        return threads if self.batch == 1 else f"{threads}, batch {self.batch:,}"


def select(variant: Variant, *, target: str, threads: int, batch: int, loop: str | None = None) -> Measurement | None:
    """The measurement of an artefact that counts: the latest on this target with these threads and this batch.

    Where its loop holds it under several OpenMP wait policies, the one with the least median counts: how threads wait
    is chosen by whoever runs a file, and each file is shown at its best.

    Args:
        loop: Only of this loop; None for any.
    """
    wanted = (target, threads, batch)
    same = [item for item in variant.measurements if (item.target, item.threads, item.batch) == wanted]
    if loop is not None:
        same = [item for item in same if item.loop == loop]
    if not same:
        return None
    policies = {item.wait_policy: item for item in same if item.loop == same[-1].loop}
    return wait_policy.quickest(tuple(policies.values()))


def setting(
    record: RunRecord, *, target: str = LOCAL, threads: int | None = None, batch: int | None = None
) -> Setting | None:
    """The setting in which a run is shown: the latest complete one.

    That is one which holds a result and as many baselines as any does. Without a measurement of a result, another
    artefact stands for it.

    Args:
        threads: Only with so many; None for any number.
        batch: Only with so many images an inference; None for any number.
    """
    held = Counter(
        one for base in record.baselines for one in {Setting.of(item) for item in base.measurements} if one.is_one_loop
    )
    for variant in (*record.results, *record.variants):
        known = [Setting.of(item) for item in reversed(variant.measurements)]
        here = [one for one in known if one.target == target]
        found = [one for one in here if threads in (None, one.threads) and batch in (None, one.batch)]
        if found:
            return max(found, key=lambda one: held[one])  # of equals the first, which is the latest
    return None


def settings(record: RunRecord) -> list[Setting]:
    """For each target, number of threads and batch of a run the setting that counts; this computer's first."""
    items = [item for variant in record.variants for item in variant.measurements]
    keys = dict.fromkeys((item.target, item.threads, item.batch) for item in items)
    found = [setting(record, target=target, threads=threads, batch=batch) for target, threads, batch in keys]
    return sorted((one for one in found if one is not None), key=lambda one: one.target != LOCAL)


def at(variant: Variant | None, chosen: Setting | None) -> Measurement | None:
    """What is shown of an artefact in a setting: what its loop holds, else the latest with as many threads and images.

    Of the latter there is a figure, but no ratio.
    """
    if variant is None or chosen is None:
        return None
    target, threads, batch = chosen.target, chosen.threads, chosen.batch
    inside = select(variant, target=target, threads=threads, batch=batch, loop=chosen.loop)
    return inside or select(variant, target=target, threads=threads, batch=batch)


def shown(record: RunRecord, *, target: str = LOCAL) -> dict[str, Measurement]:
    """What is shown of a run on a target, by the key of the artefact: all with as many threads and images."""
    chosen = setting(record, target=target)
    found = {variant.key: at(variant, chosen) for variant in record.variants}
    return {key: item for key, item in found.items() if item is not None}


def headline(record: RunRecord) -> str:
    """The target by which a run is judged where only one is shown.

    The phone that measured last, where the run is for Android and one did; else this computer.
    """
    export = record.config.get("export")
    if not isinstance(export, dict) or export.get("target") != "android":
        return LOCAL
    phones = [item.target for result in record.results for item in reversed(result.measurements)]
    return next((target for target in phones if target != LOCAL), LOCAL)


def together(one: Measurement | None, other: Measurement | None) -> bool:
    """Whether two measurements may be compared: same target, threads, batch and loop."""
    if one is None or other is None:
        return False
    setting = Setting.of(one)
    return setting == Setting.of(other) and setting.is_one_loop


def doubtful(before: Measurement | None, after: Measurement | None) -> bool:
    """Whether a ratio of two measurements is not to be trusted: the samples of one of them were disturbed."""
    return any(item is not None and not stability.is_steady(item) for item in (before, after))


def ratio(before: Measurement | None, after: Measurement | None) -> float | None:
    """How many times faster ``after`` is than ``before`` by their medians; None where they were not measured together.

    None, too, where one of them took no time.
    """
    if before is None or after is None or not together(before, after):
        return None
    medians = before.median_ns, after.median_ns
    return medians[0] / medians[1] if min(medians) > 0 else None


def result(record: RunRecord, *, target: str = LOCAL) -> Variant | None:
    """The result by which a run is judged on a target: of several formats the quickest one there."""
    return _quickest(record, record.results, target)


def fairest(record: RunRecord, *, target: str = LOCAL) -> Variant | None:
    """The baseline over which a gain is an honest one: of several formats the quickest fp32 file on a target."""
    return _quickest(record, [base for base in record.baselines if base.artifact.is_fairest], target)


def _quickest(record: RunRecord, variants: Sequence[Variant], target: str) -> Variant | None:
    """Of those that were measured in the setting shown the quickest; else the first."""
    chosen = setting(record, target=target)
    measured = [(item, one) for one in variants if (item := at(one, chosen)) and Setting.of(item) == chosen]
    if not measured:
        return next(iter(variants), None)
    return min(measured, key=lambda pair: pair[0].median_ns)[1]


def of_result(record: RunRecord, *, target: str = LOCAL) -> Measurement | None:
    """What is shown of the result on a target."""
    found = result(record, target=target)
    return shown(record, target=target).get(found.key) if found else None


def speedup(record: RunRecord, *, over: str, target: str = LOCAL) -> float | None:
    """How many times faster the result is than the artefact ``over`` in the setting in which the run is shown."""
    return ratio(shown(record, target=target).get(over), of_result(record, target=target))


def answers(variant: Variant, item: Measurement | None) -> tuple[Accuracy | None, Parity | None]:
    """Accuracy and agreement of what was measured.

    On this computer they are known without a measurement. A phone is asked once a session, whatever the threads.
    """
    if item is None or item.target == LOCAL:
        return variant.accuracy, variant.parity
    session = [item, *(one for one in variant.measurements if (one.target, one.loop) == (item.target, item.loop))]
    return (
        next((one.accuracy for one in session if one.accuracy), None),
        next((one.parity for one in session if one.parity), None),
    )


def operators(variant: Variant, item: Measurement | None) -> tuple[OperatorTime, ...]:
    """What each operator took in a measurement; on this computer a run times them with its own number of threads."""
    if item is None:
        return variant.operators
    if item.operators or item.target != LOCAL:
        return item.operators
    own = next(one for one in variant.measurements if one.target == LOCAL)
    return variant.operators if (item.threads, item.batch) == (own.threads, own.batch) else ()
