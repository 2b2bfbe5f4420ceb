"""A replica's end of an account in the hands of a test, and drafts as an honest replica would make them."""

import secrets
from datetime import UTC

import numpy as np

from provider_node.domain.admitted_draft import admitted_draft
from provider_node.domain.replicas import messages
from stayput.errors import StayputError
from stayput.evidence import check_receipt, check_statement
from stayput.rpc.client import translated
from stayput.v1.comparison_pb2 import SessionOpen
from stayput.v1.contract_pb2 import OutcomeCode
from stayput.v1.log_pb2 import OutcomeCount, Receipt, SessionEnd, Tally
from stayput.v1.replica_pb2 import (
    AccountRequest,
    AccountResponse,
    AdmitSession,
    BeginSession,
    ChargeAnswer,
    Observed,
    ReserveAttempts,
)
from tests.provider_node.serving.node import CONSUMER
from tests.provider_node.serving.replicated import ReplicatedNode


class Dishonest:
    """A replica's end of one account."""

    def __init__(self, node: ReplicatedNode, asked: SessionOpen | None = None) -> None:
        assert node.stub is not None
        self.node = node
        self.asked: SessionOpen = asked or node.asking().open
        self.call = node.stub.Account()

    async def says(self, request: AccountRequest) -> AccountResponse:
        """The node's answer."""
        with translated("node"):
            await self.call.write(request)
        return await self.hears()

    async def hears(self) -> AccountResponse:
        """What the node says next."""
        with translated("node"):
            response = await self.call.read()
        assert isinstance(response, AccountResponse), response
        return response

    async def refused(self, request: AccountRequest) -> StayputError:
        """What the node fails with."""
        response = await self.says(request)
        assert response.WhichOneof("message") == "failed", response
        return messages.failure_received(response.failed)

    async def admitted(self) -> Receipt:
        """The draft that an honest replica would begin with."""
        thumbprint = self.node.material.consumer.thumbprint
        admit = AdmitSession(open=self.asked, consumer=CONSUMER.id, thumbprint=thumbprint)
        told = (await self.says(AccountRequest(admit=admit))).admitted
        admission = messages.admission_received(told)
        identity = self.node.material.identity
        draft = admitted_draft(self.asked, admission, identity)
        draft.session_id, draft.generation = secrets.token_bytes(16), self.node.describe().generation
        draft.started_at.FromDatetime(self.node.clock.now)
        return draft

    async def begun(self, draft: Receipt | None = None) -> Receipt:
        """The same, or another, begun; as the node keeps it."""
        begin = BeginSession(draft=draft or await self.admitted())
        response = await self.says(AccountRequest(begin=begin))
        assert response.HasField("done"), response
        return response.done.draft

    async def receipt(self) -> Receipt:
        """The node's only receipt, after the replica has hung up; the platform takes it."""
        await self.call.done_writing()
        await self.node.desk.under_way.all_closed()
        assert self.node.state.open_sessions() == []
        (receipt,) = self.node.receipts()
        check_receipt(receipt)
        check_statement(receipt)
        assert receipt.finished_at.ToDatetime(UTC) == self.node.clock.now
        return receipt


def charge(draft: Receipt, records: int = 1, **more: object) -> ChargeAnswer:
    """An answer of so many records more, all of them found."""
    made = ChargeAnswer(draft=draft, **{"records": records, **more})  # type: ignore[arg-type]
    columns = 1 + len(draft.checks)
    made.draft.records += records
    made.draft.outcome_bytes += records * columns
    found = OutcomeCount(outcome=OutcomeCode.OUTCOME_CODE_MATCH, count=made.draft.records)
    del made.draft.tallies[:]
    made.draft.tallies.extend(Tally(counts=[found]) for _ in range(columns))
    made.begun_at.CopyFrom(draft.started_at)
    return made


def observed(records: int, permille: int) -> Observed:
    """What guards see of so many records, none of them found."""
    height = records * (1_000 - permille)
    return Observed(climb_total=height, climb_highest=height, climb_end=height, climb_peak=height)


def reserving(subjects: int, day: str = "2026-11-22") -> ReserveAttempts:
    """Attempts at so many subjects."""
    names = np.arange(1, subjects + 1, dtype="<u8").tobytes()
    return ReserveAttempts(subjects=names, questions=names, day=day)


def at_its_end(draft: Receipt, end: "SessionEnd.ValueType" = SessionEnd.SESSION_END_CUT_BY_NODE) -> Receipt:
    """The draft, ending so."""
    draft.end = end
    draft.request_commitment = draft.response_commitment = bytes(32)
    return draft
