"""Make ``.venv``: exactly the packages of ``requirements.lock``, hash by hash, and the project itself, editable.

Run by ``make setup``. Any Python 3 can start it, so that one too old is told in a sentence.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
LOCK = ROOT / "requirements.lock"
STAMP = VENV / "setup.stamp"
PYTHON = VENV / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
OLDEST, NEWEST = (3, 11), (3, 14)

# uv installs gigabytes in seconds where pip needs minutes; setuptools builds the one package published as source.
BOOTSTRAP = ("uv", "setuptools")


def main() -> None:
    """Bring the environment to the state the lock file describes."""
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        sys.exit(
            "PQV-Mobile needs Python 3.11 to 3.14, and {} is {}.{}. "
            "Install one, or name it: make setup PYTHON=python3.12".format(sys.executable, *sys.version_info[:2])
        )
    if VENV.is_symlink():
        print("setup: .venv is a link; whoever made it keeps it up to date.")
    else:
        if not has_uv():
            create_environment()
        install()
    STAMP.touch()


def has_uv() -> bool:
    """Whether an earlier setup got far enough to go on from it."""
    if not PYTHON.exists():
        return False
    wanted = next(line for line in LOCK.read_text(encoding="utf-8").splitlines() if line.startswith("uv=="))
    code = "import importlib.metadata, sys; sys.exit(importlib.metadata.version('uv') != sys.argv[1])"
    version = wanted.split()[0].split("==")[1]
    return subprocess.run([str(PYTHON), "-c", code, version], stderr=subprocess.DEVNULL).returncode == 0


def create_environment() -> None:
    """An environment with the installer in it, and nothing else."""
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)])
    if made.returncode:
        sys.exit("This Python cannot make an environment. On Debian and Ubuntu: sudo apt-get install python3-venv")
    pins = VENV / "bootstrap.txt"
    pins.write_text("".join(locked_block(name) for name in BOOTSTRAP), encoding="utf-8")
    run("-m", "pip", "install", "--quiet", "--require-hashes", "--no-deps", "-r", str(pins))


def locked_block(name: str) -> str:
    """The lines of one package in the lock file: its version and all its hashes."""
    lines = LOCK.read_text(encoding="utf-8").splitlines(keepends=True)
    start = next(i for i, line in enumerate(lines) if line.startswith(name + "=="))
    end = next(i for i in range(start, len(lines)) if not lines[i].rstrip().endswith("\\"))
    return "".join(lines[start : end + 1])


def install() -> None:
    """The lock file's packages, no more and no fewer, then this checkout on top."""
    uv_pip = ("-m", "uv", "pip")
    # Compiled at once: torch, timm and what they import take three seconds to compile at each start, for ever where
    # Python may not write (PYTHONDONTWRITEBYTECODE, an environment that belongs to another account).
    options = ("--require-hashes", "--no-build-isolation", "--compile-bytecode")
    run(*uv_pip, "sync", "--python", str(PYTHON), *options, str(LOCK))
    run(
        *(*uv_pip, "install", "--quiet", "--python", str(PYTHON)),
        *("--no-deps", "--no-build-isolation", "--editable", str(ROOT)),
    )


def run(*arguments: str) -> None:
    """Run the environment's Python; its own words on stderr are the explanation when it fails."""
    code = subprocess.run([str(PYTHON), *arguments], cwd=str(ROOT)).returncode
    if code:
        sys.exit("setup: the packages could not be installed (see above). Check the network, then make setup again.")


if __name__ == "__main__":
    main()
