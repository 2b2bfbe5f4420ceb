"""Suite `oblivious/1` against its vectors, and what must be refused."""

from typing import Final

import pytest

from stayput import oblivious
from stayput.elements import encode
from stayput.errors import StayputError
from stayput.normalise import Reject
from stayput.oprf import PrivateKey, VerifiableClient, VerifiableServer
from stayput.v1.comparison_pb2 import ElementColumns
from stayput.v1.contract_pb2 import Contract, Granularity, ObliviousOffer, ObliviousSet
from stayput.v1.errors_pb2 import ErrorReason
from tests.vectors.reading import Json, contract_of, read

_VECTORS: Final = read("oblivious")
_CONTRACTS: Final = {name: contract_of(one) for name, one in read("elements")["contracts"].items()}
_RECORD, _COUNT = Granularity.GRANULARITY_RECORD, Granularity.GRANULARITY_COUNT
_ELEMENTS: Final[list[Json]] = _VECTORS["elements"]


def _key(name: str) -> PrivateKey:
    return PrivateKey.from_bytes(bytes.fromhex(_VECTORS["private_keys"][name]))


def _context(vector: Json) -> bytes:
    return oblivious.input_context(_CONTRACTS[vector["contract"]], vector["key"], vector.get("check"))


def _input(vector: Json) -> bytes:
    [key] = encode([[value] for value in vector["key_values"]])
    assert isinstance(key, bytes)
    if "check" not in vector:
        return oblivious.key_inputs(_context(vector), [key])[0]
    return oblivious.check_inputs(
        _context(vector), [key], encode([[value] for value in vector["check_values"]])
    )[0]


@pytest.mark.parametrize("vector", _ELEMENTS)
def test_a_record_is_that_of_the_vectors(vector: Json) -> None:
    message = _input(vector)
    assert _context(vector).hex() == vector["context"]
    assert message.hex() == vector["input"]
    server, client = VerifiableServer(_key("record")), VerifiableClient(_key("record").public_bytes())
    blinding = client.blind([message], [bytes.fromhex(vector["blind"])])
    evaluated = server.blind_evaluate(blinding.elements)
    [output] = client.finalize(blinding, evaluated)
    assert [one[0].hex() for one in (blinding.elements, evaluated)] == [
        vector["blinded"],
        vector["evaluated"],
    ]
    assert output.hex() == vector["output"]
    assert oblivious.fingerprints([output])[0].hex() == vector["fingerprint"]


@pytest.mark.parametrize("vector", _ELEMENTS)
def test_a_count_is_that_of_the_vectors(vector: Json) -> None:
    [element] = VerifiableServer(_key("count")).points([_input(vector)])
    assert element.hex() == vector["count_element"]
    assert oblivious.count_fingerprints(_context(vector), [element])[0].hex() == vector["count_fingerprint"]


def test_presences_are_those_of_the_vectors() -> None:
    assert _VECTORS["presences"]
    for vector in _VECTORS["presences"]:
        one = _ELEMENTS[vector["element"]]
        context = oblivious.input_context(_CONTRACTS[one["contract"]], one["key"], vector["check"])
        [presence] = oblivious.presences(context, [bytes.fromhex(one["output"])])
        assert presence.hex() == vector["presence"]


def test_a_check_without_a_value_has_no_input() -> None:
    assert oblivious.check_inputs(b"context", [b"a", b"b"], [Reject.MISSING, b"x"]) == [b"contextbx"]


def test_the_contexts_of_both_suites_differ() -> None:
    of_keyed = {vector["context"] for vector in read("elements")["digests"]}
    assert not of_keyed & {vector["context"] for vector in _ELEMENTS}


def test_columns_come_back_as_they_were() -> None:
    columns = [[b"a" * 32, b"b" * 32], [], [b"c" * 32]]
    assert oblivious.unpacked(oblivious.packed(columns), 3, "chunk.sealed") == columns


@pytest.mark.parametrize(
    "content",
    [
        b"\xff",
        oblivious.packed([[b"a" * 32]]),
        oblivious.packed([[b"a" * 32], [], []]),
        ElementColumns(columns=[b"a" * 31, b""]).SerializeToString(),
    ],
)
def test_other_columns_are_refused(content: bytes) -> None:
    with pytest.raises(StayputError) as caught:
        oblivious.unpacked(content, 2, "chunk.sealed")
    assert (caught.value.reason_name, caught.value.field) == ("FIELD_INVALID", "chunk.sealed")


def _offer(contract: Contract) -> ObliviousOffer:
    return ObliviousOffer(
        suite=oblivious.SUITE,
        key_epoch="0123456789abcdef",
        sets=[
            ObliviousSet(key=key, check=check or "", granularity=granularity, public_key=bytes(32))
            for key, check, granularity in oblivious.places(contract, [_COUNT, _RECORD])
        ],
    )


def test_the_sets_asked_are_those_of_key_and_checks_in_their_order() -> None:
    contract = _CONTRACTS["deaths"]
    offer = oblivious.check_offer(_offer(contract), contract)
    assert [one.granularity for one in offer.sets] == [_RECORD] * 3 + [_COUNT] * 3
    key, *checks = oblivious.asked_sets(offer, "resident_id", ["death", "name"], _COUNT)
    assert (key.key, key.check, key.granularity) == ("resident_id", "", _COUNT)
    assert [one.check for one in checks] == ["death", "name"]
    with pytest.raises(StayputError) as caught:
        oblivious.asked_sets(offer, "resident_id", ["plate"], _RECORD)
    assert caught.value.reason == ErrorReason.ERROR_REASON_FIELD_INVALID
