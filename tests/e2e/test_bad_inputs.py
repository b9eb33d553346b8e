"""Whatever a person gives: exit code 1 or 2, one sentence that helps, never a traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from pqv_core.config import RunConfig, with_setting
from pqv_core.project import project_file as projects
from pqv_core.study.study_file import StudyFile
from pqv_gui import cli

MODEL = "vit_tiny_patch16_224"
NEW = ["new", "new.pqv", "--model", MODEL]


def images(folder: Path, *classes: str) -> None:
    """One small image a class."""
    for name in classes:
        (folder / name).mkdir(parents=True)
        Image.new("L", (8, 8)).save(folder / name / "a.png")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a good project, good images and everything that is wrong with others."""
    monkeypatch.chdir(tmp_path)
    projects.save(Path("good.pqv"), projects.Project(config=with_setting(RunConfig(), "prune.importance", "l2")))
    text = Path("good.pqv").read_text()
    plain = json.loads(text)
    images(Path("good"), "one", "two")
    images(Path("one_class"), "one")
    images(Path("strangers/train"), "one", "two")
    images(Path("strangers/val"), "one", "three")
    Path("empty").mkdir()
    Path("flat").mkdir()
    Image.new("L", (8, 8)).save("flat/a.png")
    Path("a_file").touch()
    files = {
        "half.pqv": text[: len(text) // 2],
        "empty.pqv": "",
        "newer.pqv": json.dumps({**plain, "schema_version": 99}),
        "unversioned.pqv": json.dumps({"config": {}}),
        "list.pqv": "[]",
        "other.pqv": '{"name": "something else"}',
        "deep.pqv": "[" * 100_000,
        "ratio.pqv": text.replace('"ratio": 0.25', '"ratio": 0'),
        "model.pqv": text.replace("deit_small_patch16_224", "deit_huge"),
        "gone.pqv": text.replace('"train": null', '"train": "gone"'),
        "untrained.pqv": text.replace('"epochs": 0', '"epochs": 3'),
        "text.ptl": "this is no model",
        "text.pte": "this is no model",
    }
    for name, content in files.items():
        Path(name).write_text(content)
    study = StudyFile(project="good.pqv", config=RunConfig(), vary={"prune.ratio": "0.1,0.2"}, objectives=("size",))
    plain = study.model_dump(mode="json")
    studies = {
        "fresh": plain,
        "taken": plain,
        "newer": {**plain, "schema_version": 99},
        "strange": {**plain, "sampler": "guess"},
        "lonely": {**plain, "project": "missing.pqv"},
    }
    for name, content in {**{key: json.dumps(value) for key, value in studies.items()}, "half": "{"}.items():
        Path(f"{name}.study").mkdir()
        Path(f"{name}.study", "study.json").write_text(content)
    Path("binary.pqv").write_bytes(bytes(range(256)))
    Path("folder.pqv").mkdir()
    return tmp_path


BAD_NEW: list[tuple[list[str], int, str]] = [
    (["--data", "nowhere"], 1, "does not exist"),
    (["--data", "a_file"], 1, "does not exist"),
    (["--data", "empty"], 1, "empty"),
    (["--data", "one_class"], 1, "one class"),
    (["--data", "flat"], 1, "one folder per class"),
    (["--data", "strangers"], 1, "three"),
    (["--ratio", "0"], 2, "prune.ratio"),
    (["--ratio", "1"], 2, "prune.ratio"),
    (["--ratio", "-1"], 2, "prune.ratio"),
    (["--ratio", "nan"], 2, "prune.ratio"),
    (["--ratio", "inf"], 2, "prune.ratio"),
    (["--ratio", "abc"], 2, "--ratio"),
    (["--epochs", "1.5"], 2, "--epochs"),
    (["--epochs", "3"], 1, "training images"),
    (["--importance", "taylor"], 1, "needs images"),
    (["--importance", "hope"], 2, "taylor"),
    (["--precision", "int3"], 2, "int8-dynamic"),
    (["--engine", "tpu"], 2, "qnnpack"),
    (["--format", "ptl,onnx"], 2, "'pte'"),
    (["--weights", "nowhere.pth"], 1, "nowhere.pth"),
    (["--weights", "empty"], 1, "empty"),
    (["--random", "--pretrained"], 2, "mutually exclusive"),
    (["--set", "prune.speed=9"], 2, "Unknown setting"),
    (["--set", "prune.round_to"], 2, "KEY=VALUE"),
    (["--set", "export.file_name=../out.ptl"], 2, "without folders"),
    (["--model", "resnet_of_dreams"], 1, "no transformer named"),
    (["--model", f"{MODEL}.by_nobody"], 1, "published"),
    (["--what"], 2, "No such option"),
]

BAD_OTHERS: list[tuple[list[str], int, str]] = [
    (["new", "new.txt", "--model", MODEL], 2, ".pqv"),
    (["new", "good.pqv", "--model", MODEL], 2, "--force"),
    (["new", "a_file/new.pqv", "--model", MODEL, "--random"], 1, "a_file"),
    (["new", "new.pqv"], 2, "--model"),
    (["run", "missing.pqv"], 1, "does not exist"),
    (["run", "folder.pqv"], 1, "folder"),
    (["run", "half.pqv"], 1, "damaged"),
    (["run", "empty.pqv"], 1, "damaged"),
    (["run", "binary.pqv"], 1, "damaged"),
    (["run", "deep.pqv"], 1, "damaged"),
    (["run", "newer.pqv"], 1, "newer"),
    (["run", "unversioned.pqv"], 1, "version"),
    (["run", "list.pqv"], 1, "not a PQV-Mobile project"),
    (["run", "other.pqv"], 1, "not a PQV-Mobile project"),
    (["run", "ratio.pqv"], 1, "prune.ratio"),
    (["run", "model.pqv"], 1, "deit_huge"),
    (["run", "gone.pqv"], 1, "gone"),
    (["run", "untrained.pqv"], 1, "training images"),
    (["run", "good.pqv", "--format", "onnx"], 2, "'pte'"),
    (["run", "good.pqv", "--format", ","], 2, "export.formats"),
    (["show", "half.pqv"], 1, "damaged"),
    (["show", "text.pte"], 1, "not an ExecuTorch file but a text file"),
    (["demo", "a_file"], 1, "a_file"),
    (["models", "--family", "Cats"], 2, "Choose one of"),
    (["bench", "missing.ptl"], 2, "does not exist"),
    (["bench", "text.ptl", "--shape", "1,x"], 2, "--shape 1,3,224,224"),
    (["bench", "text.ptl", "--threads", "0"], 2, "threads"),
    (["dance"], 2, "No such command"),
]

STUDY = ["study", "new", "good.pqv", "--vary", "prune.ratio=0.1:0.5:0.1"]
BAD_STUDIES: list[tuple[list[str], int, str]] = [
    (["study", "new", "good.pqv"], 2, "--vary"),
    (["study", "new", "missing.pqv", "--vary", "prune.ratio=0.1:0.5"], 1, "does not exist"),
    (["study", "new", "good.pqv", "--vary", "prune.ratio"], 2, "KEY=VALUES"),
    (["study", "new", "good.pqv", "--vary", "prune.speed=1,2"], 2, "Unknown setting"),
    (["study", "new", "good.pqv", "--vary", "prune.ratio=0.3"], 2, "at least two values"),
    (["study", "new", "good.pqv", "--vary", "prune.ratio=0.1:0.5", "--sampler", "grid"], 2, "needs a step"),
    ([*STUDY, "--vary", "prune.ratio=0.1,0.2"], 2, "varied twice"),
    ([*STUDY, "--set", "prune.ratio=0.2"], 2, "varied and set"),
    ([*STUDY, "--set", "prune.round_to"], 2, "KEY=VALUE"),
    ([*STUDY, "--objective", "speed"], 2, "'latency'"),
    ([*STUDY, "--objective", "size", "--objective", "size"], 2, "there twice"),
    ([*STUDY, "--objective", "top1"], 2, "validation images"),
    ([*STUDY, "--objective", "energy"], 2, "Energy is measured on phones"),
    ([*STUDY, "--constraint", "size<10MB"], 2, "is no constraint"),
    ([*STUDY, "--constraint", "size<=10"], 2, "unit"),
    ([*STUDY, "--sampler", "guess"], 2, "'tpe'"),
    ([*STUDY, "--trials", "0"], 2, "trials"),
    ([*STUDY, "--hours", "-1"], 2, "hours"),
    ([*STUDY, "--name", "../elsewhere"], 2, "without folders"),
    ([*STUDY, "--name", "taken"], 2, "already exists"),
    (["study", "run", "missing.study"], 1, "There is no study"),
    (["study", "run", "a_file"], 1, "There is no study"),
    (["study", "show", "half.study"], 1, "damaged"),
    (["study", "show", "newer.study"], 1, "newer"),
    (["study", "show", "strange.study"], 1, "'guess' is not known"),
    (["study", "run", "lonely.study"], 1, "does not exist"),
    (["study", "use", "fresh.study", "3"], 2, "has no trial 3"),
    (["study", "use", "fresh.study", "first"], 2, "TRIAL"),
]


def case_id(value: object) -> str | None:
    return " ".join(value) if isinstance(value, list) else ""


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [([*NEW, *more], code, words) for more, code, words in BAD_NEW] + BAD_OTHERS + BAD_STUDIES,
    ids=case_id,
)
def test_refused_in_a_sentence(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, words: str
) -> None:
    assert cli.main(arguments) == code
    said = capsys.readouterr()
    assert said.out == ""
    check_sentence(said.err, words)
    assert not Path("new.pqv").exists()


