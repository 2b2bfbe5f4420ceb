"""Receipts of interrupted sessions: whatever the journal says, the platform takes them."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comparator.domain.deliveries import Delivered, Keyring, verified
from provider_node.domain.interrupted import UNKNOWN, interrupted, malformed
from provider_node.store.state import State
from stayput import signing
from stayput.evidence import check_receipt, check_statement
from stayput.evidence.delivery import LARGEST_PAYLOAD
from stayput.leakage import IDS
from stayput.limits import DEFAULTS
from stayput.v1.access_pb2 import Limits
from stayput.v1.contract_pb2 import Granularity, Mode, OutcomeCode
from stayput.v1.log_pb2 import OutcomeCount, Receipt, SessionEnd, Tally
from tests.provider_node.serving import kept, register
from tests.provider_node.serving.node import CONSUMER, GRANT_ID, NODE, Clock, LocalNode, Material, grant

Change = Callable[[Receipt], object]
CRASHED = SessionEnd.SESSION_END_NODE_CRASHED
KEYED, OBLIVIOUS = Mode.MODE_KEYED, Mode.MODE_OBLIVIOUS
RECORD, COUNT = Granularity.GRANULARITY_RECORD, Granularity.GRANULARITY_COUNT
NUMBERS = st.integers(-(2**63), 2**63 - 1)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=120)
TEXTS = NAMES | st.text("民\u3000\n\t a", max_size=120) | st.integers(480, 520).map("x".__mul__)
LAWFUL = ["王\u3000建国", "li.na\nwang.wei", "li.na\t(night)", "王建国\u200d", "x" * 100, ""]
"""Operators and case numbers that a ticket may name."""


@st.composite
def drafts(draw: st.DrawFn) -> Receipt:
    """Whatever a journal may hold of a session of a known mode."""
    draft = Receipt(
        session_id=draw(st.binary(min_size=1, max_size=20)),
        grant_id=GRANT_ID,
        consumer=CONSUMER.id,
        node_id=NODE.id,
        resource=register.CODE,
        mode=draw(st.sampled_from([KEYED, OBLIVIOUS])),
        granularity=draw(st.sampled_from([RECORD, COUNT])),
        checks=["name"] * draw(st.integers(0, 3)),
        leakage=draw(st.sampled_from(["", *IDS.values()])),
        end=draw(st.sampled_from(SessionEnd.values())),
        request_commitment=draw(st.binary(max_size=33)),
        tallies=[
            Tally(counts=[OutcomeCount(outcome=OutcomeCode.OUTCOME_CODE_MATCH, count=draw(NUMBERS))])
            for _ in range(draw(st.integers(0, 3)))
        ],
    )
    for name in ("records", "elements", "repeated_elements", "distinct_records", "outcome_bytes"):
        setattr(draft, name, draw(NUMBERS))
    for name in ("count_minimum", "noise_epsilon_milli"):
        setattr(draft, name, draw(st.integers(-(2**31), 2**31 - 1)))
    for name in ("generation", "profile", "oblivious_suite", "key_epoch"):
        setattr(draft, name, draw(NAMES))
    for name in ("ticket_id", "operator", "purpose", "case_number"):
        setattr(draft, name, draw(TEXTS))
    draft.started_at.seconds, draft.as_of.nanos = draw(NUMBERS), draw(st.integers(-(2**31), 2**31 - 1))
    if draw(st.booleans()):
        for name in ("fingerprints", "held_elements", "charged_elements"):
            setattr(draft.fetch, name, draw(NUMBERS))
    if draw(st.booleans()):
        draft.request.payload = b"nothing"
    return draft


@given(drafts())
def test_of_any_draft_a_receipt_is_made_that_the_platform_takes(draft: Receipt) -> None:
    receipt = interrupted(draft, DEFAULTS)
    assert malformed(receipt) == []
    receipt.sequence, receipt.previous_hash = 1, bytes(32)
    assert is_taken(receipt)
    assert receipt.end == CRASHED
    assert interrupted(receipt, DEFAULTS) == receipt


def is_taken(receipt: Receipt) -> bool:
    """Whether the platform takes it from a node."""
    key = kept.ASKS
    keyring = Keyring(lambda _: [key.public_key().public_bytes_raw()])
    [taken] = verified([(NODE, signing.sign(signing.PayloadType.RECEIPT, receipt, key))], keyring)
    return isinstance(taken, Delivered)


DELIVERED: dict[str, Change] = {
    "consumer": lambda draft: setattr(draft, "consumer", "Civil affairs"),
    "resource": lambda draft: setattr(draft, "resource", ""),
    "grant_id": lambda draft: setattr(draft, "grant_id", "G-1"),
    "ticket_id": lambda draft: setattr(draft, "ticket_id", "x" * 101),
    "operator": lambda draft: setattr(draft, "operator", "li.na\x7f"),
    "purpose": lambda draft: setattr(draft, "purpose", "x" * 501),
    "case_number": lambda draft: setattr(draft, "case_number", "\x00"),
}


@pytest.mark.parametrize("field", DELIVERED)
def test_what_the_platform_would_refuse_is_malformed(field: str) -> None:
    receipt = interrupted(sound(), DEFAULTS)
    receipt.sequence, receipt.previous_hash = 1, bytes(32)
    assert is_taken(receipt)
    DELIVERED[field](receipt)
    assert malformed(receipt) == [field]
    assert not is_taken(receipt)


def test_the_largest_receipt_that_is_made_is_taken() -> None:
    receipt = interrupted(sound(), DEFAULTS)
    receipt.sequence, receipt.previous_hash = 1, bytes(32)
    # Of its own length, which takes 3 bytes, and its number, which takes 2.
    receipt.software_version = "x" * (LARGEST_PAYLOAD - receipt.ByteSize() - 5)
    assert receipt.ByteSize() == LARGEST_PAYLOAD
    assert (malformed(receipt), is_taken(receipt)) == ([], True)
    receipt.software_version += "x"
    assert malformed(receipt) == ["size"]


@pytest.mark.parametrize("text", LAWFUL)
def test_what_a_ticket_may_say_is_kept(text: str) -> None:
    draft = sound()
    draft.operator = draft.case_number = draft.purpose = text
    receipt = interrupted(draft, DEFAULTS)
    assert (receipt.operator, receipt.case_number, receipt.purpose) == (text, text, text)


def sound() -> Receipt:
    """The draft of a session that had six records answered."""
    made = kept.draft(3)
    for name in ("request", "request_commitment", "response_commitment", "finished_at", "end"):
        made.ClearField(name)
    return made


def test_a_sound_draft_says_all_that_it_said() -> None:
    expected = sound()
    expected.end = CRASHED
    assert interrupted(sound(), DEFAULTS) == expected


def test_what_is_certain_is_kept() -> None:
    draft = sound()
    draft.outcome_bytes = 1
    draft.tallies[1].counts[0].count += 1
    draft.case_number = "one\x00two"
    draft.generation = "x" * 101
    receipt = interrupted(draft, DEFAULTS)
    assert (receipt.records, receipt.outcome_bytes, list(receipt.tallies)) == (6, 18, [])
    assert (receipt.case_number, receipt.generation, receipt.operator) == (UNKNOWN, UNKNOWN, "li.na")


def test_limits_that_the_draft_has_wrong_are_those_of_the_grant() -> None:
    draft = sound()
    draft.granularity = COUNT
    receipt = interrupted(draft, Limits(count_minimum=25, noise_epsilon_milli=100))
    assert (receipt.count_minimum, receipt.noise_epsilon_milli) == (25, 0)
    draft.noise_epsilon_milli = -1
    receipt = interrupted(draft, Limits(count_minimum=25, noise_epsilon_milli=100))
    assert (receipt.count_minimum, receipt.noise_epsilon_milli) == (25, 100)


DISTORTIONS: dict[str, Change] = {
    "session_id": lambda draft: setattr(draft, "session_id", b"short"),
    "leakage": lambda draft: draft.ClearField("leakage"),
    "records": lambda draft: setattr(draft, "records", -5),
    "outcome_bytes": lambda draft: setattr(draft, "outcome_bytes", 1),
    "elements": lambda draft: setattr(draft, "elements", 1),
    "started_at": lambda draft: setattr(draft.started_at, "seconds", 2**62),
    "finished_at": lambda draft: setattr(draft.finished_at, "seconds", 2**62),
    "request": lambda draft: setattr(draft.request, "payload", b"nothing"),
    "request_commitment": lambda draft: setattr(draft, "request_commitment", bytes(32)),
}


@pytest.mark.parametrize("field", DISTORTIONS)
async def test_the_next_start_makes_good_what_is_journaled(
    material: Material, state: State, clock: Clock, field: str
) -> None:
    node = LocalNode(material, state, clock)
    await node.give(grant())
    draft = sound()
    DISTORTIONS[field](draft)
    await state.open_session(draft, lambda _: None)
    assert await node.desk.recover() == 1
    assert state.open_sessions() == []
    (receipt,) = node.receipts()
    check_receipt(receipt)
    check_statement(receipt)
    assert receipt.end == CRASHED
    assert receipt.finished_at.ToDatetime(clock.now.tzinfo) == clock.now
    assert state.undelivered_since() == clock.now


async def test_a_draft_that_can_be_made_no_receipt_keeps_no_other_from_one(
    material: Material, state: State, clock: Clock
) -> None:
    node, hopeless, other = LocalNode(material, state, clock), sound(), sound()
    hopeless.mode = Mode.MODE_UNSPECIFIED
    other.session_id = bytes(16)
    for draft in (hopeless, other):
        await state.open_session(draft, lambda _: None)
    assert await node.desk.recover() == 1
    assert state.open_sessions() == [hopeless]
    assert [one.session_id for one in node.receipts()] == [bytes(16)]
