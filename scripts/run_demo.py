"""What ``make run`` does: the window on the demo project where there is a display, else the demo headless."""

from __future__ import annotations

import os
import subprocess
import sys

from pqv_gui import cli

OPEN_A_DISPLAY = "import sys; from PySide6.QtGui import QGuiApplication; QGuiApplication(sys.argv)"


def why_no_window() -> str:
    """Empty where a window can be opened, else the reason. Asked in a process of its own: Qt aborts without one."""
    if sys.platform not in ("win32", "darwin") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return "there is no display"
    probe = subprocess.run([sys.executable, "-c", OPEN_A_DISPLAY], capture_output=True, text=True, errors="replace")
    words = [line for line in probe.stderr.splitlines() if line.strip()]
    return "" if probe.returncode == 0 else words[0] if words else "Qt could not open the display"


def main() -> int:
    """Open the window or run the demo; returns the exit code."""
    reason = why_no_window()
    if reason:
        print(f"No window here ({reason}), so the demo runs in the terminal.", file=sys.stderr)
        return cli.main(["demo"])
    return cli.main(["gui", "--demo"])


if __name__ == "__main__":
    sys.exit(main())
