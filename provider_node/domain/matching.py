"""Keyed matching: columns of digests in, columns of outcome codes out, and what the guards have to know."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from provider_node.domain.tokens import IndexKey, TokenKey, bound
from provider_node.store.generations import Generation
from provider_node.store.index import NO_RANK, RANK_BYTES, TOKEN_BYTES, bitmap_bytes
from stayput.elements import DIGEST_BYTES, context
from stayput.errors import StayputError
from stayput.outcomes import MATCH, MISMATCH, NO_VALUE, NOT_ASKED, NOT_FOUND
from stayput.v1.errors_pb2 import ErrorReason

_Lookup = Callable[[bytes], bytes | None]
_Outcomes = npt.NDArray[np.uint8]
_Places = npt.NDArray[np.intp]
_Names = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Matched:
    """What a chunk matched.

    `outcomes` has a row of codes for the key and for each check. `ranks` are those of the records found, in
    the order asked, without those that have none. `asking` are the places of the records found that ask at
    least one check, ascending; `subjects` and `questions` name what each of them is about and what it asks of
    all its checks together, the same each time, and tell nothing of it without the index key.
    """

    outcomes: _Outcomes
    ranks: npt.NDArray[np.uint32]
    asking: _Places
    subjects: _Names
    questions: _Names


@dataclass(frozen=True, slots=True)
class _Check:
    """The key of a check's tokens, and the bit of a subject's bitmap that says whether it has a value."""

    token_key: TokenKey
    byte: int
    bit: int


class Matcher:
    """Answers one key and some checks of a generation. Thread-safe; holds the generation open."""

    def __init__(self, generation: Generation, index_key: IndexKey, key: str, checks: Sequence[str]) -> None:
        """Raises `FIELD_INVALID` if the generation's contract has no such key or check."""
        contract = generation.manifest.contract
        self._index = generation.index
        self._bitmap_bytes = bitmap_bytes(len(contract.checks))
        self._index_key = index_key
        self._key_context = context(contract, key)
        self._key = index_key.token_key(self._key_context)
        number = [one.name for one in contract.keys].index(key)
        salt = bytes.fromhex(generation.manifest.rank_salts[number])
        self._rank_key = index_key.rank_key(self._key_context, salt)
        self._attempt_key = index_key.attempt_key(self._key_context)
        contexts = [context(contract, key, check) for check in checks]
        places = {check.name: divmod(place, 8) for place, check in enumerate(contract.checks)}
        self._checks = [
            _Check(index_key.token_key(place), places[check][0], 1 << places[check][1])
            for check, place in zip(checks, contexts, strict=True)
        ]

    def list_key(self, grant_id: str) -> TokenKey:
        """Names the key digests of a grant's lists."""
        return self._index_key.list_key(self._key_context, grant_id)

    def match(self, digests: bytes) -> Matched:
        """Matches digests of 16 bytes in columns: all keys, then each check.

        One short read transaction. Raises `CHUNK_SIZE` if the columns are not whole.
        """
        columns = 1 + len(self._checks)
        records, rest = divmod(len(digests), columns * DIGEST_BYTES)
        if rest:
            raise StayputError(
                ErrorReason.ERROR_REASON_CHUNK_SIZE,
                "the digests are not a whole number of records",
                field="chunk.sealed",
                remedy="send one digest for the key and one for each check of every record",
            )
        size = records * DIGEST_BYTES
        with self._index.reading() as lookup:
            return self._matched([digests[i * size : (i + 1) * size] for i in range(columns)], lookup)

    def _matched(self, digests: Sequence[bytes], lookup: _Lookup) -> Matched:
        tokens = self._key.tokens(digests[0])
        records = len(tokens) // TOKEN_BYTES
        outcomes = np.full((len(digests), records), NOT_FOUND, np.uint8)
        found, stored = _found(tokens, np.arange(records), lookup)
        values = np.frombuffer(b"".join(stored), np.uint8).reshape(
            len(found), self._bitmap_bytes + RANK_BYTES
        )
        outcomes[0, found] = MATCH
        # A record's question is the exclusive or of the tokens of all checks that it asks.
        questions = np.zeros((records, 2), np.uint64)
        asking = np.zeros(records, np.bool_)
        for row, check in enumerate(self._checks, start=1):
            asked = np.frombuffer(digests[row], np.uint64).reshape(-1, 2)[found].any(axis=1)
            has_value = values[:, check.byte] & check.bit != 0
            outcomes[row, found] = np.where(asked, np.where(has_value, MISMATCH, NO_VALUE), NOT_ASKED)
            check_tokens = check.token_key.tokens(bound(digests[row], tokens))
            agreeing, _ = _found(check_tokens, found[asked & has_value], lookup)
            outcomes[row, agreeing] = MATCH
            questions[found[asked]] ^= np.frombuffer(check_tokens, np.uint64).reshape(-1, 2)[found[asked]]
            asking[found[asked]] = True
        places = np.flatnonzero(asking)
        return Matched(
            outcomes,
            self._ranks(tokens, found, values[:, self._bitmap_bytes :]),
            places,
            self._attempt_key.names(_taken(tokens, places)),
            self._attempt_key.names(questions[places].tobytes()),
        )

    def _ranks(self, tokens: bytes, found: _Places, masked: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint32]:
        in_order = np.argsort(found)
        masks = np.frombuffer(self._rank_key.tokens(_taken(tokens, found[in_order])), np.uint8)
        ranks = masked[in_order] ^ masks.reshape(-1, TOKEN_BYTES)[:, :RANK_BYTES]
        unmasked = ranks.view("<u4").ravel().astype(np.uint32)
        ranked: npt.NDArray[np.uint32] = unmasked[unmasked != NO_RANK]
        return ranked


def _taken(tokens: bytes, places: _Places) -> bytes:
    return np.frombuffer(tokens, f"V{TOKEN_BYTES}")[places].tobytes()


def _found(tokens: bytes, records: _Places, lookup: _Lookup) -> tuple[_Places, list[bytes]]:
    """Those of the records whose tokens are in the index, and the values found for them.

    Neighbours in the index are found three times as fast as tokens in any order; the first half of a token is
    enough to sort by, since the order is only a matter of speed.
    """
    leading = np.frombuffer(tokens, ">u8")[:: TOKEN_BYTES // 8][records]
    order = records[np.argsort(leading.astype(np.uint64))]
    ordered_tokens = np.frombuffer(tokens, f"V{TOKEN_BYTES}")[order].tolist()
    values = list(map(lookup, ordered_tokens))
    return order[[value is not None for value in values]], [value for value in values if value is not None]
