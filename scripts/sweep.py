"""Take the smallest model of every transformer family through the whole tool: ``python -m scripts.sweep``.

Each is pruned, trained one step, exported in fp32 and int8, and, in another process, rebuilt from its checkpoint bit
for bit and compared with its files. What comes of it is written to ``docs/families.md``. Weights are random and
nothing is downloaded. Some twenty minutes of one core; every family has processes of its own and a time limit.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.metadata
import json
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Iterable
from multiprocessing.connection import wait
from pathlib import Path

from pqv_core.config import ModelConfig, PruneConfig, QuantizeConfig
from pqv_core.files.fsio import write_text
from pqv_core.models import catalog
from pqv_core.models.predict import predict
from scripts import sweep_executorch, sweep_family
from scripts.families import SECOND, SMALLEST
from scripts.sweep_family import Row, Task

PAGE = Path(__file__).resolve().parents[1] / "docs" / "families.md"
FEWER = 0.1
"""Share of the parameters that pruning must take away."""
_COLUMNS = (
    *("Family", "Model", "M parameters", "fewer", "what is cut", "seconds"),
    *("fp32 differs", "int8 differs", "int8 ∕ fp32 file", "all the way"),
)
_FORETOLD = ("counts off", "files off")
_TOLD = """ The last figures say how far off the prediction was that the window shows: of
parameters and multiply-accumulates, and of the sizes of files in fp32, fp16 and int8."""


def sweep(family: str, model: str, config: PruneConfig, *, limit: float, files: bool = True) -> Row:
    """Take one model all the way, or as far as it goes within ``limit`` seconds.

    Args:
        files: Whether it is exported; else it is only pruned, trained one step and rebuilt.
    """
    row = Row(family, model, exported=files)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="pqv-sweep-") as folder:
        for task in (sweep_family.make, sweep_family.compare):
            row = in_process(task, row, Path(folder), config, seconds=limit - (time.monotonic() - began))
            if row.problem:
                break
    row.seconds = time.monotonic() - began
    return row


def in_process(task: Task, row: Row, folder: Path, config: PruneConfig, *, seconds: float) -> Row:
    """Do a task in a process of its own, which is ended when its time is over."""
    processes = multiprocessing.get_context(_start_method())
    here, there = processes.Pipe(duplex=False)
    process = processes.Process(
        target=sweep_family.serve, args=(task, row, folder, config.model_dump(mode="json"), there)
    )
    end = time.monotonic() + max(0.0, seconds)
    process.start()
    there.close()
    try:
        while process.is_alive() and time.monotonic() < end:
            wait([here, process.sentinel], timeout=max(0.0, end - time.monotonic()))
            row = _heard(here) or row
        row = _heard(here) or row
        if process.is_alive():
            row.problem = row.problem or "its time is over"
        elif process.exitcode:
            row.problem = row.problem or f"the process ended with status {process.exitcode}"
    finally:
        process.kill()
        process.join()
        here.close()
    return row


def _heard(pipe: object) -> Row | None:
    """The last row that was told."""
    row = None
    try:
        while pipe.poll():  # type: ignore[attr-defined]
            row = Row(**json.loads(pipe.recv()))  # type: ignore[attr-defined]
    except EOFError:
        pass
    return row


def _start_method() -> str:
    """torch is imported once and for all where the system can fork from a process that did."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return "spawn"
    multiprocessing.set_forkserver_preload(["scripts.sweep_family"])
    return "forkserver"


def passed(row: Row) -> bool:
    """All the way, with fewer parameters than before by a tenth at least."""
    return not row.problem and row.fewer >= FEWER


def cells(row: Row) -> list[str]:
    """One line of the table."""
    verdict = f"{row.step}: {row.problem}" if row.problem else "yes" if row.fewer >= FEWER else "too little goes"
    return [
        row.family,
        f"`{row.model}`",
        f"{row.before / 1e6:.1f}",
        f"{row.fewer:.1%}" if row.after else "",
        ", ".join(row.cut),
        f"{row.prune_s:.1f}",
        f"{row.fp32:.0e}" if row.fp32 is not None else "",
        f"{row.int8:.3f}" if row.int8 is not None else "",
        f"{row.smaller:.2f}" if row.smaller is not None else "",
        verdict.replace("|", "∣"),
    ]


