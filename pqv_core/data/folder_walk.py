"""What lies in a folder of images: images, what is skipped and why, and links that lead nowhere."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pqv_core.data import images
from pqv_core.data.class_order import composed, listed
from pqv_core.errors import DataError, from_os_error

_SYSTEM = re.compile(  # of NAS, file managers and archivers; those that begin with a dot are hidden anyway
    r"__macosx.*|__pycache__|@eadir|@tmp|@recycle|@recently-snapshot|#recycle|#snapshot|\$recycle\.bin|recycler"
    r"|system volume information|lost\+found|found\.\d{3}|network trash folder|temporary items|thumbs\.db|ehthumbs\.db"
    r"|desktop\.ini|icon\r",
    re.IGNORECASE,
)
_ICLOUD = ".icloud"  # stands, as a hidden file, for one that is not on this computer
_BESIDE = re.compile(  # what people keep beside their images
    r".*\.(txt|md|rst|rtf|docx?|odt|xlsx?|csv|tsv|jsonl?|xml|ya?ml|toml|ini|cfg|html?|url|lnk|log|py|ipynb|sh|bat|ps1|js"
    r"|db|sqlite|cache|md5|sha\d+|xmp|aae|thm|lock|dvc|bib|css)|readme|licen[cs]e|copying|notice|makefile|checksums?"
    r"|(md5|sha\d+)sums?",
    re.IGNORECASE,
)
_ADVICE: Mapping[str, str] = {
    ".heic .heif .hif .heics .heifs": "HEIC is not read: convert to JPEG",
    ".avif .avifs": "AVIF is not read by this Pillow: update it, or convert to JPEG",
    ".3fr .arw .cr2 .cr3 .crw .dcr .dng .erf .iiq .kdc .mef .mos .mrw .nef .nrw .orf .pef .raf .raw .rw2 .rwl .sr2 "
    ".srf .srw .x3f": "camera RAW is not read: convert to JPEG or PNG",
    ".jxl .jp2 .j2k .j2c .jpf .jpx .jpc .jxr .wdp .psd .psb .svg .svgz .ico .icns .cur .tga .exr .hdr .dds .xcf .eps "
    ".ai .pdf .pcx .sgi .ras .qoi .heix .fits .fit .dcm .nii .pam .xbm .xpm": "not read: convert to PNG",
    ".mp4 .mov .avi .mkv .webm .m4v .mpg .mpeg .wmv .3gp .mts .flv": "videos: extract frames",
    ".zip .tar .gz .tgz .bz2 .xz .7z .rar .zst .tfrecord .parquet .arrow .lmdb .mdb": "archives: unpack them",
    ".npy .npz .pt .pth .pkl .mat .h5 .hdf5 .bin": "arrays: save them as PNG",
    ".part .crdownload .download .tmp .partial": "unfinished downloads",
    _ICLOUD: "still in iCloud: download them",
}
_WHY = {suffix: why for suffixes, why in _ADVICE.items() for suffix in suffixes.split()}

Key = tuple[int, int]
"""A folder, whatever path leads to it."""


@dataclass
class Below:
    """What lies below a folder, by name only.

    Attributes:
        images: Relative paths with forward slashes; sorted once the walk is over.
        skipped: Files that are no images, by their suffix in lower case.
        broken: Links that lead nowhere or in a circle.
        circles: Linked folders that lead back to one above them.
    """

    images: list[str] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    circles: list[str] = field(default_factory=list)


def below(folder: Path, *, above: Iterable[Path] = ()) -> Below:
    """Look through a folder and all that lies in it; linked folders are followed once.

    Args:
        above: Folders that it lies in, into which no link is followed.

    Raises:
        DataError: The folder is missing.
        StorageError: It, or one in it, may not be read.
    """
    found = Below()
    closed = {_key(path) for path in above}
    seen = {_key(folder)} | closed
    waiting = [("", folder)]
    while waiting:
        prefix, directory = waiting.pop()
        for entry in entries(directory):
            name = prefix + entry.name
            if not is_folder(entry):
                note(entry, name, found)
                continue
            key = _key(directory / entry.name)
            if key in closed or (entry.is_symlink() and key in seen):
                found.circles.append(name)
            elif key not in seen:
                seen.add(key)
                waiting.append((f"{name}/", directory / entry.name))
    for names in (found.images, found.broken, found.circles):
        names.sort()
    return found


def holds_images(folder: Path) -> bool:
    """Whether there is an image at any depth; looks no further than the first."""
    waiting, seen = [folder], {_key(folder)}
    while waiting:
        directory = waiting.pop()
        for entry in entries(directory):
            if is_image(entry):
                return True
            if is_folder(entry) and (key := _key(directory / entry.name)) not in seen:
                seen.add(key)
                waiting.append(directory / entry.name)
    return False


def note(entry: os.DirEntry[str], name: str, found: Below) -> None:
    """Keep in ``found`` what a file is, under ``name``."""
    if is_image(entry):
        found.images.append(name)
    elif _is_broken(entry):
        found.broken.append(name)
    elif not _BESIDE.fullmatch(entry.name):
        found.skipped[_suffix(entry.name)] += 1


def remarks(found: Below) -> Iterator[str]:
    """A sentence for all that is skipped, and for the links that are not followed."""
    if found.skipped:
        yield f"Skipped {', '.join(_counted(suffix, count) for suffix, count in found.skipped.most_common())}."
    if found.broken:
        yield f"Skipped broken links: {listed(found.broken)}."
    if found.circles:
        yield f"Skipped links to folders already scanned: {listed(found.circles)}."


def _counted(suffix: str, count: int) -> str:
    name = images.shown(suffix) if suffix else "without a suffix"
    why = _WHY.get(suffix, "not a supported image format" if suffix else "add .jpg or .png if they are images")
    return f"{count:,} {name} ({why})"


def folders(folder: Path) -> list[os.DirEntry[str]]:
    """The folders in a folder.

    Raises:
        DataError: It is missing.
        StorageError: It may not be read.
    """
    return [entry for entry in entries(folder) if is_folder(entry)]


def is_image(entry: os.DirEntry[str]) -> bool:
    """Whether this is a file with the suffix of an image."""
    return _suffix(entry.name) in images.SUFFIXES and _asked(entry.is_file)


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether this is a folder, or a link to one."""
    return _asked(entry.is_dir)


