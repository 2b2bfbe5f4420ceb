"""What a node does wrong when a test wants it to."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from stayput.errors import StayputError
from stayput.v1.comparison_pb2 import Allowance, Description
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import Receipt

NO_ROOM = StayputError(
    ErrorReason.ERROR_REASON_QUOTA_EXCEEDED,
    "records_per_day: the grant has no room for this chunk",
    field="records_per_day",
    remedy="wait for the next day",
    details={"limit": "1000", "remaining": "7"},
)


@dataclass
class Faults:
    """What the node does wrong; by default nothing."""

    receipt: Callable[[Receipt], None] = lambda receipt: None
    receipt_key: Ed25519PrivateKey | None = None
    description: Callable[[Description], None] = lambda description: None
    description_key: Ed25519PrivateKey | None = None
    allowance: Callable[[Allowance], Allowance | None] = lambda allowance: allowance
    outcomes: Callable[[bytes], bytes] = lambda plain: plain
    die_on_chunk: int | None = None
    hang_on_chunk: int | None = None
    hanging: asyncio.Event = field(default_factory=asyncio.Event)
    refuse_after_chunks: int | None = None
    refusal: StayputError = NO_ROOM
    receipt_after_chunks: int | None = None
    end_without_receipt: bool = False
    sequence_offset: int = 0
    open_twice: bool = False
    tamper: bool = False
