"""Figures in words for a person: three significant digits, always a unit, thousands separated.

Used by the command line and by the window.
"""

from __future__ import annotations

import math
from datetime import datetime

_COUNT_UNITS = (("G", 1e9), ("M", 1e6), ("k", 1e3))
_SIZE_UNITS = (("GB", 1e9), ("MB", 1e6), ("kB", 1e3))


def significant(value: float, *, digits: int = 3) -> str:
    """``value`` rounded to ``digits`` significant digits, without exponent: ``0.0123``, ``12.3``, ``1,230``."""
    if not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    magnitude = math.floor(math.log10(abs(value)))
    rounded = round(value, digits - 1 - magnitude)
    if rounded and math.floor(math.log10(abs(rounded))) > magnitude:  # 9.999 became 10.0
        magnitude += 1
    return f"{rounded:,.{max(0, digits - 1 - magnitude)}f}"


def _scaled(value: float, units: tuple[tuple[str, float], ...], small: str) -> str:
    for unit, size in units:
        if abs(value) >= size * 0.9995:
            return f"{significant(value / size)} {unit}"
    return f"{value:,.0f} {small}".strip()


def count(value: int) -> str:
    """A number of parameters: ``22.1 M``."""
    return _scaled(value, _COUNT_UNITS, "")


def counted(number: int, word: str) -> str:
    """So many of something: ``1 run``, ``2 runs``."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def macs(value: float) -> str:
    """Multiply-accumulate operations of one inference: ``4.61 GMAC``."""
    if abs(value) >= 0.9995e3:
        return f"{count(round(value))}MAC"
    return f"{value:,.0f} MAC"


def size(value: float) -> str:
    """Bytes in decimal units, as file managers and app stores count: ``88.6 MB``."""
    return _scaled(value, _SIZE_UNITS, "bytes")


def milliseconds(value: float) -> str:
    """A latency given in milliseconds: ``73.2 ms``; below a hundredth of one in microseconds."""
    if value and abs(value) < 0.01:
        return f"{significant(value * 1000)} µs"
    return f"{significant(value)} ms"


def nanoseconds(value: float) -> str:
    """A latency given in nanoseconds, in milliseconds."""
    return milliseconds(value / 1e6)


def percent(share: float) -> str:
    """A share from 0 to 1: ``98.2 %``."""
    return f"{significant(share * 100)} %"


def with_error(share: float, error: float) -> str:
    """A share with its standard error, in percent: ``99.4 % ± 0.4``."""
    return f"{percent(share)} ± {significant(100 * error, digits=2 if error >= 0.01 else 1)}"


def change(before: float, after: float) -> str:
    """Relative difference with its sign: ``−23.4 %``; ``±0 %`` where nothing changed."""
    if not before:
        return "–"
    share = (after - before) / before
    if abs(share) < 5e-5:
        return "±0 %"
    return f"{'−' if share < 0 else '+'}{significant(abs(share) * 100)} %"


def points(before: float, after: float) -> str:
    """Difference of two shares in percentage points: ``−1.25 points``."""
    difference = (after - before) * 100
    if abs(difference) < 5e-3:
        return "±0 points"
    return f"{'−' if difference < 0 else '+'}{abs(difference):.2f} points"


def ratio(value: float) -> str:
    """How many times: ``6.47×``."""
    return f"{significant(value)}×"


def duration(seconds: float) -> str:
    """A time for a person: ``0.42 s``, ``12.3 s``, ``4 min 5 s``, ``1 h 12 min``."""
    if seconds < 0.0995:
        return f"{significant(seconds * 1000)} ms" if seconds > 0 else "0 s"
    if seconds < 59.95:
        return f"{significant(seconds)} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def clock(moment: datetime) -> str:
    """A time of the day: ``14:02:11``."""
    return f"{moment:%H:%M:%S}"


def date(moment: datetime) -> str:
    """A day and a time of it: ``30 Nov 2026, 14:02``."""
    return f"{moment.day} {moment:%b %Y, %H:%M}"


def moment(written: str) -> datetime | None:
    """A time as records have it, on this computer's clock; None where it is no time."""
    try:
        return datetime.fromisoformat(written).astimezone()
    except (ValueError, OverflowError, OSError):
        return None


def time_left(seconds: float) -> str:
    """An estimate for a person: rounded so that it does not flicker."""
    if seconds < 5:
        return "a few seconds left"
    if seconds < 55:
        return f"{5 * round(seconds / 5)} s left"
    if seconds < 3600:
        return f"{max(1, round(seconds / 60))} min left"
    hours, minutes = divmod(round(seconds / 300) * 5, 60)
    return f"{hours} h {minutes} min left" if minutes else f"{hours} h left"
