"""A program that really measures, pushed to a fake phone and run there: the whole path but Android.

The benchmark program itself where it can be built, and one in Python everywhere; over adb-shell, and through a real adb
server where ``adb`` is installed.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from jsonschema import Draft202012Validator
from torch.jit.mobile import _load_for_lite_interpreter

from deploy.device import discovery
from deploy.job import Job
from deploy.kit.kit import Kit, KitChoice
from deploy.measure import session
from deploy.measure.device_bench import BenchRequest
from deploy.measure.reference import Reference
from deploy.measure.steps import PhoneConfig
from pqv_core.errors import DeviceError
from pqv_core.formats.ptl import ptl_file as ptl
from pqv_core.formats.ptl.android_runtime import LiteRuntime
from tests.fakes import phone as fake
from tests.fakes.adbd import Adbd, Faults

ROOT = Path(__file__).parents[2]
TINY = ROOT / "tests" / "data" / "tiny.ptl"
SCHEMA = ROOT / "android_runner" / "schema" / "pqv_bench.schema.json"
CONFIG = PhoneConfig(threads=(1, 2), iterations=20, warmup=2, max_seconds=20, profile=True, watch_s=0.5)


@pytest.fixture(params=["host_program", "python_program"])
def program(request: pytest.FixtureRequest) -> Path:
    found: Path = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def facts() -> LiteRuntime:
    """A runtime that knows what the file needs."""
    needed = ptl.read(TINY)
    return LiteRuntime(
        version="host",
        program="lite",
        archives=(),
        abis=("x86_64",),
        bytecode_min=needed.bytecode,
        bytecode_max=needed.bytecode,
        operators=dict(needed.operators),
    )


@pytest.fixture
def kit(program: Path, facts: LiteRuntime) -> Kit:
    return Kit(facts, "x86_64", program, ())


@pytest.fixture
def phone(tmp_path: Path) -> fake.Phone:
    return fake.Phone(tmp_path / "phone", cores=(2_000_000,) * (os.cpu_count() or 1))


@pytest.fixture
def daemon(phone: fake.Phone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Adbd]:
    """A phone that asks whether this computer is allowed, and no adb server yet."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(port))
    with Adbd(phone, Faults(auth="accept")) as running:
        yield running


@pytest.fixture
def server(daemon: Adbd) -> Iterator[None]:
    if shutil.which("adb") is None:
        pytest.skip("adb is not installed (apt-get install adb)")
    subprocess.run(["adb", "connect", daemon.address], check=True, capture_output=True)
    subprocess.run(["adb", "-s", daemon.address, "wait-for-device"], check=True, timeout=30)
    yield
    subprocess.run(["adb", "kill-server"], check=True, capture_output=True)


def bench(daemon: Adbd, kit: Kit, tmp_path: Path) -> str:
    """Measure the file, check all that came back, and return how the phone was reached."""
    inputs = np.random.default_rng(0).standard_normal((5, 4), np.float32)
    (tmp_path / "inputs.f32").write_bytes(inputs.tobytes())
    found = discovery.choose(daemon.address, discovery.find())
    model = _load_for_lite_interpreter(str(TINY))
    here = torch.cat([model(torch.from_numpy(row[None])) for row in inputs]).detach().numpy()
    reference = Reference(tmp_path / "inputs.f32", 5, (), here)
    request = BenchRequest(TINY, input_shape=(1, 4), reference=reference)
    result = session.bench_of(found, Job(), CONFIG, KitChoice(kit=kit)).bench(request)
    assert [item.threads for item in result.measurements] == [1, 2]
    for item in result.measurements:
        assert len(item.samples_ns) >= 20
        assert item.peak_rss_bytes
        assert item.load_ns
    assert {row.name for row in result.operators} >= {"aten::linear", "aten::gelu"}
    assert result.parity is not None
    assert result.parity.relative < 1e-6
    assert result.parity.top1_agreement == 1.0
    return found.through


def test_over_adb_shell(daemon: Adbd, kit: Kit, phone: fake.Phone, tmp_path: Path) -> None:
    assert bench(daemon, kit, tmp_path) == "tcp"
    assert phone.left_behind() == []


@pytest.mark.usefixtures("server")
def test_through_a_real_adb_server(daemon: Adbd, kit: Kit, phone: fake.Phone, tmp_path: Path) -> None:
    assert bench(daemon, kit, tmp_path) == "server"
    assert phone.left_behind() == []


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("byte", random.Random(5).sample(range(3_000, 1_012_000), 6))
def test_a_cable_pulled_behind_a_real_adb_server(
    daemon: Adbd, phone: fake.Phone, tmp_path: Path, byte: int, facts: LiteRuntime
) -> None:
    program, library = tmp_path / "pqv_bench", tmp_path / "library.so"
    program.write_text((ROOT / "tests" / "fakes" / "pqv_bench.sh").read_text().replace("BODY", ""))
    library.write_bytes(bytes(1_000_000))
    found = discovery.choose(daemon.address, discovery.find())
    kit = Kit(facts, "x86_64", program, (library,))
    bench = session.bench_of(found, Job(), CONFIG.changed(threads=(1,)), KitChoice(kit=kit)).bench
    daemon.faults.cut_after = daemon.received + byte
    with pytest.raises(DeviceError):
        bench(BenchRequest(TINY, input_shape=(1, 4)))
    daemon.faults.cut_after = None
    connect_again(daemon.address)
    (found,) = discovery.find()
    again = session.bench_of(found, Job(), CONFIG.changed(threads=(1,)), KitChoice(kit=kit))
    assert again.bench(BenchRequest(TINY, input_shape=(1, 4))).measurements
    assert phone.left_behind() == []


def connect_again(address: str) -> None:
    """As a person does, who asks adb once more where its server is not done yet with the connection that was cut."""
    for _ in range(6):
        subprocess.run(["adb", "disconnect", address], check=False, capture_output=True)
        subprocess.run(["adb", "connect", address], check=True, capture_output=True)
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(["adb", "-s", address, "wait-for-device"], check=True, timeout=10)
            return
    raise AssertionError(f"adb does not reach {address} again")


def test_the_program_in_python_keeps_the_contract(python_program: Path, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(bytes(4 * 4 * 2))
    words = ["--model", str(TINY), "--input-shape", "1,4", "--threads", "1", "--min-iters", "3", "--profile"]
    files = ["--input", str(tmp_path / "in"), "--output", str(tmp_path / "out")]
    schema = Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    kinds = []
    for model, code in ((str(TINY), 0), ("/nowhere", 3)):
        words[1] = model
        done = subprocess.run([str(python_program), "--json", *words, *files], capture_output=True, timeout=120)
        assert done.returncode == code, done.stderr
        for line in map(json.loads, done.stdout.splitlines()):
            schema.validate(line)
            kinds.append(line["type"])
    whole = ["context", "memory", "load", "memory", "progress", "outputs", "warmup"]
    assert kinds[:-3] == [*whole, *["iteration"] * 3, "operators", "memory", "final"]
    assert kinds[-3:] == ["context", "memory", "final"]
