"""Pictures of every page, made from the real program: light and dark, at 1280 × 800 and at 150 %.

    python scripts/screenshots.py [--project FILE.pqv] [--out docs/images]

Without ``--project`` the demo is made and run first, for real. Needs no display; needs a font (on Debian:
fonts-dejavu-core).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from PySide6.QtWidgets import QApplication, QWidget

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from pqv_core import demo, runs  # noqa: E402 - after the path to a checkout that is not installed
from pqv_core.job import RunJob  # noqa: E402
from pqv_core.worker_client import Worker  # noqa: E402
from pqv_gui.main import build  # noqa: E402
from pqv_gui.settings import Settings  # noqa: E402
from pqv_gui.viewmodels.steps import Place  # noqa: E402

SCALES = {"": "1", "-150": "1.5"}
SIZE = (1280, 800)
LIMIT_BYTES = 120_000
_PATIENCE_S = 60.0


def main() -> int:
    """Make all pictures; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project", type=Path, help="a project whose newest run is complete")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images")
    parser.add_argument("--suffix", help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.suffix is not None:
        return take(wanted.project, wanted.out, wanted.suffix)
    with tempfile.TemporaryDirectory() as folder:
        project = wanted.project or run_demo(Path(folder))
        for suffix, scale in SCALES.items():
            environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "QT_SCALE_FACTOR": scale}
            arguments = ("--project", str(project.resolve()), "--out", str(wanted.out), f"--suffix={suffix}")
            subprocess.run([sys.executable, __file__, *arguments], env=environment, check=True)
    return 0


def run_demo(folder: Path) -> Path:
    """Make the demo project in ``folder`` and run it."""
    project = demo.create(folder / "demo")
    with Worker(RunJob(run=runs.choose(project, fresh=False), project=str(project))) as worker:
        for event in worker.events():
            last = event
    print("demo:", getattr(last, "outcome", ""), file=sys.stderr)
    return project


def take(project: Path, out: Path, suffix: str) -> int:
    """Take the pictures at the scale that this process was started with."""
    app = QApplication([])
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        window, presenter = build(app, settings=_settings(Path(folder) / "settings.ini", project))
        window.resize(*SIZE)
        window.show()
        work = window.workspace
        for mode in ("light", "dark"):
            window.theme.set_mode(mode)
            window.close_project()
            _wait(app, lambda: window.place is Place.START)
            _save(window, app, out / f"start-{mode}{suffix}.png")
            window.open_project(project)
            _wait(app, lambda: work.run.state == "succeeded" and work.tasks.active == 0 and work.models.loaded)
            for place in [place for place in Place if place is not Place.START]:
                window.go(place)
                _save(window, app, out / f"{place.value.lower()}-{mode}{suffix}.png")
            bar = window._page(Place.RUN).scroller.verticalScrollBar()
            bar.setValue(bar.maximum())
            _save(window, app, out / f"run-curves-{mode}{suffix}.png")
        presenter.uninstall()
        work.close()
        window.close()
    return 0


def _settings(file: Path, project: Path) -> Settings:
    settings = Settings(file)
    settings.projects_folder = Path.home() / "Documents" / "PQV-Mobile"
    settings.recents.write([str(project)])
    return settings


def _wait(app: QApplication, reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not reached():
        if time.monotonic() > deadline:
            raise SystemExit("the window did not come to rest")
        app.processEvents()


def _save(window: QWidget, app: QApplication, path: Path) -> None:
    """Let everything be drawn, then write the picture with as few colours as it has."""
    settled = time.monotonic() + 0.6  # charts are drawn in turns, thumbnails come from a thread
    _wait(app, lambda: time.monotonic() > settled)
    focused = window.focusWidget()
    if focused is not None:
        focused.clearFocus()
    window.grab().save(str(path))
    with Image.open(path) as file:
        image = file.convert("RGB")
    for colors in (128, 64, 32):
        small = image.quantize(colors=colors, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        small.save(path, optimize=True)
        if path.stat().st_size <= LIMIT_BYTES:
            return
    raise SystemExit(f"{path} is too large: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    sys.exit(main())
