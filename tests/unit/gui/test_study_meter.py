"""What is measured on a phone before a trial of a study in the window: the table of a budget for that phone."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import platformdirs
import pytest

from deploy.device.target import Found
from deploy.measure.steps import PhoneConfig
from pqv_core.config import RunConfig, with_settings
from pqv_core.errors import PqvError
from pqv_core.latency import store
from pqv_gui.desks.study_meter import StudyMeter
from tests.unit.core.latency.test_latency_table import table


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("user_data_path", "user_cache_path"):
        monkeypatch.setattr(platformdirs, name, lambda *_, **__: tmp_path)


def settings(on: str) -> RunConfig:
    """With a budget for the latency of a device."""
    wanted = {"export.target": "android", "export.formats": ["ptl"], "model.name": "some_vit", "measure.threads": 1}
    return with_settings(RunConfig(), {**wanted, "budget.on": on, "budget.latency_ms": 30.0})


def test_the_table_of_this_phone_is_measured_where_it_is_missing() -> None:
    said: list[str] = []
    meter = StudyMeter(
        Found(key="usb-1", serial="XYZ", target="android"),
        "Pixel 8",
        PhoneConfig(),
        threading.Lock(),
        doing=said.append,
        command=(sys.executable, "-c", "raise SystemExit(3)"),  # whoever measures a table begins with its files
    )
    meter.prepare(settings("local"))
    meter.prepare(settings("Pixel 9"))
    for on in ("usb-1", "XYZ", "Pixel 8"):
        with pytest.raises(PqvError):
            meter.prepare(settings(on))
    about = table().subject.model_copy(update={"device": "Pixel 8"})
    store.keep(table().model_copy(update={"subject": about, "device": "Pixel 8", "serial": "XYZ"}))
    for on in ("XYZ", "Pixel 8"):
        meter.prepare(settings(on))
