"""The environment in which the peers live: made once with exactly what ``requirements.lock`` lists."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
LOCK = HERE / "requirements.lock"


def python(build: Path) -> Path:
    """The peers' Python below ``build``; installs what is missing (some minutes the first time)."""
    folder = build / "environment"
    found = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = folder / "lock.sha256"
    wanted = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if not stamp.is_file() or stamp.read_text() != wanted:
        uv = (sys.executable, "-m", "uv")
        subprocess.run([*uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)], check=True)
        pip = ("pip", "install", "--quiet", "--require-hashes", "--python", str(found), "-r", str(LOCK))
        subprocess.run([*uv, *pip], check=True)
        stamp.write_text(wanted)
    return found


def with_tools(python: Path) -> dict[str, str]:
    """The environment variables with the programs that were installed beside ``python``; ExecuTorch calls flatc."""
    return os.environ | {"PATH": f"{python.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
