"""When a process is given up: it says nothing and does nothing, and somebody was there to hear it."""

from __future__ import annotations

import pytest

from pqv_core.process.silence import SilenceTimer
from pqv_core.process.stall import DISK_S, STALL_S, StallDetector


class Machine:
    """A clock, and a process that works a share of the time."""

    def __init__(self, share: float) -> None:
        self.now = 1000.0
        self.worked = 5.0
        self.share = share
        self.at_disk = False

    def wait(self, watch: StallDetector, seconds: float, *, step: float = 0.25) -> float:
        """Let time pass, looking now and then; what the last look gave."""
        found = 0.0
        for _ in range(round(seconds / step)):
            self.now += step
            self.worked += self.share * step
            found = found or watch.seconds()
        return found


def watched(share: float) -> tuple[Machine, StallDetector]:
    machine = Machine(share)
    watch = StallDetector(
        0, worked_s=lambda pid: machine.worked, waits_for_disk=lambda pid: machine.at_disk, clock=lambda: machine.now
    )
    return machine, watch


@pytest.mark.parametrize(("share", "ends"), [(0.0, True), (0.005, True), (0.05, False), (2.0, False)])
def test_silence_counts_only_where_the_processor_is_idle_too(share: float, ends: bool) -> None:
    machine, watch = watched(share)

    assert (machine.wait(watch, 5 * STALL_S) >= STALL_S) == ends


def test_it_is_not_given_up_a_moment_too_soon_nor_much_too_late() -> None:
    machine, watch = watched(0.0)

    assert machine.wait(watch, STALL_S - 1) == 0
    assert machine.wait(watch, 2) == pytest.approx(STALL_S, abs=1)


def test_one_that_says_something_now_and_then_is_never_given_up() -> None:
    machine, watch = watched(0.0)

    for _ in range(10):
        assert machine.wait(watch, STALL_S - 1) == 0
        watch.heard()


def test_one_that_ends_its_work_in_silence_has_the_whole_time_from_there() -> None:
    machine, watch = watched(1.0)
    machine.wait(watch, STALL_S / 2)
    machine.share = 0.0

    assert machine.wait(watch, STALL_S - 1) == 0
    assert machine.wait(watch, STALL_S + 2) > 0


def test_one_that_waits_for_a_disk_has_more_time() -> None:
    machine, watch = watched(0.0)
    machine.at_disk = True

    assert machine.wait(watch, DISK_S - 1) == 0
    assert machine.wait(watch, 2) == pytest.approx(DISK_S, abs=1)


def test_one_whose_children_ended_has_worked_though_their_time_is_forgotten() -> None:
    machine, watch = watched(-0.5)

    assert machine.wait(watch, 5 * STALL_S) == 0


def test_a_computer_that_slept_was_not_silent() -> None:
    machine, watch = watched(0.0)

    machine.wait(watch, 20)
    machine.now += 8 * 3600

    assert watch.seconds() == 0
    assert machine.wait(watch, STALL_S / 2) == 0


def test_silence_is_counted_from_what_was_heard_last() -> None:
    now = 0.0
    silence = SilenceTimer(lambda: now)
    for now in (1.0, 2.0, 3.0):
        assert silence.seconds() == now
    silence.reset()
    now = 4.0
    assert silence.seconds() == 1.0
