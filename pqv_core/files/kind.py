"""What a file is, by what stands in it and not by its name. Nothing in it is run, and little of it is read."""

from __future__ import annotations

import re
import stat
import struct
from collections.abc import Callable, Iterable
from enum import Enum
from pathlib import Path
from typing import BinaryIO

from pqv_core.errors import from_os_error
from pqv_core.files import archive
from pqv_core.files.fsio import parse_json

_HEAD_BYTES = 4096
_JSON_LIMIT = 16 << 20
_SAFETENSORS_LIMIT = 100_000_000  # safetensors' own bound of its header


class Kind(Enum):
    """A kind of file; its ``label`` is how a person calls one."""

    FOLDER = "a folder"
    SPECIAL = "a device or a pipe, not a file"
    EMPTY = "an empty file"
    ZEROS = "a file of zeros (an incomplete download?)"
    CUT = "a truncated file: its end is missing"
    DAMAGED = "a damaged file"

    PROJECT = "a project"
    RUN = "the results of a run"
    OUR_CHECKPOINT = "a checkpoint of PQV-Mobile"
    SAFETENSORS = "a safetensors file"
    SHARD_INDEX = "the index of weights in several safetensors files"
    PYTORCH = "a PyTorch checkpoint"
    PYTORCH_LEGACY = "a PyTorch checkpoint of the old format"
    PICKLE = "a Python pickle that torch.save did not write"
    TORCHSCRIPT = "a TorchScript program"
    LITE = "a PyTorch Lite file"
    PT2 = "a PyTorch export (.pt2)"
    EXECUTORCH = "an ExecuTorch program"
    ONNX = "an ONNX model"
    TFLITE = "a TensorFlow Lite model"
    TENSORFLOW_INDEX = "the index of a TensorFlow checkpoint"
    KERAS = "a Keras model"
    HDF5 = "an HDF5 file (as Keras writes .h5)"
    GGUF = "a GGUF model"
    NPZ = "an archive of NumPy arrays (.npz)"
    NPY = "a NumPy array (.npy)"

    GIT_LFS = "a Git LFS pointer"
    GIT_ANNEX = "a git-annex pointer"
    WEB_PAGE = "a web page"
    XML = "an XML file"
    JSON = "a JSON file"
    TEXT = "a text file"
    PDF = "a PDF document"
    IMAGE = "an image"
    PROGRAM = "a program or library"

    ZIP = "a zip archive"
    TAR = "a tar archive"
    GZIP = "a gzip archive"
    BZIP2 = "a bzip2 archive"
    XZ = "an xz archive"
    ZSTD = "a zstd archive"
    SEVEN_ZIP = "a 7z archive"
    RAR = "a RAR archive"

    UNKNOWN = "a file of an unknown kind"

    @property
    def label(self) -> str:
        """The kind in words, with its article."""
        return self.value


def kind(path: Path) -> Kind:
    """What ``path`` is.

    Raises:
        StorageError: It does not exist, or cannot be read.
    """
    try:
        facts = path.stat()
        if stat.S_ISDIR(facts.st_mode):
            return Kind.FOLDER
        if not stat.S_ISREG(facts.st_mode):
            return Kind.SPECIAL
        with path.open("rb") as file:
            return _kind(file, facts.st_size)
    except OSError as error:
        raise from_os_error(error, path) from error


def _kind(file: BinaryIO, size: int) -> Kind:
    head = file.read(_HEAD_BYTES)
    if not head:
        return Kind.EMPTY
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip(file)
    found = next((kind for kind, fits in _SIGNATURES if fits(head)), None)
    if found is not None:
        return found
    for look in (_safetensors, _onnx, _tensorflow_index, _text):
        found = look(file, head, size)
        if found is not None:
            return found
    return Kind.ZEROS if not head.strip(b"\0") else Kind.UNKNOWN


def _starts(*beginnings: bytes, at: int = 0) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(beginnings, at)


def _matches(pattern: bytes) -> Callable[[bytes], bool]:
    found = re.compile(pattern, re.DOTALL)
    return lambda head: found.match(head) is not None


_TORCH_MAGIC = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # pickled MAGIC_NUMBER of torch/serialization.py

