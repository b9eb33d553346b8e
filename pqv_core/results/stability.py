"""Whether samples of a latency can be trusted: did the machine slow down, did other work disturb it?"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence

from pqv_core import formatting
from pqv_core.results.record import Measurement

DRIFT = 1.15  # a last third that takes this many times as long as the first
SCATTER = 0.2  # the middle half of the samples lies within this share of their median
BUSY = 0.2  # share of the processor that other programs use
_LEAST = 9


def drift(samples: Sequence[int]) -> float | None:
    """Median of the last third over median of the first third; None below 9 samples."""
    if len(samples) < _LEAST:
        return None
    third = len(samples) // 3
    return statistics.median(samples[-third:]) / statistics.median(samples[:third])


def scatter(samples: Sequence[int]) -> float | None:
    """Width of the middle half (third quartile less the first) over the median; None below 9 samples."""
    if len(samples) < _LEAST:
        return None
    first, middle, third = statistics.quantiles(samples, n=4, method="inclusive")
    return (third - first) / middle


def is_steady(item: Measurement) -> bool:
    """Whether there is nothing to know before trusting the median."""
    return next(remarks(item), None) is None


def remarks(item: Measurement) -> Iterator[str]:
    """What a person should know before trusting the median; nothing where it is steady."""
    drifted, scattered = drift(item.samples_ns), scatter(item.samples_ns)
    if item.busy is not None and item.busy > BUSY:
        yield f"other programs used {formatting.percent(item.busy)} of the processor just before"
    if drifted is not None and drifted > DRIFT:
        yield f"the last third took {formatting.percent(drifted - 1)} longer than the first: the machine slowed down"
    elif drifted is not None and drifted < 1 / DRIFT:
        yield f"the first third took {formatting.percent(1 / drifted - 1)} longer than the last: it was busy at first"
    if scattered is not None and scattered > SCATTER:
        width = formatting.percent(scattered)
        yield f"the middle half of the samples spans {width} of the median: other work disturbed it"
