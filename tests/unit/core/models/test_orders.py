"""Models are listed by a figure, the best first, and never by one that is not known."""

from __future__ import annotations

import itertools

import pytest

from pqv_core.cli import models as cli_models
from pqv_core.errors import UsageError
from pqv_core.models import catalog
from pqv_core.models.orders import ORDERS


def test_the_best_comes_first_and_what_is_not_known_last() -> None:
    entries = catalog.load().entries
    top1 = [entry.top1 for entry in ORDERS["accuracy"].sorted(entries)]
    known = [value for value in top1 if value is not None]
    assert known == sorted(known, reverse=True)
    assert top1[len(known) :] == [None] * (len(top1) - len(known))
    params = [entry.params for entry in ORDERS["params"].sorted(entries)]
    assert params == sorted(params)
    macs = [entry.macs for entry in ORDERS["macs"].sorted(entries) if entry.macs is not None]
    assert macs == sorted(macs)


@pytest.mark.parametrize("name", ORDERS)
def test_every_model_stays_and_equals_keep_their_order(name: str) -> None:
    entries = list(catalog.load().entries)
    order = ORDERS[name]
    ordered = order.sorted(entries)
    assert sorted(map(entries.index, ordered)) == list(range(len(entries)))
    for one, other in itertools.pairwise(ordered):
        if order.figure(one) == order.figure(other):
            assert entries.index(one) < entries.index(other)


def test_the_command_line_has_the_same_orders(capsys: pytest.CaptureFixture[str]) -> None:
    cli_models.show("deit3", family=None, sort="accuracy", as_json=False)
    printed = capsys.readouterr()
    names = [line.split()[0] for line in printed.out.splitlines()[1:]]
    assert names == [entry.name for entry in ORDERS["accuracy"].sorted(catalog.load().search("deit3"))]
    assert "85.8 %" in printed.out
    assert catalog.load().accuracy_source in printed.err
    with pytest.raises(UsageError, match="Unknown order: 'beauty'"):
        cli_models.show("deit3", family=None, sort="beauty", as_json=False)
