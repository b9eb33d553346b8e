"""What the window says of runs, held against the files on the disk."""

from __future__ import annotations

from collections.abc import Iterator

from pqv_core.project import project_file as projects
from pqv_core.results import record as results
from pqv_core.results.record import RunRecord
from pqv_gui.app.job_bar import _IDLE
from pqv_gui.app.window import MainWindow
from pqv_gui.pages.device.page import DevicePage
from pqv_gui.pages.run.page import RunPage

HEADLINES = {
    "succeeded": "Complete",
    "failed": "Failed",
    "cancelled": "Stopped",
    "interrupted": "Interrupted",
    "running": "Running in another process",
}
STATES = {"running": "elsewhere"}
ENDED_EARLY = ("failed", "cancelled", "interrupted")


def disagreements(window: MainWindow) -> list[str]:
    """Everything said of runs that the disk does not bear out. Asked while no run is going and nothing is measured."""
    path = window.workspace.session.path
    if path is None:
        return []
    folder = projects.runs_directory(path)
    found, _ = results.load_folders(folder)
    records = {directory.name: record for directory, record in found}
    shown = window.workspace.run.now.directory
    record = records.get(shown.name) if shown is not None and shown.parent == folder else None
    past = window.workspace.runs.past.now.directory
    looked_at = record if past is None else records.get(past.name)
    return [
        *_run(window, record, records),
        *_run_page(window, looked_at),
        *_compare(window, records),
        *_device(window, records),
        *_around(window, record, looked_at),
    ]


def _run(window: MainWindow, record: RunRecord | None, records: dict[str, RunRecord]) -> Iterator[str]:
    view = window.workspace.run
    if record is None:
        if view.now.directory is not None or (view.state == "empty" and records):
            yield f"Run shows {view.now.directory} as {view.state}, and on the disk are {list(records)}"
        return
    if view.state != STATES.get(record.state, record.state):
        yield f"Run says {view.state}, the disk {record.state}"
    if view.now.record is None or view.now.record.state != record.state:
        yield "Run shows another record than the disk holds"


def _run_page(window: MainWindow, looked_at: RunRecord | None) -> Iterator[str]:
    past = window.workspace.runs.past.now.directory
    if looked_at is None:
        if past is not None:
            yield f"the Run page shows {past}, which is not on the disk"
        return
    page = window.stack.pages.get("run")
    if isinstance(page, RunPage) and page.isVisible() and page.headline.text() != HEADLINES[looked_at.state]:
        yield f"the Run page says {page.headline.text()}, the disk {looked_at.state}"


def _compare(window: MainWindow, records: dict[str, RunRecord]) -> Iterator[str]:
    shown = {run.directory.name: run.record.state for run in window.workspace.compare.view.comparison.runs}
    kept = {name: record.state for name, record in records.items()}
    if shown != kept:
        yield f"Compare says {shown}, the disk {kept}"


def _device(window: MainWindow, records: dict[str, RunRecord]) -> Iterator[str]:
    files = window.workspace.phones.files
    paths = [file.path for file in files.files]
    if len({(path.stat().st_dev, path.stat().st_ino) for path in paths if path.exists()}) != len(paths):
        yield f"Device lists a file twice, or one that is gone: {paths}"
    path = window.workspace.session.path
    assert path is not None
    folder = projects.runs_directory(path)
    there = any((folder / name / item.file).exists() for name, run in records.items() for item in run.variants)
    if there != any(file.key for file in files.files):
        yield f"Device offers {paths}, and the runs {'have' if there else 'have no'} files"
    page = window.stack.pages.get("device")
    if isinstance(page, DevicePage) and page.isVisible() and page.files.empty.isVisible() and "no run yet" in (
        page.files.empty.text()
    ) and records:  # fmt: skip
        yield f"Device says {page.files.empty.text()}, and there are {list(records)}"


def _around(window: MainWindow, record: RunRecord | None, looked_at: RunRecord | None) -> Iterator[str]:
    work = window.workspace
    if record is None or looked_at is None:
        return
    resumes = looked_at.state in ENDED_EARLY and looked_at.config == work.session.config.model_dump(mode="json")
    if (window.summary.start.text() == "Resume") != resumes:
        yield f"the summary offers {window.summary.start.text()} for {looked_at.state}"
    told = window.job_bar.message.toolTip()
    if not work.runs.queue.waiting and told != _IDLE[STATES.get(record.state, record.state)]:
        yield f"the status bar says {told} after {record.state}"
