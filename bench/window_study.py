"""Stalls of the window while it follows a study to its thousandth trial.

Part of ``bench/window_bench.py``. Another process writes the journal, several trials a second, as a cluster would; each
is read, put into the table and drawn into all charts.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TRIALS = 1_000
A_SECOND = 5

SCRIPT = """
project, seconds = Path(sys.argv[2]), float(sys.argv[3])
window.resize(1600, 1000)
window.show()
window.workspace.open(project)
window.commands.go("study")
page = window.stack.current
probe = Probe()
def count():
    return len(page.state.picture.lines) if page.state.picture is not None else 0
at = {}
def step():
    if not at:
        if page.decides.chart is not None and not page._turn and window.workspace.tasks.active == 0:
            at.update(first=count())
            page.state.select(page.state.front[0].number)
            probe.start()
            QtCore.QTimer.singleShot(int(seconds * 1000), end)
            print("begin", flush=True)
def end():
    steps.stop()
    probe.timer.stop()
    print("trials", at["first"], count())
    probe.tell()
    window.workspace.close()
    app.quit()
steps = QtCore.QTimer()
steps.setInterval(50)
steps.timeout.connect(step)
steps.start()
app.exec()
presenter.uninstall()
"""

_WRITER = """
import sys, time
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from tests.fakes import many_trials
journal, trials, a_second = many_trials.opened(Path(sys.argv[2])), int(sys.argv[3]), int(sys.argv[4])
done = len(journal.trials())
while done < trials:
    many_trials.add(journal, 1)
    done += 1
    time.sleep(1 / a_second)
"""


def measure(start: Callable[..., dict[str, list[str]]], probe: str, seconds: float) -> dict[str, list[str]]:
    """What the probe in the window told, with the trials at its begin and at its end."""
    sys.path.insert(0, str(ROOT))
    from pqv_core.config import RunConfig
    from pqv_core.project import project_file as projects
    from tests.fakes import many_trials

    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "bench.pqv"
        projects.save(project, projects.Project(config=RunConfig()))
        study = many_trials.made(project, trials=TRIALS)
        many_trials.add(many_trials.opened(study), TRIALS - round(A_SECOND * (seconds + 8)))
        arguments = [str(ROOT), str(study), str(TRIALS), str(A_SECOND)]
        with subprocess.Popen([sys.executable, "-c", _WRITER, *arguments]) as writer:
            try:
                return start(probe + SCRIPT, str(ROOT), str(project), str(seconds))
            finally:
                writer.terminate()
