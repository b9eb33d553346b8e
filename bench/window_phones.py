"""Stalls of the window while files are pushed to one phone and another one sends 1,000 samples a second.

Part of ``bench/window_bench.py``. Both phones are those of the tests, in a process of their own, behind an adb server;
what is pushed is thrown away there, so that the push goes as fast as this computer can.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIBRARY_BYTES = 3 << 30
RATE = 1_000

SCRIPT = """
folder, seconds, home = Path(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4])
from dataclasses import replace
from deploy.kit.kit import Kit
from pqv_core.formats.ptl import ptl_file as ptl
from pqv_core.formats.ptl.android_runtime import LiteRuntime
from pqv_gui.desks import phone_work
tiny = Path(sys.argv[1]) / "tests" / "data" / "tiny.ptl"
facts = ptl.read(tiny)
runtime = LiteRuntime(version="bench", program="lite", archives=(), abis=("x86_64",),
                      bytecode_min=facts.bytecode, bytecode_max=facts.bytecode, operators=dict(facts.operators))
kits = {"PUSH": Kit(runtime, "x86_64", home / "pqv_bench", (home / "libbig.so",)),
        "MEASURE": Kit(runtime, "x86_64", home / "pqv_bench", ())}
measure = phone_work.measure
def with_own_kit(found, prepared, job, **more):
    plan = replace(prepared.plan, kit=kits[found.serial])
    return measure(found, replace(prepared, plan=plan), job, **more)
phone_work.measure = with_own_kit
desk = window.workspace.phones
desk.watch.kit = kits["MEASURE"]
for name, value in (("compare", False), ("iterations", 1_000_000), ("max_seconds", 600.0), ("threads", (1,))):
    desk.settings.set("phone." + name, value)
desk.settings.set("phone.input_shape", (1, 4))
window.resize(1280, 800)
window.show()
window.workspace.create(folder, "bench")
window.commands.go("device")
desk.files.add(tiny)
probe = Probe()
def target(serial):
    return next((item for item in desk.run.targets.values() if item.key == serial), None)
def count():
    return sum(len(series.samples) for series in desk.run.series.values())
def pushed():
    progress = target("PUSH").progress
    return progress.done if progress is not None and progress.unit == "bytes" else None
at = {}
def step():
    if not desk.run.targets:
        if len(desk.phones.ready) == 2:
            for key in ("PUSH", "MEASURE"):
                desk.phones.tick(key, True)
            desk.start()
    elif not at:
        if not desk.run.active:
            raise SystemExit("; ".join(item.words for item in desk.run.targets.values()))
        if pushed() and count() > 500:
            at.update(samples=count(), bytes=pushed(), time=time.perf_counter())
            probe.start()
    else:
        now = pushed()
        if now is not None:
            at["last"] = (now, time.perf_counter(), count())
        if now is None or time.perf_counter() - at["time"] > seconds:
            end()
def end():
    steps.stop()
    probe.timer.stop()
    sent, moment, samples = at["last"]
    print("took", moment - at["time"], "pushed", sent - at["bytes"], "samples", samples - at["samples"])
    probe.tell()
    window.workspace.close()
    app.quit()
steps = QtCore.QTimer()
steps.timeout.connect(step)
steps.start(100)
app.exec()
presenter.uninstall()
"""

_SAMPLES = f"""
import json, sys, time
say = lambda **fields: print(json.dumps(fields))
say(type="context", engine="qnnpack")
index, began = 0, time.monotonic()
while True:
    due = int((time.monotonic() - began) * {RATE})
    for index in range(index, due):
        say(type="iteration", index=index, ns=10_000_000 + index * 7919 % 3_000_000, threads=1)
    index = due
    sys.stdout.flush()
    time.sleep(0.01)
"""


def measure(start: Callable[..., dict[str, list[str]]], script: str, seconds: float) -> dict[str, list[str]]:
    """Start the phones and the window with them; what the window printed.

    Args:
        start: Runs a script in a fresh process.
        script: What builds the window and the probe.
    """
    with tempfile.TemporaryDirectory(prefix="pqv-bench-") as text:
        home = Path(text)
        (home / "samples.py").write_text(_SAMPLES)
        (home / "pqv_bench").write_text(f"#!/bin/sh\nexec {sys.executable} {home}/samples.py\n")
        with (home / "libbig.so").open("wb") as file:
            file.truncate(LIBRARY_BYTES)  # sparse: it takes no space
        command = [sys.executable, "-m", "bench.window_phones", str(home)]
        with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as phones:
            assert phones.stdin
            assert phones.stdout
            os.environ["ANDROID_ADB_SERVER_PORT"] = phones.stdout.readline().strip()
            try:
                return start(script + SCRIPT, str(ROOT), str(home / "projects"), str(seconds), str(home))
            finally:
                phones.stdin.close()


def serve(home: Path) -> None:
    """Two phones behind an adb server, until the standard input ends."""
    from tests.fakes import services
    from tests.fakes.adb_server import AdbServer, Row
    from tests.fakes.phone import Phone

    class Sparse(services.Sync):
        """Takes files without keeping what is in them."""

        def _receive(self, file: object, path: Path) -> str:
            import struct

            size = 0
            while True:
                kind, length = struct.unpack("<4sI", self.channel.read(8))
                if kind == b"DONE":
                    if size >= LIBRARY_BYTES:
                        os.truncate(path, size)
                    os.utime(path, (length, length))
                    return ""
                data = self.channel.read(length)
                size += length
                if size <= 1 << 20:
                    file.write(data)  # type: ignore[attr-defined]

    services.Sync = Sparse  # type: ignore[misc]
    rows = []
    for number, serial in enumerate(("PUSH", "MEASURE"), start=1):
        phone = Phone(home / serial)
        phone.set_free(64 << 30)
        rows.append(Row(serial, phone=phone, transport_id=number))
    with AdbServer(rows) as server:
        print(server.port, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
