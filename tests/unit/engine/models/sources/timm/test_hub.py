"""Whether the hub of published weights answers: any answer will do, and none is not waited for."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Iterator

import pytest

from pqv_core.engine.models.sources.timm import hub


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers with the status that the address ends with."""

    def do_HEAD(self) -> None:
        self.send_response(int(self.path.strip("/")))
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Not on the terminal."""


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def server() -> Iterator[str]:
    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("status", [200, 404, 503])
def test_an_answer_of_any_kind_is_one(server: str, status: int) -> None:
    assert hub.answers(f"{server}/{status}")


def test_nobody_there_is_no_answer() -> None:
    assert not hub.answers("http://127.0.0.1:9")
    assert not hub.answers("no address")


def test_a_server_that_takes_the_call_and_says_nothing_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "_ANSWER_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(5)
        assert not hub.answers(f"http://127.0.0.1:{silent.getsockname()[1]}")
        asked, _ = silent.accept()
        with asked:
            assert asked.recv(4) == b"HEAD"
