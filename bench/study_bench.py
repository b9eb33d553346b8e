"""What trials share: twelve settings of the demo as a study, and as twelve runs that know nothing of each other.

    python -m bench.study_bench [--json]

The settings are three ratios, each in two precisions and two formats. Every one of the twelve runs has a project, a
home and caches of its own, and leaves out what trials leave out, so that both do the same work. Counted is the
processor time, user and system, of every process that is started, also of those that outlive their parent for a moment.
Exits with 1 where the study takes more of it than was aimed at. Linux only, where such processes can be adopted.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.demo_bench import adopt_orphans, processor_seconds  # noqa: E402 - after the path to a checkout
from pqv_core.config import with_settings  # noqa: E402
from pqv_core.project import demo  # noqa: E402
from pqv_core.project import project_file as projects  # noqa: E402
from pqv_core.study.study_file import TRIAL_SETTINGS  # noqa: E402

AIM = 0.5
VARIED: Mapping[str, tuple[object, ...]] = {
    "prune.ratio": (0.2, 0.4, 0.6),
    "quantize.precision": ("fp32", "int8-dynamic"),
    "export.formats": ("ptl", "pte"),
}
_PQV = "import sys; from pqv_gui.cli import main; sys.exit(main())"
_HOMES = ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")


def pqv(folder: Path, *words: str) -> float:
    """Run ``pqv`` in ``folder``, which is its home too; seconds of the processor."""
    before = processor_seconds()
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | dict.fromkeys(_HOMES, str(folder))
    command = [sys.executable, "-P", "-c", _PQV, *words]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"pqv {' '.join(words)} failed:\n{done.stderr}")
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()
    return processor_seconds() - before


def settings() -> Iterator[dict[str, object]]:
    """Those of each run: the points of the grid, in its order, with what all trials have in common."""
    for values in itertools.product(*VARIED.values()):
        chosen = dict(zip(VARIED, values, strict=True))
        yield {**TRIAL_SETTINGS, **chosen, "export.formats": [chosen["export.formats"]]}


def as_study(folder: Path) -> float:
    """Seconds of the processor for all settings as trials of one study."""
    project = demo.create(folder)
    vary = [f"{key}={','.join(map(str, values))}" for key, values in VARIED.items()]
    words = [word for text in vary for word in ("--vary", text)]
    made = pqv(folder, "study", "new", project.name, *words, "--sampler", "grid", "--objective", "latency")
    return made + pqv(folder, "study", "run", f"{project.stem}.study", "--json")


def as_runs(place: Path) -> list[float]:
    """The same for each setting as a run of its own."""
    taken = []
    for number, chosen in enumerate(settings()):
        project = demo.create(place / str(number))
        config = with_settings(projects.load(project).config, chosen)
        projects.save(project, projects.Project(config=config))
        taken.append(pqv(project.parent, "run", project.name, "--json"))
    return taken


def main() -> int:
    """Measure, print, and say by the exit code whether the aim is reached."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    wanted = parser.parse_args()
    if sys.platform != "linux":
        print("study           counts the processor time of adopted processes, which Linux alone has, left out")
        return 0
    adopt_orphans()
    with tempfile.TemporaryDirectory() as place:
        study = as_study(Path(place, "study"))
        runs = as_runs(Path(place))
    ratio = study / sum(runs)
    if wanted.json:
        print(json.dumps({"study": study, "runs": runs, "ratio": ratio}))
    else:
        print(f"study           {len(runs)} trials {study:.1f} s of the processor, as separate runs {sum(runs):.1f} s: "
              f"{ratio:.2f}×")  # fmt: skip
    return 0 if ratio <= AIM else 1


if __name__ == "__main__":
    sys.exit(main())
