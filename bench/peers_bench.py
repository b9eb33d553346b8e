"""One model by PQV-Mobile and by its peers (ONNX Runtime, OpenVINO, ExecuTorch, LiteRT), all measured in turns.

    python -m bench.peers_bench [--model NAME] [--rounds N] [--threads N]

PQV-Mobile writes both of its formats. Each file has a process of its own that waits while the others run. Prints one
line a file: median and least time, size, and the relative error of its logits against fp32; then how PQV-Mobile stands
to the fastest peer, to its own int8 without pruning and to the baselines. Files are kept in ``build/peers`` and made
again only when a version changes.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import statistics
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import timm

from bench import environment
from bench.phones.files import litert_files, litert_python
from bench.weights import weights
from pqv_core.results import record as results
from pqv_core.results.record import RunRecord

BUILD = Path(__file__).parent.parent / "build" / "peers"
LOCK = Path(__file__).parent / "peers" / "requirements.lock"
TURNS = Path(__file__).parent / "peers" / "turns.py"
EXPORT = Path(__file__).parent / "peers" / "export.py"
PQV = (sys.executable, "-P", "-c", "import sys; from pqv_gui.cli import main; sys.exit(main())")
PEERS = {
    "ONNX Runtime fp32": ("onnxruntime", "fp32.onnx"),
    "ONNX Runtime int8 dynamic": ("onnxruntime", "int8.onnx"),
    "OpenVINO fp32": ("openvino", "fp32.xml"),
    "OpenVINO int8 static": ("openvino", "int8.xml"),
    "ExecuTorch fp32": ("executorch", "fp32.pte"),
    "ExecuTorch int8 dynamic": ("executorch", "int8.pte"),
    "LiteRT fp32": ("litert", "fp32.tflite"),
    "LiteRT int8 dynamic": ("litert", "int8.tflite"),
}
PAPER, FAST, INT8, PRUNED = "paper's fp32 baseline", "fp32", "int8 dynamic", "9.375 % + int8 dynamic"
IN_PTE = " in .pte"
SETTINGS = ("measure.iterations=5", "measure.warmup=1", "measure.profile=false", "measure.max_seconds=10")
PRUNING = ("--importance", "l2", "--ratio", "0.09375", "--set", "prune.embedding=true")


@dataclass
class Entry:
    """A file to be measured, and what was."""

    name: str
    runtime: str
    file: Path
    python: Path = Path(sys.executable)
    engine: str = ""
    logits: list[float] = field(default_factory=list)
    samples_ns: list[int] = field(default_factory=list)

    @property
    def ms(self) -> float:
        """Median in milliseconds."""
        return statistics.median(self.samples_ns) / 1e6

    @property
    def megabytes(self) -> float:
        """Size, with the weights that OpenVINO keeps in a file beside."""
        beside = self.file.with_suffix(".bin")
        size = self.file.stat().st_size + (beside.stat().st_size if self.runtime == "openvino" else 0)
        return size / 1e6


def compressed(model: str, name: str, folder: Path, *options: str) -> tuple[Path, RunRecord]:
    """A run of PQV-Mobile by its own commands: its folder and what it found."""
    project = folder / f"{name}.pqv"
    given = [part for setting in SETTINGS for part in ("--set", setting)]
    loaded = ("--weights", str(weights(model, folder)))
    words = [*PQV, "new", str(project), "--model", model, "--format", "ptl,pte", *loaded, *given, *options, "--force"]
    subprocess.run(words, check=True)
    finished = subprocess.run([*PQV, "run", str(project), "--json"], check=True, stdout=subprocess.PIPE, text=True)
    run = Path(json.loads(finished.stdout.splitlines()[0])["directory"])
    return run, results.load(run)


def our_files(model: str, folder: Path) -> list[Entry]:
    """Both baselines, int8, and pruned int8; all but the paper's in both formats."""
    plain, result = compressed(model, "plain", folder, "--no-prune")
    pruned, cut = compressed(model, "pruned", folder, *PRUNING)
    roles = ((PAPER, plain, result, "paper_fp32"), (FAST, plain, result, "fast_fp32"))
    roles += ((INT8, plain, result, "compressed"), (PRUNED, pruned, cut, "compressed"))
    roles += tuple((f"{name}{IN_PTE}", run, found, f"{role}_pte") for name, run, found, role in roles[1:])
    return [_of_run(*role) for role in roles]


