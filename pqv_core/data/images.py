"""Reading one image file, whatever its kind, without trusting it."""

from __future__ import annotations

import os
import re
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError, features

from pqv_core.config.data import Scale
from pqv_core.data import deep_images, jpeg
from pqv_core.data.deep_images import BY_DEPTH, Deep
from pqv_core.errors import DataError

_READ = {
    "JPEG": ".jpg .jpeg .jpe .jfif .jfi .jif .pjpeg .pjpg .pjp .mpo",
    "PNG": ".png .apng",
    "WEBP": ".webp",
    "BMP": ".bmp",
    "DIB": ".dib",
    "TIFF": ".tif .tiff",
    "GIF": ".gif",
    "PPM": ".ppm .pgm .pbm .pnm .pfm",
    **({"AVIF": ".avif .avifs"} if features.check("avif") else {}),  # from Pillow 11.3 on
}
"""By Pillow's name of a format, the suffixes that its files have."""

SUFFIXES = frozenset(suffix for suffixes in _READ.values() for suffix in suffixes.split())
MAX_PIXELS = 128_000_000
"""More are refused: decoded as RGBA they are half a gigabyte."""
MAX_BYTES = 1 << 30
"""Of a file; MAX_PIXELS in 16 bits of four channels take as many."""
MAX_SCANS = 100
"""Of a progressive JPEG, each of which passes over all pixels; encoders write about ten."""

READING = 3
"""Raised when the same file is read as other pixels than before."""

_ORIENTATION = 0x0112  # in EXIF
_FORMATS = tuple(_READ)
_DECODER_ERRORS = (
    *(OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, Image.DecompressionBombError),
    *(MemoryError, TypeError, LookupError, ArithmeticError),
)
"""What Pillow's decoders raise on files that are cut or wrong."""


class UnreadableImageError(DataError):
    """An image file that cannot be read; ``reason`` is a few words."""

    def __init__(self, path: Path, reason: str, *, details: str = "") -> None:
        self.path = path
        self.reason = reason
        super().__init__(
            f"The image {shown(path)} cannot be read: {reason}.",
            action="Replace or remove the file.",
            details=details,
        )


_SPACED = re.compile(r"(?:(?<=[/\\])|^)(?=\s|[^/\\]*\s(?:[/\\]|$))[^/\\]+")
_CONTROL = {code: f"\\x{code:02x}" for code in range(32)}


def shown(path: str | os.PathLike[str]) -> str:
    """A path as text that every encoder takes, also where its bytes are no valid text.

    A name with a space at an end, which would not be seen, stands in quotes; control characters are escaped.
    """
    text = os.fsencode(path).decode("utf-8", "replace").translate(_CONTROL)
    return _SPACED.sub(lambda name: f"“{name[0]}”", text)


def read(path: Path, *, channels: int = 3, scale: Scale = BY_DEPTH) -> Image.Image:
    """The image upright, in 8 bits a channel.

    Args:
        channels: 1 for grey and 3 for RGB, both as a person sees it: transparent images are laid on white. 4 for the
            four channels that the file has (RGBA, CMYK or others) as they are, in mode RGBX.
        scale: What is black and white in an image of more than 8 bits.

    Of an animation the first picture is taken.

    Raises:
        UnreadableImageError: It is missing, empty, cut, too large, of another kind, has fewer than four channels where
            four are asked for, or needs a scale that was not told.
    """
    with _opened(path) as image:
        deep = deep_images.of(image)
        picture = _eight_bits(path, image, deep, scale) if deep else image
        upright = ImageOps.exif_transpose(picture)
        return _four_channels(path, upright) if channels == 4 else _as_seen(upright, channels)


def thumbnail(path: Path, *, side: int, scale: Scale = BY_DEPTH) -> Image.Image:
    """The image in RGB as a square of ``side`` pixels, its middle where it is no square.

    Raises:
        UnreadableImageError: As ``read``.
    """
    return ImageOps.fit(read(path, scale=scale), (side, side))


