"""On the demo, fine-tuning brings back what pruning cost."""

from __future__ import annotations

from pathlib import Path

import pytest

from pqv_core.config import PruneConfig
from pqv_core.engine.data import batches as data
from pqv_core.engine.measure import evaluate
from pqv_core.engine.models import create as models
from pqv_core.engine.prune.structured import prune
from pqv_core.engine.train.finetune import finetune
from pqv_core.project import demo
from tests.fakes.training import Recorder

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.slow
@pytest.mark.parametrize(("ratio", "points"), [(0.25, 0.5), (0.5, 2.0)])
def test_the_demo_recovers(tmp_path: Path, ratio: float, points: float) -> None:
    project, context, config = demo.create(tmp_path), Recorder().context, demo.config()
    dense, _ = models.create(config.model, num_classes=10, project=project, context=context)
    form = models.preprocessing(dense)
    train, val = (
        data.open_images(tmp_path / demo.IMAGES_FOLDER / name, preprocessing=form, context=context)
        for name in ("train", "val")
    )
    batches = data.calibration_batches(
        tmp_path / demo.IMAGES_FOLDER / "train",
        preprocessing=form,
        images=config.prune.images,
        batch_size=config.prune.batch_size,
        seed=config.seed,
        context=context,
    )
    pruned = prune(dense, PruneConfig(importance="taylor", ratio=ratio), batches=batches, context=context)
    tuned = finetune(
        pruned, config.finetune, train=train, val=val, directory=tmp_path / "state", seed=config.seed, context=context
    )

    before, after = (evaluate.accuracy(model, val, batch_size=64, context=context).top1 for model in (dense, tuned))
    fewer = 1 - sum(p.numel() for p in tuned.parameters()) / sum(p.numel() for p in dense.parameters())
    assert before > 0.98
    assert after >= before - points / 100
    assert fewer > 0.8 * ratio
