"""The files that are measured as on a phone; those that there are already are kept.

Ours are made anew when PQV-Mobile's code has changed, LiteRT's when its converter has.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from bench import environment

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build" / "phones"
CORE = ROOT / "pqv_core"
LITERT = ROOT / "bench" / "litert"
LITERT_LOCK = LITERT / "requirements.lock"
EXPORT = Path(__file__).parent / "export.py"
PAPER, PRUNED = "paper.ptl", "pruned-int8.pte"
PRECISIONS = {
    "fp32.ptl": "fp32",
    "int8.ptl": "int8-dynamic",
    "fp32.pte": "fp32",
    "int8.pte": "int8-dynamic",
    "int8-static.pte": "int8-static",
    "int4.pte": "int4",
}
"""Of the other files of the whole model, by their names."""
OURS = (PAPER, *PRECISIONS, PRUNED)
LITERTS = ("fp32.tflite", "int8.tflite")
"""What ``bench/litert/export.py`` writes."""


def of(model: str) -> list[Path]:
    """All files of one timm model, which are made where they are missing: ours, and LiteRT's."""
    ours = BUILD / model / f"pqv-{digest([*CORE.rglob('*.py'), EXPORT])}"
    if not _complete(ours, OURS):
        print(f"writing {model} …", file=sys.stderr)
        ours.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, "-m", "bench.phones.export", model, str(ours)], check=True, cwd=ROOT)
    return [*(ours / name for name in OURS), *litert_files(model, BUILD / model, ours / "weights.safetensors")]


def litert_files(model: str, folder: Path, weights: Path) -> list[Path]:
    """LiteRT's files of one model with given weights, kept below ``folder``."""
    export = LITERT / "export.py"
    made = folder / f"litert-{digest([LITERT_LOCK, export])}"
    if not _complete(made, LITERTS):
        python = litert_python()
        print(f"converting {model} by LiteRT …", file=sys.stderr)
        made.mkdir(parents=True, exist_ok=True)
        words = [str(python), str(export), model, str(weights), str(made)]
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    return [made / name for name in LITERTS]


def litert_python() -> Path:
    """LiteRT's Python, in an environment of its own."""
    return environment.python(LITERT_LOCK, BUILD / "litert")


def _complete(folder: Path, names: Iterable[str]) -> bool:
    return all((folder / name).is_file() for name in names)


def digest(files: Iterable[Path]) -> str:
    """Of the contents of files, in the order of their paths."""
    return hashlib.sha256(b"".join(hashlib.sha256(path.read_bytes()).digest() for path in sorted(files))).hexdigest()[
        :8
    ]
