"""Images of more than 8 bits a channel: the values that a file stores, and how they become 8 bits.

There is one scale for all files and none for a single one: black is 0 and white the largest value of a file's bit
depth, or both are told. So the brightness of an image means the same in the next one.

Pillow keeps deep greys as they are, but of deep colours the high byte only. The low byte comes from reading the file
once more as though its bytes lay the other way round.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from PIL import Image, TiffImagePlugin

from pqv_core.config.data import Scale

if TYPE_CHECKING:
    import numpy as np

    Values = np.ndarray[tuple[int, ...], np.dtype[Any]]

_HIGHEST = 65535  # of 16 bits
_WHITE_IS_ZERO = 0  # PhotometricInterpretation, TIFF 6.0
_BANDS = ("RGB", "RGBA", "RGBa", "RGBX", "CMYK")
_NATIVE, _SWAPPED = ("L", "B") if sys.byteorder == "little" else ("B", "L")
_OTHER_BYTE = {
    f"{bands};16{order}": f"{bands};16{other}"
    for bands in _BANDS
    for order, other in (("B", "L"), ("L", "B"), ("N", _SWAPPED))
} | {"LA;16B": "RGBA"}  # as four bytes: both of grey and both of transparency
"""By Pillow's raw mode of the high bytes, the one that shows the low ones."""

# Four channels that are not said to be colours: Pillow refuses them or leaves the fourth out.
TiffImagePlugin.OPEN_INFO.update(
    {
        (order, photometric, (1,), 1, (bits,) * 4, extra): ("RGBX", f"RGBX{suffix}" if bits == 16 else "RGBX")
        for order, suffix in ((b"II", ";16L"), (b"MM", ";16B"))
        for photometric, extra in ((1, (0, 0, 0)), (2, (0,)))
        for bits in (8, 16)
    }
)


# Grey whose zero is white, in 16 bits of the other byte order, which Pillow does not know.
TiffImagePlugin.OPEN_INFO.setdefault((b"MM", 0, (1,), 1, (16,), ()), ("I;16B", "I;16B"))


class DepthError(Exception):
    """Why the values of a deep image cannot be used, as the end of a sentence."""


BY_DEPTH = Scale()


@dataclass(frozen=True)
class Deep:
    """How a file stores more than 8 bits a channel.

    Attributes:
        mode: Pillow's mode of the same image in 8 bits.
        rawmode: Pillow's name for how the values lie in the file.
        white: The largest value of its bit depth, or the one that its head names; None for 32 bits.
        codec: How Pillow takes it apart.
        is_negative: Whether its zero is white (a TIFF's WhiteIsZero), which Pillow turns round in 8 bits only.
    """

    mode: str
    rawmode: str
    white: float | None
    codec: str
    is_negative: bool = False


def of(image: Image.Image) -> Deep | None:
    """How an image that was opened, and not decoded yet, stores its values; None where 8 bits hold them.

    Raises:
        DepthError: Its 16 bits lie in the file in a way that Pillow would take for 8, or its zero is white and
            nothing says what is black.
    """
    codec, arguments = _codec(image)
    rawmode = str(arguments[0]) if arguments else ""
    if codec.startswith("ppm") and len(arguments) == 2:
        return _of_netpbm(image.mode, codec, maximum=int(arguments[1]))
    if image.mode == "F" or image.mode.startswith("I"):
        return _of_grey(image, rawmode, codec)
    if rawmode in _OTHER_BYTE:
        return Deep(image.mode, rawmode, _HIGHEST, codec)
    if len(rawmode) == 1 and 16 in getattr(image, "tag_v2", {}).get(TiffImagePlugin.BITSPERSAMPLE, ()):
        raise DepthError("its 16-bit channels lie one after another; save it with interleaved channels")
    return None


def _of_grey(image: Image.Image, rawmode: str, codec: str) -> Deep:
    white = _white(image.mode, rawmode)
    is_negative = getattr(image, "tag_v2", {}).get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) == _WHITE_IS_ZERO
    if is_negative and white is None:
        raise DepthError("its zero is white, and 32 bits do not say which value is black; save it with black as zero")
    return Deep("L", rawmode, white, codec, is_negative)


def _codec(image: Image.Image) -> tuple[str, tuple[Any, ...]]:
    tiles = getattr(image, "tile", None)
    if not tiles:
        return "", ()
    codec, arguments = tiles[0][0], tiles[0][3]
    return codec, arguments if isinstance(arguments, tuple) else (arguments,)


