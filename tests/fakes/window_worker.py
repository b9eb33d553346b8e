"""A worker that plays a scene: reads its job like the real one, does no work.

python worker.py good|crash|hang|deaf|fail|flood|stale|unsteady|silent

Like the real one it holds the run's folder and keeps ``run.json`` true, unless it is ended before
it can. Jobs that measure files or answer for them are played the same in every scene, except that ``hang`` goes on
until it is asked to end.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import struct
import sys
import threading
from pathlib import Path
from typing import Any

from filelock import FileLock

MADE = (("paper_fp32", 60), ("fast_fp32", 20), ("compressed", 10))
DELEGATION = {"parts": {"XnnpackBackend": 2}, "outside": {"aten::sin.out": 1}}
STAGES = ("load", "evaluate", "prune", "finetune", "evaluate_pruned", "export", "verify", "benchmark")


def main(scene: str) -> int:
    job = json.loads(sys.stdin.readline())
    if job["kind"] != "run":
        return {"bench": bench, "answer": answer, "probe": probe}[job["kind"]](job, scene)
    if scene == "silent":
        sys.stdin.readline()
        Stage(job["run"], Path()).say("finished", outcome="cancelled")
        return 130
    stage = Stage(job["run"], Path(job["project"]).with_suffix(".runs") / job["run"], job["config"])
    stage.remeasures = job["remeasure"]
    scenes = {"good": good, "crash": crash, "hang": hang, "deaf": deaf, "fail": fail, "flood": flood, "stale": stale}
    stage.directory.mkdir(parents=True, exist_ok=True)
    with FileLock(stage.directory / ".lock", timeout=3):
        stage.say("job_started", stages=STAGES, directory=str(stage.directory))
        write_record(stage, "running")
        return {**scenes, "unsteady": unsteady}[scene](stage)


class Stage:
    def __init__(self, run: str, directory: Path, config: dict[str, Any] | None = None) -> None:
        self.run, self.directory, self.config = run, directory, config
        self.remeasures = False

    def say(self, kind: str, **fields: Any) -> None:
        print(json.dumps({"run": self.run, "type": kind, **fields}), flush=True)

    def stages(self, *names: str) -> None:
        for name in names:
            self.say("stage_started", stage=name, index=STAGES.index(name), total=len(STAGES))
            self.say("progress", stage=name, done=1, total=2, unit="images", seconds_left=3.0)
            self.say("stage_finished", stage=name, seconds=0.5, cached=name == "load")


def bench(job: dict[str, Any], scene: str) -> int:
    stage = Stage(job["run"], Path())
    stage.say("stage_started", stage="benchmark", index=0, total=1)
    for index in range(12):
        for file in job["files"]:
            stage.say("latency_sample", role=file, index=index, ns=2_000_000 + index)
    if scene == "hang":
        sys.stdin.readline()
        stage.say("finished", outcome="cancelled")
        return 130
    measured = {
        "threads": (job["threads"] or [2])[0],
        "warmup": 1,
        "samples_ns": [2_000_000] * 12,
        "peak_rss_bytes": 7_000,
    }
    stage.say("finished", outcome="succeeded", result={"measurements": {file: [measured] for file in job["files"]}})
    return 0


def probe(job: dict[str, Any], scene: str) -> int:
    """A computer without FBGEMM."""
    here = {"pqv": "1", "python": "3", "system": "Linux", "processor": "P", "cores": 2, "memory_bytes": 1, "threads": 2}
    result = {
        "environment": {**here, "versions": {}},
        "engines": {"fbgemm": "this build of PyTorch does not have it.", "onednn": "", "qnnpack": "", "x86": ""},
        "node": "another computer",
    }
    Stage(job["run"], Path()).say("finished", outcome="succeeded", result=result)
    return 0


def answer(job: dict[str, Any], scene: str) -> int:
    """One input, to which every file answers 1, 2, 3."""
    folder = Path(job["folder"])
    stage = Stage(job["run"], folder)
    stage.say("progress", stage="start", part="torch", done=0, total=0)
    stage.say("progress", stage="answer", done=3, total=8, unit="answers")
    if scene == "hang":
        sys.stdin.readline()
        stage.say("finished", outcome="cancelled")
        return 130
    (folder / "inputs.f32").write_bytes(bytes(4 * 3 * 32 * 32))
    (folder / "logits.f32").write_bytes(struct.pack("<3f", 1.0, 2.0, 3.0))
    logits = dict.fromkeys(job["files"], str(folder / "logits.f32"))
    result = {"inputs": str(folder / "inputs.f32"), "count": 1, "labels": [], "logits": logits}
    stage.say("finished", outcome="succeeded", result=result)
    return 0


def good(stage: Stage) -> int:
    stage.stages("load", "prune")
    stage.say("stage_started", stage="finetune", index=3, total=8)
    for step in range(1, 41):
        stage.say("metric", name="train_loss", step=step, value=1 / step)
        if step % 20 == 0:
            stage.say("metric", name="val_top1", step=step, value=0.9)
    stage.say("stage_finished", stage="finetune", seconds=2.0)
    stage.say("log", level="warning", text="The learning rate is high.")
    stage.say("stage_started", stage="benchmark", index=7, total=8)
    for index in range(20):
        for role, ms in (("paper_fp32", 60), ("fast_fp32", 20), ("compressed", 10)):
            stage.say("latency_sample", role=role, index=index, ns=ms * 1_000_000 + index)
    stage.say("stage_finished", stage="benchmark", seconds=3.0)
    write_record(stage)
    stage.say("finished", outcome="succeeded")
    return 0


def crash(stage: Stage) -> int:
    stage.say("stage_started", stage="prune", index=2, total=8)
    os.kill(os.getpid(), signal.SIGSEGV)
    return 0


def hang(stage: Stage) -> int:
    """Works until it is asked to end."""
    stage.say("stage_started", stage="finetune", index=3, total=8)
    stage.say("progress", stage="finetune", done=3, total=10, unit="steps", seconds_left=240.0)
    sys.stdin.readline()
    write_record(stage, "cancelled")
    stage.say("finished", outcome="cancelled", stage="finetune")
    return 130


def deaf(stage: Stage) -> int:
    """Works until it is killed."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    stage.say("stage_started", stage="finetune", index=3, total=8)
    stage.say("progress", stage="finetune", done=3, total=10, unit="steps", seconds_left=240.0)
    while True:
        signal.pause()


