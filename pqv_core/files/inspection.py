"""What any file is, what can be said of it, and what can be done with it here. Nothing in it is run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pqv_core import formatting
from pqv_core.errors import PqvError, from_os_error
from pqv_core.files import kind as file_kind
from pqv_core.files import weights_facts
from pqv_core.files.archive import never
from pqv_core.files.kind import Kind

WEIGHTS = frozenset({Kind.SAFETENSORS, Kind.OUR_CHECKPOINT, Kind.PYTORCH, Kind.PYTORCH_LEGACY, Kind.SHARD_INDEX})
"""Kinds that can be a model's weights."""

_EXPORTS = "PQV-Mobile exports from PyTorch: choose the timm model and its weights."
_OTHER_RUNTIME = f"It is for another runtime and cannot be measured here. {_EXPORTS}"
_COPY = "Copy or download the file again."
_UNPACK = "Unpack it and choose its contents: an image folder, weights or an exported model."
AS_WEIGHTS = "It can be a model's weights: pqv new PROJECT.pqv --model NAME --weights FILE, or the Model page."
_WHOLE_OBJECT = (
    "It contains a whole object with its code and is not loaded. Save its state_dict() and choose that file."
)
_NOTHING = "Choose a project (.pqv), an exported model, weights (.safetensors, .pth), or a folder of images."
_ADVICE = {
    **dict.fromkeys(WEIGHTS, AS_WEIGHTS),
    **dict.fromkeys(
        (Kind.ONNX, Kind.TFLITE, Kind.KERAS, Kind.HDF5, Kind.GGUF, Kind.TENSORFLOW_INDEX),
        _OTHER_RUNTIME,
    ),
    Kind.PT2: f"It is a graph for torch.export, not for the Lite Interpreter. {_EXPORTS}",
    Kind.TORCHSCRIPT: f"It was not exported for the Lite Interpreter: it has no bytecode. {_EXPORTS}",
    Kind.PICKLE: "It may contain code and is not loaded. Save the state dict with torch.save or as .safetensors.",
    Kind.GIT_LFS: "The file itself was not downloaded: run git lfs pull, or download it from the site's file page.",
    Kind.GIT_ANNEX: "The file itself was not downloaded: run git annex get.",
    Kind.WEB_PAGE: "A web page was saved instead of the file: use the direct download link.",
    Kind.IMAGE: "Choose the image folder that contains one sub-folder per class.",
    Kind.FOLDER: "An image folder belongs to a project: pqv new PROJECT.pqv --model NAME --data DIR.",
    Kind.RUN: "Show the project that the run belongs to: pqv show PROJECT.pqv.",
    **dict.fromkeys((Kind.ZIP, Kind.TAR, Kind.GZIP, Kind.BZIP2, Kind.XZ, Kind.ZSTD, Kind.SEVEN_ZIP, Kind.RAR), _UNPACK),
    **dict.fromkeys((Kind.EMPTY, Kind.ZEROS, Kind.CUT, Kind.DAMAGED), _COPY),
}


class FileError(PqvError):
    """A file of which nothing can be said: it is empty, cut, damaged, or no file."""


@dataclass(frozen=True)
class Inspection:
    """What was found.

    Attributes:
        advice: What can be done with it here.
        rows: Name and value of each fact.
    """

    path: Path
    kind: Kind
    advice: str
    rows: tuple[tuple[str, str], ...]

    @property
    def sentence(self) -> str:
        """What it is."""
        return f"{self.path.name or self.path} is {self.kind.label}."


def inspect(path: Path, *, cancelled: Callable[[], bool] = never) -> Inspection:
    """Say what a file is. Its cost is bounded whatever the file.

    Raises:
        FileError: It is empty, cut, damaged, or a device.
        StorageError: It is missing or cannot be read.
        Cancelled: ``cancelled`` said so.
    """
    kind = file_kind.kind(path)
    facts = weights_facts.read(path, kind, cancelled=cancelled) if kind in WEIGHTS else None
    advice = _WHOLE_OBJECT if facts and facts.made_by else _ADVICE.get(kind, _NOTHING)
    found = Inspection(path, kind, advice, (*_rows(path, kind), *(facts.rows() if facts else ())))
    if kind in (Kind.EMPTY, Kind.ZEROS, Kind.CUT, Kind.DAMAGED, Kind.SPECIAL):
        raise FileError(found.sentence, action=found.advice)
    return found


def _rows(path: Path, kind: Kind) -> list[tuple[str, str]]:
    label = kind.label.partition(" ")[2] if kind.label.startswith(("a ", "an ", "the ")) else kind.label
    rows = [("Kind", label[:1].upper() + label[1:])]
    if kind in (Kind.FOLDER, Kind.SPECIAL):
        return rows
    try:
        rows.append(("Size", formatting.size(path.stat().st_size)))
    except OSError as error:
        raise from_os_error(error, path) from error
    return rows