def _of_netpbm(mode: str, codec: str, *, maximum: int) -> Deep | None:
    """Its head names the value that is white; binary files hold two bytes a value where that is above 255."""
    if maximum <= 255:
        return None
    return Deep("L" if mode == "I" else mode, "I;16B" if mode == "I" else f"{mode};16B", maximum, codec)


def _white(mode: str, rawmode: str) -> float | None:
    if mode == "F" or ";32" in rawmode:
        return None
    if rawmode == "I;12":
        return 4095
    if ";16" in rawmode:
        return 32767 if rawmode.endswith("S") else _HIGHEST
    return _HIGHEST if mode.startswith("I;16") else None


def values(image: Image.Image, deep: Deep, again: Callable[[], Image.Image]) -> Values:
    """The stored values, of shape (H, W) for grey and (H, W, C) for colours; of a negative, counted from its black.

    Args:
        image: As it was opened.
        again: Opens it once more.

    Raises:
        DepthError: Some are no finite numbers, or they cannot be told apart.
    """
    import numpy as np

    if deep.codec == "ppm_plain":
        if deep.mode != "L":
            raise DepthError("its 16-bit colours are written as text; save it as a binary PPM")
        return np.rint(np.asarray(image) * ((deep.white or 0) / _HIGHEST))  # Pillow has stretched them
    if deep.codec == "ppm":
        _take_as(image, deep.rawmode)
    if deep.rawmode in _OTHER_BYTE:
        return _colours(image, deep, again)
    found: Values = np.asarray(image)
    if deep.rawmode == "I;32N":
        found = found.view(np.uint32)
    if image.mode == "F" and not np.isfinite(found).all():
        raise DepthError("some of its values are not finite (NaN or infinity)")
    return np.subtract(int(deep.white), found) if deep.is_negative and deep.white else found


def _colours(image: Image.Image, deep: Deep, again: Callable[[], Image.Image]) -> Values:
    import numpy as np

    with again() as second:
        _take_as(second, _OTHER_BYTE[deep.rawmode])
        low = np.asarray(second)
    if deep.rawmode == "LA;16B":
        grey, alpha = low.view(">u2")[..., 0], low.view(">u2")[..., 1]
        return np.stack([grey, grey, grey, alpha], axis=-1)
    found: Values = np.asarray(image).astype(np.uint16)
    found <<= 8
    found |= low
    return found


def _take_as(image: Any, rawmode: str) -> None:
    """Have Pillow understand the file's bytes in another way."""
    image.tile = [_tile_as(tile, rawmode) for tile in image.tile]


def _tile_as(tile: Any, rawmode: str) -> Any:
    codec, box, offset, arguments = tile
    if codec == "ppm":
        return type(tile)("raw", box, offset, rawmode)
    return type(tile)(codec, box, offset, (rawmode, *arguments[1:]) if isinstance(arguments, tuple) else rawmode)


def eight_bits(stored: Values, deep: Deep, scale: Scale) -> Image.Image:
    """The image in 8 bits a channel: black is 0, white 255, what lies beyond is cut off, the rest is rounded.

    Raises:
        DepthError: Neither the bit depth nor the scale says what is white.
    """
    white = deep.white if scale.white is None else scale.white
    if white is None:
        raise DepthError("it holds 32-bit values, and data.white is not set")
    if scale.black >= white:
        raise DepthError(f"black (data.black, {scale.black:g}) is not below white ({white:g})")
    if stored.dtype.itemsize == 2:
        return _image(_table(scale.black, white)[stored], deep.mode)
    return _image(_scaled(stored, scale.black, white), deep.mode)


def _image(pixels: Values, mode: str) -> Image.Image:
    height, width = pixels.shape[:2]
    return Image.frombytes(mode, (width, height), pixels.tobytes())


@lru_cache(maxsize=4)
def _table(black: float, white: float) -> Values:
    """What each 16-bit value becomes."""
    import numpy as np

    return _scaled(np.arange(_HIGHEST + 1), black, white)


def _scaled(stored: Values, black: float, white: float) -> Values:
    import numpy as np

    shares = (stored.astype(np.float64) - black) / (white - black)
    pixels: Values = np.rint(shares.clip(0, 1) * 255).astype(np.uint8)
    return pixels
