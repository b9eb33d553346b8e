"""Environments for other tools, each made once with exactly what its lock lists."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path


def python(lock: Path, build: Path) -> Path:
    """The Python of the environment below ``build``; installs what is missing (some minutes the first time)."""
    folder = build / "environment"
    found = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = folder / "lock.sha256"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    if not stamp.is_file() or stamp.read_text() != wanted:
        print(f"installing what {lock.parent.name} needs …", file=sys.stderr)
        uv = (sys.executable, "-m", "uv")
        subprocess.run([*uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)], check=True)
        pip = ("pip", "install", "--quiet", "--require-hashes", "--python", str(found), "-r", str(lock))
        subprocess.run([*uv, *pip], check=True)
        stamp.write_text(wanted)
    return found


def with_tools(python: Path) -> dict[str, str]:
    """The environment variables with the programs that were installed beside ``python``; ExecuTorch calls flatc."""
    return os.environ | {"PATH": f"{python.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
