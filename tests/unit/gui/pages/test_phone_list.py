"""The list of phones: what is connected, what is known of it, and what is ticked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.device.info import Battery, CpuPolicy, DeviceInfo
from deploy.targets.android.adb_devices import AdbPhone
from pqv_core.errors import ErrorInfo, UsageError
from pqv_gui.pages.device.phone_list import LOCAL, STATES, PhoneList, PhoneRow
from pqv_gui.viewmodels.recent_projects import TextStore

INFO = DeviceInfo(
    manufacturer="Google",
    model="Pixel 7",
    system="Android 14",
    android="14",
    soc="Tensor G2",
    abis=("arm64-v8a",),
    free_bytes=8_600_000_000,
    battery=Battery(level=80, status=3, celsius=31.4),
    thermal_status=0,
)
PROBLEM = ErrorInfo(kind="OfflineError", message="Gone.", action="Replug it.")


def found(key: str = "A1", state: str = "ready", **more: object) -> AdbPhone:
    facts: dict[str, object] = {"key": key, "serial": key, "kind": "server", "state": state, **more}
    return AdbPhone(**facts)  # type: ignore[arg-type]


@pytest.fixture
def kept() -> list[str]:
    return []


@pytest.fixture
def phones(kept: list[str]) -> PhoneList:
    return PhoneList(TextStore(read=lambda: kept, write=lambda lines: kept.__setitem__(slice(None), lines)))


def test_before_anybody_has_looked_nothing_is_said(phones: PhoneList) -> None:
    assert (phones.looked, phones.status) == (False, "")
    phones.take([])
    assert (phones.looked, phones.status) == (True, "No phone")
    assert [row.key for row in phones.rows] == [LOCAL]


def test_a_phone_becomes_ready_once_it_has_told(phones: PhoneList) -> None:
    assert phones.take([found()]) == ("A1",)
    assert phones.phones[0].state == "asking"
    phones.told("A1", INFO)
    (row,) = phones.ready
    assert row.name == "Google Pixel 7"
    assert row.facts == ("Tensor G2 · Android 14 · arm64-v8a", "8.60 GB free · battery 80 % · 31 °C · not throttled")
    assert phones.status == "Google Pixel 7 · ready · 31 °C"
    assert phones.take([found()]) == ()
    assert phones.ready == (row,)


@pytest.mark.parametrize("state", ["unauthorized", "offline", "no_permission", "busy", "wrong_mode"])
def test_each_state_has_its_sentence(phones: PhoneList, state: str) -> None:
    assert phones.take([found(state=state, mode="recovery")]) == ()
    (row,) = phones.phones
    assert (row.state, row.ready) == (state, False)
    assert row.sentence.endswith((".", 'uaccess"'))
    assert STATES[row.state] in phones.status


def test_a_phone_that_was_replugged_is_asked_again_and_stays_ticked(phones: PhoneList) -> None:
    phones.take([found(transport_id="1"), found("B2")])
    for key in ("A1", "B2"):
        phones.told(key, INFO)
    phones.tick("B2", True)
    phones.tick("A1", False)
    phones.take([found(transport_id="1")])
    assert [row.key for row in phones.chosen] == []
    assert phones.take([found(transport_id="1"), found("B2", transport_id="9")]) == ("B2",)
    phones.told("B2", INFO)
    assert [row.key for row in phones.chosen] == ["B2"]


def test_the_first_ready_phone_is_ticked_until_a_person_decides(phones: PhoneList) -> None:
    phones.take([found("A1", "offline"), found("B2"), found("C3")])
    for key in ("B2", "C3"):
        phones.told(key, INFO)
    assert [row.key for row in phones.chosen] == ["B2"]
    phones.tick(LOCAL, True)
    assert [row.key for row in phones.chosen] == [LOCAL]
    phones.tick("C3", True)
    assert [row.key for row in phones.chosen] == ["C3", LOCAL]


def test_a_phone_that_asks_its_owner_waits(phones: PhoneList) -> None:
    phones.take([found()])
    phones.asking("A1")
    phones.waiting("A1")
    (row,) = phones.phones
    assert (row.state, row.sentence) == ("waiting", "Unlock the phone and tap Allow.")
    phones.failed("A1", PROBLEM)
    (row,) = phones.phones
    assert (row.state, row.sentence) == ("unreachable", "Gone. Replug it.")


def test_a_phone_on_which_nothing_can_run_says_why(phones: PhoneList) -> None:
    phones.take([found()])
    phones.told("A1", INFO, ErrorInfo(kind="IncompatibleError", message="16 KB pages.", action="Take a newer runtime."))
    (row,) = phones.phones
    assert (row.state, row.ready) == ("unsuitable", False)
    assert row.sentence == "16 KB pages. Take a newer runtime."


def test_addresses_are_kept_and_forgotten(phones: PhoneList, kept: list[str]) -> None:
    key = phones.add_address(" 192.168.1.20:5555 ")
    assert kept == [key] == ["192.168.1.20:5555"]
    phones.take([])
    assert [row.key for row in phones.phones] == [key]
    again = PhoneList(TextStore(read=lambda: [*kept, "rubbish"], write=lambda _: None))
    assert [row.key for row in again.phones] == [key]
    phones.forget(key)
    assert (phones.phones, kept) == ((), [])


def test_a_phone_that_the_server_knows_is_not_listed_twice(phones: PhoneList) -> None:
    phones.add_address("10.0.0.2:5555")
    phones.take([found("10.0.0.2:5555", over_wifi=True)])
    (row,) = phones.phones
    assert not row.by_hand


@given(st.text(max_size=30))
def test_any_address_is_taken_or_refused_in_words(text: str) -> None:
    phones = PhoneList(TextStore(read=list, write=lambda _: None))
    try:
        key = phones.add_address(text)
    except UsageError as error:
        assert error.action
        assert phones.phones == ()
    else:
        assert phones.get(key) is not None


def test_warmth_is_followed_while_it_is_measured(phones: PhoneList) -> None:
    phones.take([found()])
    phones.told("A1", INFO)
    heard: list[int] = []
    phones.subscribe(lambda: heard.append(1))
    for celsius in (35.0, 35.0, 36.0):
        phones.warmth("A1", celsius)
    phones.warmth("not there", 50.0)
    assert phones.status.endswith("36 °C")
    assert len(heard) == 2


def test_a_clock_that_is_held_back_and_a_low_battery_are_said() -> None:
    policy = CpuPolicy(name="policy0", cores=(0,), max_khz=2_000_000, cap_khz=1_000_000)
    info = INFO.model_copy(update={"policies": (policy,), "battery": Battery(level=9, status=3)})
    row = PhoneRow("A1", found(), info=info)
    assert "clock limited" in row.facts[1]
    assert "battery is low" in row.warning
    charging = info.model_copy(update={"battery": Battery(level=9, status=2)})
    assert PhoneRow("A1", found(), info=charging).warning == ""


def test_the_line_at_the_bottom_names_a_phone_that_is_there(phones: PhoneList) -> None:
    phones.take([found("A1"), found("B2")])
    for key in ("A1", "B2"):
        phones.told(key, INFO)
    phones.tick("A1", True)
    assert phones.shown is not None and phones.shown.key == "A1"

    phones.take([found("A1", state="offline"), found("B2")])

    assert phones.shown.key == "B2"
    assert "ready" in phones.status
    phones.take([found("A1", state="offline")])
    assert "not responding" in phones.status
