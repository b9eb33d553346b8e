"""The live line on a terminal."""

from __future__ import annotations

import io

from rich.console import Console

from pqv_core.cli.progress_view import LiveFigures, LiveView, PlainView
from pqv_core.process import events
from pqv_core.project.plan import Planned


def test_figures_are_the_latest_loss_and_the_running_medians() -> None:
    figures = LiveFigures()
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
    for words in ("[4/8] Fine-tuning", "2 min left", "loss 0.250", "[bold]as it is", "✓ Fine-tune: 3.00 s"):
        assert words in text
    assert "✓ Quantize and export: reused" in text


def test_a_job_without_stages_is_named_by_its_progress() -> None:
    drawn = io.StringIO()
    with LiveView(Console(file=drawn, force_terminal=True, width=120, color_system=None)) as view:
        view.show(events.Progress(stage="benchmark", done=1, total=4))
    assert "Measuring latency: 1 of 4" in drawn.getvalue()


def test_a_run_has_one_bar_and_one_time_left() -> None:
    drawn = io.StringIO()
    planned = [Planned("start", 100.0), Planned("load", 50.0), Planned("finetune", 450.0)]
    with LiveView(Console(file=drawn, force_terminal=True, width=120, color_system=None), planned) as view:
        view.show(events.StageStarted(stage="load", index=0, total=2))
        view.show(events.StageFinished(stage="load", seconds=3.0, said="22.1 M parameters"))
        view.show(events.StageStarted(stage="finetune", index=1, total=2))
        view.show(events.Progress(stage="finetune", done=3, total=8, unit="steps", seconds_left=3.0))
    text = drawn.getvalue()
    assert "[2/2] Fine-tuning: step 3 of 8" in text
    assert "min left" in text
    assert "few seconds" not in text
    assert "✓ Load the model: 22.1 M parameters (3.00 s)" in text


def test_lines_in_a_file_tell_start_end_and_result_with_the_time() -> None:
    lines: list[str] = []
    with PlainView(lines.append, now=lambda: "14:02:11") as view:
        view.show(events.StageStarted(stage="verify", index=2, total=9))
        view.show(events.Progress(stage="verify", done=1, total=2))
        view.show(events.StageFinished(stage="verify", seconds=3.0, said="98.2 % of 355 images correct"))
    assert lines == [
        "14:02:11 [3/9] Verifying …",
        "14:02:11       Verify the file: 98.2 % of 355 images correct (3.00 s)",
    ]
