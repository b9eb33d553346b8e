"""What a computer can do is remembered for as long as it stays the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from pqv_core.process import machine
from pqv_core.process.machine import Machine
from pqv_core.results.record import Environment

HERE = Environment(
    pqv="1", python="3", system="Linux", processor="P", cores=2, memory_bytes=1, threads=2, versions={"torch": "2"}
)
WORKING = {"onednn": "", "fbgemm": "this build of PyTorch does not have it."}


def found(engines: dict[str, str] = WORKING, node: str | None = None) -> Machine:
    return Machine(environment=HERE, engines=engines, node=node or machine.node())


def test_it_is_remembered(tmp_path: Path) -> None:
    machine.remember(found(), tmp_path / "machine.json")
    assert machine.remembered(tmp_path / "machine.json") == found()


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"environment": 3}'])
def test_what_cannot_be_read_is_found_out_again(tmp_path: Path, content: str) -> None:
    (tmp_path / "machine.json").write_text(content)
    assert machine.remembered(tmp_path / "machine.json") is None
    assert machine.remembered(tmp_path / "nothing.json") is None


def test_another_computer_or_another_torch_is_found_out_again(tmp_path: Path) -> None:
    machine.remember(found(node="elsewhere"), tmp_path / "machine.json")
    assert machine.remembered(tmp_path / "machine.json") is None


def test_an_engine_that_does_not_work_has_its_reason() -> None:
    assert found().engine_problem("onednn") == ""
    assert found().engine_problem("fbgemm") == (
        "FBGEMM does not work on this computer: this build of PyTorch does not have it."
    )


def test_auto_works_where_any_engine_does() -> None:
    assert found().engine_problem("auto") == ""
    assert found({"onednn": "no.", "qnnpack": "no."}).engine_problem("auto")
