"""``pqv devices``, and what commands for phones have in common."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path
from typing import Any

from rich.table import Table

from deploy.device import discovery
from deploy.device.info import DeviceInfo
from deploy.device.target import Found
from deploy.errors import NoDeviceError
from pqv_core import formatting
from pqv_core.cli import app as cli_app
from pqv_core.cli.console import console
from pqv_core.config import RunConfig
from pqv_core.errors import DeviceError, PluginError, PqvError, UsageError


def show(*, as_json: bool) -> int:
    """Print the phones; returns the exit code."""
    for error in discovery.broken():
        say_failed(error)
    rows = [(found, *_ask(found)) for found in discovery.find(failed=say_failed)]
    if as_json:
        for found, info, problem in rows:
            print(json.dumps(as_data(found, info, problem)), flush=True)
    elif rows:
        console().print(_table(rows))
    for found, _, problem in rows:
        if problem and not as_json:
            print(f"{found.key}: {problem}", file=sys.stderr)
    if not rows:
        print(NoDeviceError(), file=sys.stderr)
    return cli_app.DONE


def check_target(project: Path, settings: RunConfig) -> None:
    """Refuse a project whose files no phone can run.

    Raises:
        UsageError: They are for this computer.
    """
    if settings.export.target != "android":
        raise UsageError(
            f"{project.name} exports for this computer; phones cannot run its files.",
            action="Choose Android on the Export page, or create the project with: pqv new … --target android.",
        )


def say_failed(error: PqvError) -> None:
    """Say what is wrong with another package's kind of devices, beside what the others have."""
    print(error, file=sys.stderr)


def _ask(found: Found) -> tuple[DeviceInfo | None, PqvError | None]:
    if problem := found.problem():
        return None, problem
    try:
        with contextlib.closing(discovery.connect(found, asked=_say_allow)) as shell:
            return shell.info(), None
    except (DeviceError, PluginError) as error:
        return None, error


def _say_allow() -> None:
    print("Unlock the phone and tap Allow.", file=sys.stderr)


def as_data(found: Found, info: DeviceInfo | None, problem: PqvError | None) -> dict[str, Any]:
    """A phone as one JSON object."""
    return {
        "type": "device",
        "target": found.key,
        "serial": found.serial,
        "kind": found.target,
        "connection": found.connection.replace("-", "").lower(),
        "through": found.through,
        "state": found.state,
        "problem": problem.info().model_dump() if problem else None,
        "info": info.model_dump(mode="json") if info else None,
    }


def _table(rows: list[tuple[Found, DeviceInfo | None, PqvError | None]]) -> Table:
    table = Table(box=None)
    for head in ("Target", "Device", "System", "Chip", "ABI", "Free", "Battery", "State"):
        table.add_column(head)
    for found, info, problem in rows:
        cells = _cells(info) if info else [found.model or "–", "–", "–", "–", "–", "–"]
        table.add_row(found.key, *cells, found.state.replace("_", " ") if not problem else problem.message)
    return table


def _cells(info: DeviceInfo) -> list[str]:
    battery = [] if info.battery.level is None else [f"{info.battery.level} %"]
    battery += [] if info.battery.celsius is None else [f"{info.battery.celsius:.0f} °C"]
    return [
        info.name or "–",
        info.system or "–",
        info.soc or "–",
        info.abis[0] if info.abis else "–",
        formatting.size(info.free_bytes) if info.free_bytes is not None else "–",
        ", ".join(battery) or "–",
    ]