def stored_range(path: Path) -> tuple[float | None, float] | None:
    """Of an image of more than 8 bits: the value that is white by its bit depth, and the brightest one in it.

    The first is None where the depth does not say (32 bits), all is None for an image of 8 bits, which is not decoded.

    Raises:
        UnreadableImageError: As ``read``.
    """
    with _opened(path) as image:
        return _stored_range(path, image)


def check(path: Path) -> tuple[float | None, float] | None:
    """Decode the image as cheaply as shows that it is whole; the result is that of ``stored_range``.

    Raises:
        UnreadableImageError: As ``read``.
    """
    with _opened(path) as image:
        image.draft(None, (image.width // 8, image.height // 8))  # JPEG: an eighth is enough
        found = _stored_range(path, image)
        image.load()
        return found


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """The image, not decoded yet; what is wrong with it inside is told as ``UnreadableImageError``."""
    if _is_empty(path):
        raise UnreadableImageError(path, "the file is empty")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=_FORMATS) as image:
                _check_size(path, image)
                yield image
    except UnreadableImageError:
        raise
    except deep_images.DepthError as error:
        raise UnreadableImageError(path, str(error)) from error
    except _DECODER_ERRORS as error:
        raise UnreadableImageError(path, _reason(error), details=f"{type(error).__name__}: {error}") from error


def pixels(path: Path) -> int:
    """Width times height as the file's head says; 0 where it cannot be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=_FORMATS) as image:
                return image.width * image.height
    except _DECODER_ERRORS:
        return 0


def _is_empty(path: Path) -> bool:
    try:
        return path.stat().st_size == 0
    except OSError as error:
        raise UnreadableImageError(path, error.strerror or "it cannot be opened", details=str(error)) from error


def _check_size(path: Path, image: Image.Image) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise UnreadableImageError(
            path, f"it has {image.width} × {image.height} pixels, more than {MAX_PIXELS // 10**6} million"
        )
    if path.stat().st_size > MAX_BYTES:
        raise UnreadableImageError(path, f"the file is larger than {MAX_BYTES >> 30} GB")
    if image.format in ("JPEG", "MPO") and jpeg.has_more_scans(path, MAX_SCANS):
        raise UnreadableImageError(path, f"it has more than {MAX_SCANS} passes")


def _reason(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "it is not a known image format"
    if isinstance(error, Image.DecompressionBombError):
        return f"it has more than {MAX_PIXELS // 10**6} million pixels"
    if isinstance(error, MemoryError):
        return "there is not enough memory for it"
    if isinstance(error, OSError) and error.errno is not None and error.strerror:
        return error.strerror
    return "it is truncated or damaged"


def _values(path: Path, image: Image.Image, deep: Deep) -> deep_images.Values:
    return deep_images.values(image, deep, lambda: Image.open(path, formats=_FORMATS))


def _stored_range(path: Path, image: Image.Image) -> tuple[float | None, float] | None:
    deep = deep_images.of(image)
    return (deep.white, float(_values(path, image, deep).max())) if deep else None


def _eight_bits(path: Path, image: Image.Image, deep: Deep, scale: Scale) -> Image.Image:
    picture = deep_images.eight_bits(_values(path, image, deep), deep, scale)
    picture.getexif()[_ORIENTATION] = image.getexif().get(_ORIENTATION, 1)
    return picture


def _as_seen(upright: Image.Image, channels: int) -> Image.Image:
    mode = "L" if channels == 1 else "RGB"
    if _is_transparent(upright):
        layer = upright.convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(white, layer).convert(mode)
    if upright.mode == "RGBX":
        upright = upright.convert("RGB")
    return upright.convert(mode)


def _is_transparent(image: Image.Image) -> bool:
    return image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info


def _four_channels(path: Path, upright: Image.Image) -> Image.Image:
    """In mode RGBX, so that nothing takes the fourth channel for transparency when the image is resized."""
    if _is_transparent(upright):
        upright = upright.convert("RGBA")
    if len(upright.getbands()) != 4:
        bands = "RGB" if upright.mode == "P" else "".join(upright.getbands())
        raise UnreadableImageError(path, f"it has {len(bands)} of the 4 channels the model expects ({bands})")
    return upright if upright.mode == "RGBX" else Image.merge("RGBX", upright.split())
