"""Keyed matching: columns of digests in, columns of outcome codes out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from provider_node.domain.tokens import IndexKey, TokenKey, bound
from provider_node.store.generations import Generation
from provider_node.store.index import TOKEN_BYTES, bitmap_bytes
from stayput.elements import DIGEST_BYTES, context
from stayput.errors import StayputError
from stayput.outcomes import MATCH, MISMATCH, NO_VALUE, NOT_ASKED, NOT_FOUND
from stayput.v1.errors_pb2 import ErrorReason

_Lookup = Callable[[bytes], bytes | None]
_Outcomes = npt.NDArray[np.uint8]
_Places = npt.NDArray[np.intp]


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
        self._key = index_key.token_key(context(contract, key))
        contexts = [context(contract, key, check) for check in checks]
        places = {check.name: divmod(place, 8) for place, check in enumerate(contract.checks)}
        self._checks = [
            _Check(index_key.token_key(place), places[check][0], 1 << places[check][1])
            for check, place in zip(checks, contexts, strict=True)
        ]

    def match(self, digests: bytes) -> bytes:
        """Outcome codes of all keys, then of each check, for digests of 16 bytes in the same columns.

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
        outcomes = np.full((columns, records), NOT_FOUND, np.uint8)
        size = records * DIGEST_BYTES
        with self._index.reading() as lookup:
            self._fill(outcomes, [digests[i * size : (i + 1) * size] for i in range(columns)], lookup)
        return outcomes.tobytes()

    def _fill(self, outcomes: _Outcomes, digests: Sequence[bytes], lookup: _Lookup) -> None:
        tokens = self._key.tokens(digests[0])
        found, values = _found(tokens, np.arange(outcomes.shape[1]), lookup)
        outcomes[0, found] = MATCH
        bitmaps = np.frombuffer(b"".join(values), np.uint8).reshape(len(found), self._bitmap_bytes)
        for row, check in enumerate(self._checks, start=1):
            asked = np.frombuffer(digests[row], np.uint64).reshape(-1, 2)[found].any(axis=1)
            has_value = bitmaps[:, check.byte] & check.bit != 0
            outcomes[row, found] = np.where(asked, np.where(has_value, MISMATCH, NO_VALUE), NOT_ASKED)
            check_tokens = check.token_key.tokens(bound(digests[row], tokens))
            agreeing, _ = _found(check_tokens, found[asked & has_value], lookup)
            outcomes[row, agreeing] = MATCH


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
