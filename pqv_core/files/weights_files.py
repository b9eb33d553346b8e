"""Which files hold the weights that a path names, and whether such files can hold any. Nothing needs torch here."""

from __future__ import annotations

import hashlib
from pathlib import Path, PurePosixPath, PureWindowsPath

from pqv_core.errors import ModelError, StorageError, from_os_error
from pqv_core.files.fsio import read_json, sha256_file
from pqv_core.files.kind import Kind, kind

READABLE = frozenset((Kind.SAFETENSORS, Kind.OUR_CHECKPOINT, Kind.PYTORCH, Kind.PYTORCH_LEGACY))
_MAX_SHARDS = 10_000
_INDEXES = "*.index.json"

_AGAIN = "Download or copy the complete file again."
_PAGE = "This was downloaded instead of the weights (a sign-in or error page?). Download the file itself."
_EXPORTED = "It is for inference only: choose the weights it was made from (.safetensors, or .pth with a state dict)."
_ELSEWHERE = "It belongs to another framework: choose PyTorch weights of the same model (.safetensors or .pth)."
_UNPACK = "Unpack it and choose the weights file inside."
_CHOOSE = "Choose a .safetensors or .pth file."
_NUMPY = (
    "Convert it first: safetensors.torch.save_file(timm.create_model(NAME, checkpoint_path=FILE).state_dict(), "
    '"weights.safetensors"); pretrained timm weights can be chosen directly.'
)
_PICKLED = "It may contain code and is not opened. Save the state dict, preferably as .safetensors."

_NO_LONGER_WHOLE = (Kind.EMPTY, Kind.ZEROS, Kind.CUT, Kind.DAMAGED)
_REMEDIES: dict[Kind, str] = {
    **dict.fromkeys(_NO_LONGER_WHOLE, _AGAIN),
    Kind.GIT_LFS: "The weights themselves were not cloned: run “git lfs pull” there, or download the file itself.",
    Kind.GIT_ANNEX: "The weights themselves were not cloned: run “git annex get” there.",
    **dict.fromkeys((Kind.WEB_PAGE, Kind.XML, Kind.JSON, Kind.TEXT), _PAGE),
    **dict.fromkeys((Kind.TORCHSCRIPT, Kind.LITE, Kind.PT2, Kind.EXECUTORCH, Kind.ONNX, Kind.TFLITE), _EXPORTED),
    **dict.fromkeys((Kind.TENSORFLOW_INDEX, Kind.KERAS, Kind.HDF5, Kind.GGUF), _ELSEWHERE),
    **dict.fromkeys((Kind.NPZ, Kind.NPY), _NUMPY),
    Kind.PICKLE: _PICKLED,
    **dict.fromkeys((Kind.ZIP, Kind.TAR, Kind.GZIP, Kind.BZIP2, Kind.XZ, Kind.ZSTD, Kind.SEVEN_ZIP, Kind.RAR), _UNPACK),
}


def parts(path: Path) -> tuple[Path, ...]:
    """The files that hold the weights of ``path``: itself, or all those of the index that it is or belongs to.

    Raises:
        ModelError: It is something else, which is named, or an index that cannot be followed.
        StorageError: It cannot be read.
    """
    found = kind(path)
    if found is Kind.SHARD_INDEX:
        return _indexed(path)
    if found not in READABLE:
        raise _refusal(path, found)
    index = _index_of(path)
    return _indexed(index) if index else (path,)


def places(path: Path) -> dict[str, str]:
    """In which file of several each tensor stands, as their index says; empty where ``path`` is not of several."""
    index = path if kind(path) is Kind.SHARD_INDEX else _index_of(path)
    return _weight_map(index) if index else {}


def problem(path: Path) -> str:
    """Why a file can hold no weights, in words; empty where it may, and where it cannot be looked at."""
    try:
        parts(path)
    except ModelError as error:
        return str(error)
    except StorageError:
        return ""
    return ""


def fingerprint(path: Path) -> str:
    """A hex digest of all the weights that ``path`` names.

    Raises:
        ModelError: It is something else, or an index that cannot be followed.
        StorageError: It cannot be read.
    """
    digests = [sha256_file(part) for part in parts(path)]
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256("".join((*digests, repr(sorted(places(path).items())))).encode()).hexdigest()


def _refusal(path: Path, found: Kind) -> ModelError | StorageError:
    if found is Kind.FOLDER:
        inside = _weights_in(path)
        action = f"Choose the file in it: {inside.name}." if inside else _CHOOSE
        return StorageError(f"{path} is a folder, not a file with weights.", action=action)
    what = found.label if found in _NO_LONGER_WHOLE else f"{found.label}, not weights"
    return ModelError(f"{path.name} is {what}.", action=_REMEDIES.get(found, _CHOOSE))


def _weights_in(folder: Path) -> Path | None:
    try:
        names = sorted(folder.iterdir())
    except OSError:
        return None
    endings = (".index.json", ".safetensors", ".bin", ".pth", ".pt")
    return next((name for ending in endings for name in names if name.name.endswith(ending)), None)


def _index_of(path: Path) -> Path | None:
    """The index beside a file that lists it as one of several."""
    try:
        indexes = sorted(path.parent.glob(_INDEXES))
    except OSError:
        return None
    return next((index for index in indexes if path.name in _names(index)), None)


def _names(index: Path) -> list[str]:
    """The files that an index lists, each once; empty where it is none."""
    return sorted(set(_weight_map(index).values()))


def _weight_map(index: Path) -> dict[str, str]:
    """The files that an index lists, by the tensors in them; empty where it is none."""
    try:
        if kind(index) is not Kind.SHARD_INDEX:
            return {}
        listed = read_json(index)["weight_map"].items()
    except (StorageError, OSError, ValueError):
        return {}
    return {tensor: name for tensor, name in listed if isinstance(name, str)}


def _indexed(index: Path) -> tuple[Path, ...]:
    names = _names(index)
    if not 0 < len(names) <= _MAX_SHARDS:
        raise ModelError(f"{index.name} lists no weights files.", action=_CHOOSE)
    for name in names:
        if not _is_plain(name):
            raise ModelError(
                f"{index.name} names a file outside its folder ({name!r}) and was not followed.",
                action="Download the index and its files again from a trusted source.",
            )
    files = tuple(index.parent / name for name in names)
    for file in files:
        _require_shard(file, index, len(files))
    return files


def _is_plain(name: str) -> bool:
    """Whether a name leads nowhere else, on any system."""
    pure = (PurePosixPath(name).name, PureWindowsPath(name).name)
    return pure == (name, name) and name not in ("", ".", "..") and name.isprintable() and ":" not in name


def _require_shard(file: Path, index: Path, count: int) -> None:
    try:
        is_there = file.exists()
    except OSError as error:
        raise from_os_error(error, file) from error
    if not is_there:
        raise ModelError(
            f"{file.name} is missing, one of {count} files that {index.name} lists.",
            action=f"Put it next to {index.name} and run again.",
        )
    found = kind(file)
    if found not in READABLE:
        raise _refusal(file, found)
