"""A run whose fine-tuning is shared by many processes, on one machine or several:

    accelerate launch --num_processes 4 -m pqv_core.engine.train.launch PROJECT.pqv

The first process does what ``pqv run`` does and prints the same events, one line of JSON each; the others take part in
fine-tuning. The exit status is 0 (succeeded), 1 (failed) or 130 (cancelled).
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from pqv_core.process import inherited, owner


def main() -> int:
    """Take this process's part."""
    owner.end_with_launcher()  # first of all: what is imported below takes seconds
    inherited.set_aside(os.environ, launched=True)
    from pqv_core.engine.train import shared_run

    parser = argparse.ArgumentParser(prog="accelerate launch -m pqv_core.engine.train.launch", description=__doc__)
    parser.add_argument("project", type=Path)
    parser.add_argument("--fresh", action="store_true", help="do not reuse earlier runs")
    arguments = parser.parse_args()
    return shared_run.main(arguments.project.resolve(), fresh=arguments.fresh)


if __name__ == "__main__":
    owner.leave(main())
