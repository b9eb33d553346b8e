"""What a study usually varies can be varied as it stands there."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pqv_core.config import RunConfig, setting_names
from pqv_core.study import space
from pqv_core.study.variables import variables


@pytest.mark.parametrize("name", variables())
def test_the_usual_values_are_values_of_the_setting(name: str) -> None:
    row = variables()[name]
    assert name in setting_names()
    made = space.parse(name, row.usual, RunConfig())
    assert isinstance(made, space.Choice) == bool(row.options)
    if row.options:
        assert set(row.usual.split(",")) <= set(row.options)
        assert isinstance(space.parse(name, ",".join(row.options), RunConfig()), space.Choice)


def test_who_only_asks_what_can_be_asked_does_not_wait_for_optuna() -> None:
    code = (
        "import sys\n"
        "from pqv_core.study import constraints, figures, new_study, samplers, space, study_file, variables\n"
        "print('optuna' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
