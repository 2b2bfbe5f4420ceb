"""Keyed mode, an outcome for each record."""

from typing import Protocol

import numpy as np

from provider_node.domain.accounting import add_counts
from provider_node.domain.accounts import Attempts
from provider_node.domain.answering import Answered, Chunk, most_in_chunk, nothing_kept
from provider_node.domain.costs import Records
from provider_node.domain.guards import Observation
from provider_node.domain.matching import Matched
from provider_node.domain.tokens import TokenKey
from stayput.elements import DIGEST_BYTES
from stayput.errors import StayputError
from stayput.outcomes import ATTEMPTS, NOT_ASKED, tally
from stayput.v1.access_pb2 import Limits
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import Receipt, Tally


def chunk_records(checks: int) -> int:
    """Most records in one chunk of a session that asks so many checks."""
    return most_in_chunk(DIGEST_BYTES * (1 + checks))


class Matcher(Protocol):
    """Matches columns of digests for one key and its checks."""

    def match(self, digests: bytes) -> Matched:
        """Outcomes of each digest, and what the guards have to know."""

    def list_key(self, grant_id: str) -> TokenKey:
        """Names the key digests of a grant's lists (granularity COUNT)."""


def records_in(chunk: Chunk, columns: int) -> int:
    """How many records a chunk of so many columns has; `CHUNK_SIZE` if it may not have them."""
    records, rest = divmod(len(chunk.content), columns * DIGEST_BYTES)
    if rest or records > chunk.most or not (records or chunk.final):
        raise StayputError(
            ErrorReason.ERROR_REASON_CHUNK_SIZE,
            f"a chunk must hold 1 to {chunk.most} whole records",
            field="chunk.sealed",
            remedy="send whole records in smaller chunks; only the final one may be empty",
            details={"limit": str(chunk.most)},
        )
    return records


class ByRecord:
    """Answers with one outcome for the key and each check of every record. `limits` are complete."""

    def __init__(self, matcher: Matcher, limits: Limits, checks: int) -> None:
        self._matcher = matcher
        self._limits = limits
        self._columns = 1 + checks

    def asked(self, chunk: Chunk, draft: Receipt) -> None:
        """See `Answering`."""
        draft.records += records_in(chunk, self._columns)

    def answered(self, chunk: Chunk, draft: Receipt, attempts: Attempts) -> Answered:
        """See `Answering`."""
        matched = self._matcher.match(chunk.content)
        self._refuse_attempts(matched, attempts)
        outcomes = matched.outcomes.tobytes()
        records = len(outcomes) // self._columns
        draft.outcome_bytes += len(outcomes)
        if not draft.tallies:
            draft.tallies.extend(Tally() for _ in range(self._columns))
        for column, counts in enumerate(draft.tallies):
            add_counts(counts, tally(outcomes[column * records : (column + 1) * records]))
        observed = Observation.of(matched, self._limits)
        return Answered(outcomes, Records(records), nothing_kept, observed)

    def _refuse_attempts(self, matched: Matched, attempts: Attempts) -> None:
        """Answers `ATTEMPTS` to all that is asked beyond the attempts at a subject's checks."""
        if not self._limits.attempts_per_subject or not len(matched.asking):
            return
        refused = attempts.reserve(matched.subjects, matched.questions, self._limits.attempts_per_subject)
        places = matched.asking[refused]
        checks = matched.outcomes[1:]
        checks[:, places] = np.where(checks[:, places] == NOT_ASKED, NOT_ASKED, ATTEMPTS)
