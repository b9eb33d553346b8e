"""Keep timm's published ImageNet results of the catalogue's weights in ``resources/imagenet.json``.

    python -m scripts.make_published_accuracy results-imagenet.csv --commit HASH --date YYYY-MM-DD

The table lies in ``results/`` of timm's repository; commit and date are those of its last change there. A row belongs
to the weights of exactly its name, and is refused where it counts other parameters than the catalogue.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import sys
from datetime import date
from pathlib import Path
from typing import Any

RESOURCES = Path(__file__).resolve().parents[1] / "resources"
OUTPUT = RESOURCES / "imagenet.json"
SOURCE = {
    "name": "timm, results-imagenet.csv",
    "repository": "https://github.com/huggingface/pytorch-image-models",
    "file": "results/results-imagenet.csv",
}
_MILLION = 1e6
_ROUNDED = 0.0051  # the table gives millions with two digits


def main() -> None:
    """Read the table and write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path, help="timm's results-imagenet.csv")
    parser.add_argument("--commit", required=True, help="of timm's repository, in which the table was last changed")
    parser.add_argument("--date", required=True, type=date.fromisoformat, help="of that commit")
    wanted = parser.parse_args()
    content = wanted.table.read_bytes()
    models = json.loads((RESOURCES / "catalog.json").read_bytes())["models"]
    found = top1(content.decode("utf-8"), models)
    source = {
        **SOURCE,
        "commit": wanted.commit,
        "date": wanted.date.isoformat(),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    lines = ",\n".join(f"{json.dumps(name)}:{json.dumps(found[name], separators=(',', ':'))}" for name in found)
    OUTPUT.write_text(f'{{"source":{json.dumps(source)},"top1":{{\n{lines}\n}}}}\n', encoding="utf-8")
    total = sum(len(model.get("tags", ())) for model in models)
    print(f"{len(found)} of {total} sets of weights have published results", file=sys.stderr)


def top1(table: str, models: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Top-1 in percent by image size, for the weights of the catalogue that the table names, in their order.

    Args:
        table: Text of the CSV file.
        models: As ``resources/catalog.json`` describes them.

    Raises:
        ValueError: A row counts other parameters than the catalogue: it is about another model.
    """
    rows: dict[str, list[dict[str, str]]] = {}
    for row in csv.DictReader(table.splitlines()):
        rows.setdefault(row["model"], []).append(row)
    found = {}
    for model in models:
        for tag, (classes, _) in model.get("tags", {}).items():
            name = f"{model['name']}.{tag}"
            for row in rows.get(name, ()):
                counted = float(row["param_count"].replace(",", ""))
                same_head = classes == model["classes"]  # the catalogue counts the model with its default head
                if same_head and abs(counted - model["params"] / _MILLION) > _ROUNDED:
                    raise ValueError(f"{name}: {counted} million parameters, not {model['params']:,}")
                found.setdefault(name, {})[str(int(row["img_size"]))] = float(row["top1"])
    return {name: dict(sorted(by_size.items(), key=lambda each: int(each[0]))) for name, by_size in found.items()}


if __name__ == "__main__":
    main()
