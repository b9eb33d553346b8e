"""What OpenMP's threads do while they wait: spin, so that they are back at once, or sleep, and leave the cores alone.

The runtime's own way is to spin for a while. XNNPACK, which the paper's baseline uses, brings threads of its own, and
on few cores they starve beside those that spin; other files are a little quicker when threads spin. So a file is
measured in the way in which it is quicker, and of the paper's baseline the other way is kept too: what one gets as
published.

The variable ``OMP_WAIT_POLICY`` is looked at once, when a process starts. What a shell says of it is not heeded
(``pqv_core/process/inherited.py``).
"""

from __future__ import annotations

from collections.abc import Sequence

from pqv_core import formatting
from pqv_core.results.artifacts import ArtifactSpec
from pqv_core.results.record import LOCAL, Measurement

VARIABLE = "OMP_WAIT_POLICY"
PASSIVE = "PASSIVE"
OWN = ""
"""The runtime's own way."""


def worth_trying(threads: int) -> tuple[str, ...]:
    """The policies under which a file may run differently; a single thread waits for nobody."""
    return (OWN,) if threads == 1 else (OWN, PASSIVE)


def words(policy: str) -> str:
    """What its threads do."""
    return "with threads that sleep while waiting" if policy == PASSIVE else "with threads that spin while waiting"


def quickest(measurements: Sequence[Measurement]) -> Measurement:
    """Of several measurements of one file in one loop, the one that counts: the least median."""
    return min(measurements, key=lambda item: item.median_ns)


def as_published(artifact: ArtifactSpec, measurements: Sequence[Measurement]) -> str:
    """How long the paper's baseline takes as it was published, where a better way was found; else nothing.

    The end of a sentence: ``as published, with threads that spin while waiting: 136 ms``.

    Args:
        artifact: What was measured; there is nothing to say of any but the paper's baseline.
        measurements: All of the artefact's; of those on this computer the latest loop counts.
    """
    local = [item for item in measurements if item.target == LOCAL]
    together = [item for item in local if item.loop == local[-1].loop]
    published = [item for item in together if item.wait_policy != PASSIVE]
    if not artifact.is_published or not published or quickest(together) in published:
        return ""
    return f"as published, {words(published[0].wait_policy)}: {formatting.nanoseconds(published[0].median_ns)}"
