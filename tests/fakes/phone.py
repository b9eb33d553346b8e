"""What the daemon of a fake phone stands on: a root folder with the tools and the facts of a phone."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import signal
import subprocess
from pathlib import Path

PROPERTIES = {
    "ro.product.manufacturer": "Fakesung",
    "ro.product.model": "Phone One",
    "ro.product.name": "phone_one",
    "ro.product.device": "one",
    "ro.serialno": "FAKE0001",
    "ro.build.version.release": "13",
    "ro.build.version.sdk": "33",
    "ro.soc.manufacturer": "Fakecomm",
    "ro.soc.model": "FC8000",
    "ro.product.cpu.abilist": "x86_64",
}
BATTERY = """Current Battery Service state:
  AC powered: false
  USB powered: true
  status: 3
  level: 80
  scale: 100
  voltage: 4012
  temperature: 271
  technology: Li-ion
"""
THERMAL = "IsStatusOverride: false\nThermal Status: 0\nCached temperatures:\n"
MEMORY = "MemTotal:        7654321 kB\nMemFree:          123456 kB\nMemAvailable:    4000000 kB\n"
_STUBS = {
    "getprop": 'if [ $# -eq 0 ]; then sed "s/^\\([^=]*\\)=\\(.*\\)/[\\1]: [\\2]/" "$ROOT/state/props"\n'
    'else sed -n "s/^$1=//p" "$ROOT/state/props"; fi',
    "dumpsys": 'cat "$ROOT/state/dumpsys-$1" 2>/dev/null || echo "Can\'t find service: $1"',
    "getconf": 'cat "$ROOT/state/getconf-$1"',
    "df": 'free=$(cat "$ROOT/state/free"); echo "Filesystem     1K-blocks    Used Available Use% Mounted on"\n'
    'echo "/dev/block/dm-9  64000000 1000 $((free / 1024)) 2% /data"',
    "taskset": 'echo "$1" >> "$ROOT/state/taskset"; shift; exec "$@"',
    "cmd": 'echo "$*" >> "$ROOT/state/cmd"; [ -e "$ROOT/state/no-fixed-performance" ] && exit 255; exit 0',
}
MAPPED = re.compile(r"(?<![\w./-])/(data|sdcard|sys|proc/meminfo|system/bin)(?![\w-])")


class Phone:
    """A root folder. Paths below ``/data``, ``/sys`` … in commands are led into it; commands run in the host's sh.

    Args:
        root: Folder to fill; no spaces in its path.
        cores: Maximum frequency in kHz of each core, in cpu order.
    """

    def __init__(self, root: Path, *, cores: tuple[int, ...] = (1_800_000,) * 4 + (2_800_000,) * 4) -> None:
        self.root = root
        self.free = 8 << 30
        self._processes: list[subprocess.Popen[bytes]] = []
        for folder in ("data/local/tmp", "sdcard", "state", "system/bin", "proc"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        for name, body in _STUBS.items():
            path = root / "system/bin" / name
            path.write_text(f"#!/bin/sh\n{body}\n")
            path.chmod(0o755)
        self.properties = dict(PROPERTIES)
        self.set_property("ro.serialno", PROPERTIES["ro.serialno"])
        self.write("state/dumpsys-battery", BATTERY)
        self.write("state/dumpsys-thermalservice", THERMAL)
        self.write("state/getconf-PAGE_SIZE", "4096\n")
        self.write("proc/meminfo", MEMORY)
        self.set_free(self.free)
        self._cores(cores)

    def write(self, name: str, text: str | bytes) -> None:
        """Put a file below the root, whole: a command that runs meanwhile reads the old one or the new one."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.root / f"{secrets.token_hex(8)}.part"
        temporary.write_bytes(text.encode() if isinstance(text, str) else text)
        temporary.replace(path)

    def set_property(self, name: str, value: str) -> None:
        """Change what ``getprop`` says."""
        self.properties[name] = value
        self.write("state/props", "".join(f"{key}={value}\n" for key, value in self.properties.items()))

    def set_free(self, count: int) -> None:
        """Free bytes: what ``df`` says, and what can still be pushed."""
        self.free = count
        self.write("state/free", str(count))

    def heat(self, status: int) -> None:
        """Change the thermal status (0 none … 6 shutdown)."""
        self.write("state/dumpsys-thermalservice", f"Thermal Status: {status}\n")

    def path(self, name: str) -> Path:
        """Where a path of the phone lies on this computer."""
        return self.root / name.lstrip("/")

    def log(self, tool: str) -> list[str]:
        """What a tool was called with (``taskset``, ``cmd``)."""
        path = self.root / "state" / tool
        return path.read_text().splitlines() if path.exists() else []

    def left_behind(self) -> list[str]:
        """Names in ``/data/local/tmp``."""
        return sorted(path.name for path in self.path("/data/local/tmp").iterdir())

    def start(self, command: str, *, merge: bool) -> subprocess.Popen[bytes]:
        """Start a command in its own process group."""
        self._processes = [process for process in self._processes if process.poll() is None]
        mapped = MAPPED.sub(lambda found: f"{self.root}{found[0]}", command)
        environment = {"ROOT": str(self.root), "PATH": f"{self.root}/system/bin:/usr/bin:/bin", "HOME": "/"}
        process = subprocess.Popen(
            ["/bin/sh", "-c", mapped],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if merge else subprocess.PIPE,
            cwd=self.root,
            env=environment,
            start_new_session=True,
        )
        self._processes.append(process)
        return process

    def kill_all(self) -> None:
        """End every command that still runs."""
        for process in self._processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    def running(self) -> int:
        """Number of commands that still run."""
        return sum(process.poll() is None for process in self._processes)

    def _cores(self, cores: tuple[int, ...]) -> None:
        base = "sys/devices/system/cpu"
        self.write(f"{base}/present", f"0-{len(cores) - 1}\n")
        self.write(f"{base}/online", f"0-{len(cores) - 1}\n")
        fastest = max(cores)
        groups: dict[int, list[int]] = {}
        for index, frequency in enumerate(cores):
            groups.setdefault(frequency, []).append(index)
            capacity = 1024 if frequency == fastest else 400 * frequency // fastest
            self.write(f"{base}/cpu{index}/cpu_capacity", f"{capacity}\n")
        for frequency, members in groups.items():
            policy = f"{base}/cpufreq/policy{members[0]}"
            self.write(f"{policy}/related_cpus", " ".join(map(str, members)) + "\n")
            for name in ("cpuinfo_max_freq", "scaling_max_freq", "scaling_cur_freq"):
                self.write(f"{policy}/{name}", f"{frequency}\n")
            self.write(f"{policy}/stats/time_in_state", f"300000 10\n{frequency} 100\n")
