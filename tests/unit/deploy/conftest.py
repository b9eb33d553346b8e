"""A fake phone, and the three ways to it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from deploy.device.shell import Check
from deploy.kit.kit import Kit
from deploy.targets.android import connection, keys
from deploy.targets.android.transports import adb_server, adb_shell_tcp, adb_shell_usb
from deploy.targets.android.transports.base import Link
from pqv_core.errors import Cancelled
from tests.fakes import usb
from tests.fakes.adb_server import AdbServer, Row
from tests.fakes.adbd import Adbd, Faults
from tests.fakes.phone import Phone
from tests.fakes.phone_bench import Bench, program, runtime

Opener = Callable[..., Link]


@pytest.fixture
def phone(tmp_path: Path) -> Phone:
    return Phone(tmp_path / "phone")


@pytest.fixture(scope="session")
def signers(tmp_path_factory: pytest.TempPathFactory) -> list[keys.Signer]:
    folder = tmp_path_factory.mktemp("keys")
    return keys.signers(folder, adb=folder / "none")


@pytest.fixture
def cancelled() -> threading.Event:
    """Set it, and the work on ``link`` ends."""
    return threading.Event()


@pytest.fixture(params=["server", "tcp", "usb"])
def link(
    request: pytest.FixtureRequest,
    phone: Phone,
    signers: list[keys.Signer],
    monkeypatch: pytest.MonkeyPatch,
    cancelled: threading.Event,
) -> Iterator[Link]:
    """The same phone over each of the transports."""

    def check() -> None:
        if cancelled.is_set():
            raise Cancelled

    with ExitStack() as stack:
        made: Link
        if request.param == "server":
            server = stack.enter_context(AdbServer([Row("FAKE0001", phone=phone)]))
            monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(server.port))
            made = adb_server.ServerLink(adb_server.ServerDevice("FAKE0001", "device", transport_id="1"), check)
        else:
            daemon = stack.enter_context(Adbd(phone, Faults(auth="accept")))
            if request.param == "tcp":
                made = adb_shell_tcp.connect("127.0.0.1", daemon.port, signers=signers, check=check)
            else:
                made = adb_shell_usb.connect(
                    "USB0001", signers=signers, check=check, context=usb.bus(usb.Device(daemon))
                )
        yield made
        made.close()


@pytest.fixture
def tcp(signers: list[keys.Signer]) -> Iterator[Callable[..., Link]]:
    """Connects to an ``Adbd`` by adb-shell over TCP."""
    with ExitStack() as stack:

        def connect(daemon: Adbd, **more: object) -> Link:
            made = adb_shell_tcp.connect("127.0.0.1", daemon.port, signers=signers, **more)  # type: ignore[arg-type]
            stack.callback(made.close)
            return made

        yield connect


@pytest.fixture
def kit(tmp_path: Path) -> Kit:
    library = tmp_path / "libfake.so"
    library.write_bytes(b"library" * 100_000)
    return Kit(runtime(), "x86_64", program(tmp_path), (library,))


@pytest.fixture
def opener(signers: list[keys.Signer]) -> Iterator[Callable[[Adbd], connection.Opener]]:
    with ExitStack() as stack:

        def made(daemon: Adbd) -> Opener:
            def connect(check: Check) -> Link:
                link = adb_shell_tcp.connect("127.0.0.1", daemon.port, signers=signers, check=check)
                stack.callback(link.close)
                return link

            return connect

        yield made


@pytest.fixture
def daemon(phone: Phone) -> Iterator[Adbd]:
    with Adbd(phone) as running:
        yield running


@pytest.fixture
def bench(opener: Callable[[Adbd], connection.Opener], daemon: Adbd, kit: Kit) -> Bench:
    return Bench(opener, daemon, kit)
