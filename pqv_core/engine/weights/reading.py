"""What stands in weights files, as plain data and tensors. Nothing in them is run."""

from __future__ import annotations

import pickle
import re
import struct
import warnings
import zipfile
import zlib
from collections import OrderedDict
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError

from pqv_core.engine.weights import refusals
from pqv_core.errors import ModelError, from_os_error
from pqv_core.files import archive, weights_files
from pqv_core.files.kind import Kind, kind

_UNFOLDS = 16  # times its size, at most; torch.save does not compress
_NAMES_LIMIT = 64 << 20
_MAX_STAND_INS = 200


def read(path: Path) -> Any:
    """What a training script saved: tensors by name, mostly inside other mappings.

    Several files are read as one, by their index: of a tensor that stands in more than one, it says which is meant.

    Raises:
        ModelError: It holds no weights, or code; it is cut, damaged or another kind of file, which is named.
        StorageError: It cannot be read.
    """
    files = weights_files.parts(path)
    contents = [_one(file) for file in files]
    if len(contents) == 1:
        return contents[0]
    places = weights_files.places(path)
    return {
        name: tensor
        for file, content in zip(files, contents, strict=True)
        if isinstance(content, dict)
        for name, tensor in content.items()
        if places.get(name, file.name) == file.name
    }


def _one(path: Path) -> Any:
    try:
        if kind(path) in (Kind.SAFETENSORS, Kind.OUR_CHECKPOINT):
            return dict(safetensors.torch.load_file(path))
        return _torch(path)
    except OSError as error:
        raise from_os_error(error, path) from error
    except MemoryError as error:
        raise _too_large(path, str(error)) from error
    except (SafetensorError, *_DAMAGE) as error:
        if "allocate memory" in str(error):
            raise _too_large(path, str(error)) from error
        raise ModelError(
            f"{path.name} is damaged or truncated: its weights cannot be read.",
            action="Download or copy the complete file again.",
            details=f"{type(error).__name__}: {error}",
        ) from error


_DAMAGE = (
    *(RuntimeError, EOFError, ValueError, LookupError, AttributeError, TypeError, AssertionError),
    *(ArithmeticError, BufferError, struct.error, zlib.error, zipfile.BadZipFile, NotImplementedError),
)


def _too_large(path: Path, details: str) -> ModelError:
    return ModelError(
        f"{path.name} declares tensors too large for memory.",
        action="Close other programs; if the file should be small, download it again.",
        details=details,
    )


class _Settings(OrderedDict[Any, Any]):
    """Stands for a mapping of settings; what the unpickler gets is a plain one, which it fills."""

    def __new__(cls, *_arguments: Any, **_keywords: Any) -> Any:
        return OrderedDict()


class _Inert:
    """Stands for a thing of a training's settings: nothing of it is made, and nothing kept."""

    def __new__(cls, *_arguments: Any, **_keywords: Any) -> _Inert:
        return super().__new__(cls)

    def __init__(self, *_arguments: Any, **_keywords: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass


# What training scripts save beside weights: timm allow-lists the first, and people meet the others. None is imported.
_HARMLESS = re.compile(
    r"argparse\.Namespace|types\.SimpleNamespace|pathlib\.(_local\.)?\w*Path|collections\.deque|datetime\.\w+|uuid\.UUID|decimal\.Decimal"
    r"|fractions\.Fraction|typing\.\w+|(builtins\.)?(dict|list|tuple|int|float|str|bool|slice|range|frozenset|bytes)"
    r"|numpy\.(_?core\.(multiarray|numeric)\.\w+|dtypes?(\.\w+)?|ndarray|\w*int\d*|\w*float\d*|bool_?|random\.[\w.]+)"
    r"|torch\.torch_version\.TorchVersion|omegaconf\.[\w.]+|mmengine\.[\w.]+|transformers\.(training_args|trainer_utils)\.\w+"
)
_HARMLESS_MAPPINGS = re.compile(
    r"collections\.defaultdict|yacs\.config\.CfgNode|easydict\.EasyDict|ml_collections\.[\w.]+|addict\.[\w.]+"
    r"|mmengine\.config\.config\.ConfigDict|(pytorch_)?lightning(_fabric|\.fabric|\.pytorch)?\.[\w.]*AttributeDict"
)
_FORBIDDEN = re.compile(r"GLOBAL ([\w.]+)")


def _torch(path: Path) -> Any:
    """By PyTorch's own restricted unpickler; harmless settings beside the weights are passed over."""
    _bound(path)
    stand_ins: dict[str, Any] = {}
    while True:
        allowed: list[Any] = [(stand_in, name) for name, stand_in in stand_ins.items()]
        try:
            with torch.serialization.safe_globals(allowed), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return torch.load(path, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError as error:
            name = next(iter(_FORBIDDEN.findall(str(error))), "")
            found = _stand_in(name, number=len(stand_ins))
            full = name if "." in name else f"builtins.{name}"
            if found is None or full in stand_ins or len(stand_ins) >= _MAX_STAND_INS:
                raise refusals.pickled(path, name, details=str(error)) from error
            stand_ins[full] = found


def _stand_in(name: str, *, number: int) -> Any | None:
    """A class of its own for each name, as the unpickler tells them apart; None for what is not harmless."""
    for harmless, base in ((_HARMLESS_MAPPINGS, _Settings), (_HARMLESS, _Inert)):
        if harmless.fullmatch(name):
            return type(f"{base.__name__}{number}", (base,), {})
    return None


def _bound(path: Path) -> None:
    """Refuse an archive that unfolds to much more than it is, before anything is unfolded."""
    if kind(path) is not Kind.PYTORCH:
        return
    with path.open("rb") as file, archive.opened(file) as opened:
        entries = opened.infolist()
    unfolded = sum(entry.file_size for entry in entries)
    names = sum(entry.file_size for entry in entries if entry.filename.endswith("/data.pkl"))
    if unfolded > _UNFOLDS * path.stat().st_size or names > _NAMES_LIMIT:
        raise ModelError(
            f"{path.name} is refused: it decompresses to {unfolded / 1e6:,.0f} MB.",
            action="Get the weights from a trusted source, preferably as .safetensors.",
        )
