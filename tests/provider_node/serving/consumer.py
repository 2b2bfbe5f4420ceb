"""A consumer for tests: it takes a ticket, hashes, seals and opens as docs/protocol.md says."""

import hashlib
import hmac
import json
from base64 import b64decode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import grpc.aio
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc.jwk import ECKey

from stayput import receipts, requests, sealing, tickets
from stayput.elements import DIGEST_BYTES, check_digests, context, encode, key_digests
from stayput.errors import StayputError
from stayput.identity import Party
from stayput.normalise import Reject
from stayput.rpc import tls
from stayput.rpc.client import translated
from stayput.v1.comparison_pb2 import (
    CompareRecordsRequest,
    CompareRequest,
    CompareResponse,
    Description,
    RequestStatement,
    SealedChunk,
    SealedOutcomes,
    SessionOpen,
    SessionOpened,
)
from stayput.v1.comparison_pb2_grpc import ComparisonServiceStub
from stayput.v1.contract_pb2 import Contract, Granularity, Mode
from stayput.v1.log_pb2 import Receipt
from tests.provider_node.serving import register
from tests.provider_node.serving.authority import Issued
from tests.provider_node.serving.register import Person

if TYPE_CHECKING:
    from stayput.v1.comparison_pb2_grpc import ComparisonServiceAsyncStub

Call = grpc.aio.StreamStreamCall[CompareRequest, CompareResponse]
SESSION_KEY = bytes(range(32))
SIGNING_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32, 64)))


def digests(contract: Contract, people: Sequence[Person], checks: Sequence[str]) -> bytes:
    """The columns of digests of a list."""
    columns = {
        name: [getattr(one, name) or Reject.MISSING for one in people]
        for name in ("owner_id", "name", "plate")
    }
    keys = [one for one in encode([columns["owner_id"]]) if isinstance(one, bytes)]
    found = key_digests(context(contract, register.KEY), keys)
    for check in checks:
        found += check_digests(context(contract, register.KEY, check), keys, encode([columns[check]]))
    return b"".join(found)


@dataclass(frozen=True)
class Asking:
    """A session as the consumer sees it: what opens it, its keys, and what it has asked so far, by chunk."""

    open: SessionOpen
    keys: sealing.Session
    asked: dict[int, bytes] = field(default_factory=dict, compare=False)

    def chunk(self, sequence: int, people: Sequence[Person], *, final: bool = False) -> SealedChunk:
        """A sealed chunk of a list."""
        return self.sealed(sequence, digests(self.open.contract, people, self.open.checks), final=final)

    def sealed(self, sequence: int, plain: bytes, *, final: bool = False) -> SealedChunk:
        """A sealed chunk of any bytes; with the final one the statement of all that was sealed."""
        self.asked[sequence] = plain
        return SealedChunk(
            sequence=sequence,
            final=final,
            sealed=self.keys.seal_request(sequence, final, plain),
            request=requests.sign(self.statement(), SIGNING_KEY) if final else None,
        )

    def statement(self) -> RequestStatement:
        """What is stated of the chunks sealed so far, by the ticket's word and at its time."""
        digests_, opening, ticket = b"".join(self.asked.values()), self.open, claims(self.open.ticket)
        asked = hashlib.sha256(digests_).digest()
        statement = RequestStatement(
            session_key_hash=hashlib.sha256(opening.sealed_session_key).digest(),
            grant_id=ticket["authorization_details"][0]["grant"],
            consumer=ticket["sub"].rpartition(":")[2],
            operator=ticket["operator"],
            purpose=ticket["purpose"],
            case_number=ticket["case_number"],
            resource=opening.contract.resource,
            key=opening.key,
            checks=opening.checks,
            mode=opening.mode,
            granularity=opening.granularity,
            records=len(digests_) // (DIGEST_BYTES * (1 + len(opening.checks))),
            request_commitment=hmac.digest(self.keys.commitment_key(), asked, "sha256"),
        )
        statement.signed_at.FromSeconds(ticket["iat"])
        return statement

    def outcomes(self, opened: SessionOpened, answer: SealedOutcomes) -> list[tuple[int, ...]]:
        """The opened outcomes of a chunk, a tuple for each record."""
        plain = self.keys.response(opened.session_id).open(answer.sequence, answer.sealed)
        records, rest = divmod(len(plain), 1 + len(self.open.checks))
        assert not rest
        return list(zip(*(plain[i : i + records] for i in range(0, len(plain), records or 1)), strict=True))


def claims(ticket: str) -> dict[str, Any]:
    """What a ticket says, not verified; of what is none, as if it said nothing."""
    nothing = {"iat": 0, "operator": "", "purpose": "", "case_number": "", "sub": ""}
    try:
        said: dict[str, Any] = json.loads(b64decode(ticket.split(".")[1] + "==", altchars=b"-_"))
    except (ValueError, IndexError):
        said = {}
    return {"authorization_details": [{"grant": ""}], **nothing, **said}


