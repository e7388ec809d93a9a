"""What compiler and linker put around the programs: read from the programs themselves."""
import platform
import re
import subprocess

import pytest

from testenv import places
from testenv.responder import binary

PROGRAMS = ["tollgate"] + ["tollgate-" + task for task in (
    "access", "checkout", "portal", "session", "subscription", "sync", "webhook")]


def dump(command, *options, program):
    return subprocess.run([command, *options, binary(program, places.plain_build())],
                          check=True, capture_output=True, text=True).stdout


def readelf(*options, program):
    return dump("readelf", "-W", *options, program=program)


@pytest.fixture(autouse=True, params=PROGRAMS)
def program(request):
    if places.sanitized(places.plain_build()):
        pytest.skip("the sanitizers take the place of this")
    return request.param


def loaded(program):
    """The flags of each segment that is mapped, and the rights of the stack."""
    segments = re.findall(r"^\s+(\w+)(?:\s+0x\w+){5}\s+([R ][W ][E ]) ", readelf("-l", program=program), re.M)
    return [flags for kind, flags in segments if kind == "LOAD"], dict(segments)


def test_code_and_data_are_at_addresses_of_chance(program):
    assert re.search(r"FLAGS_1.*\bPIE\b", readelf("-d", program=program))


def test_functions_of_libraries_cannot_be_replaced_once_it_runs(program):
    assert re.search(r"FLAGS_1.*\bNOW\b", readelf("-d", program=program))
    assert "GNU_RELRO" in loaded(program)[1]


def test_nothing_is_both_written_and_executed(program):
    segments, rights = loaded(program)
    assert segments and not [flags for flags in segments if "W" in flags and "E" in flags]
    assert rights["GNU_STACK"] == "RW "


def test_code_is_mapped_apart_from_what_is_only_read(program):
    segments, _ = loaded(program)
    assert [flags for flags in segments if "E" in flags] == ["R E"]
    assert segments[0] == "R  "


def test_stack_and_buffers_are_watched(program):
    symbols = readelf("--dyn-syms", program=program)
    assert "__stack_chk_fail" in symbols
    assert re.search(r"\b__\w+_chk\b", symbols.replace("__stack_chk", ""))


@pytest.mark.skipif(platform.machine() != "x86_64", reason="of x86")
def test_jumps_end_where_they_may(program):
    code = dump("objdump", "-d", "--no-show-raw-insn", "--disassemble=main", program=program)
    assert re.search(r"<main>:\n.*\bendbr64\b", code)
