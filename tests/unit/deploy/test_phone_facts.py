"""A phone's facts in one round trip; what a phone prints is never trusted."""

from __future__ import annotations

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.device.info import DeviceInfo
from deploy.targets.android import commands
from deploy.targets.android import phone_facts as device_info
from deploy.targets.android.transports.base import Link
from tests.fakes.phone import Phone


def ask(link: Link) -> DeviceInfo:
    command, marker = device_info.command()
    return device_info.parse(commands.run(link, command).out, marker)


def test_everything_in_one_round_trip(link: Link, phone: Phone) -> None:
    found = ask(link)
    assert found.name == "Fakesung Phone One"
    assert (found.android, found.sdk, found.soc, found.abis) == ("13", 33, "Fakecomm FC8000", ("x86_64",))
    assert (found.page_size, found.cores, found.free_bytes) == (4096, 8, 8 << 30)
    assert found.available_bytes == 4_000_000 * 1024
    assert (found.battery.level, found.battery.status, found.battery.celsius) == (80, 3, 27.1)
    assert found.thermal_status == 0
    assert found.big_cores() == (4, 5, 6, 7)
    assert not found.hot
    assert found.policies[1].residency == {300000: 10, 2800000: 100}


def test_a_cap_on_the_clock_is_heat_even_where_the_status_says_none(link: Link, phone: Phone) -> None:
    phone.write("sys/devices/system/cpu/cpufreq/policy4/scaling_max_freq", "1500000\n")
    found = ask(link)
    assert found.thermal_status == 0
    assert found.capped == ("policy4",)
    assert found.hot


def test_an_old_phone_that_says_little(link: Link, phone: Phone) -> None:
    phone.set_property("ro.soc.model", "")
    phone.set_property("ro.soc.manufacturer", "")
    phone.set_property("ro.board.platform", "msm8996")
    phone.set_property("ro.product.cpu.abilist", "")
    phone.set_property("ro.product.cpu.abi", "armeabi-v7a")
    phone.path("/state/getconf-PAGE_SIZE").unlink()
    phone.path("/state/dumpsys-thermalservice").unlink()
    for core in range(8):
        phone.path(f"/sys/devices/system/cpu/cpu{core}/cpu_capacity").unlink()
    found = ask(link)
    assert (found.soc, found.abis) == ("msm8996", ("armeabi-v7a",))
    assert (found.page_size, found.thermal_status) == (None, None)
    assert found.big_cores() == (4, 5, 6, 7)  # by their clock


@pytest.mark.parametrize(
    ("capacity", "big"),
    [
        ({0: 300, 1: 300, 2: 870, 3: 1024}, (2, 3)),
        ({0: 1024, 1: 1024}, ()),
        ({0: 250, 1: 250, 2: 620, 3: 1024}, (2, 3)),
        ({}, ()),
    ],
)
def test_big_cores_by_capacity(capacity: dict[int, int], big: tuple[int, ...]) -> None:
    assert DeviceInfo(capacity=capacity).big_cores() == big


def test_control_characters_and_long_texts_do_not_come_through(link: Link, phone: Phone) -> None:
    phone.set_property("ro.product.model", "\x1b[31mEvil\x07" + "x" * 5000)
    found = ask(link)
    assert found.model.startswith("[31mEvil")
    assert len(found.model) <= 120
    assert found.model.isprintable()


def test_a_phone_cannot_forge_a_section(link: Link, phone: Phone) -> None:
    phone.set_property("ro.product.model", "a:page")
    phone.write("state/getconf-PAGE_SIZE", "deadbeef:battery\n12345\n")
    found = ask(link)
    assert found.battery.level == 80
    assert found.page_size is None


lines = st.text(string.printable + "é\x00\x1b", max_size=60)
sections = st.sampled_from(["properties", "page", "policies", "capacity", "states", "memory", "space", "battery"])
hostile_parts = st.lists(st.tuples(sections, st.lists(lines, max_size=6)), max_size=12)
likely = st.sampled_from(
    ["policy0|0 1|99999999999999999999|1|1", "cpu0: 99999999999", "temperature: -99999", "level: 1e9", "policy0", "1 2"]
)


@settings(max_examples=300, deadline=None)
@given(hostile_parts, st.lists(likely, max_size=5))
def test_whatever_is_printed_parses(parts: list[tuple[str, list[str]]], more: list[str]) -> None:
    answer = "\n".join(f"m4rk:{name}\n" + "\n".join([*body, *more]) for name, body in parts)
    found = device_info.parse(answer, "m4rk")
    assert DeviceInfo.model_validate_json(found.model_dump_json()) == found
    assert all(0 <= core < device_info.MAX_CORES for core in found.big_cores())


@given(st.text())
def test_any_text_parses(answer: str) -> None:
    assert isinstance(device_info.parse(answer, "m4rk"), DeviceInfo)


def told(section: str, text: str) -> DeviceInfo:
    return device_info.parse(f"m4rk:{section}\n{text}\nm4rk:end\n", "m4rk")


@pytest.mark.parametrize(
    ("present", "cores"), [("0-126", 127), ("0-127", 128), ("0-128", 128), ("0-999", 128), ("128", None)]
)
def test_cores_are_counted_up_to_128(present: str, cores: int | None) -> None:
    assert told("present", present).cores == cores


def test_cores_from_the_128th_on_have_no_figures() -> None:
    assert told("capacity", "cpu127: 400\ncpu128: 1024").capacity == {127: 400}
    (policy,) = told("policies", "policy120|126 127 128|2000000|2000000|2000000").policies
    assert policy.cores == (126, 127)
    lines = [f"policy{core}|{core}|2000000|2000000|2000000" for core in range(200)]
    assert [policy.name for policy in told("policies", "\n".join(lines)).policies] == [f"policy{n}" for n in range(128)]


@pytest.mark.parametrize(("length", "found"), [(20_000, {0: 300, 1: 1024}), (20_001, {0: 300})])
def test_of_a_table_that_is_too_long_the_first_whole_lines_are_read(length: int, found: dict[int, int]) -> None:
    first, last = "cpu0: 300\n", "\ncpu1: 1024"
    assert told("capacity", first + "x" * (length - len(first + last)) + last).capacity == found


@pytest.mark.parametrize(("length", "found"), [(100_000, {300_000: 10, 600_000: 77}), (100_001, {300_000: 10})])
def test_of_too_many_clocks_the_first_whole_lines_are_read(length: int, found: dict[int, int]) -> None:
    first, last = "policy0\n300000 10\n", "\n600000 77"
    states = first + "x" * (length - len(first + last)) + last
    policies = "policy0|0|600000|600000|600000"
    answer = f"m4rk:policies\n{policies}\nm4rk:states\n{states}\nm4rk:end\n"
    assert device_info.parse(answer, "m4rk").policies[0].residency == found