def check_sentence(said: str, words: str) -> None:
    """What was said is a sentence with ``words`` in it and a second line with what to do."""
    assert said.startswith("Error: ")
    sentence, action = said.removeprefix("Error: ").splitlines()[:2]
    assert words in f"{sentence} {action}"
    assert sentence.endswith((".", "?", "…"))
    assert len(sentence) < 300
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["new", "new.pqv", "--model", MODEL, "--ratio", "0"], 2, "prune.ratio"),
        (["run", "half.pqv"], 1, "damaged"),
        (["bench"], 2, "FILE"),
    ],
)
def test_the_same_from_a_shell(here: Path, arguments: list[str], code: int, words: str) -> None:
    program = "import sys; from pqv_gui.cli import main; sys.exit(main())"
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (code, "")
    check_sentence(done.stderr, words)


def refused_by_the_worker(arguments: list[str], capfd: pytest.CaptureFixture[str]) -> str:
    """Exit code 1; what was said, without the lines about stages."""
    assert cli.main(arguments) == 1
    said = capfd.readouterr().err
    assert "Traceback" not in said
    return said[said.index("Error: ") :]


def test_a_file_that_is_no_lite_file(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    check_sentence(refused_by_the_worker(["bench", "text.ptl"], capfd), "text.ptl")


class Evil:
    """Leaves a file behind when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return Path.touch, (Path("evil_was_here"),)


@pytest.mark.parametrize("name", ["evil.pth", "evil.safetensors"])
def test_weights_that_are_a_pickle_with_code_are_not_run(
    here: Path, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    import torch

    torch.save({"head.weight": Evil()}, name)
    assert cli.main([*NEW, "--weights", name]) == 0
    capfd.readouterr()
    check_sentence(refused_by_the_worker(["run", "new.pqv"], capfd), name)
    assert not Path("evil_was_here").exists()


def test_weights_of_another_kind_make_no_project(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    Path("page.pth").write_text("<!DOCTYPE html><html>Sign in</html>", encoding="utf-8")
    assert cli.main([*NEW, "--weights", "page.pth"]) == 1
    check_sentence(capfd.readouterr().err, "page.pth is a web page")
    assert not Path("new.pqv").exists()


def test_a_place_that_cannot_be_written(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    Path("good.runs").touch()  # a file where the folder of runs belongs; permissions do not stop root
    check_sentence(refused_by_the_worker(["run", "good.pqv"], capfd), "good.runs")
