"""A command says what it has to say, whatever its streams are: closed, full, or in an encoding without our signs."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

SAYS = """
import sys
import typer
from pqv_core.cli import app as cli_app
app = cli_app.new_app()
@app.command()
def go(as_json: bool = typer.Option(False, "--json")) -> None:
    print('{"text": "3.5× – “naïve” 顔"}' if as_json else "±0.3 points · 6.47× faster – “best” … −1 顔")
@app.command()
def other() -> None: ...
sys.exit(cli_app.run(app, sys.argv[1:]))
"""
posix = pytest.mark.skipif(sys.platform == "win32", reason="descriptors of a shell")


def said(*arguments: str, encoding: str) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    return subprocess.run([sys.executable, "-c", SAYS, *arguments], env=environment, capture_output=True, check=False)


@pytest.mark.parametrize("encoding", ["cp932", "cp949", "cp1251", "cp1252", "cp874", "latin-1", "ascii", "utf-8"])
def test_signs_that_the_encoding_has_not_are_written_in_their_plain_form(encoding: str) -> None:
    done = said("go", encoding=encoding)
    assert (done.returncode, done.stderr) == (0, b"")
    text = done.stdout.decode(encoding).strip()
    assert text.count("0.3 points") == 1 and "6.47" in text and "best" in text
    if encoding == "ascii":
        assert text == '+/-0.3 points - 6.47x faster - "best" ... -1 ?'


@pytest.mark.parametrize("encoding", ["cp932", "ascii", "utf-16"])
def test_json_is_utf_8_whatever_the_terminal_is(encoding: str) -> None:
    done = said("go", "--json", encoding=encoding)
    assert json.loads(done.stdout.decode("utf-8")) == {"text": "3.5× – “naïve” 顔"}


@posix
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_streams_change_nothing_but_what_is_seen(closed: str) -> None:
    command = ["sh", "-c", f'exec "$0" -c "$1" go {closed}', sys.executable, SAYS]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


@posix
@pytest.mark.parametrize("option", ["", "--json"])
def test_a_full_disk_behind_standard_output_is_said(option: str) -> None:
    if not os.path.exists("/dev/full"):  # noqa: PTH110
        pytest.skip("Linux")
    command = ["sh", "-c", f'exec "$0" -c "$1" go {option} >/dev/full', sys.executable, SAYS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "The disk is full." in done.stderr and "Traceback" not in done.stderr
