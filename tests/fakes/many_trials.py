"""A study with very many trials, whose journal is written at once and whose runs are not there."""

from __future__ import annotations

import random
from pathlib import Path

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import FrozenTrial, TrialState

from pqv_core.project import project_file as projects
from pqv_core.study import storage, study_file
from pqv_core.study.storage import Journal
from pqv_core.study.study_file import StudyFile
from pqv_core.study.trials import FIGURES, NUMBER, RUN, SECONDS, WORDS

VARY = {
    "prune.ratio": "0.1:0.6",
    "finetune.learning_rate": "1e-05:0.001:log",
    "quantize.precision": "fp32,int8-dynamic",
}


def made(project: Path, *, trials: int = 1000, name: str = "many", target: str = "host") -> Path:
    """The folder of a new study of a project, for accuracy and latency."""
    plain = projects.load(project).config.model_dump()
    plain["data"]["val"] = plain["data"]["val"] or "val"
    plain["export"]["target"] = target
    folder = study_file.named(project.with_name(name))
    asked = {"vary": VARY, "objectives": ["top1", "latency"], "constraints": ["size<=90MB"], "trials": trials}
    study_file.create(folder, StudyFile.parse({"project": project.name, "config": plain, **asked}))
    return folder


def opened(folder: Path) -> Journal:
    """The journal of a study, to write trials into."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return storage.opened(folder, study_file.load(folder), bounds=None)


def add(journal: Journal, count: int, *, failed: int = 50) -> None:
    """Add trials that are done; every ``failed``-th has failed."""
    first = len(journal.trials())
    journal.study.add_trials([_trial(number, failed) for number in range(first, first + count)])


def _trial(number: int, failed: int) -> FrozenTrial:
    chosen = random.Random(number)
    ratio, rate = chosen.uniform(0.1, 0.6), 10 ** chosen.uniform(-5, -3)
    precision = chosen.choice(["fp32", "int8-dynamic"])
    int8 = precision == "int8-dynamic"
    figures = {
        "top1": 0.95 - 0.5 * ratio**2 - 0.01 * int8 + chosen.uniform(0, 0.02),
        "top1_drop": 100 * 0.5 * ratio**2,
        "latency": (30 - 25 * ratio) * (0.6 if int8 else 1.0) + chosen.uniform(0, 2),
        "size": 100 * (1 - ratio) * (0.3 if int8 else 1.0),
    }
    whole = number % failed != failed - 1
    more = {FIGURES: figures} if whole else {WORDS: "It cannot be pruned. Prune less."}
    return optuna.trial.create_trial(
        state=TrialState.COMPLETE if whole else TrialState.FAIL,
        values=[figures["top1"], figures["latency"]] if whole else None,
        params={"prune.ratio": ratio, "finetune.learning_rate": rate, "quantize.precision": precision},
        distributions={
            "prune.ratio": FloatDistribution(0.1, 0.6),
            "finetune.learning_rate": FloatDistribution(1e-5, 1e-3, log=True),
            "quantize.precision": CategoricalDistribution(["fp32", "int8-dynamic"]),
        },
        user_attrs={RUN: f"run-{number}", NUMBER: number + 1, SECONDS: 60.0, **more},
    )
