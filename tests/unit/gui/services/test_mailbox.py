"""Events wait for the window, and whoever floods it waits too."""

from __future__ import annotations

import threading

from pqv_gui.services.mailbox import Mailbox


def test_what_was_put_first_is_taken_first() -> None:
    box: Mailbox[int] = Mailbox()
    for number in range(5):
        box.put(number)
    assert box.take(3) == [0, 1, 2]
    assert box.take(3) == [3, 4]
    assert box.take(3) == []


def test_a_flood_waits_until_there_is_room_and_nothing_is_lost() -> None:
    box: Mailbox[int] = Mailbox(room=10)
    flood = threading.Thread(target=lambda: [box.put(number) for number in range(1_000)])
    flood.start()
    taken: list[int] = []
    while len(taken) < 1_000:
        bunch = box.take(7)
        assert len(box._waiting) <= 10
        taken += bunch
    flood.join()
    assert taken == list(range(1_000))


def test_nobody_waits_for_a_closed_one() -> None:
    box: Mailbox[int] = Mailbox(room=1)
    flood = threading.Thread(target=lambda: [box.put(number) for number in range(100)])
    flood.start()
    box.close()
    flood.join()
    assert len(box.take(1_000)) == 100


def test_four_thousand_things_lie_there_before_anybody_waits() -> None:
    box: Mailbox[int] = Mailbox()
    for number in range(4_000):
        box.put(number)
    late = threading.Thread(target=lambda: [box.put(number) for number in range(4_000, 9_000)])
    late.start()
    taken: list[int] = []
    most = 0
    while len(taken) < 9_000:
        most = max(most, len(box._waiting))
        taken += box.take(300)
    late.join()
    assert taken == list(range(9_000))
    assert most == 4_000


def test_who_waits_for_room_is_let_go_once_it_is_closed() -> None:
    box: Mailbox[int] = Mailbox()
    full = threading.Event()

    def put_all() -> None:
        for number in range(5_000):
            box.put(number)
            if number == 3_999:
                full.set()

    flood = threading.Thread(target=put_all)
    flood.start()
    assert full.wait(60)
    assert flood.is_alive()
    box.close()
    flood.join(60)
    assert not flood.is_alive()