def foretold(row: Row, config: PruneConfig) -> tuple[float, float] | None:
    """How far off the prediction is, at most: of parameters and multiply-accumulates, and of all files."""
    if not row.macs:
        return None
    entry, model = catalog.load().get(row.model), ModelConfig(name=row.model)
    counts, files = 0.0, 0.0
    for precision, size in (row.files or {"fp32": 0}).items():
        quantize = QuantizeConfig(precision=precision)  # type: ignore[arg-type]
        after = predict(entry, model=model, prune=config, quantize=quantize).after
        assert after is not None, f"nothing is predicted for {row.model}"
        macs = after.macs / row.macs if after.macs else 1.0
        counts = max(counts, abs(after.params / row.after - 1), abs(macs - 1))
        files = max(files, abs(after.file_bytes / size - 1)) if size else 0.0
    return counts, files


def _off(row: Row, config: PruneConfig) -> list[str]:
    return [f"{value:.1%}" for value in foretold(row, config) or ()] or ["", ""]


def _line(parts: Iterable[str]) -> str:
    return f"| {' | '.join(parts)} |"


def page(rows: list[Row], config: PruneConfig) -> str:
    """All of it as Markdown."""
    heading = _line((*_COLUMNS, *_FORETOLD))
    sides = _line(["---", "---", "--:", "--:", "---", "--:", "--:", "--:", "--:", "---", "--:", "--:"])
    table = (_line([*cells(row), *_off(row, config)]) for row in rows)
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("timm", "torch", "torch-pruning"))
    return f"""# Families

Written by `make sweep` from what it measured ({versions}). {sum(map(passed, rows))} of {len(rows)} families go all the
way at a ratio of {config.ratio:g} on the smallest model: they are pruned (importance {config.importance}) with at
least {FEWER:.0%} fewer parameters, trained one step, exported in fp32 and int8, and in another process rebuilt from
their checkpoint bit for bit and reloaded from both files, which agree with the model they came from (relative error
of the logits below {sweep_family.FP32_TOLERANCE:g} for fp32 and {sweep_family.INT8_TOLERANCE:g} for int8). Weights
are random, for nothing is downloaded, and moved a little, as training does, so that no two tables are equal. Seconds
are those of pruning on one thread.{_TOLD}

{heading}
{sides}
{chr(10).join(table)}
"""


def _kept(path: Path | None, config: PruneConfig) -> list[Row]:
    """The rows of an earlier sweep with the same settings."""
    if path is None or not path.exists():
        return []
    plain = json.loads(path.read_text(encoding="utf-8"))
    return [Row(**row) for row in plain["rows"]] if plain["settings"] == config.model_dump(mode="json") else []


def main() -> int:
    """Run the sweep; the exit status is 1 where a family does not go all the way."""
    parser = argparse.ArgumentParser(prog="python -m scripts.sweep", description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="FAMILY", help="families, or names of timm's models; no page")
    parser.add_argument("--ratio", type=float, default=0.25)
    parser.add_argument("--importance", default="l2")
    parser.add_argument("--second", action="store_true", help="the second smallest model of each family; no page")
    parser.add_argument("--no-files", action="store_true", help="prune and rebuild only, and export nothing; no page")
    parser.add_argument("--limit", type=float, default=180.0, help="seconds a family")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the rows there; what passed is not done again")
    parser.add_argument("--format", choices=["ptl", "pte"], default="ptl", help="pte: written and compared, unpruned")
    arguments = parser.parse_args()
    if arguments.format == "pte":
        return sweep_executorch.main(arguments.only, limit=arguments.limit, kept=arguments.json)
    config = PruneConfig.parse({"importance": arguments.importance, "ratio": arguments.ratio})
    families = SECOND if arguments.second else SMALLEST
    chosen = {name: families.get(name, name) for name in arguments.only} if arguments.only else families
    known = {row.family: row for row in _kept(arguments.json, config) if passed(row)}
    rows = []
    for family, model in chosen.items():
        row = known.get(family) or sweep(family, model, config, limit=arguments.limit, files=not arguments.no_files)
        rows.append(row)
        print(_line([*cells(rows[-1]), *_off(rows[-1], config)]), f"{rows[-1].seconds:.0f} s", flush=True)
        if arguments.json:
            plain = {"settings": config.model_dump(mode="json"), "rows": [dataclasses.asdict(row) for row in rows]}
            write_text(arguments.json, json.dumps(plain, indent=1))
    print(f"{sum(map(passed, rows))} of {len(rows)}")
    another = arguments.only or arguments.second or arguments.no_files or arguments.ratio != PruneConfig().ratio
    if not another:
        earlier = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
        write_text(PAGE, page(rows, config) + sweep_executorch.found(earlier))
    return 0 if all(map(passed, rows)) else 1


if __name__ == "__main__":
    sys.exit(main())
