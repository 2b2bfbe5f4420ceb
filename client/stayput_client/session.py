"""What is agreed before records are compared: description, question, grant and who asks; then the session."""

import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from stayput.sealing import SESSION_KEY_BYTES
from stayput_client.accounts import Account, ByRecord, InTotal
from stayput_client.comparing import Batch, Ended, Run, Sink
from stayput_client.conversation import Conversation, Signer, Terms
from stayput_client.exchange import MOST_RECORDS_IN_ONE_CALL, Exchange, one_call
from stayput_client.models.grants import Grant
from stayput_client.models.resources import Description
from stayput_client.models.vocabulary import Granularity, Mode, moment
from stayput_client.platform import Comparator
from stayput_client.question import Prepared, Question
from stayput_client.results import Concluded, Summary, Tallies
from stayput_client.spread import Spread

if TYPE_CHECKING:  # exists for the type checker only
    from stayput.v1.comparison_pb2_grpc import ComparisonServiceAsyncStub

T = TypeVar("T")
R = TypeVar("R")
_MOST_RECORDS_IN_A_CHUNK: Final = 8_192


@dataclass(frozen=True, slots=True)
class Request:
    """What a caller asks for; empty `operator` and `purpose` mean the defaults."""

    resource: str
    key: str
    checks: tuple[str, ...]
    mode: Mode
    granularity: Granularity
    operator: str
    purpose: str
    case_number: str
    grant: str | None


@dataclass(frozen=True, slots=True)
class Agreed:
    """All that a session needs. A ticket is asked for only when there is something to send."""

    comparator: Comparator
    spread: Spread
    consumer: str
    signer: Signer
    description: Description
    question: Question
    granularity: Granularity
    grant: Grant
    operator: str
    purpose: str
    case_number: str

    @property
    def chunk_records(self) -> int:
        """Most records in a chunk."""
        return min(_MOST_RECORDS_IN_A_CHUNK, self.description.chunk_records)

    @property
    def one_call_records(self) -> int:
        """Most records for which one call is enough."""
        return min(MOST_RECORDS_IN_ONE_CALL, self.description.chunk_records)

    async def terms(self) -> Terms:
        """Terms of a session in keyed mode, with a ticket."""
        return Terms(
            consumer=self.consumer,
            grant_id=self.grant.id,
            key=self.question.key,
            checks=self.question.checks,
            mode=Mode.KEYED,
            granularity=self.granularity,
            operator=self.operator,
            purpose=self.purpose,
            case_number=self.case_number,
            day=self.question.today,
            chunk_records=self.chunk_records,
            ticket=await self.comparator.ticket(self.grant.id, self.operator, self.purpose, self.case_number),
        )

    def conversation(self, terms: Terms, account: Account, at: Description) -> Conversation:
        """A session on those terms, with a session key of its own, where `at` is described."""
        session_key = secrets.token_bytes(SESSION_KEY_BYTES)
        return Conversation(at, terms, session_key, self.signer, account)

    def _keyed(self, terms: Terms, at: Description) -> Conversation:
        checks = len(self.question.checks)
        in_total = self.granularity is Granularity.COUNT
        account = InTotal(checks, self.grant.limits) if in_total else ByRecord(checks)
        return self.conversation(terms, account, at)

    async def run(self, batches: Iterator[Batch[T]], sink: Sink[T, R]) -> Ended:
        """Sees a list through one session into a sink, record by record."""
        return await Run(self.question, batches, sink).through(self.begin)

    async def begin(self, first: Prepared, following: AsyncIterator[Prepared]) -> Exchange:
        """A session on the stream that asks about `first` and what follows it."""
        terms = await self.terms()

        async def opening(stub: "ComparisonServiceAsyncStub", at: Description) -> Exchange:
            exchange = Exchange(stub, self._keyed(terms, at), first, following)
            if not self.spread.single:
                await exchange.open()
            return exchange

        return await self.spread.session(opening)

    async def in_one_call(self, digests: bytes) -> tuple[bytes, Concluded]:
        """A whole session in one call: outcome bytes, and how it ended."""
        terms = await self.terms()

        async def opening(stub: "ComparisonServiceAsyncStub", at: Description) -> tuple[bytes, Concluded]:
            return await one_call(stub, self._keyed(terms, at), digests)

        return await self.spread.session(opening, asked=True)

    def summary(self, tallies: Tallies, concluded: Concluded | None, elapsed: float) -> Summary:
        """What the session adds up to."""
        receipt = concluded.receipt if concluded else None
        said = receipt.receipt if receipt else None
        return Summary(
            resource=self.description.contract.resource,
            key_name=self.question.key,
            records=tallies.records,
            key=tallies.key,
            checks=tallies.checks,
            reasons=dict(sorted(tallies.reasons.items())),
            not_answered=tallies.not_answered,
            generation=said.generation if said else self.description.generation,
            as_of=moment(said.as_of) if said else self.description.as_of,
            elapsed=elapsed,
            receipt=receipt,
            further_receipts=concluded.further if concluded else (),
            records_left_today=concluded.left.records_today if concluded else None,
            quota_renewed_at=concluded.left.renewed_at if concluded else None,
        )
