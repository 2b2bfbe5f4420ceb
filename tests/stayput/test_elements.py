import pytest
from hypothesis import given
from hypothesis import strategies as st

from stayput.contract import check_contract
from stayput.elements import (
    CONDITION_MET,
    DIGEST_BYTES,
    NO_VALUE,
    check_digests,
    context,
    encode,
    key_digests,
)
from stayput.errors import StayputError
from stayput.normalise import Reject
from stayput.v1.errors_pb2 import ErrorReason
from tests.vectors.reading import Json, contract_of, read

VECTORS = read("elements")
CONTRACTS = {name: contract_of(vector) for name, vector in VECTORS["contracts"].items()}
DEATHS = CONTRACTS["deaths"]

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
ROWS = st.integers(1, 4).flatmap(lambda n: st.lists(st.tuples(*[TEXTS] * n), min_size=2, max_size=2))


def digest_of(contract: Json, question: Json) -> bytes:
    """The package's digest of one question of the vectors."""
    message = contract_of(contract)
    (key,) = encode([[value] for value in question["key_values"]])
    assert isinstance(key, bytes)
    if "check" not in question:
        return key_digests(context(message, question["key"]), [key])[0]
    context_bytes = context(message, question["key"], question["check"])
    values = question["check_values"]
    checks = encode([[value] for value in values]) if values is not None else [Reject.MISSING]
    return check_digests(context_bytes, [key], checks)[0]


@pytest.mark.parametrize("name", CONTRACTS)
def test_contracts_of_the_vectors_are_well_formed(name: str) -> None:
    assert check_contract(CONTRACTS[name]) is CONTRACTS[name]


@pytest.mark.parametrize("vector", VECTORS["digests"])
def test_context_is_that_of_the_vectors(vector: Json) -> None:
    contract = CONTRACTS[vector["contract"]]
    assert context(contract, vector["key"], vector.get("check")).hex() == vector["context"]


@pytest.mark.parametrize("vector", VECTORS["digests"])
def test_digest_is_that_of_the_vectors(vector: Json) -> None:
    assert digest_of(VECTORS["contracts"][vector["contract"]], vector).hex() == vector["digest"]


@pytest.mark.parametrize("vector", VECTORS["encodings"])
def test_encoding_is_that_of_the_vectors(vector: Json) -> None:
    assert encode([[value] for value in vector["values"]]) == [bytes.fromhex(vector["encoded"])]


def test_any_agreed_item_that_is_changed_changes_the_digest() -> None:
    digests = {}
    for vector in VECTORS["one_item_changed"]:
        digests[vector["changed"]] = digest_of(vector["contract"], vector).hex()
        assert digests[vector["changed"]] == vector["digest"], vector["changed"]
    assert len(set(digests.values())) == len(digests) == 21


def test_titles_and_the_order_of_fields_are_not_hashed() -> None:
    other = contract_of(VECTORS["contracts"]["deaths"])
    other.ClearField("fields")
    for field in reversed(DEATHS.fields):
        other.fields.add(name=field.name, type=field.type, title="标题", title_en="Title")
    assert context(other, "resident_id", "death") == context(DEATHS, "resident_id", "death")


@pytest.mark.parametrize(("key", "check"), [("nobody", None), ("resident_id", "nothing"), ("name", None)])
def test_a_key_or_check_that_the_contract_lacks_has_no_context(key: str, check: str | None) -> None:
    with pytest.raises(StayputError) as caught:
        context(DEATHS, key, check)
    assert caught.value.reason == ErrorReason.ERROR_REASON_FIELD_INVALID
    assert caught.value.field == ("key" if check is None else "check")


def test_a_check_without_a_value_is_sixteen_zero_bytes() -> None:
    keys = [b"\x00\x01a", b"\x00\x01b"]
    got = check_digests(bytes(32), keys, [Reject.MISSING, b"\x00\x01c"])
    assert got[0] == NO_VALUE == bytes(DIGEST_BYTES)
    assert got[1] not in (NO_VALUE, check_digests(bytes(32), keys, [b"\x00\x01c"] * 2)[0])


@pytest.mark.parametrize(
    ("row", "encoded"),
    [
        ((Reject.CHECKSUM,), Reject.CHECKSUM),
        (("a", Reject.MISSING), Reject.MISSING),
        ((Reject.MISSING, Reject.DATE, Reject.FORMAT), Reject.DATE),
        ((Reject.FORMAT, "a", Reject.MISSING), Reject.FORMAT),
    ],
)
def test_a_row_with_a_rejected_field_gives_the_first_reason_that_says_most(
    row: tuple[str | Reject, ...], encoded: Reject
) -> None:
    assert encode([["fine"], *([] if len(row) == 1 else [["too"]])]) != [encoded]
    assert encode([[value] for value in row]) == [encoded]


def test_a_condition_has_the_value_true_behind_its_length() -> None:
    assert [CONDITION_MET] == encode([["true"]]) == [b"\x00\x04true"]


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        encode([["a", "b"], ["c"]])
    with pytest.raises(ValueError, match="zip"):
        check_digests(bytes(32), [b"a", b"b"], [b"c"])


@given(ROWS)
def test_different_values_have_different_encodings(rows: list[tuple[str, ...]]) -> None:
    one, other = encode(list(zip(*rows, strict=True)))
    assert (one == other) == (rows[0] == rows[1])


@given(st.lists(TEXTS, min_size=1, max_size=5), st.lists(TEXTS, min_size=1, max_size=5))
def test_value_tuples_of_different_lengths_have_different_encodings(one: list[str], other: list[str]) -> None:
    encoded = [encode([[value] for value in values]) for values in (one, other)]
    assert (encoded[0] == encoded[1]) == (one == other)


@given(st.lists(st.tuples(TEXTS, TEXTS | st.sampled_from(Reject)), max_size=20))
def test_rows_are_encoded_one_by_one(rows: list[tuple[str, str | Reject]]) -> None:
    columns: list[list[str | Reject]] = [[row[0] for row in rows], [row[1] for row in rows]]
    assert encode(columns) == [encode([[value] for value in row])[0] for row in rows]
