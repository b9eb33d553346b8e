"""The demo: handwritten digits, a small Vision Transformer that reads them, and a project that compresses it.

Everything comes from ``resources/demo``, so it works without network. Sources and licences stand in its ``LICENSE.md``.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from pqv_core.config import (
    DataConfig,
    ExportConfig,
    FinetuneConfig,
    ModelConfig,
    PruneConfig,
    QuantizeConfig,
    RunConfig,
)
from pqv_core.config.export import format_problem
from pqv_core.errors import from_os_error
from pqv_core.files import fsio
from pqv_core.files.resource_files import resource
from pqv_core.project import project_file as projects

PROJECT_FILE = "demo.pqv"
IMAGES_FOLDER = "digits"
WEIGHTS_FILE = "digits_vit.safetensors"
MODEL = "vit_tiny_patch16_224"
ARGUMENTS: dict[str, str | int | float | bool | None] = {
    "img_size": 32,
    "patch_size": 4,
    "embed_dim": 96,
    "depth": 4,
    "num_heads": 3,
    "num_classes": 10,
}

_FORMATS = ("ptl", "pte")
_PRECISION = "int8-dynamic"
_SIDE = 32
_MARGIN = 2  # the centre crop of timm's preprocessing takes it away, and nothing of the digit
_VAL_EVERY = 5


def config() -> RunConfig:
    """What the demo project does, in each format that can be written here."""
    formats = tuple(key for key in _FORMATS if format_problem(key, "host", precision=_PRECISION) is None)
    return RunConfig(
        model=ModelConfig(name=MODEL, weights="file", path=WEIGHTS_FILE, arguments=ARGUMENTS),
        data=DataConfig(train=f"{IMAGES_FOLDER}/train", val=f"{IMAGES_FOLDER}/val"),
        prune=PruneConfig(importance="taylor", ratio=0.25),
        finetune=FinetuneConfig(epochs=2, augment=False),  # a mirrored digit is another one
        quantize=QuantizeConfig(precision=_PRECISION, engine="auto"),
        export=ExportConfig(formats=formats),
    )


def create(folder: Path) -> Path:
    """Make the demo project in ``folder`` and return the path of its file.

    What is there already is kept, what is missing or damaged is made again, so a second call changes nothing.

    Raises:
        StorageError: The folder is full or may not be written.
    """
    unpack_images(folder / IMAGES_FOLDER)
    weights = folder / WEIGHTS_FILE
    if not weights.exists():
        content = resource("demo", WEIGHTS_FILE).read_bytes()
        with fsio.replacing(weights) as temporary:
            temporary.write_bytes(content)
    path = folder / PROJECT_FILE
    if not path.exists():
        projects.save(path, projects.Project(note="The demo: handwritten digits.", config=config()))
    return path


def unpack_images(folder: Path) -> None:
    """Write the digits as ``train/<digit>/<number>.png`` and ``val/<digit>/<number>.png``.

    Every fifth image of each digit is for validation. Images are grey, 32 × 32 pixels.

    Raises:
        StorageError: The folder is full or may not be written.
    """
    seen: Counter[str] = Counter()
    try:
        for split in ("train", "val"):
            for digit in "0123456789":
                (folder / split / digit).mkdir(parents=True, exist_ok=True)
        for number, (label, image) in enumerate(_digits()):
            seen[label] += 1
            split = "train" if seen[label] % _VAL_EVERY else "val"
            _write_image(folder / split / label / f"{number:04}.png", image)
    except OSError as error:
        raise from_os_error(error, folder) from error


def _digits() -> Iterator[tuple[str, Image.Image]]:
    """Each label with its image of 8 × 8 pixels."""
    described = json.loads(resource("demo", "digits.json").read_text(encoding="utf-8"))
    side, columns = described["side"], described["columns"]
    with Image.open(resource("demo", "digits.png")) as file:
        sheet = file.convert("L")
    for number, label in enumerate(described["labels"]):
        left, top = number % columns * side, number // columns * side
        yield label, sheet.crop((left, top, left + side, top + side))


def _write_image(path: Path, digit: Image.Image) -> None:
    inner = _SIDE - 2 * _MARGIN
    image = Image.new("L", (_SIDE, _SIDE))
    image.paste(digit.resize((inner, inner), Image.Resampling.BICUBIC), (_MARGIN, _MARGIN))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    if path.exists() and path.stat().st_size == len(buffer.getvalue()):
        return
    with fsio.replacing(path, durable=False) as temporary:  # of 1,797; one that a power cut spoils is made again
        temporary.write_bytes(buffer.getvalue())
