"""Starts measuring processes in moments: one that has imported torch, and done nothing else, is forked.

A Python that imports torch takes seconds of the processor, and a run measures in a dozen processes. ``multiprocessing``
has a fork server too, but one for the whole program, and OpenMP looks at its environment when torch is loaded; it also
does not tell how a process ended. Only for Linux: the system libraries of macOS do not outlive a fork, and Windows has
none.

The server holds no thread when it forks, and ends, as its children do, with its owner. For each process it is sent the
three standard streams and a socket on which it tells the number of the process and, later, its wait status; the process
is reaped when the owner has closed that socket, so its number is not given to another while somebody may signal it.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import select
import selectors
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from typing import IO, NoReturn

IS_POSSIBLE = sys.platform == "linux" and hasattr(os, "pidfd_open")
_NUMBER = struct.Struct("=i")
_DESCRIPTORS = 4
_TEST_S = 0.01
_CHECK_S = 0.1


class Forked:
    """A process that a server forked: as much of ``subprocess.Popen`` as ``process_group.Process`` asks for."""

    def __init__(self, pid: int, status: socket.socket, streams: tuple[IO[bytes], IO[bytes], IO[bytes]]) -> None:
        self.pid = pid
        self.stdin, self.stdout, self.stderr = streams
        self.returncode: int | None = None
        self._status = status
        self._lock = threading.Lock()

    def poll(self) -> int | None:
        """The exit status; None while the process runs."""
        with self._lock, contextlib.suppress(BlockingIOError):
            if self.returncode is None:
                self._status.setblocking(False)
                received = self._status.recv(_NUMBER.size)
                # No word: the server is gone, killed as its children mostly are.
                waited = _NUMBER.unpack(received)[0] if received else signal.SIGKILL
                self.returncode = os.waitstatus_to_exitcode(waited)
                self._status.close()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit status, once the process has ended.

        Raises:
            subprocess.TimeoutExpired: It has not ended within ``timeout`` seconds.
        """
        until = None if timeout is None else time.monotonic() + timeout
        while (status := self.poll()) is None:
            if until is not None and time.monotonic() > until:
                assert timeout is not None
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
            time.sleep(_TEST_S)
        return status


class ForkServer:
    """The owner's side.

    Args:
        module: What to run, as ``python -m`` would: its ``main`` is called in each forked process.
        environment: Variables of the server and of all it forks.

    Raises:
        OSError: It cannot be started.
    """

    def __init__(self, module: str, environment: Mapping[str, str]) -> None:
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-P", "-m", "pqv_core.engine.measure.fork_server", module, str(theirs.fileno())]
        # numpy's library would start threads as soon as it is loaded.
        given = {**environment, "OPENBLAS_NUM_THREADS": "1"}
        with theirs:
            try:
                self._process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, env=given, pass_fds=[theirs.fileno()]
                )
            except BaseException:
                ours.close()
                raise
        self._control = ours

    def start(self, *, check: Callable[[], None] = lambda: None) -> Forked:
        """A new process. The first takes as long as the server takes to start.

        Args:
            check: Called ten times a second meanwhile; raises where the person has asked for the end.

        Raises:
            OSError: The server is gone, or the system forks no more.
        """
        with contextlib.ExitStack() as theirs, contextlib.ExitStack() as ours:
            pipes = [os.pipe() for _ in range(3)]
            (in_read, in_write), (out_read, out_write), (err_read, err_write) = pipes
            for descriptor in (in_read, out_write, err_write):
                theirs.callback(os.close, descriptor)
            streams = (os.fdopen(in_write, "wb"), os.fdopen(out_read, "rb"), os.fdopen(err_read, "rb"))
            for stream in streams:
                ours.callback(stream.close)
            status, status_end = socket.socketpair()
            theirs.callback(status_end.close)
            ours.callback(status.close)
            socket.send_fds(self._control, [b"\n"], [in_read, out_write, err_write, status_end.fileno()])
            theirs.close()
            while not select.select([status], [], [], _CHECK_S)[0]:
                check()
            if not (number := status.recv(_NUMBER.size)):
                raise ConnectionResetError("the fork server is gone")
            forked = Forked(_NUMBER.unpack(number)[0], status, streams)
            ours.pop_all()
            return forked

    def close(self) -> None:
        """End the server, but not what it has forked."""
        self._control.close()
        self._process.wait()


def serve(control: socket.socket, task: Callable[[], int]) -> None:
    """Fork a process that does ``task`` for each message on ``control``, until its other end is closed."""
    gc.collect()
    gc.freeze()  # a collection would write on every page that is shared
    with selectors.DefaultSelector() as selector:
        selector.register(control, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.data is not None:
                    key.data()
                    continue
                message, descriptors, _, _ = socket.recv_fds(control, 1, _DESCRIPTORS)
                if not message:
                    return
                _fork(selector, descriptors, task)


def _fork(selector: selectors.BaseSelector, descriptors: list[int], task: Callable[[], int]) -> None:
    *streams, status_end = descriptors
    with contextlib.ExitStack() as closing:
        for descriptor in streams:
            closing.callback(os.close, descriptor)
        status = socket.socket(fileno=status_end)
        try:
            pid = os.fork()
        except OSError:  # no memory, or too many processes: told by the end of the socket
            traceback.print_exc()
            status.close()
            return
        if pid == 0:
            _be_forked(selector, status, streams, task)
    _Watched(selector, pid, status)


class _Watched:
    """A forked process, as the server sees it, until it has ended and nobody wants to know of it any longer."""

    def __init__(self, selector: selectors.BaseSelector, pid: int, status: socket.socket) -> None:
        self._selector, self._pid, self._status = selector, pid, status
        self._handle = os.pidfd_open(pid)
        selector.register(self._handle, selectors.EVENT_READ, self._ended)
        selector.register(status, selectors.EVENT_READ, self._forgotten)
        self._tell(pid)

    def _ended(self) -> None:
        self._selector.unregister(self._handle)
        os.close(self._handle)
        self._handle = -1
        found = os.waitid(os.P_PID, self._pid, os.WEXITED | os.WNOWAIT)
        assert found is not None
        self._tell(found.si_status << 8 if found.si_code == os.CLD_EXITED else found.si_status)
        self._reap()

    def _forgotten(self) -> None:
        self._selector.unregister(self._status)
        self._status.close()
        self._reap()

    def _tell(self, number: int) -> None:
        with contextlib.suppress(OSError):  # forgotten
            self._status.sendall(_NUMBER.pack(number))

    def _reap(self) -> None:
        """A process that is forgotten and has ended goes; its number may be another's from then on."""
        if self._handle == -1 and self._status.fileno() == -1:
            os.waitpid(self._pid, 0)


def _be_forked(
    selector: selectors.BaseSelector, status: socket.socket, streams: list[int], task: Callable[[], int]
) -> NoReturn:
    code = 1
    try:
        for key in selector.get_map().values():  # the server's own, and those of others that it forked
            os.close(key.fd)
        selector.close()
        for number, descriptor in enumerate(streams):
            os.dup2(descriptor, number)
            os.close(descriptor)
        status.close()
        code = task()
    except BaseException:  # noqa: BLE001 - the end of this process: its owner reads what is printed
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def main() -> None:
    """Serve: ``python -m pqv_core.engine.measure.fork_server MODULE DESCRIPTOR``."""
    module, descriptor = sys.argv[1:]
    task = importlib.import_module(module).main
    serve(socket.socket(fileno=int(descriptor)), task)


if __name__ == "__main__":
    main()
