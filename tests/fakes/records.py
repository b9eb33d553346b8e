"""A run's record as a whole run leaves it, with figures that are easy to reckon with."""

from __future__ import annotations

from pqv_core.config import RunConfig
from pqv_core.results import artifacts
from pqv_core.results.artifacts import ArtifactSpec
from pqv_core.results.record import Accuracy, Environment, Measurement, Parity, RunRecord, StageRecord, Variant

MS = 1_000_000
MB = 1_000_000


def measurement(*samples_ms: int, peak_mb: int = 100, target: str = "local") -> Measurement:
    """Latencies in milliseconds, in a process that needs 40 MB before it loads a file."""
    return Measurement(
        target=target,
        loop="" if target == "local" else "push",
        threads=2,
        warmup=1,
        samples_ns=tuple(ms * MS for ms in samples_ms),
        base_rss_bytes=40 * MB,
        peak_rss_bytes=peak_mb * MB,
        load_ns=5 * MS,
    )


def artifact(key: str, *, scheme: str = "int8-dynamic") -> ArtifactSpec:
    """What an artefact is to a run that quantizes with ``scheme``."""
    return next(spec for spec in artifacts.of_run(formats=("ptl", "pte"), scheme=scheme) if spec.key == key)


def variant(key: str, *, measured: Measurement, size_mb: int, top1: float, params: int = 8_000_000) -> Variant:
    """An artefact with every figure."""
    return Variant(
        artifact=artifact(key),
        file=f"{key}.ptl",
        size_bytes=size_mb * MB,
        params=params,
        macs=params * 200,
        engine="onednn" if key == "compressed" else "",
        accuracy=Accuracy(top1=top1, top5=1.0, loss=0.1, images=100),
        parity=Parity(max_abs=0.1, relative=0.02, top1_agreement=0.99, inputs=16),
        measurements=(measured,),
    )


def in_two_formats() -> RunRecord:
    """The same, and four times as fast in a second format, in the same loop."""
    made = record()
    more = (
        variant("fast_fp32_pte", measured=measurement(5, 5, 5), size_mb=41, top1=0.90),
        variant("compressed_pte", measured=measurement(2, 2, 3), size_mb=9, top1=0.884, params=6_000_000),
    )
    return made.model_copy(update={"variants": (*made.variants, *more)})


def record(run: str = "20260101-000000-0000") -> RunRecord:
    """Compressed is 8 times as fast as the paper's baseline and twice as fast as the fastest fp32."""
    return RunRecord(
        id=run,
        created=f"2026-01-01T00:00:00.000+00:00 {run}",
        state="succeeded",
        config=RunConfig().model_dump(mode="json"),
        environment=Environment(
            pqv="0",
            python="3",
            system="Linux",
            processor="Some CPU",
            cores=2,
            memory_bytes=8 * 10**9,
            threads=2,
            versions={"torch": "2.12.1"},
        ),
        stages=(StageRecord(name="load", state="done"),),
        variants=(
            variant("paper_fp32", measured=measurement(80, 80, 80), size_mb=40, top1=0.90),
            variant("fast_fp32", measured=measurement(20, 20, 30), size_mb=40, top1=0.90),
            variant("pruned_fp32", measured=measurement(15, 15, 15), size_mb=30, top1=0.89, params=6_000_000),
            variant(
                "compressed", measured=measurement(10, 10, 12, peak_mb=60), size_mb=8, top1=0.885, params=6_000_000
            ),
        ),
        warnings=("Something to know.",),
    )
