"""Made-up entries of a log, as uneven as real ones: few grants make up most, and some ended long ago."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from comparator.store.entries import Entry, Search, of_event
from stayput.signing import PayloadType, sign
from stayput.v1.log_pb2 import Event, EventType, Receipt
from stayput.v1.signing_pb2 import Envelope

BEGAN: Final = datetime(2026, 1, 1, tzinfo=UTC)
RECORDS: Final = (1, 10, 1_000, 100_000)
_RECORDS_WEIGHTS: Final = (70, 20, 9, 1)
DEPARTMENTS: Final = [f"department-{number}" for number in range(50)]
OPERATORS: Final = 40
"""Of each department."""
_ENDED_AFTER: Final = 0.4
"""The part of the log in which grants occur that ended."""
KINDS: Final = (
    EventType.EVENT_TYPE_RESOURCE_PUBLISHED,
    EventType.EVENT_TYPE_APPLICATION_GRANTED,
    EventType.EVENT_TYPE_GRANT_REVOKED,
    EventType.EVENT_TYPE_LOG_SEARCHED,
    EventType.EVENT_TYPE_GENERATION_BUILT,
)
_KINDS_WEIGHTS: Final = (10, 4, 1, 15, 70)
_BEYOND: Final = 1_000_000_000
"""The comparator's own events have lower numbers."""


@dataclass(frozen=True)
class Granted:
    """Who may ask whom for what."""

    id: str
    consumer: str
    provider: str
    resource: str
    ended: bool

    @property
    def operators(self) -> list[str]:
        """Who asks."""
        return [f"{self.consumer}-operator-{number}" for number in range(OPERATORS)]


def _grants() -> list[Granted]:
    dice = random.Random(5)
    made = []
    for number in range(400):
        # Some departments only ask, some only answer, some do both.
        consumer, provider = dice.choice(DEPARTMENTS[:25]), dice.choice(DEPARTMENTS[20:])
        made.append(
            Granted(
                id=f"G-{number:026}",
                consumer=consumer,
                provider=provider,
                resource=f"{provider}-resource-{dice.randrange(8)}",
                ended=number % 10 == 3,
            )
        )
    return made


GRANTS: Final = _grants()
# The more so the earlier it was given.
_CUMULATED: Final = list(accumulate(1 / (number + 1) for number in range(len(GRANTS))))
_SIGNED: Final = sign(PayloadType.RECEIPT, Receipt(), Ed25519PrivateKey.from_private_bytes(bytes(32)))


def case_number(dice: random.Random, entries: int) -> str:
    """Any of as many case numbers as there are entries."""
    return f"2026-{dice.randrange(entries):07}"


def _grant(dice: random.Random, number: int, entries: int) -> Granted:
    while True:
        (drawn,) = dice.choices(GRANTS, cum_weights=_CUMULATED)
        if not drawn.ended or number < _ENDED_AFTER * entries:
            return drawn


def receipts(entries: int) -> Iterator[tuple[Receipt, Envelope]]:
    """Receipts as nodes send them. All carry one signature: the store does not look at it."""
    dice = random.Random(6)
    for number in range(1, entries + 1):
        grant = _grant(dice, number, entries)
        receipt = Receipt(
            session_id=dice.randbytes(16),
            grant_id=grant.id,
            ticket_id="t" * 22,
            consumer=grant.consumer,
            operator=f"{grant.consumer}-operator-{dice.randrange(OPERATORS)}",
            purpose="最低生活保障家庭经济状况核对",
            case_number=case_number(dice, entries),
            provider=grant.provider,
            node_id="node-1",
            resource=grant.resource,
            key="resident_id",
            checks=["name"],
            records=dice.choices(RECORDS, _RECORDS_WEIGHTS)[0],
            request_commitment=dice.randbytes(32),
            response_commitment=dice.randbytes(32),
            sequence=number,
            previous_hash=dice.randbytes(32),
        )
        # In the place of the consumer's statement, which the store does not look at either.
        receipt.request.payload = dice.randbytes(300)
        payload = receipt.SerializeToString()
        yield (
            receipt,
            Envelope(payload_type=_SIGNED.payload_type, payload=payload, signatures=_SIGNED.signatures),
        )


def events(first: int, many: int) -> list[Entry]:
    """Events from that number on."""
    dice = random.Random(first)
    made = []
    for number in range(first, first + many):
        grant = dice.choice(GRANTS)
        event = Event(
            number=_BEYOND + number, type=dice.choices(KINDS, _KINDS_WEIGHTS)[0], resource=grant.resource
        )
        names = Search(
            consumer=grant.consumer,
            provider=grant.provider,
            resource=grant.resource,
            grant_id=grant.id,
        )
        made.append(of_event(event, names))
    return made
