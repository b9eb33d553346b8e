"""Publish the form of ``run.json`` as ``resources/schema/run.schema.json``: ``python -m scripts.make_schema``."""

from __future__ import annotations

from pathlib import Path

from pqv_core.files.fsio import write_json
from pqv_core.results import record as results

OUTPUT = Path(__file__).resolve().parents[1] / "resources" / "schema" / "run.schema.json"


def main() -> None:
    """Write the schema."""
    write_json(OUTPUT, results.json_schema())


if __name__ == "__main__":
    main()
