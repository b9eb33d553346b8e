"""``pqv bench`` on several phones says on how many it failed."""

from __future__ import annotations

import pytest

from deploy.cli import bench
from deploy.cli.bench import DeviceOutcome
from deploy.errors import OfflineError
from deploy.measure.session import BenchSession

GOOD, BAD = BenchSession(), BenchSession(error=OfflineError())


@pytest.mark.parametrize(
    ("sessions", "said"),
    [
        ((GOOD, BAD), "1 of 2 phones failed.\n"),
        ((BAD,), ""),
        ((GOOD, GOOD), ""),
        ((BAD, BAD), "2 of 2 phones failed.\n"),
    ],
)
def test_of_several_phones_those_that_failed_are_counted(
    capsys: pytest.CaptureFixture[str], sessions: tuple[BenchSession, ...], said: str
) -> None:
    bench.say_failed([DeviceOutcome(f"phone {place}", each) for place, each in enumerate(sessions)])
    assert capsys.readouterr().err == said
