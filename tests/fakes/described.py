"""A Lite file that says of itself what a run's files say."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

from pqv_core.formats.ptl.ptl_file import DESCRIPTION

TINY = Path(__file__).parents[1] / "data" / "tiny.ptl"
PREPROCESSING = {
    "input_size": [3, 32, 32],
    "mean": [0.5, 0.5, 0.5],
    "std": [0.25, 0.25, 0.25],
    "interpolation": "bicubic",
    "crop_pct": 0.9,
    "crop_mode": "center",
    "black": 0.0,
    "white": None,
}
DESCRIBED: dict[str, Any] = {
    "target": "android",
    "engine": "qnnpack",
    "classes": ["cat", "dog", "ship"],
    "preprocessing": PREPROCESSING,
}


def described(path: Path, **changed: Any) -> Path:
    """Write a file at ``path`` that says what ``DESCRIBED`` does, but for what is ``changed``; not for running."""
    said = json.dumps({**DESCRIBED, **changed}).encode()
    with zipfile.ZipFile(TINY) as source, zipfile.ZipFile(path, "w") as made:
        for entry in source.infolist():
            made.writestr(entry, said if entry.filename.endswith(DESCRIPTION) else source.read(entry))
    return path
