"""This computer's answers, kept beside a project's runs, so that a phone need not wait for the same ones again."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import shutil
from pathlib import Path

from pydantic import ValidationError

from pqv_core.data import dataset
from pqv_core.errors import PqvError
from pqv_core.files import fsio
from pqv_core.process import machine
from pqv_core.process.job import AnswerJob, Answers

FOLDER = ".answers"
KEPT = 3  # 64 images of 224 × 224 take 40 MB
_FILE = "answers.json"


def key(asked: AnswerJob) -> str:
    """What the answers depend on: the files, the images, this computer with its PyTorch.

    Raises:
        PqvError: Files or images cannot be read.
    """
    return fsio.sha256_json(
        {
            "files": [fsio.sha256_file(Path(file)) for file in asked.files],
            "val": [asked.val, dataset.fingerprint(Path(asked.val))] if asked.val else None,
            "images": asked.images,
            "node": machine.node(),
            "pqv": importlib.metadata.version("pqv-mobile"),
        }
    )


def find(cache: Path, key: str, asked: AnswerJob) -> Answers | None:
    """The answers that are kept under a key, copied into the folder of the job; None where there are none.

    They are copied because another process may put newer ones in their place at any time.
    """
    kept, folder = cache / key, Path(asked.folder)
    try:
        plain = fsio.read_json(kept / _FILE)
        names = [plain["inputs"], *plain["logits"]]
        for name in names:
            shutil.copyfile(kept / Path(name).name, folder / Path(name).name)
        os.utime(kept)
        paths = [str(folder / Path(name).name) for name in names]
        logits = dict(zip(asked.files, paths[1:], strict=True))
        return Answers.model_validate({**plain, "inputs": paths[0], "logits": logits})
    except (OSError, ValueError, KeyError, TypeError, ValidationError):
        return None


def keep(cache: Path, key: str, asked: AnswerJob, found: Answers) -> None:
    """Keep answers under a key, and no more than ``KEPT`` of all. What cannot be kept is computed again."""
    part = cache / f".{key}.part"
    with contextlib.suppress(OSError, PqvError):
        fsio.remove_folder(part)
        part.mkdir(parents=True)
        files = [Path(found.inputs), *(Path(found.logits[file]) for file in asked.files)]
        for file in files:
            shutil.copyfile(file, part / file.name)
        names = [file.name for file in files]
        plain = {**found.model_dump(mode="json"), "inputs": names[0], "logits": names[1:]}
        fsio.write_json(part / _FILE, plain)
        fsio.remove_folder(cache / key)
        fsio.move(part, cache / key)
        for old in sorted(cache.iterdir(), key=lambda path: -path.stat().st_mtime)[KEPT:]:
            fsio.remove_folder(old)
