"""``make setup``: what it says and what it reads; that it installs is shown by the suite running at all."""

import re
import sys
from pathlib import Path

import pytest

from scripts import run_demo, setup


@pytest.mark.parametrize("version", [(3, 8, 10), (3, 10, 14), (3, 15, 0)])
def test_a_python_that_will_not_do_is_told_which_will(
    version: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "version_info", version)

    with pytest.raises(SystemExit, match=re.escape(f"is {version[0]}.{version[1]}.")) as end:
        setup.main()

    assert "3.11" in str(end.value)


@pytest.mark.parametrize("name", setup.BOOTSTRAP)
def test_the_installer_itself_is_pinned_by_the_lock(name: str) -> None:
    block = setup.locked_block(name)

    assert re.match(rf"{name}==\S+ \\\n", block)
    assert block.count("==") == 1
    assert "--hash=sha256:" in block
    assert not block.rstrip().endswith("\\")


def test_an_environment_made_by_somebody_else_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    link = tmp_path / ".venv"
    link.symlink_to(theirs)
    monkeypatch.setattr(setup, "VENV", link)
    monkeypatch.setattr(setup, "STAMP", link / "setup.stamp")

    setup.main()

    assert [path.name for path in theirs.iterdir()] == ["setup.stamp"]
    assert "link" in capsys.readouterr().out


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="there is always a display")
def test_without_a_display_there_is_a_reason_and_no_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)

    assert run_demo.why_no_window() == "there is no display"


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="there is always a display")
def test_a_display_that_nobody_serves_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QT_QPA_PLATFORM", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", ":9876")

    assert run_demo.why_no_window() not in ("", "there is no display")
