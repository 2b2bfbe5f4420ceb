"""The group: vectors of RFC 9380 and RFC 9496, arithmetic against integers, and what is refused."""

import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rbcl import crypto_core_ristretto255_from_hash

from stayput.oprf import group
from tests.vectors.reading import Json, read

VECTORS = read("oprf")
EXPANDED = VECTORS["expand_message_xmd"]
MULTIPLES = [bytes.fromhex(element) for element in VECTORS["multiples_of_the_generator"]["elements"]]
ORDER = 2**252 + 27742317777372353535851937790883648493


def scalar_of(number: int) -> bytes:
    return number.to_bytes(32, "little")


def with_top_bit(element: bytes) -> bytes:
    return element[:-1] + bytes([element[-1] | 0x80])


SCALARS = st.integers(1, ORDER - 1).map(scalar_of)


@pytest.mark.parametrize("vector", EXPANDED["vectors"])
def test_a_message_expands_to_the_bytes_of_the_rfc(vector: Json) -> None:
    expanded = group.expand_message_xmd(
        vector["message"].encode(), EXPANDED["dst"].encode(), vector["length"]
    )
    assert expanded.hex() == vector["uniform_bytes"]


def test_the_vectors_of_the_rfc_are_complete() -> None:
    assert [vector["length"] for vector in EXPANDED["vectors"]] == [32] * 5 + [128] * 5
    assert len(MULTIPLES) == 16
    assert len(VECTORS["invalid_elements"]["vectors"]) == 29


def test_a_message_expands_as_far_as_the_rfc_allows_and_no_further() -> None:
    assert len(group.expand_message_xmd(b"", b"d" * 255, 255 * 64)) == 255 * 64
    with pytest.raises(ValueError, match="too long"):
        group.expand_message_xmd(b"", b"d", 255 * 64 + 1)
    with pytest.raises(ValueError, match="too long"):
        group.expand_message_xmd(b"", b"d" * 256, 64)


@given(st.lists(st.binary(max_size=300), max_size=3), st.binary(max_size=255))
def test_an_element_is_made_of_the_expanded_message(messages: list[bytes], dst: bytes) -> None:
    uniform = [group.expand_message_xmd(message, dst, 64) for message in messages]
    expected = [crypto_core_ristretto255_from_hash(each) for each in uniform]
    assert group.hash_to_group(messages, dst) == expected


@pytest.mark.parametrize("number", range(1, 16))
def test_multiples_of_the_generator_are_those_of_the_rfc(number: int) -> None:
    generator = MULTIPLES[1]
    assert group.multiply_generator(scalar_of(number)) == MULTIPLES[number]
    assert group.multiply_all(scalar_of(number), [generator]) == [MULTIPLES[number]]
    assert group.add_up([generator] * number) == MULTIPLES[number]
    assert group.decode_element(MULTIPLES[number]) == MULTIPLES[number]


def test_the_sum_of_nothing_is_the_identity() -> None:
    assert group.add_up([]) == MULTIPLES[0]


def test_each_element_is_multiplied_by_its_own_scalar() -> None:
    products = group.multiply_each([scalar_of(3), scalar_of(2)], [MULTIPLES[2], MULTIPLES[5]])
    assert products == [MULTIPLES[6], MULTIPLES[10]]


@given(st.lists(SCALARS, max_size=8))
def test_inverses_are_those_of_the_integers(scalars: list[bytes]) -> None:
    expected = [scalar_of(pow(int.from_bytes(scalar, "little"), -1, ORDER)) for scalar in scalars]
    assert group.invert(scalars) == expected


@given(SCALARS, SCALARS, SCALARS)
def test_products_and_differences_are_those_of_the_integers(scalar: bytes, one: bytes, other: bytes) -> None:
    a, b, c = (int.from_bytes(each, "little") for each in (scalar, one, other))
    assert group.multiply_subtract(scalar, one, other) == scalar_of((a - b * c) % ORDER)


def test_random_scalars_are_the_bytes_drawn_modulo_the_order() -> None:
    drawn = random.Random(1).randbytes(3 * 64)
    expected = [int.from_bytes(drawn[start : start + 64], "little") % ORDER for start in (0, 64, 128)]
    assert group.random_scalars(3, random.Random(1).randbytes) == [scalar_of(each) for each in expected]


@pytest.mark.parametrize("broken", [bytes, lambda count: bytes(64) + b"\x01" * (count - 64)])
def test_a_source_of_zeros_is_refused(broken: Callable[[int], bytes]) -> None:
    with pytest.raises(ValueError, match="zeros"):
        group.random_scalars(2, broken)


def test_a_source_that_gives_too_little_is_refused() -> None:
    with pytest.raises(ValueError, match="length 64"):
        group.random_scalars(2, lambda count: b"\x01" * (count - 1))


@pytest.mark.parametrize("number", [1, 2**252, ORDER - 1])
def test_scalars_below_the_order_are_taken(number: int) -> None:
    assert group.decode_scalar(scalar_of(number)) == scalar_of(number)


@pytest.mark.parametrize(
    "encoded",
    [
        pytest.param(scalar_of(0), id="zero"),
        pytest.param(scalar_of(ORDER), id="order"),
        pytest.param(scalar_of(ORDER + 1), id="one above the order"),
        pytest.param(scalar_of(1 | 1 << 255), id="top bit set"),
        pytest.param(b"\xff" * 32, id="largest"),
        pytest.param(b"\x01" + bytes(30), id="a byte short"),
        pytest.param(b"\x01" + bytes(32), id="a byte long"),
        pytest.param(b"", id="empty"),
    ],
)
def test_malformed_scalars_are_refused(encoded: bytes) -> None:
    with pytest.raises(ValueError, match="malformed scalar"):
        group.decode_scalar(encoded)


@pytest.mark.parametrize(
    "encoded",
    [
        *(
            pytest.param(bytes.fromhex(vector["element"]), id=vector["because"])
            for vector in VECTORS["invalid_elements"]["vectors"]
        ),
        pytest.param(MULTIPLES[0], id="identity"),
        pytest.param(with_top_bit(MULTIPLES[0]), id="identity with the top bit set"),
        pytest.param(with_top_bit(MULTIPLES[1]), id="generator with the top bit set"),
        pytest.param(scalar_of(2**255 - 19), id="the prime"),
        pytest.param(scalar_of(2**255 - 1), id="largest below the top bit"),
        pytest.param(MULTIPLES[1][:-1], id="a byte short"),
        pytest.param(MULTIPLES[1] + b"\x00", id="a byte long"),
        pytest.param(b"", id="empty"),
    ],
)
def test_malformed_elements_are_refused(encoded: bytes) -> None:
    with pytest.raises(ValueError, match="malformed element"):
        group.decode_element(encoded)
    with pytest.raises(group.ElementInvalid, match="position 2") as refused:
        group.multiply_all(scalar_of(2), [MULTIPLES[1], MULTIPLES[2], encoded, MULTIPLES[3], encoded])
    assert refused.value.position == 2
    with pytest.raises(group.ElementInvalid, match="position 1"):
        group.total([MULTIPLES[1], encoded])


def test_nothing_is_left_in_the_directory_of_temporary_files(tmp_path: Path) -> None:
    program = "from stayput.oprf import group; print(group.multiply_generator(bytes([1]) + bytes(31)).hex())"
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, check=True, capture_output=True)
    assert bytes.fromhex(done.stdout.decode()) == MULTIPLES[1]
    assert list(tmp_path.iterdir()) == []
