"""What is read while a stage is at work, from one place."""

from __future__ import annotations

import pytest

from pqv_core import labels
from pqv_core.config import RunConfig
from pqv_core.process.events import Progress
from pqv_core.project import plan


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (Progress(stage="verify", done=209, total=355, unit="images"), "Verifying: image 209 of 355"),
        (Progress(stage="finetune", done=1_200, total=4_000, unit="steps"), "Fine-tuning: step 1,200 of 4,000"),
        (Progress(stage="push", done=12_000_000, total=30_000_000, unit="bytes"), "Pushing: 12.0 MB of 30.0 MB"),
        (Progress(stage="cool", done=12, total=60, unit="s"), "Cooling down: 12 of 60 s"),
        (Progress(stage="start", part="torch", done=0, total=0), "Loading PyTorch"),
        (
            Progress(stage="export", part="compressed", done=3, total=8, unit="candidates"),
            "Finding the fastest file for “Compressed”: candidate 3 of 8",
        ),
        (Progress(stage="distil", done=3, total=8), "Distil: 3 of 8"),
    ],
)
def test_what_goes_on_is_a_present_tense_and_how_far_it_is(at: Progress, words: str) -> None:
    assert labels.activity(at) == words


def test_every_stage_of_a_run_has_a_present_tense() -> None:
    assert set(plan.stages(RunConfig())) <= set(labels.DOING) >= set(labels.STAGES)
