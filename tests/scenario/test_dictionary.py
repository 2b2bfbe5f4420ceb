"""The search for somebody in what was kept finds whatever is there, however it is wrapped."""

import json
import sqlite3
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path
from urllib.parse import quote

import pytest
from google.protobuf.json_format import MessageToJson

from examples.deployment import EXAMPLES
from stayput.v1.log_pb2 import Receipt
from stayput.v1.signing_pb2 import Envelope
from stayput_client.question import Question
from tests.client.world import CONTRACT
from tests.scenario.dictionary import (
    ENCODINGS,
    HASHES,
    KEY,
    SAMPLES,
    Dictionary,
    People,
    dictionary_of,
    people,
    rows_of,
)

CHECKS = ("name", "plate")
# One line of the applicants.
SOMEBODY, NAME, PLATE = "640105197811055661", "汪义桂", "闽FVR607"
# How a name may be hidden from whoever looks for its letters.
WRAPPINGS: dict[str, Callable[[str], bytes]] = {
    "Base64": lambda name: b64encode(name.encode()),
    "Base64 for addresses": lambda name: urlsafe_b64encode(name.encode()).rstrip(b"="),
    "Base64 in Base64": lambda name: b64encode(b"\x0a\x40" + b64encode(name.encode())),
    "a signed message in Base64": lambda name: b64encode(_signed(name).SerializeToString()),
    "a signed message as JSON": lambda name: MessageToJson(_signed(name)).encode(),
    "a message as text": lambda name: str(_signed(name)).encode(),
    "a value escaped in JSON": lambda name: json.dumps(name).encode(),
    "JSON in JSON": lambda name: json.dumps(json.dumps(name)).encode(),
    "bytes as Python shows them": lambda name: repr(name.encode()).encode(),
    "hexadecimal": lambda name: name.encode().hex().encode(),
    "hexadecimal in capitals": lambda name: name.encode().hex().upper().encode(),
    "an address": lambda name: quote(name).encode(),
}


def _signed(name: str) -> Envelope:
    return Envelope(payload=Receipt(operator=name).SerializeToString())


@pytest.fixture(scope="module")
def known() -> People:
    """Everybody in the samples."""
    return people(CONTRACT, *SAMPLES)


@pytest.fixture(scope="module")
def dictionary(known: People) -> Dictionary:
    return dictionary_of(CONTRACT, known)


def planted(what: bytes) -> bytes:
    """That in the middle of a receipt file, whose Base64 goes on before and after it."""
    receipt = Receipt(session_id=bytes(range(256)), request_commitment=bytes(range(128)), operator="tester")
    content = MessageToJson(Envelope(payload=receipt.SerializeToString())).encode()
    middle = len(content) // 2
    return content[:middle] + what + content[middle:]


@pytest.mark.parametrize("sample", SAMPLES)
def test_the_dictionary_does_find_what_is_there(dictionary: Dictionary, sample: str) -> None:
    lines = len((EXAMPLES / sample).read_bytes().splitlines())
    assert len(dictionary.finds((EXAMPLES / sample).read_bytes())) > lines


def test_nobody_is_found_where_nobody_is(dictionary: Dictionary) -> None:
    assert dictionary.finds(planted(b"")) == set()


@pytest.mark.parametrize(
    "kind",
    [
        f"{KEY} {SOMEBODY} in utf-8",
        *(f"name {NAME} in {encoding}" for encoding in ENCODINGS),
        f"digest of {KEY} {SOMEBODY}",
        f"digest of name {NAME} of {SOMEBODY}",
        f"digest of plate {PLATE} of {SOMEBODY}",
        *(f"{kind} of {KEY} {SOMEBODY}" for kind in HASHES),
        *(f"{kind} of name {NAME}" for kind in HASHES),
    ],
)
def test_each_kind_of_entry_is_found(dictionary: Dictionary, kind: str) -> None:
    assert kind in dictionary.finds(planted(dictionary.entries[kind]))


def test_what_a_consumer_seals_is_found(dictionary: Dictionary) -> None:
    rows = people(CONTRACT, "applicants.csv").written
    question = Question(CONTRACT, KEY, CHECKS, date(2026, 1, 1))
    prepared = question.prepare({name: [row[name] for row in rows] for name in (KEY, *CHECKS)})
    found = dictionary.finds(prepared.digests)
    for name in (KEY, *CHECKS):
        assert sum(what.startswith(f"digest of {name} ") for what in found) > 100


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_whatever_it_is_wrapped_in(dictionary: Dictionary, wrapping: str) -> None:
    wrapped = WRAPPINGS[wrapping](NAME)
    assert NAME.encode() not in wrapped
    assert f"name {NAME} in utf-8" in dictionary.finds(planted(wrapped))


def test_a_value_that_a_database_holds_in_pieces_is_found(
    known: People, dictionary: Dictionary, tmp_path: Path
) -> None:
    ids = [row[KEY] for row in known.normalised if KEY in row][:500]
    file = tmp_path / "comparator.db"
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("CREATE TABLE kept (payload BLOB)")
        payloads = ((bytes(400 + 10 * at) + value.encode() + bytes(4_000),) for at, value in enumerate(ids))
        database.executemany("INSERT INTO kept VALUES (?)", payloads)
    expected = {f"{KEY} {value} in utf-8" for value in ids}
    assert expected > dictionary.finds(file.read_bytes()) & expected
    assert expected <= dictionary.finds(rows_of(file))
