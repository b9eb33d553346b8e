"""A program on a phone: run on some cores, its heat watched, and everything put back however the connection ends."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence

from deploy.device.info import Reading
from deploy.device.shell import Program, ProgramRun
from deploy.targets.android.cleanup import PID
from deploy.targets.android.commands import Running, join
from deploy.targets.android.heat import HeatLines
from deploy.targets.android.transports.base import Link


class AdbProgram(ProgramRun):
    """A program at work on a phone.

    Args:
        silence_s: How long nothing may come from it.
        heard: Takes the readings of heat, as they come.
    """

    def __init__(
        self, link: Link, program: Program, *, silence_s: float, heard: Callable[[Sequence[Reading]], None]
    ) -> None:
        marker = secrets.token_hex(8)
        self._heat = HeatLines(marker)
        self._running = Running(
            link,
            script(program, marker),
            silence_s=silence_s,
            on_error=lambda text: heard(self._heat.feed(text)),
        )

    @property
    def code(self) -> int | None:
        """Its exit code, once its lines have ended."""
        return self._running.code

    @property
    def error_text(self) -> str:
        """The last that came on its standard error, the lines of the watch among it."""
        return self._running.error_text

    @property
    def fixed_performance(self) -> bool:
        """Whether the phone has granted a clock that it can hold."""
        return self._heat.fixed_performance

    def lines(self) -> Iterator[str]:
        """Lines of its standard output as they come."""
        return self._running.lines()

    def close(self) -> None:
        """Leave it; it then receives SIGHUP."""
        self._running.close()


def mask(cores: tuple[int, ...]) -> str:
    """The cores as toybox's ``taskset`` takes them: hexadecimal digits without 0x."""
    return f"{sum(1 << core for core in set(cores)):x}"


# Of $!, for a signal may come before it could be kept in a variable; killed for certain in the end, for a first signal
# is lost on a process that has only just been forked.
_STOP = (
    'trap "" HUP INT TERM; P=$!; [ -n "$P" ] || exit 130; (sleep 3; kill -9 $P) >/dev/null 2>&1 & '
    "kill $P 2>/dev/null; wait $P; kill -9 $! 2>/dev/null; exit 130"
)


def script(program: Program, marker: str) -> str:
    """What the phone's shell runs: the program, a watch over the heat, and an end that puts everything back.

    The end also comes when the cable is pulled: adbd then sends SIGHUP. The watch prints to the standard error, so
    that it never stands inside a line of the program.
    """
    command = join(*(["taskset", mask(program.cores)] if program.cores else []), *program.words)
    fixed = "cmd power set-fixed-performance-mode-enabled"
    lines = [f"cd {join(program.folder)} || exit 90", f"echo $$ > {PID}", "W="]
    undo = f"{fixed} false >/dev/null 2>&1; " if program.fixed_performance else ""
    lines.append(
        f'end() {{ trap - EXIT; trap "" HUP INT TERM; [ -n "$W" ] && kill -9 $W 2>/dev/null; {undo}rm -f {PID}; }}'
    )
    lines.append(f"trap end EXIT; trap '{_STOP}' HUP INT TERM")
    if program.fixed_performance:
        lines.append(f"{fixed} true >/dev/null 2>&1; echo {marker}:fixed:$? >&2")
    if program.watch_s:
        lines.append(f"({_watch(marker, program.watch_s)}) & W=$!")
    library_path = f"LD_LIBRARY_PATH={join(program.libraries)} " if program.libraries else ""
    lines.append(f"{library_path}{command} &")
    lines.append("wait $!")
    return "\n".join(lines)


def _watch(marker: str, seconds: float) -> str:
    # Its end is a file that vanishes and a kill -9: a plain kill is lost on a shell that has only just been forked.
    power, cpu = "/sys/class/power_supply/battery", "/sys/devices/system/cpu/cpufreq"
    parts = (
        "dumpsys thermalservice 2>/dev/null | grep -m1 'Thermal Status'",
        f"cat {cpu}/policy*/scaling_max_freq 2>/dev/null",
        f"cat {power}/current_now 2>/dev/null",
        f"cat {power}/voltage_now 2>/dev/null",
        f"cat {power}/temp 2>/dev/null",
    )
    said = "'|'".join(f"$({part})" for part in parts)
    return f"while [ -e {PID} ]; do echo {marker}:heat:{said} >&2; sleep {seconds:g} >/dev/null 2>&1; done"
