"""A phone that is none: ADB's daemon of the tests, and programs that really run under an Android C library here."""

from __future__ import annotations

import contextlib
import shlex
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.phones.files import BUILD
from bench.phones.programs import Programs, runtime
from deploy.kit.kit import Kit, KitChoice
from deploy.measure.runner import PROGRAM
from tests.fakes.adbd import Adbd
from tests.fakes.phone import Phone

ABI = "x86_64"
_CORES = (2_000_000,) * 2


@contextlib.contextmanager
def device(android: Path, kind: str) -> Iterator[tuple[str, KitChoice]]:
    """Its address, and what it gets to run files of a kind.

    Args:
        android: As ``Programs``.
        kind: ``ptl`` or ``pte``.
    """
    words = Programs(android, ABI, BUILD / f"programs-{ABI}").ours(kind).words
    with tempfile.TemporaryDirectory(prefix="pqv-bionic-") as place:
        starter = Path(place, PROGRAM)  # what is pushed: the libraries lie beside the program that it starts
        starter.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
        phone = Phone(Path(place, "phone"), cores=_CORES)
        phone.set_property("ro.product.manufacturer", "Bionic")
        phone.set_property("ro.product.model", f"on this computer ({ABI})")
        with Adbd(phone) as daemon:
            yield daemon.address, KitChoice(kit=Kit(runtime(kind), ABI, starter, ()))
