import hmac
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from provider_node.domain.tokens import IndexKey, TokenKey, bound

KEY = bytes(range(32))


def derived(key: bytes, info: bytes, length: int) -> bytes:
    """HKDF-SHA256 with an empty salt (RFC 5869, 2.2 and 2.3), for up to 32 bytes."""
    pseudorandom_key = hmac.digest(bytes(32), key, sha256)
    return hmac.digest(pseudorandom_key, info + b"\1", sha256)[:length]


def enciphered(key: bytes, block: bytes) -> bytes:
    """One block of AES by way of CBC with a zero vector, which is the cipher itself on a single block."""
    encryptor = Cipher(algorithms.AES(key), modes.CBC(bytes(16))).encryptor()
    return encryptor.update(block) + encryptor.finalize()


def test_the_cipher_is_aes_256() -> None:
    # FIPS 197, C.3.
    token = TokenKey(KEY).tokens(bytes.fromhex("00112233445566778899aabbccddeeff"))
    assert token.hex() == "8ea2b7ca516745bfeafc49904b496089"


@given(st.binary(min_size=32, max_size=32), st.lists(st.binary(min_size=16, max_size=16)))
def test_tokens_are_computed_one_by_one_under_a_key_derived_from_the_context(
    context: bytes, digests: list[bytes]
) -> None:
    key = derived(KEY, b"stayput/v1 token" + context, 32)
    expected = b"".join(enciphered(key, digest) for digest in digests)
    assert IndexKey(KEY).token_key(context).tokens(b"".join(digests)) == expected


def test_another_context_or_index_key_gives_other_tokens() -> None:
    contexts = [bytes(32), bytes(31) + b"\1"]
    keys = [IndexKey(KEY), IndexKey(bytes(32))]
    tokens = {key.token_key(context).tokens(bytes(16)) for key in keys for context in contexts}
    assert len(tokens) == 4


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_what_is_derived_from_tokens_has_keys_of_its_own(context: bytes, positions_hash: bytes) -> None:
    key = IndexKey(KEY)
    salt = key.rank_salt(context, positions_hash)
    assert salt == derived(KEY, b"stayput/v1 rank salt" + context + positions_hash, 16)
    expected = [
        derived(KEY, info, 32)
        for info in (
            b"stayput/v1 token" + context,
            b"stayput/v1 rank" + context + salt,
            b"stayput/v1 attempt" + context,
        )
    ]
    made = [key.token_key(context), key.rank_key(context, salt), key.attempt_key(context)]
    assert [one.tokens(bytes(16)) for one in made] == [enciphered(one, bytes(16)) for one in expected]
    assert len(set(expected)) == 3


@given(st.binary(min_size=32, max_size=32), st.lists(st.binary(min_size=16, max_size=16)))
def test_names_of_lists_are_half_tokens_under_keys_of_their_grant(
    context: bytes, digests: list[bytes]
) -> None:
    names = {}
    for grant_id in ("G-1", "G-2"):
        key = derived(KEY, b"stayput/v1 list" + context + grant_id.encode(), 32)
        made = IndexKey(KEY).list_key(context, grant_id).names(b"".join(digests))
        assert made.astype("<u8").tobytes() == b"".join(enciphered(key, digest)[:8] for digest in digests)
        names[grant_id] = set(made.tolist())
    assert not names["G-1"] & names["G-2"]


def test_part_of_a_digest_is_refused() -> None:
    with pytest.raises(ValueError, match="block"):
        TokenKey(KEY).tokens(bytes(17))


@given(st.lists(st.tuples(st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16))))
def test_a_bound_digest_is_the_exclusive_or(pairs: list[tuple[bytes, bytes]]) -> None:
    expected = b"".join(bytes(a ^ b for a, b in zip(*pair, strict=True)) for pair in pairs)
    assert bound(b"".join(d for d, _ in pairs), b"".join(t for _, t in pairs)) == expected


def test_the_id_names_the_key_and_tells_nothing_of_it() -> None:
    assert IndexKey(KEY).id == derived(KEY, b"stayput/v1 index key id", 8).hex()
    assert IndexKey(KEY).id != IndexKey(bytes(32)).id


@pytest.mark.parametrize("shown", [repr(IndexKey(KEY)), str(IndexKey(KEY)), repr(TokenKey(KEY))])
def test_keys_hide_themselves(shown: str) -> None:
    assert KEY.hex() not in shown
    assert repr(KEY)[2:10] not in shown


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_an_index_key_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        IndexKey(bytes(length))
