"""Images of more than 8 bits: one scale for all of them, by bit depth or told, whatever the format."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from pqv_core.config.data import Scale
from pqv_core.data import images
from pqv_core.data.deep_images import BY_DEPTH

CAMERA = Scale(white=4095)


def grey_png(path: Path, pixels: np.ndarray) -> Path:
    return png(path, pixels[..., None], colour_type=0)


def png(path: Path, pixels: np.ndarray, *, colour_type: int) -> Path:
    """16 bits a channel, which Pillow writes for grey only; ``pixels`` of shape (H, W, C)."""
    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
    return path


def rgb_png(path: Path, pixels: np.ndarray) -> Path:
    return png(path, np.repeat(pixels[..., None], 3, axis=2), colour_type=2)


def rgba_png(path: Path, pixels: np.ndarray) -> Path:
    opaque = np.full_like(pixels, 65535)
    return png(path, np.stack([pixels, pixels, pixels, opaque], axis=2), colour_type=6)


def grey_alpha_png(path: Path, pixels: np.ndarray) -> Path:
    return png(path, np.stack([pixels, np.full_like(pixels, 65535)], axis=2), colour_type=4)


def tiff(
    path: Path,
    pixels: np.ndarray,
    *,
    photometric: int,
    order: str = "<",
    extra: int | None = None,
    planar: int = 1,
    deflated: bool = False,
) -> Path:
    """A TIFF of some channels; ``pixels`` of shape (H, W, C)."""
    height, width, channels = pixels.shape
    bits = 8 * pixels.dtype.itemsize
    ordered = pixels if planar == 1 else np.moveaxis(pixels, 2, 0)
    content = ordered.astype(pixels.dtype.newbyteorder(order)).tobytes()
    content = zlib.compress(content) if deflated else content
    strips = 1 if planar == 1 else channels
    begin = 512
    tags: list[tuple[int, str, list[int]]] = [
        (256, "I", [width]),
        (257, "I", [height]),
        (258, "H", [bits] * channels),
        (259, "H", [8 if deflated else 1]),
        (262, "H", [photometric]),
        (273, "I", [begin + strip * len(content) // strips for strip in range(strips)]),
        (277, "H", [channels]),
        (278, "I", [height]),
        (279, "I", [len(content) // strips] * strips),
        (284, "H", [planar]),
    ]
    if extra is not None:
        tags.append((338, "H", [extra] * (channels - (3 if photometric == 2 else 1))))
    entries, beyond = b"", b""
    after = 8 + 2 + 12 * len(tags) + 4
    for number, kind, values in tags:
        packed = struct.pack(order + kind * len(values), *values)
        entries += struct.pack(f"{order}HHI", number, {"H": 3, "I": 4}[kind], len(values))
        if len(packed) > 4:
            entries += struct.pack(f"{order}I", after + len(beyond))
            beyond += packed
        else:
            entries += packed.ljust(4, b"\0")
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IH", 8, len(tags)) + entries + b"\0" * 4
    path.write_bytes((head + beyond).ljust(begin, b"\0") + content)
    return path


def grey_tiff(order: str, **options: str) -> Callable[[Path, np.ndarray], Path]:
    def write(path: Path, pixels: np.ndarray) -> Path:
        Image.fromarray(pixels.astype(f"{order}u2")).save(path.with_suffix(".tif"), **options)
        return path.with_suffix(".tif")

    return write


def rgb_tiff(path: Path, pixels: np.ndarray) -> Path:
    return tiff(path.with_suffix(".tif"), np.repeat(pixels[..., None], 3, axis=2), photometric=2, order=">")


def deflated_tiff(order: str) -> Callable[[Path, np.ndarray], Path]:
    def write(path: Path, pixels: np.ndarray) -> Path:
        colours = np.repeat(pixels[..., None], 3, axis=2)
        return tiff(path.with_suffix(".tif"), colours, photometric=2, order=order, deflated=True)

    return write


def netpbm(path: Path, pixels: np.ndarray, *, magic: str = "P5", maximum: int = 65535) -> Path:
    height, width = pixels.shape
    body = pixels.astype(">u2").tobytes() if magic == "P5" else " ".join(map(str, pixels.flat)).encode() + b"\n"
    path = path.with_suffix(".pgm")
    path.write_bytes(f"{magic} {width} {height} {maximum}\n".encode() + body)
    return path


def netpbm_text(path: Path, pixels: np.ndarray) -> Path:
    return netpbm(path, pixels, magic="P2")


def netpbm_colour(path: Path, pixels: np.ndarray) -> Path:
    height, width = pixels.shape
    path = path.with_suffix(".ppm")
    body = np.repeat(pixels[..., None], 3, axis=2).astype(">u2").tobytes()
    path.write_bytes(f"P6 {width} {height} 65535\n".encode() + body)
    return path


SIXTEEN_BITS = [
    grey_png,
    grey_alpha_png,
    rgb_png,
    rgba_png,
    grey_tiff("<"),
    grey_tiff(">"),
    grey_tiff("<", compression="tiff_lzw"),
    rgb_tiff,
    deflated_tiff("<"),
    deflated_tiff(">"),
    netpbm,
    netpbm_text,
    netpbm_colour,
]


def greys(path: Path, scale: Scale = BY_DEPTH) -> list[int]:
    return list(np.asarray(images.read(path, channels=1, scale=scale)).flat)


@pytest.mark.parametrize("write", SIXTEEN_BITS)
@pytest.mark.parametrize(
    ("scale", "expected"),
    [
        (Scale(), [0, 1, 1, 2, 16, 128, 255]),
        (CAMERA, [0, 16, 16, 26, 255, 255, 255]),
        (Scale(black=255, white=4095), [0, 0, 0, 11, 255, 255, 255]),
    ],
)
def test_one_scale_for_sixteen_bits_in_every_format(
    tmp_path: Path, write: Callable[[Path, np.ndarray], Path], scale: Scale, expected: list[int]
) -> None:
    path = write(tmp_path / "deep.png", np.array([[0, 255, 256, 419, 4095, 32896, 65535]], np.uint16))

    assert greys(path, scale) == expected
    assert images.stored_range(path) == images.check(path) == (65535, 65535)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(write=st.sampled_from(SIXTEEN_BITS), first=st.integers(0, 65535), others=st.lists(st.integers(0, 65535)))
def test_a_value_means_the_same_whatever_else_is_in_its_image(
    tmp_path: Path, write: Callable[[Path, np.ndarray], Path], first: int, others: list[int]
) -> None:
    alone = write(tmp_path / "alone.png", np.array([[first]], np.uint16))
    among = write(tmp_path / "among.png", np.array([[first, *others]], np.uint16))

    assert greys(alone)[0] == greys(among)[0] == round(first * 255 / 65535)


def test_colours_keep_both_bytes_of_each_channel(tmp_path: Path) -> None:
    colours = np.array([[[0, 2000, 4095], [4095, 1, 300]]], np.uint16)
    path = png(tmp_path / "colours.png", colours, colour_type=2)

    assert np.asarray(images.read(path, scale=CAMERA)).tolist() == [[[0, 125, 255], [255, 0, 19]]]


def test_the_head_of_a_netpbm_file_says_what_is_white(tmp_path: Path) -> None:
    pixels = np.array([[0, 819, 4095]], np.uint16)
    for magic in ("P5", "P2"):
        path = netpbm(tmp_path / "camera.pgm", pixels, magic=magic, maximum=4095)
        assert greys(path) == [0, 51, 255]
        assert greys(path, Scale(white=819)) == [0, 255, 255]
        assert images.stored_range(path) == (4095, 4095)


@pytest.mark.parametrize(("magic", "body"), [("P1", b"0 1\n"), ("P4", b"\x40")])
def test_a_netpbm_bitmap_has_no_depth(tmp_path: Path, magic: str, body: bytes) -> None:
    (tmp_path / "bits.ppm").write_bytes(f"{magic} 2 1\n".encode() + body)

    assert greys(tmp_path / "bits.ppm") == [255, 0]


def test_signed_sixteen_bits_begin_at_zero_unless_told(tmp_path: Path) -> None:
    path = tiff_of(tmp_path, np.array([[-1000, 0, 1000, 32767]], np.int16), sample_format=2)

    assert greys(path) == [0, 0, 8, 255]
    assert greys(path, Scale(black=-1000, white=1000)) == [0, 128, 255, 255]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("deflated", [False, True])
def test_where_zero_is_white_more_than_eight_bits_are_turned_round_too(
    tmp_path: Path, order: str, deflated: bool
) -> None:
    stored = np.array([[0, 65535 - 128 * 257, 65535]], np.uint16)
    path = tiff(tmp_path / "negative.tif", stored[..., None], photometric=0, order=order, deflated=deflated)

    assert greys(path) == [255, 128, 0]
    assert greys(path, Scale(white=257)) == [255, 255, 0]
    assert images.stored_range(path) == (65535, 65535)


def test_a_negative_of_thirty_two_bits_is_refused(tmp_path: Path) -> None:
    path = tiff(tmp_path / "negative.tif", np.zeros((1, 3, 1), np.float32), photometric=0)
    content = path.read_bytes()
    plain, floats = struct.pack("<HHIHH", 284, 3, 1, 1, 0), struct.pack("<HHIHH", 339, 3, 1, 3, 0)
    path.write_bytes(content.replace(plain, floats))

    with pytest.raises(images.UnreadableImageError, match="its zero is white"):
        images.read(path, scale=Scale(white=1))


def tiff_of(folder: Path, pixels: np.ndarray, *, sample_format: int) -> Path:
    """A grey TIFF as ``tiff`` writes it, with the format of its samples."""
    path = tiff(folder / "signed.tif", pixels[..., None], photometric=1)
    content = path.read_bytes()  # the tag that nothing here reads becomes SampleFormat
    plain, wanted = struct.pack("<HHIHH", 284, 3, 1, 1, 0), struct.pack("<HHIHH", 339, 3, 1, sample_format, 0)
    path.write_bytes(content.replace(plain, wanted))
    return path


@pytest.mark.parametrize(
    ("pixels", "told", "expected"),
    [
        (np.array([[0.0, 0.25, 1.0, 7.0]], np.float32), Scale(white=1), [0, 64, 255, 255]),
        (np.array([[-1.0, 0.0, 1.0, 2.0]], np.float32), Scale(black=-1, white=1), [0, 128, 255, 255]),
        (np.array([[0, 10**9, 2 * 10**9]], np.int32), Scale(white=2e9), [0, 128, 255]),
    ],
)
def test_thirty_two_bits_say_nothing_and_must_be_told(
    tmp_path: Path, pixels: np.ndarray, told: Scale, expected: list[int]
) -> None:
    path = tmp_path / "deep.tif"
    Image.fromarray(pixels).save(path)

    assert greys(path, told) == expected
    assert images.stored_range(path) == (None, pixels.max())
    with pytest.raises(images.UnreadableImageError, match=r"deep.tif .* 32-bit .* data.white"):
        images.read(path)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_said(tmp_path: Path, value: float) -> None:
    Image.fromarray(np.array([[0.5, value]], np.float32)).save(tmp_path / "hole.tif")

    for use in (lambda path: images.read(path, scale=Scale(white=1)), images.check):
        with pytest.raises(images.UnreadableImageError, match=r"hole.tif .* not finite"):
            use(tmp_path / "hole.tif")


def test_sixteen_bits_in_separate_planes_are_refused_not_misread(tmp_path: Path) -> None:
    path = tiff(tmp_path / "planes.tif", np.zeros((4, 4, 3), np.uint16), photometric=2, planar=2)

    with pytest.raises(images.UnreadableImageError, match="one after another"):
        images.read(path)


def test_black_above_white_is_refused(tmp_path: Path) -> None:
    path = grey_png(tmp_path / "grey.png", np.zeros((2, 2), np.uint16))

    with pytest.raises(images.UnreadableImageError, match="not below white"):
        images.read(path, scale=Scale(black=70_000))


def test_eight_bits_are_what_they_are_whatever_is_told(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 100, 255]], np.uint8)).save(tmp_path / "plain.png")

    assert greys(tmp_path / "plain.png", CAMERA) == [0, 100, 255]
    assert images.stored_range(tmp_path / "plain.png") is None


def test_a_deep_image_taken_sideways_stands_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn 90° clockwise
    pixels = np.zeros((4, 6), np.uint16)
    pixels[3, 0] = 65535
    Image.fromarray(pixels).save(tmp_path / "photo.png", exif=exif)

    image = images.read(tmp_path / "photo.png", channels=1)

    assert image.size == (4, 6)
    assert image.getpixel((0, 0)) == 255


FOUR = np.array([[[10, 20, 30, 0], [40, 50, 60, 255]]], np.uint8)


@pytest.mark.parametrize(("mode", "suffix"), [("RGBA", ".png"), ("RGBA", ".tif"), ("CMYK", ".tif"), ("RGBX", ".tif")])
def test_four_channels_are_taken_as_they_are(tmp_path: Path, mode: str, suffix: str) -> None:
    Image.frombytes(mode, (2, 1), FOUR.tobytes()).save(tmp_path / f"four{suffix}")

    image = images.read(tmp_path / f"four{suffix}", channels=4)

    assert np.array_equal(np.asarray(image), FOUR)
    resized = np.asarray(image.resize((1, 1), Image.Resampling.BOX))  # and no channel is transparency to anything
    assert resized[0, 0].tolist() == [25, 35, 45, 128]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("photometric", "extra"), [(1, 0), (2, 0), (2, 2), (2, None), (5, None)])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_four_bands_of_a_tiff(
    tmp_path: Path, order: str, photometric: int, extra: int | None, kind: type[np.generic]
) -> None:
    pixels = (FOUR.astype(kind) * (257 if kind is np.uint16 else 1)).astype(kind)
    path = tiff(tmp_path / "bands.tif", pixels, photometric=photometric, order=order, extra=extra)

    assert np.array_equal(np.asarray(images.read(path, channels=4)), FOUR)
    assert images.read(path, channels=3).mode == "RGB"


@pytest.mark.parametrize(("mode", "have"), [("L", "1"), ("RGB", "3"), ("P", "3"), ("1", "1")])
def test_fewer_than_four_channels_are_refused_by_name(tmp_path: Path, mode: str, have: str) -> None:
    Image.new(mode, (2, 2)).save(tmp_path / "few.png")

    with pytest.raises(images.UnreadableImageError, match=rf"few.png .* it has {have} of the 4 channels"):
        images.read(tmp_path / "few.png", channels=4)


def test_grey_with_transparency_is_four_channels_by_its_meaning(tmp_path: Path) -> None:
    Image.frombytes("LA", (1, 1), bytes([70, 9])).save(tmp_path / "grey.png")

    assert images.read(tmp_path / "grey.png", channels=4).getpixel((0, 0)) == (70, 70, 70, 9)


def test_a_thumbnail_is_read_by_the_same_scale(tmp_path: Path) -> None:
    path = grey_png(tmp_path / "camera.png", np.full((20, 30), 4095, np.uint16))

    for scale, grey in ((Scale(), 16), (CAMERA, 255)):
        picture = images.thumbnail(path, side=8, scale=scale)
        assert (picture.mode, picture.size, picture.getpixel((4, 4))) == ("RGB", (8, 8), (grey, grey, grey))
