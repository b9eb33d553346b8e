"""Every end of ``pqv`` is an exit code and a sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer

from pqv_core.cli import app as cli_app
from pqv_core.errors import ConfigError, ModelError


def app_that(raises: BaseException | None = None, *, returns: int | None = None) -> typer.Typer:
    """A ``pqv`` with one command besides a dummy."""
    app = cli_app.new_app()

    @app.command()
    def go(count: int = 1, as_json: bool = typer.Option(False, "--json")) -> int | None:
        if raises is not None:
            raise raises
        return returns

    @app.command()
    def other() -> None:
        return

    return app


@pytest.mark.parametrize(
    ("raises", "code"),
    [
        (None, 0),
        (ModelError("No."), 1),
        (ConfigError("No."), 2),
        (OSError(28, "No space left on device", "/some/file"), 1),
        (MemoryError(), 1),
        (ZeroDivisionError("x"), 1),
        (KeyboardInterrupt(), 130),
        (BrokenPipeError(), 1),
    ],
)
def test_each_end_has_its_exit_code_and_no_traceback(
    raises: BaseException | None, code: int, capfd: pytest.CaptureFixture[str]
) -> None:
    assert cli_app.run(app_that(raises), ["go"]) == code
    assert "Traceback" not in capfd.readouterr().err


def test_what_a_command_returns_is_the_exit_code() -> None:
    assert cli_app.run(app_that(returns=130), ["go"]) == 130


def test_an_error_is_one_sentence_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    cli_app.run(app_that(ModelError("There is none.", action="Take another.", details="long")), ["go"])
    assert capsys.readouterr() == ("", "Error: There is none.\nTake another.\n")


def test_the_command_line_alone_names_the_command_that_cures_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    error = ModelError("There is no table.", action="Measure it first.", command="pqv latency PROJECT")
    cli_app.run(app_that(error), ["go"])
    said = "Error: There is no table.\nMeasure it first.\nCommand: pqv latency PROJECT\n"
    assert capsys.readouterr() == ("", said)
    assert "pqv" not in str(error)


@pytest.mark.parametrize("arguments", [["go", "--json"], ["go", "--json", "--count", "many"]])
def test_with_json_an_error_is_a_line_on_standard_output_too(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    cli_app.run(app_that(ModelError("There is none.")), arguments)
    (line,) = capsys.readouterr().out.splitlines()
    plain = json.loads(line)
    assert plain["type"] == "error"
    assert plain["message"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["nothing"], "No such command"), (["go", "--what"], "No such option"), (["go", "--count", "x"], "--count")],
)
def test_a_wrong_command_line_is_told_and_where_help_is(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli_app.run(app_that(), arguments) == 2
    said = capsys.readouterr().err
    assert words in said
    assert "--help" in said


def test_without_a_command_there_is_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli_app.run(app_that(), []) == 0
    assert "Usage: pqv" in capsys.readouterr().out


def test_details_of_the_unexpected_are_kept_in_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    cli_app.run(app_that(ZeroDivisionError("the cause")), ["go"])
    said = capsys.readouterr().err
    log = Path(said.partition("Details: ")[2].strip())
    assert "ZeroDivisionError: the cause" in log.read_text(encoding="utf-8")


def test_with_debugging_on_the_unexpected_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PQV_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        cli_app.run(app_that(ZeroDivisionError()), ["go"])
