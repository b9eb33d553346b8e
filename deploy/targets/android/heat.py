"""What the watch over a phone's heat prints beside the program, read line by line."""

from __future__ import annotations

from collections.abc import Sequence

from deploy.device import bounded
from deploy.device.info import Reading

_MAX_LINE = 2000


class HeatLines:
    """Takes what comes on the standard error of a program, in pieces.

    Args:
        marker: What the lines of the watch begin with.

    Attributes:
        fixed_performance: Whether the phone has granted a clock that it can hold.
    """

    def __init__(self, marker: str) -> None:
        self.fixed_performance = False
        self._marker = marker
        self._rest = ""

    def feed(self, text: str) -> Sequence[Reading]:
        """More of it; the readings in it. Lines that are not of the watch are left out."""
        *lines, self._rest = (self._rest + text).split("\n")
        self._rest = self._rest[-_MAX_LINE:]
        readings = []
        for line in lines:
            if line.startswith(f"{self._marker}:fixed:"):
                self.fixed_performance = line.rsplit(":", 1)[1].strip() == "0"
            elif line.startswith(f"{self._marker}:heat:"):
                readings.append(reading(line.split(":heat:", 1)[1][:_MAX_LINE]))
        return readings


def reading(text: str) -> Reading:
    """One line of the watch: ``Thermal Status: 0|1800000 2800000|-420000|4012000|271``."""
    status, caps, current, voltage, tenths = (*text.split("|"), "", "", "", "", "")[:5]
    microampere = bounded.whole(current, low=-(10**8), high=10**8)
    microvolt = bounded.whole(voltage, low=10**6, high=10**8)
    warmth = bounded.whole(tenths, low=-500, high=1500)
    return Reading(
        status=bounded.whole(status, high=6),
        caps_khz=tuple(int(word) for word in caps.split()[:64] if word.isdecimal() and len(word) < 9),
        ampere=None if microampere is None else microampere / 1e6,
        volt=None if microvolt is None else microvolt / 1e6,
        celsius=None if warmth is None else warmth / 10,
    )
