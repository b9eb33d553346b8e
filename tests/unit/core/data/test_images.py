"""Any image file becomes the picture a person sees, or one sentence that names it."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from pqv_core.data import images


def saved(image: Image.Image, path: Path, **options: object) -> Path:
    image.save(path, **options)
    return path


def pixel(path: Path, x: int = 0, y: int = 0, *, channels: int = 3) -> object:
    return images.read(path, channels=channels).getpixel((x, y))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "RGBX", "I;16"])
def test_every_kind_of_pixel_becomes_rgb(tmp_path: Path, mode: str) -> None:
    image = images.read(saved(Image.new(mode, (5, 4)), tmp_path / "image.tif"))

    assert (image.mode, image.size) == ("RGB", (5, 4))


def test_one_channel_is_grey(tmp_path: Path) -> None:
    path = saved(Image.new("RGB", (2, 2), (255, 255, 255)), tmp_path / "white.png")

    assert images.read(path, channels=1).mode == "L"
    assert pixel(path, channels=1) == 255


def test_cmyk_keeps_its_colour(tmp_path: Path) -> None:
    path = saved(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), tmp_path / "red.jpg", quality=95)

    red, green, blue = pixel(path)  # type: ignore[misc]
    assert red > 200 and green < 40 and blue < 60


def test_transparent_parts_are_white(tmp_path: Path) -> None:
    clear = saved(Image.new("RGBA", (2, 2), (10, 20, 30, 0)), tmp_path / "clear.png")
    palette = Image.new("P", (2, 2), 0)
    palette.putpalette([200, 0, 0] * 256)
    masked = saved(palette, tmp_path / "palette.png", transparency=0)

    assert pixel(clear) == (255, 255, 255)
    assert pixel(masked) == (255, 255, 255)


def test_a_photo_taken_sideways_stands_upright(tmp_path: Path) -> None:
    photo = Image.new("RGB", (6, 4), "black")
    photo.putpixel((0, 3), (255, 255, 255))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn 90° clockwise
    path = saved(photo, tmp_path / "photo.png", exif=exif)

    image = images.read(path)

    assert image.size == (4, 6)
    assert image.getpixel((0, 0)) == (255, 255, 255)


def test_an_animation_shows_its_first_picture(tmp_path: Path) -> None:
    first, second = Image.new("P", (2, 2), 0), Image.new("P", (2, 2), 1)
    for frame in (first, second):
        frame.putpalette([9, 9, 9, 250, 250, 250])
    path = saved(first, tmp_path / "moving.gif", save_all=True, append_images=[second])

    assert pixel(path) == (9, 9, 9)


def test_an_empty_file_says_so(tmp_path: Path) -> None:
    path = tmp_path / "nothing.jpg"
    path.touch()

    for use in (images.read, images.check):
        with pytest.raises(images.UnreadableImageError, match="the file is empty"):
            use(path)


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    for use in (images.read, images.check):
        with pytest.raises(images.UnreadableImageError, match="No such file"):
            use(tmp_path / "gone.png")


def test_text_named_as_an_image_says_so(tmp_path: Path) -> None:
    path = tmp_path / "words.png"
    path.write_text("these are words")

    for use in (images.read, images.check):
        with pytest.raises(images.UnreadableImageError, match="not a known image format"):
            use(path)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp", ".bmp"])
def test_half_a_file_is_found_out(tmp_path: Path, suffix: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = saved(Image.fromarray(noise), tmp_path / f"half{suffix}")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    for use in (images.read, images.check):
        with pytest.raises(images.UnreadableImageError) as caught:
            use(path)
        assert path.name in caught.value.message


def test_a_huge_picture_is_refused_before_it_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(Image.new("1", (12_000, 11_000)), tmp_path / "huge.png")
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("it was decoded"))

    for use in (images.read, images.check):
        with pytest.raises(images.UnreadableImageError, match="more than 128 million"):
            use(path)


def test_a_picture_far_beyond_pillows_own_limit_is_refused(tmp_path: Path) -> None:
    path = saved(Image.new("1", (20_000, 20_000)), tmp_path / "bomb.png")

    with pytest.raises(images.UnreadableImageError, match="more than 128 million"):
        images.read(path)


def test_postscript_is_never_opened(tmp_path: Path) -> None:
    path = saved(Image.new("RGB", (2, 2)), tmp_path / "vector.eps")
    named = path.rename(tmp_path / "vector.png")

    with pytest.raises(images.UnreadableImageError, match="not a known image format"):
        images.read(named)


_BASES: dict[str, bytes] = {}


def _base(suffix: str, folder: Path) -> bytes:
    if suffix not in _BASES:
        noise = np.random.default_rng(1).integers(0, 256, (16, 16, 3), dtype=np.uint8)
        _BASES[suffix] = saved(Image.fromarray(noise), folder / f"base{suffix}").read_bytes()
    return _BASES[suffix]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    suffix=st.sampled_from([".jpg", ".png", ".gif", ".bmp", ".tif", ".webp", ".ppm"]),
    edits=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=12),
    kept=st.floats(0.2, 1),
)
def test_damage_is_read_or_named_and_nothing_else(
    tmp_path: Path, suffix: str, edits: list[tuple[float, int]], kept: float
) -> None:
    content = bytearray(_base(suffix, tmp_path))
    for place, value in edits:
        content[int(place * len(content))] = value
    path = tmp_path / f"damaged{suffix}"
    path.write_bytes(content[: int(kept * len(content))])

    for use in (images.read, images.check):
        try:
            image = use(path)
        except images.UnreadableImageError as error:
            assert error.reason
        else:
            assert image is None or image.mode == "RGB"


def test_a_name_that_is_no_text_can_be_shown() -> None:
    assert images.shown("caf\udce9.png") == "caf\ufffd.png"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a/b c/d.png", "a/b c/d.png"),
        ("a /b", "“a ”/b"),
        ("/x/ a/b\u3000", "/x/“ a”/“b\u3000”"),
        ("a\\b \\c", "a\\“b ”\\c"),
        ("a\nb", "a\\x0ab"),
        (" ", "“ ”"),
        ("", ""),
    ],
)
def test_what_would_not_be_seen_in_a_name_is_shown(path: str, text: str) -> None:
    assert images.shown(path) == text


def in_passes(path: Path, count: int) -> Path:
    """A progressive JPEG with its last scan ``count`` times more."""
    made = io.BytesIO()
    Image.new("L", (64, 64)).save(made, "JPEG", progressive=True)
    content = made.getvalue()
    last = content[content.rindex(b"\xff\xda") : -2]
    path.write_bytes(content[:-2] + last * count + content[-2:] + b"\xff\xda" * 500)  # a film may follow the picture
    return path


@pytest.mark.parametrize("look", [images.read, images.check])
def test_a_jpeg_that_is_drawn_thousands_of_times_is_refused(look: Callable[[Path], object], tmp_path: Path) -> None:
    look(in_passes(tmp_path / "a.jpg", 10))
    with pytest.raises(images.UnreadableImageError, match="more than 100 passes"):
        look(in_passes(tmp_path / "b.jpg", 1000))


def test_a_want_of_memory_is_said_of_the_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("L", (8, 8)).save(tmp_path / "a.png")

    def full(image: Image.Image) -> None:
        raise MemoryError

    monkeypatch.setattr(Image.Image, "load", full)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", full)
    with pytest.raises(images.UnreadableImageError, match="not enough memory"):
        images.read(tmp_path / "a.png")
