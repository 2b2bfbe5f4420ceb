import random

import pytest

from stayput.oprf import Mode, PrivateKey, VerifiableClient
from stayput.oprf.group import multiply_generator

SEED = b"\xa3" * 32


def test_a_key_shows_its_public_part_only() -> None:
    key = PrivateKey.generate(random.Random(1).randbytes)
    assert key.public_bytes().hex() in repr(key)
    assert key.to_bytes().hex() not in repr(key)
    assert repr(key.to_bytes()) not in str(vars(VerifiableClient(key.public_bytes())))


def test_a_key_comes_back_from_its_bytes() -> None:
    key = PrivateKey.generate(random.Random(1).randbytes)
    again = PrivateKey.from_bytes(key.to_bytes())
    assert again.public_bytes() == key.public_bytes() == multiply_generator(key.to_bytes())


def test_a_key_is_what_was_drawn() -> None:
    one, same, other = (PrivateKey.generate(random.Random(seed).randbytes) for seed in (1, 1, 2))
    assert one.to_bytes() == same.to_bytes() != other.to_bytes()


def test_mode_seed_and_info_each_make_another_key() -> None:
    derived = {
        PrivateKey.derive(mode, seed, info).to_bytes()
        for mode in Mode
        for seed in (SEED, bytes(32))
        for info in (b"", b"epoch 1", b"epoch 2")
    }
    assert len(derived) == 12


@pytest.mark.parametrize(
    ("seed", "info"), [(SEED[1:], b""), (SEED + b"\x00", b""), (b"", b""), (SEED, bytes(65_536))]
)
def test_a_key_is_not_derived_from_another_length(seed: bytes, info: bytes) -> None:
    with pytest.raises(ValueError, match="derived from a seed of 32 bytes"):
        PrivateKey.derive(Mode.VOPRF, seed, info)


@pytest.mark.parametrize("private", [bytes(32), b"\xff" * 32, b"\x01" * 31, b"\x01" * 33, b""])
def test_what_is_no_scalar_is_no_key(private: bytes) -> None:
    with pytest.raises(ValueError, match="malformed scalar"):
        PrivateKey.from_bytes(private)
