"""Draw the demo's images from scikit-learn's copy of the UCI handwritten digits into ``resources/demo``.

The sheet holds all images of 8 × 8 pixels, row by row, 45 a row; the 17 grey levels (0 … 16) are spread over 0 … 240,
so nothing is lost. Run it from the repository: ``python -m scripts.make_demo_data``.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

COLUMNS = 45
FOLDER = Path(__file__).resolve().parents[1] / "resources" / "demo"


def main() -> None:
    """Write ``digits.png`` and ``digits.json``."""
    digits = load_digits()
    images = (digits.images * 15).astype(np.uint8)
    count, side, _ = images.shape
    rows = -(-count // COLUMNS)
    sheet = np.zeros((rows * COLUMNS, side, side), np.uint8)
    sheet[:count] = images
    sheet = sheet.reshape(rows, COLUMNS, side, side).swapaxes(1, 2).reshape(rows * side, COLUMNS * side)
    Image.fromarray(sheet).save(FOLDER / "digits.png", optimize=True)
    labels = "".join(str(label) for label in digits.target)
    description = {"side": side, "columns": COLUMNS, "labels": labels}
    (FOLDER / "digits.json").write_text(json.dumps(description, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
