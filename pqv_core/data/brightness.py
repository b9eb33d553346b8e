"""Whether a set of images of more than 8 bits comes out as bright as it is meant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from pqv_core.config.data import Scale
from pqv_core.data import images
from pqv_core.errors import DataError

SAMPLE = 16
"""Images that are looked at before a set is used."""

Found = Mapping[float | None, float]
"""Of the deep images of a set: by the value that is white by their bit depth (None: 32 bits), the brightest one."""

_DARK = 0.25
"""Share of white below which nothing of a set lies that is too dark; 14 of 16 bits are."""


def sampled(paths: Iterable[Path]) -> Found:
    """What is found in some images; those that cannot be read are left to whoever reads them."""
    found: dict[float | None, float] = {}
    for path in paths:
        try:
            add(found, images.stored_range(path))
        except images.UnreadableImageError:
            continue
    return found


def add(found: dict[float | None, float], stored: tuple[float | None, float] | None) -> None:
    """Take one more image into account."""
    if stored is not None:
        white, brightest = stored
        found[white] = max(brightest, found.get(white, brightest))


def missing(found: Found, scale: Scale, folder: Path) -> DataError | None:
    """Why the images of a folder cannot be brought to 8 bits; None where they can."""
    if None not in found or scale.white is not None:
        return None
    return DataError(
        f"The images in {images.shown(folder)} hold 32-bit values (up to {found[None]:g}), and the white level "
        "is unknown.",
        action="Set data.white, for example --set data.white=1, and data.black for black.",
    )


def warning(found: Found, scale: Scale) -> str:
    """A sentence where even the brightest value comes out dark; empty where none does."""
    whites = {white: white if scale.white is None else scale.white for white in found}
    for depth, brightest in found.items():
        white = whites[depth]
        if white is not None and brightest - scale.black <= _DARK * (white - scale.black):
            return (
                f"Images whose brightest value is {brightest:g} appear dark because white is {white:g}: "
                f"set data.white={_white_for(brightest):g}, or their actual white level."
            )
    return ""


def _white_for(brightest: float) -> float:
    """The largest number of so many bits as the brightest value takes; the value itself where it is no whole number."""
    if brightest < 1 or brightest != int(brightest):
        return brightest
    return (1 << int(brightest).bit_length()) - 1
