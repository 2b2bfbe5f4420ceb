"""Many at once: exactly one wins, the others are told why they did not, and nobody meets a fault."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from comparator.store.models import CredentialRow, InvitationRow
from stayput.enrolment import PartyKeys, csr_of, request
from stayput.errors import StayputError
from stayput.receipts import payload_hash
from stayput.rpc.client import translated
from stayput.v1.access_pb2 import GetApplicationRequest, GrantState
from stayput.v1.catalogue_pb2 import ListResourcesRequest
from stayput.v1.enrolment_pb2 import Invitation
from stayput.v1.log_pb2 import AppendReceiptsRequest
from stayput.v1.signing_pb2 import Envelope
from tests.comparator import documents
from tests.comparator.platform import Member, Platform

_MANY = 8


async def _outcomes(calls: Iterable[Awaitable[object]]) -> Counter[str]:
    """How many of the calls, made at once, succeeded, and how many failed by which reason."""

    async def outcome(call: Awaitable[object]) -> str:
        try:
            with translated("comparator"):
                await call
        except StayputError as error:
            return error.reason_name
        return "OK"

    return Counter(await asyncio.gather(*map(outcome, calls)))


async def _second_connection(platform: Platform, member: Member) -> Member:
    invitation = Invitation(department=member.department, node_id=member.id)
    return await platform.connect(invitation, member.keys, member.response)


async def test_deciders_of_one_application(platform: Platform, node: Member, consumer: Member) -> None:
    await documents.publish(node)
    asked = await documents.apply(consumer)
    other, now = await _second_connection(platform, node), platform.clock()
    half = _MANY // 2
    outcomes = await _outcomes(
        [documents.decide(node, documents.grant(asked, node, now, number)) for number in range(half)]
        + [documents.refuse(other, asked.id, f"理由 {number}") for number in range(half)]
    )
    assert outcomes == {"OK": 1, "APPLICATION_DECIDED": _MANY - 1}


async def test_administrators_who_decide_at_once(platform: Platform, node: Member, consumer: Member) -> None:
    """One wins, and each of the others is told who did."""
    await documents.publish(node)
    asked = await documents.apply(consumer)
    other, now = await _second_connection(platform, node), platform.clock()

    async def decide(number: int) -> str:
        by = f"管理员 {number}"
        try:
            with translated("comparator"):
                if number % 2:
                    await documents.refuse(other, asked.id, "理由", by)
                else:
                    await documents.decide(node, documents.grant(asked, node, now, number), administrator=by)
        except StayputError as error:
            return error.details["decided_by"]
        return by

    winners = set(await asyncio.gather(*map(decide, range(_MANY))))
    assert len(winners) == 1
    answer = await node.access.GetApplication(GetApplicationRequest(id=asked.id))
    assert {answer.application.decided_by} == winners


async def test_a_decision_and_a_withdrawal_at_once(
    platform: Platform, node: Member, consumer: Member
) -> None:
    await documents.publish(node)
    for _ in range(4):
        asked = await documents.apply(consumer)
        outcomes = await _outcomes(
            [documents.refuse(node, asked.id, "理由"), documents.withdraw(consumer, asked.id)]
        )
        assert outcomes == {"OK": 1, "APPLICATION_DECIDED": 1}


async def test_versions_of_one_grant(platform: Platform, node: Member, consumer: Member) -> None:
    await documents.publish(node)
    grant = documents.grant(await documents.apply(consumer), node, platform.clock())
    await documents.decide(node, grant)
    versions = [documents.amended(grant, operators=[f"operator-{n}"]) for n in range(_MANY)]
    outcomes = await _outcomes(documents.amend(node, each) for each in versions)
    assert outcomes == {"OK": 1, "GRANT_VERSION": _MANY - 1}
    with platform.database.reading() as store:
        assert len(store.grants.versions(grant.id)) == 2


async def test_changes_of_one_grant(platform: Platform, node: Member, consumer: Member) -> None:
    await documents.publish(node)
    grant = documents.grant(await documents.apply(consumer), node, platform.clock())
    await documents.decide(node, grant)
    other, now = await _second_connection(platform, node), platform.clock()
    suspended, revoked = GrantState.GRANT_STATE_SUSPENDED, GrantState.GRANT_STATE_REVOKED
    drafts = [documents.change(grant, state, now) for state in (suspended, revoked)] * (_MANY // 2)
    outcomes = await _outcomes(documents.record((node, other)[n % 2], each) for n, each in enumerate(drafts))
    assert outcomes == {"OK": _MANY // 2, "GRANT_VERSION": _MANY // 2}


async def test_one_grants_id_for_many_applications(
    platform: Platform, node: Member, consumer: Member
) -> None:
    await documents.publish(node)
    asked = [await documents.apply(consumer) for _ in range(_MANY)]
    now = platform.clock()
    outcomes = await _outcomes(documents.decide(node, documents.grant(each, node, now)) for each in asked)
    assert outcomes == {"OK": 1, "GRANT_MISMATCH": _MANY - 1}


async def test_publishers_of_one_code(platform: Platform) -> None:
    nodes = [await platform.node(f"node-{number}", f"department-{number}") for number in range(_MANY)]
    outcomes = await _outcomes(documents.publish(node) for node in nodes)
    assert outcomes == {"OK": 1, "RESOURCE_TAKEN": _MANY - 1}
    (listed,) = (await nodes[0].catalogue.ListResources(ListResourcesRequest())).resources
    assert listed.code == documents.VEHICLES


async def test_users_of_one_invitation(platform: Platform) -> None:
    invitation = platform.invite_department("civil-affairs")
    keys = [PartyKeys.generate() for _ in range(_MANY)]
    outcomes = await _outcomes(platform.enrol(request(invitation, each, csr_of(each))) for each in keys)
    assert outcomes == {"OK": 1, "INVITATION_INVALID": _MANY - 1}
    with Session(platform.database.engine) as session:
        assert len(session.scalars(select(CredentialRow)).all()) == 1


async def test_one_user_who_repeats_the_call(platform: Platform) -> None:
    invitation, keys = platform.invite_department("civil-affairs"), PartyKeys.generate()
    asked = request(invitation, keys, csr_of(keys))
    answers = await asyncio.gather(*(platform.enrol(asked) for _ in range(_MANY)))
    assert {answer.certificate_chain for answer in answers} == {answers[0].certificate_chain}


async def test_invitations_of_one_department(platform: Platform) -> None:
    await asyncio.gather(*(asyncio.to_thread(platform.invite_department, "tax") for _ in range(_MANY)))
    with Session(platform.database.engine) as session:
        assert len(session.scalars(select(InvitationRow)).all()) == 1


async def _append(node: Member, receipts: list[Envelope]) -> None:
    await node.log.AppendReceipts(AppendReceiptsRequest(receipts=receipts))


async def test_receipts_of_one_node_over_two_connections(
    platform: Platform, node: Member, consumer: Member
) -> None:
    other = await _second_connection(platform, node)
    batch = documents.Chain(node, platform.clock(), consumer).next(5)
    outcomes = await _outcomes(_append(each, batch) for each in (node, other) * (_MANY // 2))
    assert outcomes == {"OK": _MANY}
    with platform.database.reading() as store:
        assert list(store.log.all()) == batch


async def test_two_histories_of_one_node(platform: Platform, node: Member, consumer: Member) -> None:
    other = await _second_connection(platform, node)
    histories = []
    for number in range(_MANY):
        chain = documents.Chain(node, platform.clock(), consumer)
        receipt = chain.draft()
        receipt.operator = f"operator-{number}"
        histories.append(chain.add(receipt))
    outcomes = await _outcomes(
        _append((node, other)[number % 2], [receipt]) for number, receipt in enumerate(histories)
    )
    assert outcomes == {"OK": 1, "LOG_FORK": _MANY - 1}
    with platform.database.reading() as store:
        (stored,) = store.log.all()
    assert payload_hash(stored.payload) in {payload_hash(each.payload) for each in histories}
