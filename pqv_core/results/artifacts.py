"""The artefacts of a run as data: which model each holds, in which format and scheme, and what it is for.

Nothing else names one. A run's ``run.json`` holds the specification of each of its artefacts, so that those of another
version, or of a plug-in's format, are shown like ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pydantic import BaseModel, ConfigDict

BASELINE, STEP, RESULT, CONTRAST = "baseline", "step", "result", "contrast"
"""Purposes: what the result is compared with; what lies between; what a run is for; the result without one technique,
which shows what that gains."""
DENSE, FINAL, UNMERGED = "dense", "final", "unmerged"
"""Models: as it was taken; as it is once pruned and trained; the same with all its tokens."""
PUBLISHED, FASTEST, INHERITED, AS_RESULT = "published", "fastest", "inherited", "as result"
"""Ways: the one of the paper; of several the one that measures best; the one that the last baseline got; the one that
the result got."""
PAPER_FORMAT = "ptl"
"""The format of the paper's baseline: what is written in another one is no figure of the paper."""

_FP32 = "fp32"


class ArtifactSpec(BaseModel):
    """What an artefact is to its run. Values that this version does not know are kept.

    Attributes:
        key: Its name within the run; in events and options too.
        label: What a person reads.
        purpose: ``baseline``, ``step``, ``result`` or ``contrast``.
        model: ``dense``, ``final`` or ``unmerged``.
        format: Key of its format (``pqv_core/formats/``).
        scheme: Key of its quantization scheme (``pqv_core/schemes/``).
        way: How passes and kernels are found: ``published``, ``fastest``, ``inherited`` or ``as result``.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    key: str
    label: str
    purpose: str
    model: str
    format: str
    scheme: str
    way: str = FASTEST

    @property
    def is_baseline(self) -> bool:
        """Whether results are compared with it."""
        return self.purpose == BASELINE

    @property
    def is_result(self) -> bool:
        """Whether it is what the run was made for."""
        return self.purpose == RESULT

    @property
    def is_fairest(self) -> bool:
        """Whether it is the baseline over which a gain is an honest one."""
        return self.is_baseline and not self.is_published

    @property
    def is_step(self) -> bool:
        """Whether it only lies between the baselines and the result."""
        return self.purpose == STEP

    @property
    def is_contrast(self) -> bool:
        """Whether it is the result without one technique."""
        return self.purpose == CONTRAST

    @property
    def is_dense(self) -> bool:
        """Whether it holds the model as it was taken."""
        return self.model == DENSE

    @property
    def is_published(self) -> bool:
        """Whether it is written as in the paper, and not as it runs fastest."""
        return self.way == PUBLISHED


def of_run(
    *,
    formats: Sequence[str],
    scheme: str,
    exact: bool = False,
    merges: bool = False,
    hastened: bool = False,
    baselines: bool = True,
) -> tuple[ArtifactSpec, ...]:
    """The artefacts of a run, in the order in which they are written and shown.

    Both baselines are shown: the fp32 file of the paper, where the paper's format is among them, and in each format the
    fp32 file that runs fastest, which is the fair one.

    Args:
        exact: The scheme computes in fp32, so the result is made as the fairest baseline is.
        merges: The model merges tokens: what that gains is seen beside the same file with all of them.
        hastened: The result in the first format is to be so many times as fast as the model as it was taken, written
            in the same scheme: both are measured together.
        baselines: Write what the results are compared with, and the steps between; else the results alone, each in the
            way that is fastest.
    """
    first, *others = formats
    found = [_paper()] if PAPER_FORMAT in formats else []
    found += _of_format(first, scheme, exact, suffix="", more="")
    for format in others:
        found += _of_format(format, scheme, exact, suffix=f"_{format}", more=f" ({format})")
    contrasts = {(UNMERGED, format) for format in formats if merges}
    if hastened and scheme != _FP32:  # which has it as its fairest baseline
        contrasts.add((DENSE, first))
    found = [spec for spec in found if not spec.is_contrast or (spec.model, spec.format) in contrasts]
    if baselines:
        return tuple(found)
    return tuple(spec.model_copy(update={"way": FASTEST}) for spec in found if spec.is_result)


def _paper() -> ArtifactSpec:
    return ArtifactSpec(
        key="paper_fp32",
        label="FP32, paper’s baseline",
        purpose=BASELINE,
        model=DENSE,
        format=PAPER_FORMAT,
        scheme=_FP32,
        way=PUBLISHED,
    )


def _of_format(format: str, scheme: str, exact: bool, *, suffix: str, more: str) -> list[ArtifactSpec]:
    rows = (
        ("fast_fp32", "FP32, fastest", BASELINE, DENSE, _FP32, FASTEST),
        ("pruned_fp32", "Pruned FP32", STEP, FINAL, _FP32, INHERITED),
        ("compressed", "Compressed", RESULT, FINAL, scheme, INHERITED if exact else FASTEST),
        ("unmerged", "Compressed, all tokens", CONTRAST, UNMERGED, scheme, AS_RESULT),
        ("uncut", "Compressed, uncut", CONTRAST, DENSE, scheme, AS_RESULT),
    )
    return [
        ArtifactSpec(
            key=key + suffix, label=label + more, purpose=purpose, model=model, format=format, scheme=made, way=way
        )
        for key, label, purpose, model, made, way in rows
    ]


_KNOWN = {spec.key: spec for spec in of_run(formats=(PAPER_FORMAT,), scheme="", merges=True, hastened=True)}
PAPER, FAIREST = (spec for spec in _KNOWN.values() if spec.is_baseline)
"""Both baselines as they are called in every run of this version."""


def label(key: str) -> str:
    """What a person reads for the key of an artefact of which nothing else is known."""
    if key in _KNOWN:
        return _KNOWN[key].label
    first, _, format = key.rpartition("_")
    if first in _KNOWN:  # the same in another format
        return f"{_KNOWN[first].label} ({format})"
    words = key.replace("_", " ")
    return words[:1].upper() + words[1:]


def is_known(key: str) -> bool:
    """Whether an artefact of this version is called so."""
    return key in _KNOWN


def is_baseline(key: str) -> bool:
    """Whether an artefact is a baseline, as far as its key tells."""
    return key.startswith((PAPER.key, FAIREST.key))


def position(key: str) -> int:
    """The place of an artefact among those of this version, in which they are shown; others come after them."""
    return list(_KNOWN).index(key) if key in _KNOWN else len(_KNOWN)


_FURTHER = (7, 6, 4, 3, 5, 2)
"""The numbers of a further format's artefacts, beginning with the result."""


def colour(key: str) -> int:
    """The same number for an artefact in every chart: the result has 0, then what was before it, then all others.

    Those of a further format have colours that are left, so that a result in two formats has two. There are eight, so
    what is seldom there together shares one: a budget's uncut file has its own, one with all tokens does not.
    """
    backwards = [known for known, spec in reversed(_KNOWN.items()) if not spec.is_contrast]
    backwards += [known for known, spec in _KNOWN.items() if spec.is_contrast]
    if key in _KNOWN:
        return backwards.index(key)
    first, _, _ = key.rpartition("_")
    return _FURTHER[backwards.index(first)] if first in _KNOWN else len(_KNOWN)


def ordered(labels: Iterable[str]) -> list[str]:
    """Labels, each once, in the order in which their artefacts are shown; those of another version come last."""
    known = [spec.label for spec in _KNOWN.values()]
    return sorted(dict.fromkeys(labels), key=lambda text: known.index(text) if text in known else len(known))
