"""What holds for every test: no network, no display, a home of its own, two threads, and nothing left behind."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from hypothesis import settings

from tests.leaks import LeftBehind

# Before anything reads them: Qt, OpenMP and the model hub look once, when they are first imported or used. What the
# tests start inherits it, but for what a run sets aside (pqv_core/process/inherited.py).
_HOME = tempfile.TemporaryDirectory(prefix="pqv-tests-")
_ENVIRONMENT = {
    "HOME": "",
    "USERPROFILE": "",
    "LOCALAPPDATA": "local",
    "APPDATA": "roaming",
    "XDG_CONFIG_HOME": ".config",
    "XDG_CACHE_HOME": ".cache",
    "XDG_DATA_HOME": ".local/share",
    "XDG_STATE_HOME": ".local/state",
    "XDG_RUNTIME_DIR": "run",  # where a window listens for later starts; Qt makes it
    "HF_HOME": "hub",
    "TORCH_HOME": "torch",
}
for _name, _folder in _ENVIRONMENT.items():
    os.environ[_name] = str(Path(_HOME.name, _folder))
os.environ["HF_HUB_OFFLINE"] = "1"
_SCREENS = Path(_HOME.name, "screens.json")  # one that is as large as people's are
_SCREENS.write_text(
    '{"screens": [{"name": "One", "x": 0, "y": 0, "width": 1920, "height": 1080, '
    '"logicalDpi": 96, "logicalBaseDpi": 96, "dpr": 1}]}'
)
os.environ.setdefault("QT_QPA_PLATFORM", f"offscreen:configfile={_SCREENS}")
os.environ.setdefault("OMP_NUM_THREADS", "2")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # processes side by side on few cores must not spin
if hasattr(signal, "SIGHUP"):  # ignored below nohup, and then the shells of a fake phone could not be hung up on
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


# A busy machine is no failure. The same examples every time, so that a change is judged by what it did;
# HYPOTHESIS_PROFILE=search looks for new ones.
settings.register_profile("pqv", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "pqv"))


_BYTES_EACH = 3 << 30  # a process of the suite holds torch, timm, Qt and now and then a few models
_MOST_PROCESSES = 8  # there are not many more long files than that


def pytest_xdist_auto_num_workers() -> int:
    """How many processes ``-n auto`` means; none, and all in this one, where there is room for one only."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    processes = min(cores, psutil.virtual_memory().available // _BYTES_EACH, _MOST_PROCESSES)
    return processes if processes > 1 else 0


def pytest_unconfigure() -> None:
    """Remove the home the tests had."""
    _HOME.cleanup()


@pytest.fixture(autouse=True)
def nothing_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves a thread, a process, a window or a running timer.

    Comes before all other fixtures, so it looks after they have cleaned up.
    """
    watch = LeftBehind()
    with watch:
        yield
    if watch.found:
        pytest.fail("left behind: " + "; ".join(watch.found))


@pytest.fixture
def one_thread() -> Iterator[None]:
    """PyTorch computes with one: the same sums here and in processes that tests start; quick where cores are busy."""
    import torch  # most tests do without

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
