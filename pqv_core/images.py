"""Reading one image file, whatever its kind, without trusting it."""

from __future__ import annotations

import os
import struct
import warnings
import zlib
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from pqv_core.errors import DataError

SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif", ".ppm", ".pgm"})
MAX_PIXELS = 128_000_000
"""More are refused: decoded as RGBA they are half a gigabyte."""

_FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "TIFF", "GIF", "PPM")
_DECODER_ERRORS = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, Image.DecompressionBombError)
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


def shown(path: str | os.PathLike[str]) -> str:
    """A path as text that every encoder takes, also where its bytes are no valid text."""
    return os.fsencode(path).decode("utf-8", "replace")


def read(path: Path, *, channels: int = 3) -> Image.Image:
    """The image as a person sees it: upright, 8 bits a channel, in RGB or (``channels`` 1) in grey.

    Transparent images are laid on white; of an animation the first picture is taken.

    Raises:
        UnreadableImageError: It is missing, empty, cut, too large, or of another kind.
    """
    if path.suffix.lower() in SUFFIXES and _is_empty(path):
        raise UnreadableImageError(path, "the file is empty")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=_FORMATS) as image:
                _check_size(path, image)
                image.load()
                return _as_seen(image, channels)
    except UnreadableImageError:
        raise
    except _DECODER_ERRORS as error:
        raise UnreadableImageError(path, _reason(error), details=f"{type(error).__name__}: {error}") from error


def check(path: Path) -> None:
    """Decode the image as cheaply as shows that it is whole.

    Raises:
        UnreadableImageError: As ``read``.
    """
    if _is_empty(path):
        raise UnreadableImageError(path, "the file is empty")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=_FORMATS) as image:
                _check_size(path, image)
                image.draft(None, (image.width // 8, image.height // 8))  # JPEG: an eighth is enough
                image.load()
    except UnreadableImageError:
        raise
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


def _reason(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "it is not an image of a known kind"
    if isinstance(error, Image.DecompressionBombError):
        return f"it has more than {MAX_PIXELS // 10**6} million pixels"
    if isinstance(error, OSError) and error.errno is not None and error.strerror:
        return error.strerror
    return "it is cut or damaged"


def _as_seen(image: Image.Image, channels: int) -> Image.Image:
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I") or upright.mode == "F":
        upright = _eight_bits(upright)
    mode = "L" if channels == 1 else "RGB"
    if upright.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in upright.info:
        layer = upright.convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(white, layer).convert(mode)
    return upright.convert(mode)


def _eight_bits(image: Image.Image) -> Image.Image:
    """Deep grey values brought to 0 … 255: Pillow's own conversion would cut them off at 255."""
    deep = image.convert("F")
    low, high = (float(value) for value in deep.getextrema())  # type: ignore[arg-type]  # of one band
    if image.mode == "F" and low >= 0 and high <= 1:
        scale = 255.0
    elif high > 255:
        scale = 255 / max(65535.0, high)
    else:
        scale = 1.0
    return deep.point(lambda value: value * scale + 0).convert("L")