def _is_broken(entry: os.DirEntry[str]) -> bool:
    return _asked(entry.is_symlink) and not _asked(entry.is_file) and not _asked(entry.is_dir)


def _asked(check: object) -> bool:
    """The answer; no, where a link leads in a circle."""
    assert callable(check)
    try:
        return bool(check())
    except OSError:
        return False


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()  # noqa: PTH122


def _key(directory: Path) -> Key:
    try:
        status = directory.stat()
    except FileNotFoundError as error:
        raise _missing(directory, error) from error
    except OSError as error:
        raise from_os_error(error, directory) from error
    return status.st_dev, status.st_ino


def entries(folder: Path) -> list[os.DirEntry[str]]:
    """What lies in a folder, by name, without hidden files and what systems leave behind.

    Raises:
        DataError: The folder is missing.
        StorageError: It may not be read.
    """
    try:
        with os.scandir(folder) as found:
            return sorted((entry for entry in found if _is_shown(entry.name)), key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise _missing(folder, error) from error
    except OSError as error:
        raise from_os_error(error, folder) from error


def _is_shown(name: str) -> bool:
    if name.startswith("."):
        return name.endswith(_ICLOUD)
    return _SYSTEM.fullmatch(name) is None


def _missing(folder: Path, error: OSError) -> DataError:
    near = _near(folder)
    return DataError(
        f"The image folder does not exist: {images.shown(folder)}.",
        action=f"Did you mean {images.shown(near)}? Choose or rename it."
        if near is not None
        else "Choose a folder with one sub-folder of images per class.",
        details=str(error),
    )


def _near(folder: Path) -> Path | None:
    """A folder beside it whose name looks the same: other capitals, another Unicode form, a space at an end."""
    try:
        beside = sorted(path for path in folder.parent.iterdir() if path.is_dir())
    except (OSError, ValueError):
        return None
    return next((path for path in beside if alike(path.name) == alike(folder.name)), None)


def alike(name: str) -> str:
    """The same for names that a person takes for the same: capitals, spaces at the ends and Unicode forms aside."""
    return composed(name).casefold().strip()