_SIGNATURES: tuple[tuple[Kind, Callable[[bytes], bool]], ...] = (
    (Kind.PYTORCH_LEGACY, _matches(rb"\x80." + re.escape(_TORCH_MAGIC))),
    (Kind.PICKLE, _matches(rb"\x80[\x02-\x05][\x28-\x95]|\((dp|lp)\d+\n")),
    (Kind.TFLITE, _starts(b"TFL3", at=4)),
    (Kind.EXECUTORCH, _matches(rb".{4}ET\d\d")),
    (Kind.GGUF, _starts(b"GGUF")),
    (Kind.HDF5, _starts(b"\x89HDF\r\n\x1a\n")),
    (Kind.NPY, _starts(b"\x93NUMPY")),
    (Kind.IMAGE, _starts(b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*")),
    (Kind.IMAGE, _matches(rb"RIFF.{4}WEBP|BM.{4}\0{4}|.{4}ftyp(hei[cxms]|hev[cx]|mif1|msf1|avi[fs])")),
    (Kind.PDF, _starts(b"%PDF-")),
    (Kind.PROGRAM, _starts(b"\x7fELF", b"MZ\x90", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"#!")),
    (Kind.GZIP, _starts(b"\x1f\x8b\x08")),
    (Kind.BZIP2, _matches(rb"BZh[1-9]1AY&SY")),
    (Kind.XZ, _starts(b"\xfd7zXZ\0")),
    (Kind.ZSTD, _starts(b"\x28\xb5\x2f\xfd")),
    (Kind.SEVEN_ZIP, _starts(b"7z\xbc\xaf\x27\x1c")),
    (Kind.RAR, _starts(b"Rar!\x1a\x07")),
    (Kind.TAR, _starts(b"ustar", at=257)),
)


def _zip(file: BinaryIO) -> Kind:
    """Of which program an archive is, by the names of its entries."""
    try:
        with archive.opened(file) as opened:
            names = opened.namelist()
    except archive.NoEndError:
        return Kind.CUT
    except archive.ArchiveTooLargeError:
        return Kind.ZIP
    except archive.BROKEN:
        return Kind.DAMAGED
    return next((kind for kind, fits in _ARCHIVES if fits(names)), Kind.ZIP)


def _any_ends(*endings: str) -> Callable[[Iterable[str]], bool]:
    return lambda names: any(name.endswith(endings) for name in names)


_ARCHIVES: tuple[tuple[Kind, Callable[[list[str]], bool]], ...] = (
    (Kind.LITE, _any_ends("/bytecode.pkl")),
    (Kind.PT2, _any_ends("/archive_format", "serialized_exported_program.json")),
    (Kind.TORCHSCRIPT, lambda names: any("/code/" in name for name in names)),
    (Kind.PYTORCH, _any_ends("/data.pkl")),
    (Kind.KERAS, lambda names: {"config.json", "model.weights.h5"} <= set(names)),
    (Kind.NPZ, lambda names: bool(names) and all(name.endswith(".npy") for name in names)),
)


def _safetensors(file: BinaryIO, head: bytes, size: int) -> Kind | None:
    """Eight bytes of length, then a JSON object with the place of each tensor."""
    if len(head) < 9 or head[8:9] != b"{":
        return None
    length: int = struct.unpack_from("<Q", head)[0]
    if not 2 <= length <= _SAFETENSORS_LIMIT:
        return None
    if length + 8 > size:
        return Kind.CUT
    if length > _JSON_LIMIT:
        return Kind.SAFETENSORS
    file.seek(8)
    try:
        header = parse_json(file.read(length).decode())
        ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
        if max(ends, default=0) > size - 8 - length:
            return Kind.CUT
        ours = "pqv" in header.get("__metadata__", {})
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        return Kind.UNKNOWN
    return Kind.OUR_CHECKPOINT if ours else Kind.SAFETENSORS


_ONNX_NAMES = (2, 3, 4, 6)  # producer_name, producer_version, domain, doc_string
_ONNX_GRAPH = 7
_ONNX_OPERATORS = 8
_ONNX_VERSIONS = range(1, 64)


def _onnx(file: BinaryIO, head: bytes, size: int) -> Kind | None:
    """A protobuf message of onnx.proto's ``ModelProto``: first ``ir_version``, then names, then the graph."""
    if len(head) < 4 or head[0] != 0x08 or head[1] not in _ONNX_VERSIONS:
        return None
    field, wire = head[2] >> 3, head[2] & 7
    if field not in (*_ONNX_NAMES, _ONNX_GRAPH, _ONNX_OPERATORS) or wire != 2:
        return None
    length, at = _varint(head, 3)
    if field in _ONNX_NAMES and not (head[at : at + length].isascii() and at + length <= len(head)):
        return None
    return Kind.ONNX


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A protobuf number of at most ten bytes, and where it ends."""
    value = shift = 0
    for byte in data[at : at + 10]:
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            break
    return value, at


def _tensorflow_index(file: BinaryIO, head: bytes, size: int) -> Kind | None:
    """A table of LevelDB, whose magic number stands last."""
    if size < 48:
        return None
    file.seek(size - 8)
    return Kind.TENSORFLOW_INDEX if file.read(8) == b"\x57\xfb\x80\x8b\x24\x75\x47\xdb" else None


_WEB = re.compile(r"\s*(<!--.*?-->\s*)*(<!doctype html|<html|<head|<body|<script)", re.IGNORECASE | re.DOTALL)


def _text(file: BinaryIO, head: bytes, size: int) -> Kind | None:
    text = _decoded(head)
    if text is None:
        return None
    if text.startswith("version https://git-lfs.github.com/spec/"):
        return Kind.GIT_LFS
    if "/annex/objects/" in text[:200]:
        return Kind.GIT_ANNEX
    if _WEB.match(text):
        return Kind.WEB_PAGE
    if text.lstrip().startswith("<?xml"):
        return Kind.XML
    return (_json(file, size) if text.lstrip()[:1] in ("{", "[") else None) or Kind.TEXT


def _decoded(head: bytes) -> str | None:
    """The beginning of a text in UTF-8 or UTF-16; None where it is none."""
    encoding = "utf-16" if head.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = head.decode(encoding)
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:  # else a letter is cut by our own bound
            return None
        text = head[: error.start].decode(encoding, errors="ignore")
    return text if all(letter.isprintable() or letter.isspace() for letter in text) else None


def _json(file: BinaryIO, size: int) -> Kind | None:
    if size > _JSON_LIMIT:
        return None
    file.seek(0)
    try:
        value = parse_json(file.read().decode("utf-8-sig"))
    except ValueError:
        return None
    if not isinstance(value, dict):
        return Kind.JSON
    if isinstance(value.get("weight_map"), dict):
        return Kind.SHARD_INDEX
    if "schema_version" in value and "config" in value:
        return Kind.RUN if "environment" in value else Kind.PROJECT
    return Kind.JSON
