"""What a phone with Android tells of itself, asked in one round trip; the parsers are pure and take any text."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator

from deploy.device import bounded
from deploy.device.info import Battery, CpuPolicy, DeviceInfo

FOLDER = "/data/local/tmp"
_CPU = "/sys/devices/system/cpu"
_POWER = "/sys/class/power_supply/battery"
_PROPERTIES = (
    "ro.product.manufacturer",
    "ro.product.model",
    "ro.build.version.release",
    "ro.build.version.sdk",
    "ro.soc.manufacturer",
    "ro.soc.model",
    "ro.board.platform",
    "ro.hardware",
    "ro.product.cpu.abilist",
    "ro.product.cpu.abi",
)
_ABIS = frozenset({"arm64-v8a", "armeabi-v7a", "armeabi", "x86", "x86_64", "riscv64"})
_POLICY_FILES = ("related_cpus", "cpuinfo_max_freq", "scaling_max_freq", "scaling_cur_freq")
MAX_CORES = 128

_SECTIONS = {
    "properties": "; ".join(f"echo {name}: $(getprop {name})" for name in _PROPERTIES),
    "page": "getconf PAGE_SIZE",
    "policies": f"for d in {_CPU}/cpufreq/policy*; do echo ${{d##*/}}"
    + "".join(f'"|"$(cat $d/{name})' for name in _POLICY_FILES)
    + "; done",
    "capacity": f"for d in {_CPU}/cpu[0-9]*; do echo ${{d##*/}}: $(cat $d/cpu_capacity); done",
    "states": f"for d in {_CPU}/cpufreq/policy*; do echo ${{d##*/}}; cat $d/stats/time_in_state; done",
    "online": f"cat {_CPU}/online",
    "present": f"cat {_CPU}/present",
    "memory": "head -n 6 /proc/meminfo",
    "space": f"df -k {FOLDER}",
    "battery": "dumpsys battery",
    "heat": "dumpsys thermalservice | head -n 5",
    "power": f"echo current: $(cat {_POWER}/current_now); echo voltage: $(cat {_POWER}/voltage_now)",
}


def command() -> tuple[str, str]:
    """The compound command, and the marker that divides its answer."""
    marker = secrets.token_hex(8)
    parts = [f"echo; echo {marker}:{name}; {asked}" for name, asked in _SECTIONS.items()]
    return f"({'; '.join(parts)}; echo; echo {marker}:end) 2>/dev/null", marker


def split(answer: str, marker: str) -> dict[str, str]:
    """The sections of an answer by name."""
    pieces = re.split(rf"^{re.escape(marker)}:([a-z]{{1,20}})\r?$", answer, flags=re.MULTILINE)
    return {name: body.strip("\r\n") for name, body in zip(pieces[1::2], pieces[2::2], strict=False)}


def parse(answer: str, marker: str) -> DeviceInfo:
    """The facts in an answer; never fails, whatever the phone printed."""
    part = split(answer, marker)
    properties = part.get("properties", "")

    def named(name: str) -> str:
        return bounded.text(bounded.field(properties, name))

    release = named("ro.build.version.release")
    power = part.get("power", "")
    abis = (named("ro.product.cpu.abilist") or named("ro.product.cpu.abi")).split(",")
    page = bounded.whole(part.get("page", ""), low=1024, high=1 << 20)
    present = _ranges(part.get("present", ""))
    return DeviceInfo(
        manufacturer=named("ro.product.manufacturer"),
        model=named("ro.product.model"),
        system=f"Android {release}" if release else "",
        android=release,
        sdk=bounded.whole(named("ro.build.version.sdk"), low=1, high=1000),
        soc=_soc(named),
        abis=tuple(abi for abi in abis if abi in _ABIS),
        page_size=page if page and page & (page - 1) == 0 else None,
        cores=len(present) or None,
        online=_ranges(part.get("online", "")),
        capacity=_capacity(part.get("capacity", "")),
        policies=tuple(_policies(part.get("policies", ""), _residencies(part.get("states", "")))),
        memory_bytes=_kilobytes(bounded.field(part.get("memory", ""), "MemTotal")),
        available_bytes=_kilobytes(bounded.field(part.get("memory", ""), "MemAvailable")),
        free_bytes=free_bytes(part.get("space", "")),
        battery=_battery(part.get("battery", "")),
        thermal_status=bounded.whole(bounded.field(part.get("heat", ""), "Thermal Status"), high=6),
        current_ua=bounded.whole(bounded.field(power, "current"), low=-(10**8), high=10**8),
        voltage_uv=bounded.whole(bounded.field(power, "voltage"), low=10**6, high=10**8),
    )


def _soc(named: Callable[[str], str]) -> str:
    maker, model = named("ro.soc.manufacturer"), named("ro.soc.model")
    return f"{maker} {model}".strip() if model else named("ro.board.platform") or named("ro.hardware")


def _kilobytes(value: str) -> int | None:
    number = bounded.whole(value, high=1 << 40)
    return None if number is None else number * 1024


def free_bytes(table: str) -> int | None:
    """What ``df -k`` says is free: the column before the percentage in its last row."""
    rows = [line.split() for line in bounded.rows(table, 4000).splitlines() if "%" in line and "Use%" not in line]
    columns = rows[-1] if rows else []
    use = next((index for index, word in enumerate(columns) if re.fullmatch(r"\d{1,3}%", word)), 0)
    return _kilobytes(columns[use - 1]) if use >= 1 and columns[use - 1].isdecimal() else None


def _battery(table: str) -> Battery:
    tenths = bounded.whole(bounded.field(table, "temperature"), low=-500, high=1500)
    return Battery(
        level=bounded.whole(bounded.field(table, "level"), high=100),
        status=bounded.whole(bounded.field(table, "status"), high=10),
        celsius=None if tenths is None else tenths / 10,
    )


def _ranges(value: str) -> tuple[int, ...]:
    """``0-3,6`` as the numbers it means."""
    cores: set[int] = set()
    for piece in re.split(r"[,\s]+", value[:400].strip()):
        found = re.fullmatch(r"(\d{1,3})(?:-(\d{1,3}))?", piece)
        if found:
            cores.update(range(int(found[1]), int(found[2] or found[1]) + 1))
    return tuple(sorted(core for core in cores if core < MAX_CORES))


def _capacity(table: str) -> dict[int, int]:
    pairs = re.findall(r"^cpu(\d{1,3}): (\d{1,6})\r?$", bounded.rows(table, 20_000), re.MULTILINE)
    return {int(core): int(value) for core, value in pairs if int(core) < MAX_CORES and int(value) > 0}


def _policies(table: str, residencies: dict[str, dict[int, int]]) -> Iterator[CpuPolicy]:
    for line in bounded.rows(table, 20_000).splitlines()[:MAX_CORES]:
        found = re.fullmatch(r"(policy\d{1,3})\|([\d ]*)\|(\d*)\|(\d*)\|(\d*)\s*", line)
        if found:
            limits = [bounded.whole(found[index], low=1, high=10**8) for index in (3, 4, 5)]
            yield CpuPolicy(
                name=found[1],
                cores=tuple(int(core) for core in found[2].split() if len(core) < 4 and int(core) < MAX_CORES),
                max_khz=limits[0],
                cap_khz=limits[1],
                now_khz=limits[2],
                residency=residencies.get(found[1], {}),
            )


def _residencies(table: str) -> dict[str, dict[int, int]]:
    """For each policy, how long it ran at which frequency (kHz), in the kernel's ticks of 10 ms."""
    found: dict[str, dict[int, int]] = {}
    name = ""
    for line in bounded.rows(table, 100_000).splitlines():
        if re.fullmatch(r"policy\d{1,3}\s*", line):
            name = line.strip()
        elif name and (pair := re.fullmatch(r"(\d{1,8}) (\d{1,18})\s*", line)):
            found.setdefault(name, {})[int(pair[1])] = int(pair[2])
    return found
