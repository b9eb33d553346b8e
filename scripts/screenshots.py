"""Pictures of every page, made from the real program: light and dark, at 1280 × 800 and at 150 %.

    python scripts/screenshots.py [--project FILE.pqv] [--android FILE.pqv] [--out docs/images]

Without projects the demo is made and run first, for real: for this computer, and for Android. Needs no display, but a
font (on Debian: fonts-dejavu-core). The Device page also needs the benchmark program built for this computer
(cmake --preset host, in android_runner; or --program FILE) and is left out without it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from PIL import Image
from PySide6.QtWidgets import QApplication, QWidget

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from pqv_core.config import FinetuneConfig  # noqa: E402
from pqv_core.config.export import ExportConfig  # noqa: E402
from pqv_core.process.worker_client import Worker  # noqa: E402
from pqv_core.project import demo, runs  # noqa: E402
from pqv_core.project import project_file as projects  # noqa: E402
from pqv_gui.app.window import MainWindow  # noqa: E402
from pqv_gui.main import build  # noqa: E402
from pqv_gui.pages import PAGES  # noqa: E402
from pqv_gui.services.settings import Settings  # noqa: E402
from scripts import screenshot_compare, screenshot_phones, screenshot_study  # noqa: E402

SCALES = {"": "1", "-150": "1.5"}
SIZE = (1280, 800)
# Qt's own has 800 × 800, and the window keeps to its screen.
SCREEN = (
    '{"screens": [{"name": "One", "x": 0, "y": 0, "width": 2560, "height": 1600, '
    '"logicalDpi": 96, "logicalBaseDpi": 96, "dpr": 1}]}'
)
LIMIT_BYTES = 120_000
PROGRAM = ROOT / "build" / "runner" / "host" / "pqv_bench"
_PATIENCE_S = 240.0


def main() -> int:
    """Make all pictures; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project", type=Path, help="a project whose newest run is complete")
    parser.add_argument("--android", type=Path, help="the same for a project whose files are for phones")
    parser.add_argument("--program", type=Path, default=PROGRAM, help="the benchmark program for this computer")
    parser.add_argument("--only-device", action="store_true", help="picture the Device page only")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images")
    parser.add_argument("--only-compare", action="store_true", help="picture the Compare page only")
    parser.add_argument("--only-study", action="store_true", help="picture the Study page only")
    parser.add_argument("--compare", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--study", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--suffix", help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.suffix is not None:
        return take(wanted)
    with tempfile.TemporaryDirectory() as folder:
        project = wanted.project or run_demo(Path(folder))
        only = wanted.only_device or wanted.only_compare or wanted.only_study
        phones = wanted.program.exists() and (wanted.only_device or not only)
        android = wanted.android or (run_demo(Path(folder), android=True) if phones else None)
        arguments = ["--project", str(project.resolve()), "--out", str(wanted.out), "--program", str(wanted.program)]
        arguments += ["--android", str(android.resolve())] if android else []
        if wanted.only_study or not only:
            study = screenshot_study.make_study(project, Path(folder))
            arguments += ["--study", str(study.resolve())]
        if wanted.only_compare or not only:
            compare = screenshot_compare.make_runs(project, Path(folder))
            arguments += ["--compare", str(compare.resolve())]
        arguments += ["--only-device"] if wanted.only_device else []
        arguments += ["--only-compare"] if wanted.only_compare else []
        arguments += ["--only-study"] if wanted.only_study else []
        screen = Path(folder) / "screen.json"
        screen.write_text(SCREEN)
        for suffix, scale in SCALES.items():
            platform = f"offscreen:configfile={screen}"
            environment = {**os.environ, "QT_QPA_PLATFORM": platform, "QT_SCALE_FACTOR": scale}
            subprocess.run([sys.executable, __file__, *arguments, f"--suffix={suffix}"], env=environment, check=True)
    return 0


def run_demo(folder: Path, *, android: bool = False) -> Path:
    """Make the demo project in ``folder`` and run it; for phones without training it."""
    project = demo.create(folder / ("phones" if android else "demo"))
    if android:
        made = projects.load(project)
        config = made.config.changed(
            finetune=FinetuneConfig(epochs=0).model_dump(), export=ExportConfig(target="android").model_dump()
        )
        projects.save(project, projects.Project.parse({**made.model_dump(), "config": config.model_dump()}))
    with Worker(runs.job(project)) as worker:
        for event in worker.events():
            last = event
    print("demo:", getattr(last, "outcome", ""), file=sys.stderr)
    return project


def take(wanted: argparse.Namespace) -> int:
    """Take the pictures at the scale that this process was started with."""
    app = QApplication([])
    wanted.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, screenshot_phones.server() as server:
        window, presenter = build(app, settings=_settings(Path(folder) / "settings.ini", wanted.project))
        window.resize(*SIZE)
        window.show()
        for mode in ("light", "dark"):
            window.theme.set_mode(mode)  # type: ignore[arg-type]

            def save(name: str, mode: str = mode) -> None:
                _save(window, app, wanted.out / f"{name}-{mode}{wanted.suffix}.png")

            wait = partial(_wait, app)
            if not (wanted.only_device or wanted.only_compare or wanted.only_study):
                _take_pages(window, app, wanted.project, save)
            if wanted.compare:
                screenshot_compare.take(window, wanted.compare, Path(folder), wait=wait, save=save)
            if wanted.study:
                screenshot_study.take(window, wanted.study, Path(folder), wait=wait, save=save)
            if wanted.android:
                _open(window, app, wanted.android)
                screenshot_phones.take(window, server, wanted.program, Path(folder), wait=wait, save=save)
        presenter.uninstall()
        window.workspace.close()
        window.close()
    return 0


def _take_pages(window: MainWindow, app: QApplication, project: Path, save: Callable[[str], None]) -> None:
    window.commands.close_project()
    _wait(app, lambda: window.stack.place == "start")
    save("start")
    _open(window, app, project)
    for place in [place for place in PAGES if place not in ("start", "device", "compare", "study")]:
        window.commands.go(place)
        save(place)
    window.commands.go("run")
    bar = window.stack.page("run").scroller.verticalScrollBar()
    bar.setValue(bar.maximum())
    save("run-curves")


def _open(window: MainWindow, app: QApplication, project: Path) -> None:
    window.commands.open_project(project)
    work = window.workspace
    _wait(app, lambda: work.run.state == "succeeded" and work.tasks.active == 0 and work.models.loaded)


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
    """Let everything be drawn, then write the picture with few colours, among them those of thin lines."""
    settled = time.monotonic() + 0.6  # charts are drawn in turns, thumbnails come from a thread
    _wait(app, lambda: time.monotonic() > settled)
    focused = window.focusWidget()
    if focused is not None:
        focused.clearFocus()
    window.grab().save(str(path))
    with Image.open(path) as file:
        image = file.convert("RGB")
    for colors in (128, 64, 32):
        small = image.quantize(colors=colors, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        small.save(path, optimize=True)
        if path.stat().st_size <= LIMIT_BYTES:
            return
    raise SystemExit(f"{path} is too large: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    sys.exit(main())
