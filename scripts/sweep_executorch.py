"""The smallest model of every transformer family to ExecuTorch and back: ``python -m scripts.sweep --format pte``.

Each is written as a fp32 ``.pte`` in a process of its own, loaded again, compared with the model it came from, and
timed by operator. What comes of it is written into ``docs/families.md``. Weights are random and nothing is downloaded.
Some two hours of one core, most of them ExecuTorch's passes; ``--json FILE`` keeps what is done, so that a sweep that
was cut goes on where it was.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pqv_core.files.fsio import write_text
from scripts.families import SMALLEST

PAGE = Path(__file__).resolve().parents[1] / "docs" / "families.md"
PORTABLE = 0.1
"""Share of an inference that portable kernels may take."""
_BEGIN, _END = "<!-- ExecuTorch: begin -->", "<!-- ExecuTorch: end -->"
_COLUMNS = ("Family", "Model", "fp32 differs", "MB", "delegates", "portable operators", "their share", "all the way")


@dataclass
class PteRow:
    """What came of one model. ``step`` is the last that was begun; ``problem`` says why it was the last.

    Attributes:
        differs: Relative error of the logits.
        size: Bytes of the file.
        delegates: Parts that XNNPACK computes, each as a whole.
        portable: Operators left to portable kernels, and their number of calls.
        latency_s: Of an inference, on one thread.
        share: Of an inference, not spent in XNNPACK's operators, where there are portable ones.
    """

    family: str
    model: str
    differs: float | None = None
    size: int = 0
    delegates: int = 0
    portable: dict[str, int] = field(default_factory=dict)
    latency_s: float = 0.0
    share: float | None = None
    export_s: float = 0.0
    step: str = ""
    problem: str = ""

    @property
    def agrees(self) -> bool:
        """Whether it was exported and loaded, and answers like the model."""
        return not self.problem and self.differs is not None

    @property
    def is_whole(self) -> bool:
        """Whether XNNPACK computes nearly all of it."""
        return self.agrees and self.share is not None and self.share <= PORTABLE


def done(row: PteRow) -> PteRow:
    """Do one model in this process, as far as it goes."""
    from pqv_core.errors import PqvError

    try:
        with tempfile.TemporaryDirectory(prefix="pqv-sweep-") as folder:
            _do(row, Path(folder) / "model.pte")
        row.step = ""
    except PqvError as error:
        row.problem = f"{error.message} {' '.join(error.details.split())[:300]}"
    except (RuntimeError, AssertionError, ValueError, TypeError, AttributeError, LookupError) as error:
        row.problem = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    return row


def _do(row: PteRow, path: Path) -> None:
    import torch

    from pqv_core.engine.formats.pte import pte_writer
    from pqv_core.engine.formats.pte.pte_session import load
    from pqv_core.engine.measure import parity
    from pqv_core.engine.models import checkpoint
    from pqv_core.engine.models import create as models
    from pqv_core.engine.transforms.xnnpack_form import prepared_for_xnnpack
    from pqv_core.formats.pte import INFO
    from pqv_core.results.operators import share_outside
    from scripts.sweep_family import FP32_TOLERANCE, answers, as_trained

    torch.manual_seed(0)
    torch.set_num_threads(1)
    row.step = "making the model"
    model = as_trained(checkpoint.Base(name=row.model).create())
    images = torch.randn(2, *models.preprocessing(model).input_size)
    prepared = prepared_for_xnnpack(model)  # before it has seen an image: what that leaves in caches is not exported
    row.step = "exporting"
    began = time.process_time()
    pte_writer.save(prepared, path, example=images[:1], description={})
    row.export_s, row.size = time.process_time() - began, path.stat().st_size
    delegation = INFO.read(path).delegation
    assert delegation is not None
    row.delegates, row.portable = delegation.count, delegation.outside
    row.step = "loading"
    session = load(path, threads=1)
    row.step = "running"
    row.differs = parity.parity(session.run(images), answers(model, images)).relative
    assert row.differs < FP32_TOLERANCE, f"it differs by {row.differs:.1e}"
    row.step = "timing"
    found = session.profile(images[:1])
    row.latency_s = statistics.median(found.samples_ns) / 1e9
    row.share = share_outside(delegation, found.operators)


def _in_process(row: PteRow, limit: float) -> PteRow:
    command = [sys.executable, "-m", "scripts.sweep_executorch", row.family, row.model]
    try:
        made = subprocess.run(command, capture_output=True, text=True, timeout=limit)
        last = made.stdout.strip().splitlines()[-1:]
        if made.returncode == 0 and last:
            return PteRow(**json.loads(last[0]))
        return dataclasses.replace(row, problem=f"the process ended with status {made.returncode}")
    except subprocess.TimeoutExpired:
        return dataclasses.replace(row, problem=f"it took longer than the {limit:.0f} s it was given")


def sweep(chosen: dict[str, str], *, limit: float, kept: Path | None) -> list[PteRow]:
    """Do models one after another, in processes of their own; those that ``kept`` holds are not repeated."""
    plain = json.loads(kept.read_text(encoding="utf-8")) if kept and kept.exists() else []
    known = {row.model: row for row in (PteRow(**one) for one in plain) if row.agrees}
    rows = []
    for family, model in chosen.items():
        rows.append(known.get(model) or _in_process(PteRow(family, model), limit))
        print(_line(cells(rows[-1])), flush=True)
        if kept:
            write_text(kept, json.dumps([dataclasses.asdict(row) for row in rows], indent=1))
    return rows


def cells(row: PteRow) -> list[str]:
    """One line of the table."""
    left = ", ".join(f"{name} × {times}" for name, times in row.portable.items())
    return [
        row.family,
        f"`{row.model}`",
        f"{row.differs:.0e}" if row.differs is not None else "",
        f"{row.size / 1e6:.1f}" if row.size else "",
        str(row.delegates or ""),
        left,
        f"{row.share:.0%}" if row.share is not None else "",
        f"{row.step}: {row.problem}".removeprefix(": ").replace("|", "∣") if row.problem else "yes",
    ]


def _line(parts: Iterable[str]) -> str:
    return f"| {' | '.join(parts)} |"


def section(rows: list[PteRow]) -> str:
    """All of it as Markdown."""
    return f"""{_BEGIN}
