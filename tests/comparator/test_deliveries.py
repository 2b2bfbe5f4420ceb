"""Deliveries of receipts: verified outside of the transaction, stored together with those of others."""

import asyncio
from collections.abc import Sequence

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select
from sqlalchemy.orm import Session
from structlog.testing import capture_logs

from comparator.domain import deliveries
from comparator.domain.calendar import Calendar
from comparator.domain.deliveries import Delivered, Keyring, verified
from comparator.domain.log import append
from comparator.domain.policy import admit
from comparator.store.models import CredentialRow
from stayput.errors import StayputError
from stayput.identity import Caller, Party
from stayput.v1.log_pb2 import AppendReceiptsRequest
from stayput.v1.signing_pb2 import Envelope
from tests.comparator.documents import Chain
from tests.comparator.platform import Member, Platform, refused
from tests.comparator.tree import verified_tree


@pytest.fixture
def chain(platform: Platform, node: Member, consumer: Member) -> Chain:
    return Chain(node, platform.clock(), consumer)


async def _append(node: Member, receipts: list[Envelope]) -> int:
    return (await node.log.AppendReceipts(AppendReceiptsRequest(receipts=receipts))).stored_through


def _stored(platform: Platform) -> list[Envelope]:
    with platform.database.reading() as store:
        return list(store.log.all())


def _forget_key(platform: Platform, of: Member) -> None:
    """Another key stands in the store, as where it was set back to a time before this one was enrolled."""
    with Session(platform.database.engine) as session, session.begin():
        row = session.scalars(select(CredentialRow).where(CredentialRow.party_urn == of.party.urn)).one()
        row.signing_key = Ed25519PrivateKey.generate().public_key().public_bytes_raw()


@pytest.mark.parametrize("whose", ["node", "consumer"])
async def test_a_key_that_was_registered_is_looked_for_again(
    platform: Platform, node: Member, consumer: Member, chain: Chain, whose: str
) -> None:
    """What was verified by it before the transaction does not count in it."""
    batch = chain.next(2)
    assert await _append(node, batch[:1]) == 1
    _forget_key(platform, {"node": node, "consumer": consumer}[whose])
    with refused("RECEIPT_INVALID"):
        await _append(node, batch[1:])
    assert _stored(platform) == batch[:1]


async def test_verifying_waits_for_nobody_who_writes(platform: Platform, node: Member, chain: Chain) -> None:
    def load(party: Party) -> Sequence[bytes]:
        with platform.database.reading() as store:
            return store.parties.signing_keys(party)

    good, bad = chain.next(2)
    bad.signatures[0].signature = bytes(64)
    with platform.database.writing() as writer:
        writer.parties.all()  # with the first statement the transaction begins
        first, second = verified([(node.party, good), (node.party, bad)], Keyring(load))
    assert isinstance(first, Delivered)
    assert isinstance(second, StayputError)


async def test_who_may_not_deliver_is_told_that_first(
    platform: Platform, consumer: Member, chain: Chain
) -> None:
    for batch in ([], chain.next(1), [Envelope()]):
        with refused("NOT_PERMITTED"):
            await _append(consumer, batch)
    assert not _stored(platform)


async def test_many_nodes_at_once(platform: Platform, consumer: Member) -> None:
    """Who breaks its chain, or delivers what is invalid, is refused among others who are not."""
    nodes = [await platform.node(f"vehicles-{number}", "traffic-police") for number in range(6)]
    chains = [Chain(each, platform.clock(), consumer) for each in nodes]
    batches = [each.next(2) for each in chains]
    for batch in batches[1:]:
        await _append(nodes[batches.index(batch)], batch[:1])
    batches[2][1].signatures[0].signature = bytes(64)
    delivered = [batches[0][1:], *(batch[1:] for batch in batches[1:5]), batches[5]]
    outcomes = await asyncio.gather(*map(_append, nodes, delivered), return_exceptions=True)
    assert [outcome for outcome in outcomes if isinstance(outcome, int)] == [2] * 4
    assert [isinstance(outcome, int) for outcome in outcomes] == [False, True, False, True, True, True]
    kept = [*(batch[0] for batch in batches[1:]), *(batches[n][1] for n in (1, 3, 4, 5))]
    assert sorted(each.payload for each in _stored(platform)) == sorted(each.payload for each in kept)
    verified_tree(platform.database)


def _delivered(chain: Chain, envelopes: Sequence[Envelope]) -> list[Delivered]:
    keys = {
        member.party: [member.keys.signing.public_key().public_bytes_raw()]
        for member in (chain.node, chain.consumer)
    }
    keyring = Keyring(lambda party: keys.get(party, []))
    checked = deliveries.batch(verified([(chain.node.party, envelope) for envelope in envelopes], keyring))
    assert not isinstance(checked, StayputError)
    return checked


async def test_calls_of_one_node_in_one_transaction(platform: Platform, node: Member, chain: Chain) -> None:
    """Each finds the chain as the one before leaves it."""
    one, two, three, four, five = chain.next(5)
    other = Chain(node, platform.clock(), chain.consumer)
    fork = other.draft()
    fork.operator = "operator-8"
    calls = [[one, two], [two, three], [five], [other.add(fork)], [three], [four]]
    with platform.database.reading() as store:
        active = store.parties.active(node.party)
    assert active is not None
    who, method = Caller(node.party, active.thumbprint), "/stayput.v1.LogService/AppendReceipts"
    with platform.database.writing_for([node.party]) as store:
        now = platform.clock()
        call = admit(store, who, method, now, lambda: Calendar({}))
        outcomes = append(store, [(call, _delivered(chain, envelopes)) for envelopes in calls], now)
    assert [each.reason_name if isinstance(each, StayputError) else each for each in outcomes] == [
        2,
        3,
        "LOG_SEQUENCE",
        "LOG_FORK",
        3,
        4,
    ]
    assert _stored(platform) == [one, two, three, four]


async def test_a_refusal_has_a_line_of_its_own_in_the_process_log(node: Member, chain: Chain) -> None:
    first, _missing, third = chain.next(3)
    with capture_logs() as lines:
        await _append(node, [first])
        with refused("LOG_SEQUENCE"):
            await _append(node, [third])
    good, bad = lines
    assert (good["event"], good["parties"], good["calls"]) == ("calls", node.party.urn, 1)
    assert (bad["event"], bad["party"], bad["result"]) == ("call", node.party.urn, "LOG_SEQUENCE")
