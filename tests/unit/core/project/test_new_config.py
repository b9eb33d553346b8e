"""From the command line to a config: defaults that fit, and what cannot be is refused at once."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pqv_core.config import RunConfig
from pqv_core.config.quantize import ENGINES
from pqv_core.criteria import CRITERIA
from pqv_core.errors import ConfigError, DataError, ModelError, PqvError, UsageError
from pqv_core.project import new_config
from pqv_core.project import project_file as projects
from pqv_core.schemes import SCHEMES
from pqv_gui import cli
from tests.fakes import extras, plug_in

MODEL = "deit_small_patch16_224"


@pytest.fixture(autouse=True)
def without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    extras.leave_out(monkeypatch)


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    """A folder with training and validation images of two classes."""
    for split in ("train", "val"):
        for name in ("one", "two"):
            (tmp_path / "digits" / split / name).mkdir(parents=True)
            Image.new("L", (8, 8)).save(tmp_path / "digits" / split / name / "a.png")
    return tmp_path / "digits"


def build(tmp_path: Path, **choices: Any) -> new_config.NewConfig:
    return new_config.build(new_config.Choices(project=tmp_path / "p.pqv", **{"model": MODEL, **choices}))


def test_without_images_latency_is_what_counts(tmp_path: Path) -> None:
    made = build(tmp_path)
    assert made.config.model.weights == "random"
    assert (made.config.prune.enabled, made.config.prune.importance, made.config.prune.ratio) == (True, "l2", 0.25)
    assert made.config.finetune.epochs == 0
    assert (made.config.quantize.precision, made.config.quantize.engine) == ("int8-dynamic", "auto")
    assert len(made.notes) == 4  # each choice made for the person is said


def test_with_images_accuracy_counts_too(tmp_path: Path, digits: Path) -> None:
    config = build(tmp_path, data=digits).config
    assert config.model.weights == "pretrained"
    assert config.prune.importance == "taylor"
    assert config.finetune.epochs == 3
    assert (config.data.train, config.data.val) == ("digits/train", "digits/val")


def test_a_source_without_a_catalogue_is_taken_at_its_word(
    tmp_path: Path, digits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plug_in.bring(monkeypatch)
    settings = ("model.source=tiny",)
    config = build(tmp_path, model="anything", data=digits, preset="android", settings=settings).config
    assert (config.model.source, config.model.name, config.model.weights) == ("tiny", "anything", "random")
    asked = build(tmp_path, model="anything", pretrained=True, settings=settings).config
    assert asked.model.weights == "pretrained"
    with pytest.raises(ModelError, match=r"timm .* has no transformer named 'anything'"):
        build(tmp_path, model="anything")
    with pytest.raises(ConfigError, match="'nowhere' is not known to this PQV-Mobile"):
        build(tmp_path, settings=("model.source=nowhere",))


def test_what_was_found_in_the_folders_is_said(tmp_path: Path, digits: Path) -> None:
    for name in ("train/one/a.heic", "train/two/b.heic"):
        (digits / name).touch()
    (digits / "val" / "two" / "a.png").rename(digits / "val" / "one" / "b.png")
    (digits / "val" / "three").mkdir()

    with pytest.raises(DataError, match="without images, ignored: three, two"):
        build(tmp_path, data=digits)
    Image.new("L", (8, 8)).save(digits / "val" / "two" / "a.png")

    said = build(tmp_path, data=digits).images
    assert said[0] == "Training images (digits/train): 2 images in 2 classes."
    assert "2 .heic (HEIC" in said[1]
    assert said[2] == "Validation images (digits/val): 3 images in 2 classes."
    assert "three" in said[3]


def test_orders_that_differ_are_said_for_weights_of_ones_own(tmp_path: Path) -> None:
    for name in ("2", "10"):
        (tmp_path / "set" / name).mkdir(parents=True)
        Image.new("L", (8, 8)).save(tmp_path / "set" / name / "a.png")
    (tmp_path / "w.pth").write_bytes(struct.pack("<Q", 2) + b"{}")

    said = build(tmp_path, data=tmp_path / "set", weights=tmp_path / "w.pth")
    assert "10 comes before 2" in said.images[-1]
    natural = build(tmp_path, data=tmp_path / "set", weights=tmp_path / "w.pth", settings=("data.class_order=natural",))
    assert not any("order" in text for text in natural.images)


def test_a_file_of_classes_that_misses_one_is_refused_at_once(tmp_path: Path, digits: Path) -> None:
    (tmp_path / "classes.txt").write_text("one\nthree\n")

    with pytest.raises(DataError, match="does not name the class two"):
        build(tmp_path, data=digits, settings=("data.class_order=classes.txt",))


def test_classes_of_a_file_that_have_no_images_are_named(tmp_path: Path, digits: Path) -> None:
    (tmp_path / "classes.txt").write_text("# my classes\none\ntwo\nthree\n")

    said = build(tmp_path, data=digits, settings=("data.class_order=classes.txt",))
    assert "4 classes, of which 2 have no images: # my classes, three" in said.images[-1]


def test_a_data_set_may_be_named_instead_of_a_folder(tmp_path: Path) -> None:
    config = build(tmp_path, data=Path("torch/cifar10")).config
    assert (config.data.train, config.data.val) == ("torch/cifar10", "torch/cifar10")
    assert (config.prune.importance, config.finetune.epochs) == ("taylor", 3)


def test_what_is_said_counts(tmp_path: Path, digits: Path) -> None:
    made = build(
        tmp_path,
        random=True,
        data=digits,
        importance="l1",
        ratio=0.5,
        epochs=7,
        precision="fp32",
        engine="qnnpack",
        target="host",
        settings=("prune.round_to=16", "model.arguments.img_size=32", "finetune.epochs=8"),
    )
    config = made.config
    assert config.model.weights == "random"
    assert (config.prune.importance, config.prune.ratio, config.prune.round_to) == ("l1", 0.5, 16)
    assert config.finetune.epochs == 8  # --set has the last word
    assert (config.quantize.precision, config.quantize.engine) == ("fp32", "qnnpack")
    assert config.model.arguments == {"img_size": 32}
    assert made.notes == ()


def test_no_prune_switches_pruning_off(tmp_path: Path) -> None:
    assert not build(tmp_path, prune=False).config.prune.enabled


def test_a_weights_file_is_kept_relative_to_the_project(tmp_path: Path) -> None:
    weights = tmp_path / "w" / "a.safetensors"
    weights.parent.mkdir()
    weights.write_bytes(struct.pack("<Q", 2) + b"{}")
    config = build(tmp_path, weights=weights).config
    assert (config.model.weights, config.model.path) == ("file", "w/a.safetensors")


def test_another_kind_of_file_is_named_before_a_run(tmp_path: Path) -> None:
    (tmp_path / "a.pth").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    with pytest.raises(ModelError, match="a Git LFS pointer"):
        build(tmp_path, weights=tmp_path / "a.pth")


@pytest.mark.parametrize(
    ("choices", "kind", "words"),
    [
        ({"model": "hf-hub:timm/vit_tiny_patch16_224"}, ModelError, "no transformer named"),
        ({"settings": ("model.arguments.pretrained_cfg=own",)}, UsageError, "pretrained_cfg"),
        ({"settings": ("model.arguments.depth=1001",)}, UsageError, "no model has more than 1,000"),
        ({"settings": ("model.arguments.embed_dim=1000001",)}, UsageError, "no model has more than 1,000,000"),
        ({"model": "deit_smal_patch16_224"}, ModelError, "deit_small_patch16_224"),
        ({"pretrained": True, "random": True}, UsageError, "mutually exclusive"),
        ({"prune": False, "ratio": 0.5}, UsageError, "--no-prune"),
        ({"ratio": 0.0}, UsageError, "prune.ratio"),
        ({"ratio": 1.0}, UsageError, "prune.ratio"),
        ({"ratio": -1.0}, UsageError, "prune.ratio"),
        ({"ratio": float("nan")}, UsageError, "prune.ratio"),
        ({"ratio": float("inf")}, UsageError, "prune.ratio"),
        ({"importance": "magic"}, UsageError, "taylor"),
        ({"importance": "taylor"}, DataError, "--data"),
        ({"epochs": 3}, DataError, "--data"),
        ({"settings": ("prune.steps=3", "prune.epochs_between=2")}, DataError, "between the steps"),
        ({"epochs": -1}, UsageError, "finetune.epochs"),
        ({"precision": "int3"}, UsageError, "int8-dynamic"),
        ({"engine": "tpu"}, UsageError, "qnnpack"),
        ({"target": "moon"}, UsageError, "host"),
        ({"target": "android", "engine": "onednn"}, UsageError, "QNNPACK"),
        ({"formats": ("pto",)}, UsageError, "'ptl', 'pte'"),
        ({"formats": ("pte",)}, UsageError, "pqv-mobile[executorch]"),
        ({"settings": ('export.formats=["ptl", "pte"]',)}, UsageError, "pqv-mobile[executorch]"),
        ({"settings": ("export.formats=[]",)}, UsageError, "export.formats"),
        ({"settings": ("prune.nothing=1",)}, UsageError, "prune.ratio"),
        ({"settings": ("prune.round_to",)}, UsageError, "KEY=VALUE"),
        ({"settings": ("prune.round_to=many",)}, UsageError, "prune.round_to"),
        ({"settings": ("prune=1",)}, UsageError, "Unknown setting"),
        ({"settings": ("model.arguments.in_chans=0",)}, UsageError, "in_chans"),
        ({"settings": ("model.arguments.in_chans=2.5",)}, UsageError, "whole number"),
        ({"settings": ("model.arguments.in_chans=true",)}, UsageError, "whole number"),
        ({"settings": ("model.arguments.in_chans=grey",)}, UsageError, "whole number"),
        ({"settings": ("data.white=-1",)}, UsageError, "black (0) must be below white (-1)"),
        ({"weights": Path("nothing.pth")}, PqvError, "nothing.pth"),
        ({"data": Path("nowhere")}, DataError, "nowhere"),
    ],
)
def test_what_cannot_be_is_refused_with_a_way_out(
    tmp_path: Path, choices: dict[str, Any], kind: type[PqvError], words: str
) -> None:
    with pytest.raises(kind) as caught:
        build(tmp_path, **choices)
    assert words in str(caught.value)
    assert caught.value.action


def test_files_for_phones_are_made_in_every_format_that_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = build(tmp_path, target="android")
    assert made.config.export.formats == ("ptl",)
    assert any("ExecuTorch is not installed here" in note and "make setup" in note for note in made.notes)
    extras.bring(monkeypatch)
    made = build(tmp_path, target="android")
    assert made.config.export.formats == ("ptl", "pte")
    assert "Formats: ptl, pte (alternative: --format ptl)." in made.notes
    assert build(tmp_path).config.export.formats == ("ptl",)
    assert build(tmp_path, preset="android").config.export.formats == ("ptl", "pte")


@pytest.mark.parametrize("asked", [{"formats": ("pte",)}, {"settings": ('export.formats=["pte"]',)}])
def test_formats_that_are_asked_for_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any]
) -> None:
    extras.bring(monkeypatch)
    made = build(tmp_path, target="android", engine="onednn", **asked)
    assert made.config.export.formats == ("pte",)
    assert not any("Formats" in note for note in made.notes)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_images_go_with_one_three_or_four_channels(tmp_path: Path, digits: Path, channels: int) -> None:
    config = build(tmp_path, data=digits, settings=(f"model.arguments.in_chans={channels}",)).config
    assert config.model.channels == channels


@pytest.mark.parametrize("channels", [2, 5, 13])
def test_other_channels_are_for_runs_without_images(tmp_path: Path, digits: Path, channels: int) -> None:
    settings = (f"model.arguments.in_chans={channels}",)
    assert build(tmp_path, settings=settings).config.model.channels == channels
    with pytest.raises(ConfigError, match=f"expects {channels}") as caught:
        build(tmp_path, data=digits, settings=settings)
    assert caught.value.field == "model.arguments.in_chans"
    assert "1, 3 or 4" in caught.value.action


@pytest.mark.parametrize("setting", ["finetune.color_jitter=0.3", "finetune.auto_augment=rand-m9"])
def test_colours_of_four_channels_cannot_be_changed(tmp_path: Path, digits: Path, setting: str) -> None:
    four = ("model.arguments.in_chans=4", setting)
    with pytest.raises(ConfigError, match="4 channels") as caught:
        build(tmp_path, data=digits, settings=four)
    assert caught.value.field == setting.partition("=")[0]
    assert build(tmp_path, data=digits, settings=(*four, "finetune.augment=false")).config.model.channels == 4
    assert build(tmp_path, data=digits, epochs=0, settings=four).config.model.channels == 4


def test_images_of_thirty_two_bits_need_to_be_told_what_is_white(tmp_path: Path, digits: Path) -> None:
    for path in digits.rglob("*.png"):
        Image.new("F", (4, 4), 0.5).save(path.with_suffix(".tif"))
        path.unlink()
    with pytest.raises(DataError, match="32-bit") as caught:
        build(tmp_path, data=digits)
    assert "--set data.white" in caught.value.action
    assert build(tmp_path, data=digits, settings=("data.white=1",)).config.data.white == 1


def test_images_that_are_gone_are_noticed_before_a_run(tmp_path: Path, digits: Path) -> None:
    config = build(tmp_path, data=digits).config
    (digits / "train" / "one" / "a.png").unlink()
    with pytest.raises(DataError, match="one class"):
        new_config.check(config, project=tmp_path / "p.pqv")


def test_help_names_every_choice(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["new", "--help"]) == 0
    text = capsys.readouterr().out
    for choice in (*CRITERIA, *SCHEMES, *ENGINES):
        assert choice in text


def test_the_config_survives_the_project_file(tmp_path: Path) -> None:
    config = build(tmp_path, settings=("seed=5",)).config
    projects.save(tmp_path / "p.pqv", projects.Project(config=config))
    assert projects.load(tmp_path / "p.pqv").config == config
    assert isinstance(config, RunConfig)


@pytest.mark.parametrize(
    "text", ["0", "0ms", "nan", "inf", "-3ms", "1e400ms", "", "fast", "30 min", "3" * 500, "1.2.3ms"]
)
def test_a_latency_that_is_none_is_refused_with_an_example(text: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is not an amount above 0") as caught:
        build(tmp_path, latency=text)
    assert "30ms" in caught.value.action


def test_a_latency_may_be_as_short_as_it_likes(tmp_path: Path) -> None:
    config = build(tmp_path, latency="1ms", on="SERIAL").config
    assert (config.budget.latency_ms, config.budget.on) == (1.0, "SERIAL")
    assert build(tmp_path, latency="0.001us").config.budget.latency_ms == pytest.approx(1e-6)


@pytest.mark.parametrize("limit", [{"latency": "30ms"}, {"speedup": "2x"}, {"max_size": "10MB"}])
def test_for_a_budget_the_embedding_may_be_cut_where_a_model_has_one(limit: dict[str, str], tmp_path: Path) -> None:
    config = build(tmp_path, settings=("prune.embedding=true",), **limit).config
    assert config.prunes_for_budget and config.cuts_embedding
    with pytest.raises(UsageError, match=r"^The embedding of this model cannot be cut: its stages are tied together"):
        build(tmp_path, model="swin_tiny_patch4_window7_224", settings=("prune.embedding=true",), **limit)
