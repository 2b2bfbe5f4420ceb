"""Well-formed resources, applications, grants and receipts, for tests to change one thing in."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp

from stayput import limits
from stayput.receipts import FIRST_PREVIOUS_HASH, payload_hash
from stayput.signing import PayloadType, sign
from stayput.v1.access_pb2 import (
    AcceptApplicationRequest,
    Application,
    ApplyRequest,
    ChangeCause,
    Grant,
    GrantChange,
    GrantStanding,
    GrantState,
    Hours,
    Limits,
    RecordDecisionRequest,
    RecordedGrant,
    RecordGrantChangeRequest,
    RecordGrantVersionRequest,
    SetGrantStandingRequest,
    WithdrawApplicationRequest,
)
from stayput.v1.catalogue_pb2 import Category, PublishResourceRequest, Resource, Sharing, UpdateFrequency
from stayput.v1.comparison_pb2 import RequestStatement
from stayput.v1.contract_pb2 import Check, Field, Granularity, Key, Mode, OutcomeCode
from stayput.v1.log_pb2 import OutcomeCount, Receipt, SessionEnd, Tally
from stayput.v1.signing_pb2 import Envelope
from tests.comparator.platform import Member

VEHICLES = "vehicle-owners"
ADMINISTRATOR = "李四"


def stamp(time: datetime) -> Timestamp:
    found = Timestamp()
    found.FromDatetime(time)
    return found


def resource(code: str = VEHICLES) -> Resource:
    return Resource(
        code=code,
        title="机动车所有人",
        title_en="Vehicle owners",
        address="127.0.0.1:7450",
        category=Category.CATEGORY_DEPARTMENT,
        sharing=Sharing.SHARING_CONDITIONAL,
        conditions="仅用于社会救助核对",
        legal_basis="社会救助暂行办法",
        update_frequency=UpdateFrequency.UPDATE_FREQUENCY_DAILY,
        keys=[Key(name="resident_id", fields=["resident_id"])],
        checks=[Check(name="name", fields=["name"]), Check(name="plate", fields=["plate"])],
        fields=[
            Field(name="resident_id", type="resident_id", title="公民身份号码"),
            Field(name="name", type="person_name", title="姓名"),
            Field(name="plate", type="text", title="号牌"),
        ],
        modes=[Mode.MODE_KEYED],
    )


def application(code: str = VEHICLES) -> Application:
    return Application(
        resource=code,
        key="resident_id",
        checks=["name", "plate"],
        mode=Mode.MODE_KEYED,
        granularity=Granularity.GRANULARITY_RECORD,
        purpose="低收入家庭经济状况核对",
        legal_basis="社会救助暂行办法",
        expected_records_per_day=5_000,
        matter="最低生活保障审核确认",
        security_agreement="数安协〔2026〕8号",
    )


def grant(of: Application, node: Member, now: datetime, number: int = 1) -> Grant:
    return Grant(
        id=f"G-{number:026d}",
        application_id=of.id,
        provider=node.department,
        node_id=node.id,
        consumer=of.consumer,
        resource=of.resource,
        key=of.key,
        checks=of.checks,
        modes=[of.mode],
        granularities=[of.granularity],
        purpose=of.purpose,
        valid_from=stamp(now),
        valid_until=stamp(now + timedelta(days=365)),
        limits=limits.complete(Limits(records_per_session=1_000, records_per_day=10_000), limits.DEFAULTS),
        issued_at=stamp(now),
        version=1,
        matter=of.matter,
        security_agreement=of.security_agreement,
    )


def amended(
    of: Grant,
    *,
    operators: Iterable[str] = (),
    case_number_required: bool = False,
    hours: Hours | None = None,
) -> Grant:
    """The next version of a grant, with these terms added."""
    version = Grant()
    version.CopyFrom(of)
    version.version += 1
    version.MergeFrom(Grant(operators=operators, case_number_required=case_number_required, hours=hours))
    return version


def change(of: Grant, state: "GrantState.ValueType", now: datetime, number: int = 1) -> GrantChange:
    return GrantChange(
        grant_id=of.id,
        node_id=of.node_id,
        number=number,
        state=state,
        cause=ChangeCause.CHANGE_CAUSE_ADMINISTRATOR,
        reason="年度复核",
        administrator=ADMINISTRATOR,
        changed_at=stamp(now),
    )


def signed(of: Grant, by: Member) -> Envelope:
    return sign(PayloadType.GRANT, of, by.keys.signing)


async def publish(node: Member, what: Resource | None = None) -> Resource:
    answer = await node.catalogue.PublishResource(PublishResourceRequest(resource=what or resource()))
    return answer.resource


async def apply(consumer: Member, what: Application | None = None) -> Application:
    answer = await consumer.access.Apply(ApplyRequest(application=what or application()))
    return answer.application


async def withdraw(consumer: Member, application_id: str, reason: str = "") -> Application:
    request = WithdrawApplicationRequest(id=application_id, reason=reason)
    return (await consumer.access.WithdrawApplication(request)).application


async def accept(node: Member, application_id: str, administrator: str = ADMINISTRATOR) -> Application:
    request = AcceptApplicationRequest(id=application_id, administrator=administrator)
    return (await node.access.AcceptApplication(request)).application


async def decide(
    node: Member, what: Grant, by: Member | None = None, administrator: str = ADMINISTRATOR
) -> Application:
    """Records a grant, signed by the node unless another signs."""
    answer = await node.access.RecordDecision(
        RecordDecisionRequest(
            application_id=what.application_id,
            grant=signed(what, by or node),
            administrator=administrator,
        )
    )
    return answer.application


async def refuse(
    node: Member, application_id: str, reason: str, administrator: str = ADMINISTRATOR
) -> Application:
    answer = await node.access.RecordDecision(
        RecordDecisionRequest(
            application_id=application_id, refusal_reason=reason, administrator=administrator
        )
    )
    return answer.application


async def amend(node: Member, what: Grant, by: Member | None = None) -> RecordedGrant:
    """Records a version, signed by the node unless another signs."""
    request = RecordGrantVersionRequest(grant=signed(what, by or node))
    return (await node.access.RecordGrantVersion(request)).grant


async def record(node: Member, what: GrantChange, by: Member | None = None) -> GrantStanding:
    """Records a change, signed by the node unless another signs."""
    envelope = sign(PayloadType.GRANT_CHANGE, what, (by or node).keys.signing)
    return (await node.access.RecordGrantChange(RecordGrantChangeRequest(change=envelope))).standing


async def set_standing(
    operator: Member, grant_id: str, state: "GrantState.ValueType", reason: str = "专项检查"
) -> GrantStanding:
    """Says for the platform what is of the grant."""
    request = SetGrantStandingRequest(grant_id=grant_id, state=state, reason=reason)
    return (await operator.access.SetGrantStanding(request)).standing


def statement(of: Receipt) -> RequestStatement:
    """What the consumer states if it asked what the receipt says."""
    return RequestStatement(
        session_key_hash=bytes(32),
        grant_id=of.grant_id,
        consumer=of.consumer,
        operator=of.operator,
        purpose=of.purpose,
        case_number=of.case_number,
        resource=of.resource,
        key=of.key,
        checks=of.checks,
        mode=of.mode,
        granularity=of.granularity,
        records=of.records,
        request_commitment=of.request_commitment,
        signed_at=of.finished_at,
    )


def requested(what: RequestStatement, by: Member) -> Envelope:
    return sign(PayloadType.REQUEST, what, by.keys.signing)


class Chain:
    """A node's receipts of one consumer's sessions, one after the other."""

    def __init__(self, node: Member, now: datetime, consumer: Member) -> None:
        self.node = node
        self.now = now
        self.consumer = consumer
        self.sequence = 0
        self.previous_hash = FIRST_PREVIOUS_HASH

    def draft(self) -> Receipt:
        """The next receipt, not signed yet."""
        counts = [OutcomeCount(outcome=OutcomeCode.OUTCOME_CODE_MATCH, count=3)]
        return Receipt(
            session_id=bytes(16),
            grant_id=f"G-{1:026d}",
            ticket_id="ticket",
            consumer=self.consumer.id,
            operator="operator-7",
            purpose="低收入家庭经济状况核对",
            case_number="case-2026-1",
            provider=self.node.department,
            node_id=self.node.id,
            resource=VEHICLES,
            generation="generation-1",
            as_of=stamp(self.now),
            mode=Mode.MODE_KEYED,
            granularity=Granularity.GRANULARITY_RECORD,
            leakage="keyed-record/1",
            key="resident_id",
            checks=["name"],
            records=3,
            tallies=[Tally(counts=counts), Tally(counts=counts)],
            outcome_bytes=6,
            request_commitment=bytes(32),
            response_commitment=bytes(32),
            started_at=stamp(self.now),
            finished_at=stamp(self.now),
            end=SessionEnd.SESSION_END_COMPLETE,
            sequence=self.sequence + 1,
            previous_hash=self.previous_hash,
            profile="cn-gov/1",
            suite="keyed/1",
            software_version="0.1.0",
        )

    def add(self, what: Receipt | None = None) -> Envelope:
        """Signs a receipt (by default the next draft) and puts it at the end of the chain.

        If it is of a complete session and has no statement of its consumer yet, it gets one that fits.
        """
        what = what or self.draft()
        if what.end == SessionEnd.SESSION_END_COMPLETE and not what.HasField("request"):
            what.request.CopyFrom(requested(statement(what), self.consumer))
        envelope = sign(PayloadType.RECEIPT, what, self.node.keys.signing)
        self.sequence, self.previous_hash = what.sequence, payload_hash(envelope.payload)
        return envelope

    def next(self, many: int) -> list[Envelope]:
        return [self.add() for _ in range(many)]
