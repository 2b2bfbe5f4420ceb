"""Modes and granularities as a resource's file has them."""

from pathlib import Path

import pytest

from provider_node.config import (
    Granularity,
    Mode,
    ObliviousConfig,
    ResourceConfig,
    granularities_of,
    load_resource,
    modes_of,
)
from stayput.errors import StayputError
from stayput.v1 import contract_pb2
from stayput.v1.errors_pb2 import ErrorReason

TEXT = """\
code = "vehicle-owners"
title = "机动车登记"
category = "base"
sharing = "conditional"
update_frequency = "daily"
source = { kind = "csv", path = "vehicles.csv" }
fields.owner_id = { column = "身份证号码", type = "resident_id" }
keys.owner = { fields = ["owner_id"] }
"""
OBLIVIOUS = 'modes = ["keyed", "oblivious"]\n'


def loaded(directory: Path, words: str = "") -> ResourceConfig:
    """The resource whose file ends with these lines, the first of them line 9."""
    path = directory / "vehicles.toml"
    path.write_text(TEXT + words, "utf-8")
    return load_resource(path)


def fault(directory: Path, words: str) -> str:
    """What is said of these lines, without the name of the file."""
    with pytest.raises(StayputError) as caught:
        loaded(directory, words)
    assert caught.value.reason == ErrorReason.ERROR_REASON_CONFIGURATION_INVALID
    return caught.value.message.removeprefix(f"{directory / 'vehicles.toml'}:")


def test_the_words_are_those_of_the_contract() -> None:
    for words, enum, prefix in (
        (Mode, contract_pb2.Mode, "MODE_"),
        (Granularity, contract_pb2.Granularity, "GRANULARITY_"),
    ):
        known = {name.removeprefix(prefix).lower() for name in dict(enum.items())} - {"unspecified"}
        assert {word.value for word in words} == known


def test_without_a_word_a_resource_is_keyed_and_tells_each_record(tmp_path: Path) -> None:
    resource = loaded(tmp_path)
    assert modes_of(resource) == [contract_pb2.MODE_KEYED]
    assert granularities_of(resource) == [contract_pb2.GRANULARITY_RECORD]
    assert resource.oblivious is None


def test_both_can_be_offered_in_any_order(tmp_path: Path) -> None:
    resource = loaded(tmp_path, 'modes = ["oblivious", "keyed"]\ngranularities = ["count", "record"]\n')
    assert modes_of(resource) == [contract_pb2.MODE_KEYED, contract_pb2.MODE_OBLIVIOUS]
    assert granularities_of(resource) == [
        contract_pb2.GRANULARITY_RECORD,
        contract_pb2.GRANULARITY_COUNT,
    ]


def test_keys_last_over_generations_unless_the_table_says_otherwise(tmp_path: Path) -> None:
    assert loaded(tmp_path, OBLIVIOUS).oblivious == ObliviousConfig(new_key_per_generation=False)
    said = loaded(tmp_path, OBLIVIOUS + "[oblivious]\nnew_key_per_generation = true\n").oblivious
    assert said == ObliviousConfig(new_key_per_generation=True)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            'modes = ["oblivious"]',
            '9: modes: must have "keyed": this release offers no resource without it',
        ),
        ("modes = []", '9: modes: must have "keyed": this release offers no resource without it'),
        ('modes = ["keyed", "keyed"]', "9: modes: must name each once"),
        ('modes = ["keyed", "magic"]', "9: modes.1: input should be 'keyed' or 'oblivious'"),
        ('modes = "oblivious"', "9: modes: input should be a valid list"),
        ("modes = [2]", "9: modes.0: input should be 'keyed' or 'oblivious'"),
        (
            'granularities = ["count"]',
            '9: granularities: must have "record": this release offers no resource without it',
        ),
        ('granularities = ["record", "record"]', "9: granularities: must name each once"),
        ('granularities = ["records"]', "9: granularities.0: input should be 'record' or 'count'"),
        (
            "[oblivious]",
            '9: oblivious: only a resource with modes = ["keyed", "oblivious"] has this table',
        ),
        (
            'modes = ["keyed"]\n[oblivious]\nnew_key_per_generation = true',
            '10: oblivious: only a resource with modes = ["keyed", "oblivious"] has this table',
        ),
        (
            OBLIVIOUS + "[oblivious]\nnew_key_per_generation = 1",
            "11: oblivious.new_key_per_generation: input should be a valid boolean",
        ),
        (
            OBLIVIOUS + "[oblivious]\nnew_keys = true",
            "11: oblivious.new_keys: unknown key; known are new_key_per_generation",
        ),
    ],
)
def test_a_fault_is_told_by_line_and_key(tmp_path: Path, words: str, expected: str) -> None:
    assert fault(tmp_path, words) == expected


def test_there_are_no_more_sets_than_a_node_can_hold_open(tmp_path: Path) -> None:
    checks = [f'checks.c{number} = {{ fields = ["owner_id"] }}\n' for number in range(32)]
    keys = [f'keys.k{number} = {{ fields = ["owner_id"] }}\n' for number in range(3)]
    words = OBLIVIOUS + "".join(keys + checks[:31])
    # Four keys, each with itself and 31 checks.
    assert loaded(tmp_path, words).oblivious is not None
    assert fault(tmp_path, words + checks[31]) == (
        "9: modes: in oblivious mode that is 132 sets of fingerprints, one for each key and for each check "
        "under it, in each granularity; 128 are the most: divide the resource into several"
    )
    assert "256 sets" in fault(tmp_path, words + 'granularities = ["record", "count"]\n')
    assert loaded(tmp_path, "".join(keys + checks)).oblivious is None
