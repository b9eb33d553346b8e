"""What a phone's errors are told as, and raised from again."""

from __future__ import annotations

import pytest

from deploy import errors
from pqv_core.errors import DeviceAwayError, ToldError


@pytest.mark.parametrize("error", [errors.NoDeviceError("ABC"), errors.ConnectionLostError(), errors.BusyError()])
def test_of_a_phone_that_is_away_one_still_knows_it_when_it_was_told(error: DeviceAwayError) -> None:
    found = errors.told(error.info())
    assert isinstance(found, DeviceAwayError)
    assert (found.message, found.action) == (error.message, error.action)


def test_any_other_error_keeps_its_kind() -> None:
    found = errors.told(errors.OverheatedError(4).info())
    assert isinstance(found, ToldError) and not isinstance(found, DeviceAwayError)
    assert found.info().kind == "OverheatedError"
