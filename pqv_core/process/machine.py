"""What this computer can do, found out by trying it in a worker process, and remembered until something changes."""

from __future__ import annotations

import platform
from importlib import metadata
from pathlib import Path

import platformdirs
from pydantic import BaseModel, ConfigDict

from pqv_core.config.quantize import ENGINES, Engine
from pqv_core.errors import PqvError
from pqv_core.files import fsio
from pqv_core.results.record import Environment

_APP = "pqv-mobile"


class Machine(BaseModel):
    """A computer, with the PyTorch that is installed on it.

    Attributes:
        engines: By the name of each engine that was tried, why it does not work; empty where it does.
        node: What tells this computer from others that share a home folder.
    """

    model_config = ConfigDict(frozen=True)

    environment: Environment
    engines: dict[str, str]
    node: str

    def engine_problem(self, engine: Engine) -> str:
        """Why this computer cannot quantize for ``engine``; empty where it can."""
        if engine != "auto":
            why = self.engines.get(engine, "")
            return f"{ENGINES[engine].label} does not work on this computer: {why}" if why else ""
        if self.engines and all(self.engines.values()):
            return "No engine works on this computer."
        return ""


def node() -> str:
    """Name and kind of this computer, and the version of its PyTorch."""
    return f"{platform.node()} {platform.machine()} torch {metadata.version('torch')}"


def remembered(path: Path | None = None) -> Machine | None:
    """What was found out earlier; None where nothing was, or where it may have changed."""
    try:
        found = Machine.model_validate(fsio.read_json(path or _path()))
    except (OSError, ValueError, PqvError):  # a cache: it is made again
        return None
    return found if found.node == node() else None


def remember(machine: Machine, path: Path | None = None) -> None:
    """Keep it for the next time.

    Raises:
        StorageError: The folder may not be written.
    """
    fsio.write_json(path or _path(), machine.model_dump(mode="json"))


def _path() -> Path:
    return platformdirs.user_cache_path(_APP, appauthor=False) / "machine.json"
