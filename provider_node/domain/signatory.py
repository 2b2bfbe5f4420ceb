"""The consumer's word: without its signed statement of what it asks, a session is not answered to its end."""

from dataclasses import dataclass
from datetime import datetime

from stayput import requests
from stayput.errors import StayputError
from stayput.v1.comparison_pb2 import FetchFingerprintsRequest, SealedChunk
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import Receipt


@dataclass(frozen=True, slots=True)
class Signatory:
    """By which key a session's statement must be signed, and the hash that names the session in it."""

    signing_key: bytes
    session_key_hash: bytes

    def check(
        self, asked: SealedChunk | FetchFingerprintsRequest | Receipt, draft: Receipt, now: datetime
    ) -> None:
        """Passes if `asked` brings a statement, made now, of what `draft` says with it.

        That is the final chunk, a fetch, or the receipt of either.

        Raises `REQUEST_STATEMENT_INVALID`.
        """
        if not asked.HasField("request"):
            raise requests.statement_invalid("request", "is missing where all that is asked is known")
        statement = requests.verify(asked.request, self.signing_key)
        requests.check_session(statement, self.session_key_hash, now)
        requests.check_agrees(statement, draft)


def check_not_early(chunk: SealedChunk) -> None:
    """Passes unless a chunk that is not the final one brings a statement: `PROTOCOL_VIOLATION`."""
    if chunk.HasField("request") and not chunk.final:
        raise StayputError(
            ErrorReason.ERROR_REASON_PROTOCOL_VIOLATION,
            "the statement about the request came before the final chunk",
            field="chunk.request",
            remedy="send it with the final chunk, when all that is asked is known",
        )
