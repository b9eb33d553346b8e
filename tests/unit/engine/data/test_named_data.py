"""timm's named data sets become folders of images, once."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image

from pqv_core.config import DataConfig, RunConfig
from pqv_core.data import dataset
from pqv_core.engine.data import named_data
from pqv_core.engine.stages import RunState
from pqv_core.errors import Cancelled, DataError
from pqv_core.process.events import Event
from tests.fakes.training import Recorder

EACH = 3


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """MNIST as it lies on disk (LeCun's idx files), with a few images of each digit."""
    raw = tmp_path / "sources" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for prefix, count in (("train", 10 * EACH), ("t10k", 10)):
        labels = np.arange(count, dtype=np.uint8) % 10
        pixels = np.repeat(labels * 20, 28 * 28).astype(np.uint8)
        header = struct.pack(">IIII", 0x803, count, 28, 28)
        (raw / f"{prefix}-images-idx3-ubyte").write_bytes(header + pixels.tobytes())
        (raw / f"{prefix}-labels-idx1-ubyte").write_bytes(struct.pack(">II", 0x801, count) + labels.tobytes())
    return tmp_path / "sources"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(dataset.platformdirs, "user_cache_path", lambda *_args, **_more: tmp_path / "cache")
    return tmp_path / "cache"


def folder(which: str, root: Path | None, recorder: Recorder | None = None, name: str = "torch/mnist") -> Path:
    return named_data.folder(name, which, root=root, context=(recorder or Recorder()).context)


def test_each_class_is_a_folder_in_the_data_sets_order(root: Path) -> None:
    train, val = (dataset.listing(folder(which, root)) for which in ("train", "val"))
    assert train.classes == val.classes
    assert [name[:5] for name in train.classes] == [f"{digit:05}" for digit in range(10)]
    assert (train.counts, val.counts) == ((EACH,) * 10, (1,) * 10)
    path, label = train.samples[-1]
    with Image.open(train.folder / path) as picture:
        assert picture.getpixel((5, 5)) == label * 20


def test_it_is_written_once(root: Path) -> None:
    first = folder("train", root)
    stamp = dataset.fingerprint(first)
    again = Recorder()
    assert dataset.fingerprint(folder("train", None, again)) == stamp
    assert again.lines == []


@pytest.mark.parametrize(("every", "told"), [(30, []), (10, ["10 images written.", "20 images written."])])
def test_a_long_writing_is_told_of_now_and_then(
    root: Path, monkeypatch: pytest.MonkeyPatch, every: int, told: list[str]
) -> None:
    monkeypatch.setattr(named_data, "_REPORT_EVERY", every)
    recorder = Recorder()
    folder("train", root, recorder)
    assert recorder.lines == ["Getting torch/mnist.", *told]


def test_what_was_half_written_is_written_again(root: Path, cache: Path) -> None:
    recorder = Recorder(also=lambda event: recorder.context.cancelled.set())  # while it gets them
    with pytest.raises(Cancelled):
        folder("train", root, recorder)
    assert recorder.lines == ["Getting torch/mnist."]
    assert dataset.listing(folder("train", root)).counts == (EACH,) * 10


def test_a_second_run_waits_for_the_one_that_gets_it_and_takes_what_that_made(root: Path, cache: Path) -> None:
    made = folder("train", root)
    away = made.with_name("away")
    made.rename(away)

    def has_waited(_: Event) -> None:
        away.rename(made)
        lock.release()

    recorder = Recorder(also=has_waited)
    with FileLock(made.with_name(".train.lock")) as lock:
        assert folder("train", root, recorder) == made
    assert recorder.lines == ["Waiting for another run that is downloading torch/mnist."]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("hfds/uoft-cs/cifar10", "needs the package datasets"),
        ("tfds/mnist", "needs the package tensorflow-datasets"),
        ("torch/nothing", "is not available"),
    ],
)
def test_what_cannot_be_had_is_a_sentence(name: str, words: str, root: Path) -> None:
    with pytest.raises(DataError, match=words) as caught:
        folder("train", root, name=name)
    assert caught.value.action


@pytest.mark.parametrize(
    ("stored", "named"),
    [
        ("torch/cifar10", True),
        ("hfds/uoft-cs/cifar10", True),
        ("TFDS/mnist", True),
        ("images/train", False),
        ("/torch/cifar10", False),
        ("torch/", False),
        ("../torch/x", False),
    ],
)
def test_what_is_a_name_and_what_a_folder(stored: str, named: bool) -> None:
    assert dataset.is_named(stored) is named


def test_the_classes_of_imagenet_are_synsets() -> None:
    class Thousand:
        class_to_idx = {f"class {index}": index for index in range(1000)}  # noqa: RUF012

    names = named_data._folders(Thousand())
    assert (names[0], names[999]) == ("n01440764", "n15075141")


def test_a_run_takes_a_name_in_place_of_a_folder(root: Path, tmp_path: Path) -> None:
    config = RunConfig(data=DataConfig(train="torch/mnist", val="torch/mnist", root="sources"))
    state = RunState(tmp_path / "a.pqv", config, Recorder().context)
    assert state.train is not None and state.val is not None
    assert len(dataset.classes(state.train)) == len(dataset.classes(state.val)) == 10
    assert state.fingerprint(state.train) != state.fingerprint(state.val)


def test_a_folder_of_that_name_comes_first(tmp_path: Path) -> None:
    (tmp_path / "torch" / "mnist").mkdir(parents=True)
    state: Any = RunState(tmp_path / "a.pqv", RunConfig(data=DataConfig(train="torch/mnist")), Recorder().context)
    assert state.train == tmp_path / "torch" / "mnist"
