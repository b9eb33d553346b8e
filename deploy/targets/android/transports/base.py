"""What every way to a phone offers: open a service as a stream of bytes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal, Protocol

from deploy.device.shell import Check

Kind = Literal["server", "tcp", "usb"]

SLICE_S = 0.1  # how long a wait lasts before ``check`` is asked again
IDLE_S = 15.0  # how long a phone may be silent where it should answer at once


class Stream(Protocol):
    """One open service of the phone. Not shared between threads."""

    def read(self, count: int, *, timeout: float = IDLE_S) -> bytes:
        """Between 1 and ``count`` bytes; ``b""`` once the phone has closed the stream.

        Raises:
            ConnectionLostError: Nothing came for ``timeout`` seconds, or the connection broke.
        """

    def write(self, data: bytes | memoryview) -> None:
        """Send all of it.

        Raises:
            ConnectionLostError: The stream or the connection is closed.
        """

    def waiting(self) -> bool:
        """Whether something can be read without waiting, such as an early refusal."""

    def close(self) -> None:
        """Close the stream; a command started with ``shell,v2`` then receives SIGHUP. Never raises."""


class Link(ABC):
    """A connection to one phone.

    Attributes:
        kind: How it is reached.
        features: What the phone's ADB daemon says it can do.
        check: Asked about ten times a second during every wait; what it raises ends the wait.
    """

    kind: Kind
    features: frozenset[str]
    check: Check

    @abstractmethod
    def open(self, service: str, *, timeout: float = IDLE_S) -> Stream:
        """Start a service such as ``sync:`` or ``shell:COMMAND``.

        Raises:
            DeviceError: The phone refuses it or is gone.
        """

    @abstractmethod
    def close(self) -> None:
        """End the connection. Never raises."""
