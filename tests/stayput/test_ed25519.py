"""Signatures are verified as strictly as RFC 8032 may be read."""

import hashlib
from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from stayput import ed25519

# RFC 8032, section 7.1: tests 1, 2, 3 and SHA(abc); public key, message, signature.
PUBLISHED: Final = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
            "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
        ),
    ),
    (
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        hashlib.sha512(b"abc").hexdigest(),
        (
            "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589"
            "09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704"
        ),
    ),
]
# The order of the group, and points of small order. Other libraries take these for keys, by which the
# signature of R = identity and S = 0 is one of many messages, or of every one.
ORDER: Final = 2**252 + 27742317777372353535851937790883648493
IDENTITY: Final = bytes([1]) + bytes(31)
SMALL_ORDER: Final = [
    IDENTITY,
    bytes(32),
    bytes.fromhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
]
KEY: Final = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC: Final = KEY.public_key().public_bytes_raw()


@pytest.mark.parametrize(("public_key", "message", "signature"), PUBLISHED)
def test_what_is_published_verifies_and_one_bit_away_it_does_not(
    public_key: str, message: str, signature: str
) -> None:
    key, said, signed = bytes.fromhex(public_key), bytes.fromhex(message), bytes.fromhex(signature)
    assert ed25519.verifies(key, signed, said)
    assert not ed25519.verifies(key, signed, said + b"\0")
    for bit in range(0, 512, 7):
        changed = bytearray(signed)
        changed[bit // 8] ^= 1 << bit % 8
        assert not ed25519.verifies(key, bytes(changed), said)


@given(st.binary(max_size=300))
def test_what_is_signed_verifies(message: bytes) -> None:
    assert ed25519.verifies(PUBLIC, KEY.sign(message), message)


@pytest.mark.parametrize("key", SMALL_ORDER, ids=lambda key: str(key.hex()[:8]))
def test_a_key_of_small_order_verifies_nothing(key: bytes) -> None:
    for number in range(64):
        assert not ed25519.verifies(key, IDENTITY + bytes(32), b"%d" % number)


def test_a_signature_has_one_form_only() -> None:
    signature = KEY.sign(b"said")
    malleated = int.from_bytes(signature[32:], "little") + ORDER
    assert not ed25519.verifies(PUBLIC, signature[:32] + malleated.to_bytes(32, "little"), b"said")


@pytest.mark.parametrize("length", [0, 63, 65, 128])
def test_another_length_is_no_signature(length: int) -> None:
    assert not ed25519.verifies(PUBLIC, (KEY.sign(b"said") * 2)[:length], b"said")


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_another_length_is_no_key(length: int) -> None:
    assert not ed25519.verifies((PUBLIC * 2)[:length], KEY.sign(b"said"), b"said")