def fail(stage: Stage) -> int:
    stage.say("stage_started", stage="prune", index=2, total=8)
    error = {"kind": "PruneError", "message": "It cannot be pruned.", "action": "Prune less.", "details": "shape"}
    write_record(stage, "failed", error=error)
    stage.say("finished", outcome="failed", error=error, stage="prune")
    return 1


def flood(stage: Stage) -> int:
    """Says more than anybody can read, until it is asked to end."""
    stage.say("stage_started", stage="finetune", index=3, total=8)
    asked = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.readline(), asked.set()), daemon=True).start()
    step = 0
    while not asked.is_set():
        step += 1
        stage.say("metric", name="train_loss", step=step, value=1.0)
        print("a stray line of a library", flush=True)
    write_record(stage, "cancelled")
    stage.say("finished", outcome="cancelled")
    return 130


def stale(stage: Stage) -> int:
    mine, stage.run = stage.run, "another-run"
    stage.say("metric", name="train_loss", step=1, value=9.0)
    stage.say("finished", outcome="failed")
    stage.run = mine
    stage.say("metric", name="train_loss", step=1, value=1.0)
    write_record(stage)
    stage.say("finished", outcome="succeeded")
    return 0


def unsteady(stage: Stage) -> int:
    """Measures beside other work, until it is asked to measure again."""
    write_record(stage, busy=0.0 if stage.remeasures else 0.9)
    stage.say("finished", outcome="succeeded")
    return 0


def write_record(
    stage: Stage, state: str = "succeeded", *, error: dict[str, Any] | None = None, busy: float = 0.0
) -> None:
    """A record such as a run leaves that is in this state."""
    whole = state == "succeeded"
    kept = stage.directory / "run.json"
    earlier = [json.loads(path.read_text()) for path in stage.directory.parent.glob("*/run.json") if path != kept]
    number = json.loads(kept.read_text())["number"] if kept.exists() else 1 + max([0, *(r["number"] for r in earlier)])
    record = {
        "schema_version": 1,
        "id": stage.run,
        "number": number,
        "created": "2026-01-01T00:00:00Z",
        "state": state,
        "config": stage.config,
        "environment": {
            "pqv": "0", "python": "3", "system": "x", "processor": "p", "cores": 2, "memory_bytes": 1, "threads": 2,
            "versions": {},
        },
        "stages": [{"name": name, "state": "done" if whole else "waiting", "seconds": 1.0} for name in STAGES],
        "warnings": ["The learning rate is high."] if whole else [],
        "variants": [variant(*each, busy=busy) for each in (MADE if whole else ())],
        "error": error,
        "spans": [77.0],
    }  # fmt: skip
    for made in record["variants"]:
        shutil.copy(Path(__file__).parents[1] / "data" / "tiny.ptl", stage.directory / made["file"])
    part = stage.directory / ".run.json.part"
    part.write_text(json.dumps(record))
    part.replace(kept)


def variant(role: str, ms: int, *, busy: float = 0.0) -> dict[str, Any]:
    memory = {"base_rss_bytes": 5000, "peak_rss_bytes": 5000 + ms * 1000}
    measured = {"threads": 2, "warmup": 1, "samples_ns": [ms * 1_000_000] * 5, "busy": busy, **memory}
    return {
        "role": role, "file": f"{role}.ptl", "size_bytes": ms * 100_000, "params": 1000, "macs": 2000,
        "precision": "fp32", "engine": "", "measurements": [measured],
        "delegation": DELEGATION if role == "compressed" else None,
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