## ExecuTorch

{sum(row.agrees for row in rows)} of {len(rows)} families can be exported as a fp32 `.pte`, loaded, and agree with the
model; of {sum(row.is_whole for row in rows)}, portable kernels take a tenth of an inference at most (one thread of this
computer). Their share is what is not spent in XNNPACK's operators, and so includes what passes between them.

{_line(_COLUMNS)}
{_line(["---", "---", "--:", "--:", "--:", "---", "--:", "---"])}
{chr(10).join(_line(cells(row)) for row in rows)}
{_END}
"""


def with_section(page: str, rows: list[PteRow]) -> str:
    """The page of families with this section in place of an earlier one, or at its end."""
    before, _, rest = page.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before.rstrip()}\n\n{section(rows)}{after.lstrip()}"


def found(page: str) -> str:
    """The section that a page holds, to be kept when the rest is written anew; empty where it has none."""
    _, begin, rest = page.partition(_BEGIN)
    content, end, _ = rest.partition(_END)
    return f"\n{begin}{content}{end}\n" if begin and end else ""


def main(only: list[str] | None, *, limit: float, kept: Path | None) -> int:
    """Run the sweep; the exit status is 1 where a family does not go all the way."""
    chosen = {name: SMALLEST.get(name, name) for name in only} if only else SMALLEST
    rows = sweep(chosen, limit=limit, kept=kept)
    print(f"{sum(row.agrees for row in rows)} of {len(rows)}, {sum(row.is_whole for row in rows)} nearly whole")
    if not only:
        write_text(PAGE, with_section(PAGE.read_text(encoding="utf-8"), rows))
    return 0 if all(row.agrees for row in rows) else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m scripts.sweep_executorch", description="One model; a JSON line.")
    parser.add_argument("family")
    parser.add_argument("model")
    arguments = parser.parse_args()
    print(json.dumps(dataclasses.asdict(done(PteRow(arguments.family, arguments.model)))))
