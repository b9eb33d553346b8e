"""The live line on a terminal."""

from __future__ import annotations

import io

from rich.console import Console

from pqv_core import events
from pqv_core.cli_progress import Figures, LiveView


def test_figures_are_the_latest_loss_and_the_running_medians() -> None:
    figures = Figures()
    for step, value in enumerate([0.9, 0.4]):
        figures.take(events.Metric(name="train_loss", step=step, value=value))
    figures.take(events.Metric(name="learning_rate", step=1, value=1e-4))
    for ns in (30, 10, 20):
        figures.take(events.LatencySample(role="compressed", index=0, ns=ns * 1_000_000))
    figures.take(events.LatencySample(role="/some/folder/a.ptl", index=0, ns=5_000_000))
    assert figures.text() == "loss 0.400 · Compressed 20.0 ms · a.ptl 5.00 ms"
    figures.clear()
    assert figures.text() == ""


def test_the_live_line_shows_stage_time_left_and_what_is_complete() -> None:
    drawn = io.StringIO()
    console = Console(file=drawn, force_terminal=True, width=120, color_system=None)
    with LiveView(console) as view:
        view.show(events.StageStarted(stage="finetune", index=3, total=8))
        view.show(events.Progress(stage="finetune", done=1, total=4, seconds_left=90.0))
        view.show(events.Metric(name="train_loss", step=1, value=0.25))
        view.show(events.Log(level="warning", text="[bold]as it is"))
        view.show(events.StageFinished(stage="finetune", seconds=3.0))
        view.show(events.StageFinished(stage="export", seconds=3.0, cached=True))
        view.show(events.Finished(outcome="succeeded"))
    text = drawn.getvalue()
    for words in ("[4/8] Fine-tune", "2 min left", "loss 0.250", "[bold]as it is", "✓ Fine-tune: 3.00 s"):
        assert words in text
    assert "✓ Quantize and export: taken over" in text


def test_a_job_without_stages_is_named_by_its_progress() -> None:
    drawn = io.StringIO()
    with LiveView(Console(file=drawn, force_terminal=True, width=120, color_system=None)) as view:
        view.show(events.Progress(stage="benchmark", done=1, total=4))
    assert "Measure latency" in drawn.getvalue()
