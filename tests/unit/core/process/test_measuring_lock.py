"""One process of this computer measures at a time; the others wait, know for whom, and can be told to stop waiting."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pqv_core.errors import Cancelled
from pqv_core.process import measuring_lock

HOLDING = """
import sys
from pqv_core.process import measuring_lock
with measuring_lock.held("the run 7 of trees", say=print, warn=print, check=lambda: None):
    print("holds", flush=True)
    sys.stdin.read()
"""
# Notes in one file when it begins and ends to measure.
NOTING = """
import os, sys
from pqv_core.process import measuring_lock
def note(what):
    descriptor = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, f"{os.getpid()} {what}\\n".encode())
    os.close(descriptor)
for number in range(20):
    with measuring_lock.held("noting", say=lambda text: None, warn=sys.exit, check=lambda: None):
        note("begins")
        for _ in range(2000): pass
        note("ends")
"""


@contextmanager
def holder() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HOLDING]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "holds\n"
        try:
            yield process
        finally:
            process.kill()


def take(said: list[str], *, check: object = None) -> None:
    def warn(text: str) -> None:
        raise AssertionError(text)

    with measuring_lock.held("a test", say=said.append, warn=warn, check=check or (lambda: None)):  # type: ignore[arg-type]
        said.append("mine")


def test_who_is_alone_is_told_nothing() -> None:
    said: list[str] = []
    take(said)
    take(said)
    assert said == ["mine", "mine"]


@pytest.mark.parametrize("how", ["ends", "is killed"])
def test_the_others_wait_and_are_told_for_whom_until_it(how: str) -> None:
    said: list[str] = []
    with holder() as process:

        def end() -> None:
            if said:
                process.kill() if how == "is killed" else process.communicate()

        take(said, check=end)
    assert "the run 7 of trees" in said[0]
    assert f"process {process.pid}" in said[0]
    assert said[0].startswith("Waiting to measure")
    assert said[-2].startswith("Measuring starts after waiting")
    assert said[-1] == "mine"


def test_who_waits_can_be_cancelled_and_the_other_goes_on() -> None:
    said: list[str] = []

    def cancel_once_told() -> None:
        if said:
            raise Cancelled

    with holder() as process:
        with pytest.raises(Cancelled):
            take(said, check=cancel_once_told)
        assert process.poll() is None
    assert "mine" not in said


def test_a_long_wait_is_told_again_and_again_so_that_nobody_takes_it_for_a_standstill(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(measuring_lock, "_REMIND_S", 0.0)
    monkeypatch.setattr(measuring_lock, "_LOOK_S", 0.0)
    said: list[str] = []

    def cancel_later() -> None:
        if len(said) == 5:
            raise Cancelled

    with holder(), pytest.raises(Cancelled):
        take(said, check=cancel_later)
    assert all("the run 7 of trees" in text for text in said)
    assert "so far" in said[-1]


def test_two_processes_never_measure_at_the_same_moment(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    processes = [subprocess.Popen([sys.executable, "-c", NOTING, str(notes)]) for _ in range(2)]
    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    lines = notes.read_text().split("\n")[:-1]
    assert len(lines) == 80
    for begins, ends in zip(lines[::2], lines[1::2], strict=True):
        assert (begins.split()[0], begins.split()[1], ends.split()[1]) == (ends.split()[0], "begins", "ends")


@pytest.mark.parametrize("home", ["a file", "none", "read-only"])
def test_where_it_cannot_be_had_measuring_goes_on_with_a_warning(
    home: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "home"
    if home == "a file":
        place.write_text("no folder")
    elif home == "read-only":
        if sys.platform == "win32" or os.geteuid() == 0:
            pytest.skip("this account may write everywhere")
        place.mkdir(mode=0o500)
    path = Path("~") / "measuring.lock" if home == "none" else place / "state" / "measuring.lock"
    monkeypatch.setattr(measuring_lock, "_path", lambda: path)
    monkeypatch.chdir(tmp_path)
    warned: list[str] = []
    worked = False
    with measuring_lock.held("a test", say=warned.append, warn=warned.append, check=lambda: None):
        worked = True
    assert worked
    assert len(warned) == 1 and "could not be locked out" in warned[0]
    assert not Path("~").exists()
