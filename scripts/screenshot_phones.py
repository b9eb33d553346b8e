"""Pictures of the Device page in its states, with the phones of the tests and the real benchmark program.

Used by ``scripts/screenshots.py``. The phones are root folders on this computer behind an adb server; what is measured
on them is the benchmark program as it was built for this computer, so the figures are this computer's.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.kit.kit import Kit
from pqv_core.formats.ptl import ptl_file as ptl
from pqv_core.formats.ptl.android_runtime import LiteRuntime
from pqv_gui.app.window import MainWindow
from tests.fakes.adb_server import AdbServer, Row
from tests.fakes.phone import Phone

Wait = Callable[[Callable[[], bool]], None]
Save = Callable[[str], None]


@contextmanager
def server() -> Iterator[AdbServer]:
    """An adb server without phones, which the window will find."""
    with AdbServer() as running:
        os.environ["ANDROID_ADB_SERVER_PORT"] = str(running.port)
        yield running


def kit(program: Path, files: list[Path]) -> Kit:
    """What is pushed: the program, and no libraries, for it carries those of this computer."""
    facts = [ptl.read(file) for file in files]
    operators: dict[str, int] = {}
    for fact in facts:
        for name, count in fact.operators.items():
            operators[name] = max(count, operators.get(name, 0))
    versions = [fact.bytecode for fact in facts]
    runtime = LiteRuntime(
        version="host",
        program="lite",
        archives=(),
        abis=("x86_64",),
        bytecode_min=min(versions),
        bytecode_max=max(versions),
        operators=operators,
    )
    return Kit(runtime, "x86_64", program, ())


def phones(folder: Path) -> list[Phone]:
    """Two phones of our own making."""
    made = []
    for number, (name, model) in enumerate((("one", "Phone One"), ("two", "Phone Two"))):
        shutil.rmtree(folder / name, ignore_errors=True)
        phone = Phone(folder / name, cores=(2_000_000,) * (os.cpu_count() or 1))
        phone.set_property("ro.product.model", model)
        phone.write("sys/class/power_supply/battery/temp", f"{300 + 12 * number}\n")
        made.append(phone)
    return made


def take(window: MainWindow, running: AdbServer, program: Path, folder: Path, *, wait: Wait, save: Save) -> None:
    """Picture the page: no phone, measuring, a phone lost, complete."""
    desk = window.workspace.phones
    desk.watch.kit = kit(program, [file.path for file in desk.files.files])
    for name, value in (("threads", (1,)), ("warmup", 3), ("watch_s", 0.5), ("profile", True)):
        desk.settings.set(f"phone.{name}", value)
    running.change()
    window.commands.go("device")
    wait(lambda: desk.phones.looked and not desk.phones.phones)
    save("device-empty")
    one, two = phones(folder)
    rows = Row("FAKE0001", phone=one), Row("FAKE0002", phone=two, transport_id=2)
    running.change(*rows)
    wait(lambda: len(desk.phones.ready) == len(rows))
    for row in rows:
        desk.phones.tick(row.serial, True)
    for file in desk.files.files:
        desk.files.tick(file.path, file.key == "compressed")
    desk.settings.set("phone.iterations", 2_000)
    desk.start()
    wait(lambda: len(desk.run.series) == len(rows) and all(len(s.samples) > 150 for s in desk.run.series.values()))
    save("device-running")
    running.change(rows[1])
    one.kill_all()
    two.kill_all()
    wait(lambda: not desk.run.active)
    save("device-failed")
    running.change(*rows)
    wait(lambda: len(desk.phones.ready) == len(rows))
    for file in desk.files.files:
        desk.files.tick(file.path, file.key in ("compressed", "fast_fp32"))
    desk.settings.set("phone.iterations", 60)
    desk.settings.set("phone.max_seconds", 10.0)
    window.stack.page("device").banner.hide()
    desk.start()
    wait(lambda: not desk.run.active)
    save("device")