def asking(description: Description, ticket: str, checks: Sequence[str] = register.CHECKS) -> Asking:
    """A session by a node's description."""
    opening = SessionOpen(
        ticket=ticket,
        contract=description.contract,
        key=register.KEY,
        checks=checks,
        mode=Mode.MODE_KEYED,
        granularity=Granularity.GRANULARITY_RECORD,
        sealing_key_id=description.sealing_key_id,
    )
    return resealed(opening, description)


def resealed(opening: SessionOpen, description: Description) -> Asking:
    """The session of an opening that was changed, sealed for what it says now."""
    opening.sealed_session_key = sealing.seal_session_key(
        description.sealing_key, SESSION_KEY, sealing.session_info(opening)
    )
    return Asking(opening, sealing.Session(SESSION_KEY))


@dataclass(frozen=True)
class TicketOffice:
    """Issues tickets as the comparator does."""

    key: ECKey
    node: Party
    now: datetime

    def ticket(self, consumer: Party, holder: Issued, grant_id: str) -> tickets.Ticket:
        """A ticket for everything that the test resource offers."""
        issued_at = self.now.replace(microsecond=0)
        return tickets.Ticket(
            id="T-1",
            consumer=consumer,
            node=self.node,
            thumbprint=holder.thumbprint,
            signing_key=SIGNING_KEY.public_key().public_bytes_raw(),
            scope=tickets.Scope(
                grant_id, register.CODE, register.KEY, register.CHECKS, ("KEYED",), ("RECORD",)
            ),
            operator="clerk 7",
            purpose="低收入家庭经济状况核对",
            case_number="",
            issued_at=issued_at,
            expires_at=issued_at + timedelta(minutes=10),
        )

    def issue(self, ticket: tickets.Ticket) -> str:
        """The ticket as sent."""
        return tickets.issue(ticket, self.key)

    def at(self, now: datetime) -> "TicketOffice":
        """The office at another time."""
        return replace(self, now=now.astimezone(UTC))


def stub(
    address: str, node: Party, credentials: tls.Credentials
) -> "tuple[ComparisonServiceAsyncStub, grpc.aio.Channel]":
    """A connection to a node; the channel is to be closed."""
    channel = tls.channel(address, node.tls_name, credentials)
    return ComparisonServiceStub(channel), channel


class Stream:
    """One call of Compare, seen from the consumer. What fails raises `StayputError`."""

    def __init__(self, node_stub: "ComparisonServiceAsyncStub", session: Asking) -> None:
        self.asking = session
        self.call: Call = node_stub.Compare()
        self.opened = SessionOpened()

    async def open(self) -> SessionOpened:
        """Opens the session."""
        await self.write(CompareRequest(open=self.asking.open))
        self.opened = (await self.read()).opened
        return self.opened

    async def ask(
        self, sequence: int, people: Sequence[Person], *, final: bool = False
    ) -> list[tuple[int, ...]]:
        """Sends a chunk; the outcomes, a tuple for each record."""
        await self.send(self.asking.chunk(sequence, people, final=final))
        return self.asking.outcomes(self.opened, (await self.read()).outcomes)

    async def send(self, chunk: SealedChunk) -> None:
        """Sends a chunk."""
        await self.write(CompareRequest(chunk=chunk))

    async def write(self, request: CompareRequest) -> None:
        """Sends any message."""
        with translated("node"):
            await self.call.write(request)

    async def read(self) -> CompareResponse:
        """The next message."""
        with translated("node"):
            message = await self.call.read()
        assert isinstance(message, CompareResponse)
        return message

    async def receipt(self, verification_key: bytes) -> Receipt:
        """The receipt, verified; nothing may follow it."""
        receipt = receipts.verify((await self.read()).receipt, verification_key)
        assert await self.call.read() is grpc.aio.EOF
        return receipt


@contextmanager
def refused(reason: str, field: str | None = None) -> "Iterator[pytest.ExceptionInfo[StayputError]]":
    """The block must fail for that reason, naming that field."""
    with pytest.raises(StayputError) as caught, translated("node"):
        yield caught
    assert caught.value.reason_name == reason
    assert caught.value.remedy or reason == "CONNECTION_FAILED"
    if field is not None:
        assert caught.value.field == field


def chunks_of(people: Sequence[Person], size: int) -> list[Sequence[Person]]:
    """A list cut into chunks; one empty chunk for an empty list."""
    return [people[start : start + size] for start in range(0, len(people), size)] or [[]]


def call_request(asking_: Asking, people: Sequence[Person]) -> CompareRecordsRequest:
    """A whole session in one call."""
    return CompareRecordsRequest(open=asking_.open, chunk=asking_.chunk(0, people, final=True))