def _of_run(name: str, run: Path, result: RunRecord, role: str) -> Entry:
    variant = result.variant(role)
    assert variant
    file = run / variant.file
    return Entry(f"PQV-Mobile {name}", file.suffix.removeprefix("."), file, engine=variant.engine)


def peers_files(model: str, folder: Path, python: Path) -> list[Entry]:
    """What the peers make of the model; those that there are already are kept."""
    found = []
    for name, (runtime, file) in PEERS.items():
        if runtime == "litert":
            made = {path.name: path for path in litert_files(model, folder, weights(model, folder))}
            found.append(Entry(name, runtime, made[file], litert_python()))
            continue
        if not (folder / file).is_file():
            print(f"making {name} …", file=sys.stderr)
            command = [str(python), str(EXPORT), model, str(weights(model, folder)), str(folder), "--only", runtime]
            subprocess.run(command, check=True, stdout=sys.stderr, env=environment.with_tools(python))
        found.append(Entry(name, runtime, folder / file, python))
    return found


@contextlib.contextmanager
def serving(entry: Entry, threads: int, size: int) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the file loaded."""
    command = [str(entry.python), str(TURNS), entry.runtime, str(entry.file), str(threads), str(size), entry.engine]
    root = Path(__file__).parent.parent
    with subprocess.Popen(command, stdin=-1, stdout=-1, stderr=subprocess.DEVNULL, text=True, cwd=root) as process:
        try:
            entry.logits = json.loads(_line(process, entry))
            yield process
        finally:
            process.kill()


def _line(process: subprocess.Popen[str], entry: Entry) -> str:
    assert process.stdout
    while line := process.stdout.readline():
        if line.startswith("["):
            return line
    raise SystemExit(f"{entry.name} ended early.")


def measure(entries: list[Entry], *, threads: int, size: int, rounds: int) -> None:
    """Take turns: three inferences each a round, and nobody always follows the same neighbour."""
    with contextlib.ExitStack() as stack:
        served = [(entry, stack.enter_context(serving(entry, threads, size))) for entry in entries]
        for turn in range(rounds):
            first = turn % len(served)
            for entry, process in served[first:] + served[:first]:
                assert process.stdin
                process.stdin.write("3\n")
                process.stdin.flush()
                entry.samples_ns += json.loads(_line(process, entry))


def report(entries: list[Entry]) -> None:
    """Print what was found."""
    by_name = {entry.name: entry for entry in entries}
    exact = np.array(by_name[f"PQV-Mobile {FAST}"].logits)
    for entry in entries:
        error = np.linalg.norm(np.array(entry.logits) - exact) / np.linalg.norm(exact)
        least = min(entry.samples_ns) / 1e6
        said = "pruned" if PRUNED in entry.name else f"error {error:.1e}"
        print(f"{entry.name:>34}: {entry.ms:7.1f} ms (least {least:7.1f}), {entry.megabytes:6.1f} MB, {said}")
    fastest = min((by_name[name] for name in PEERS), key=lambda entry: entry.ms)
    for form, suffix in (("", ".ptl"), (IN_PTE, ".pte")):
        ours, pruned = (by_name[f"PQV-Mobile {name}{form}"] for name in (INT8, PRUNED))
        print(f"{suffix}, int8: {ours.ms / fastest.ms:.2f} × the time of the fastest peer, {fastest.name}")
        print(f"{suffix}, 9.375 % + int8: {ours.ms / pruned.ms:.2f} × as fast as int8 alone")
        for name in (PAPER, FAST):
            base = by_name[f"PQV-Mobile {name}"].ms
            gains = f"int8 {base / ours.ms:.1f} ×, 9.375 % + int8 {base / pruned.ms:.1f} ×"
            print(f"{suffix}, against {name}: {gains}")


def main() -> None:
    """Make the files, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="deit_base_patch16_224")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    python = environment.python(LOCK, BUILD)
    version = hashlib.sha256(LOCK.read_bytes() + EXPORT.read_bytes()).hexdigest()[:8]
    folder = BUILD / f"{options.model}-{version}"
    folder.mkdir(parents=True, exist_ok=True)
    entries = our_files(options.model, folder) + peers_files(options.model, folder, python)
    size = timm.get_pretrained_cfg(options.model).input_size[-1]
    measure(entries, threads=options.threads, size=size, rounds=options.rounds)
    report(entries)


if __name__ == "__main__":
    main()
