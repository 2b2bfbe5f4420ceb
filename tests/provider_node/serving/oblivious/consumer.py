"""A consumer for tests of the oblivious mode: it blinds, asks, verifies and unblinds."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from stayput import oblivious, requests
from stayput.elements import encode
from stayput.normalise import Reject
from stayput.oblivious import asked_sets, input_context, packed, unpacked
from stayput.oprf import Blinding, Client, VerifiableClient, chosen, draw_indices, random_scalars
from stayput.outcomes import MATCH, MISMATCH, NO_VALUE, NOT_ASKED, NOT_FOUND
from stayput.v1.access_pb2 import Grant, Limits
from stayput.v1.comparison_pb2 import (
    Description,
    ElementIndices,
    FetchFingerprintsRequest,
    Proof,
    ProofRequest,
    RequestStatement,
    SealedChunk,
    SessionOpen,
)
from stayput.v1.contract_pb2 import Contract, Granularity, Mode, ObliviousSet
from tests.provider_node.serving import register
from tests.provider_node.serving.consumer import SIGNING_KEY, Asking, TicketOffice, resealed
from tests.provider_node.serving.node import CONSUMER, GRANT_ID, NOW, UNGUARDED, LocalNode, Material, grant
from tests.provider_node.serving.register import Person

if TYPE_CHECKING:
    pass

RECORD, COUNT = Granularity.GRANULARITY_RECORD, Granularity.GRANULARITY_COUNT
RESOURCE = register.RESOURCE.replace(
    "[source]",
    'modes = ["keyed", "oblivious"]\ngranularities = ["record", "count"]\n[source]',
)
Columns = list[list[bytes]]


def granted(
    grant_id: str = GRANT_ID,
    *,
    per_session: int = 100_000,
    per_day: int = 1_000_000,
    minimum: int = 10,
    now: datetime = NOW,
) -> Grant:
    """A grant for both modes and granularities."""
    guards = Limits(count_minimum=minimum)
    guards.MergeFrom(UNGUARDED)
    given = grant(now, per_session=per_session, per_day=per_day, guards=guards)
    given.id = grant_id
    given.modes.append(Mode.MODE_OBLIVIOUS)
    given.granularities.append(COUNT)
    return given


@dataclass(frozen=True)
class ObliviousAsking(Asking):
    """A session in oblivious mode, or the fetch of a generation."""

    sets: Sequence[ObliviousSet] = ()
    fetched: str = ""

    def elements(self, sequence: int, columns: Columns, *, final: bool = False) -> SealedChunk:
        """A sealed chunk of blinded elements."""
        return self.sealed(sequence, packed(columns), final=final)

    def statement(self) -> RequestStatement:
        """As `Asking.statement`, of elements."""
        statement = super().statement()
        asked = [unpacked(one, 1 + len(self.open.checks), "asked") for one in self.asked.values()]
        statement.records = sum(len(columns[0]) for columns in asked)
        statement.elements = sum(len(column) for columns in asked for column in columns)
        statement.fetched_generation = self.fetched
        return statement

    def fetch(self, held: Sequence[int] = ()) -> FetchFingerprintsRequest:
        """The request for fingerprints."""
        return FetchFingerprintsRequest(
            open=self.open,
            generation=self.fetched,
            held=held,
            request=requests.sign(self.statement(), SIGNING_KEY),
        )


def opening(
    node: LocalNode,
    checks: Sequence[str] = register.CHECKS,
    granularity: "Granularity.ValueType" = RECORD,
    grant_id: str = GRANT_ID,
) -> ObliviousAsking:
    """A session that the node will admit, if there is a grant."""
    office = node.office.at(node.clock.now)
    return opening_by(node.describe(), ticket(office, node.material, grant_id), checks, granularity)


def opening_by(
    description: Description,
    ticket_: str,
    checks: Sequence[str] = register.CHECKS,
    granularity: "Granularity.ValueType" = RECORD,
) -> ObliviousAsking:
    """A session by a node's description."""
    return sealed_for(
        SessionOpen(
            ticket=ticket_,
            contract=description.contract,
            key=register.KEY,
            checks=checks,
            mode=Mode.MODE_OBLIVIOUS,
            granularity=granularity,
            sealing_key_id=description.sealing_key_id,
            oblivious_suite=description.oblivious.suite,
            key_epoch=description.oblivious.key_epoch,
        ),
        description,
    )


def sealed_for(asked: SessionOpen, description: Description) -> ObliviousAsking:
    """The session of an opening, sealed for what it says."""
    made = resealed(asked, description)
    sets = asked_sets(description.oblivious, asked.key, asked.checks, asked.granularity)
    return ObliviousAsking(made.open, made.keys, sets=sets)


def fetching(node: LocalNode, asking: ObliviousAsking) -> ObliviousAsking:
    """The same, to fetch the serving generation."""
    return replace(asking, asked={}, fetched=node.describe().generation)


def ticket(office: TicketOffice, material: Material, grant_id: str = GRANT_ID) -> str:
    """A ticket for the consumer, for both modes and granularities."""
    made = office.ticket(CONSUMER, material.consumer, grant_id)
    scope = replace(made.scope, modes=("KEYED", "OBLIVIOUS"), granularities=("RECORD", "COUNT"))
    return office.issue(replace(made, scope=scope))


def inputs(contract: Contract, people: Sequence[Person], checks: Sequence[str]) -> Columns:
    """What is blinded of a list, in columns."""
    keys = [one for one in encode([[person.owner_id for person in people]]) if isinstance(one, bytes)]
    columns = [oblivious.key_inputs(input_context(contract, register.KEY), keys)]
    for check in checks:
        values = encode([[getattr(person, check) or Reject.MISSING for person in people]])
        columns.append(oblivious.check_inputs(input_context(contract, register.KEY, check), keys, values))
    return columns


def blinded(asking: ObliviousAsking, people: Sequence[Person]) -> list[Blinding]:
    """The list blinded: each element by a scalar of its own, or in granularity COUNT a column by one."""
    found = []
    for one, column in zip(
        asking.sets, inputs(asking.open.contract, people, asking.open.checks), strict=True
    ):
        blinds = random_scalars(len(column) or 1, secrets.token_bytes)
        if asking.open.granularity == COUNT:
            blinds = blinds[:1] * len(column)
        found.append(VerifiableClient(one.public_key).blind(column, blinds[: len(column)]))
    return found


def elements(blindings: Sequence[Blinding]) -> Columns:
    """What is sent."""
    return [list(one.elements) for one in blindings]


def random_elements(count: int, columns: int = 1 + len(register.CHECKS)) -> Columns:
    """So many blinded elements in each column, of nobody."""
    drawn = [random_scalars(count, secrets.token_bytes) for _ in range(columns)]
    return [list(Client().blind([b"nobody"] * count, blinds).elements) for blinds in drawn]


def proof_request(sequence: int, columns: Columns) -> ProofRequest:
    """Asks for proof of all elements of a chunk that there are, up to 1,000 in a column, in any order."""
    source = secrets.SystemRandom()
    drawn = [ElementIndices(indices=draw_indices(len(column), source)) for column in columns]
    return ProofRequest(sequence=sequence, columns=drawn)


def verify(
    asking: ObliviousAsking, request: ProofRequest, proof: Proof, asked: Columns, evaluated: Columns
) -> None:
    """Verifies the proofs of a chunk against the published keys."""
    assert proof.sequence == request.sequence
    for one, drawn, made, pair in zip(
        asking.sets, request.columns, proof.proofs, zip(asked, evaluated, strict=True), strict=True
    ):
        if drawn.indices:
            before, after = (chosen(column, drawn.indices) for column in pair)
            VerifiableClient(one.public_key).verify(before, after, made)


def outcomes(
    asking: ObliviousAsking, people: Sequence[Person], outputs: Columns, sets: Sequence[bytes]
) -> list[tuple[int, ...]]:
    """The outcomes of a list, by the outputs of its elements and the fingerprints of the register."""
    known = [{one[start : start + 8] for start in range(0, len(one), 8)} for one in sets]
    prints = [oblivious.fingerprints(column) for column in outputs]
    found = [one in known[0] for one in prints[0]]
    columns = [[MATCH if one else NOT_FOUND for one in found]]
    for number, check in enumerate(asking.open.checks, start=1):
        context = input_context(asking.open.contract, register.KEY, check)
        present = [one in known[number] for one in oblivious.presences(context, outputs[0])]
        asked = iter(prints[number])
        codes = [
            MATCH if one in known[number] else MISMATCH
            for person in people
            for one in ([next(asked)] if getattr(person, check) else [b""])
        ]
        columns.append(
            [
                NOT_FOUND
                if not there
                else NOT_ASKED
                if not getattr(person, check)
                else code
                if code == MATCH or has_value
                else NO_VALUE
                for person, there, has_value, code in zip(people, found, present, codes, strict=True)
            ]
        )
    return list(zip(*columns, strict=True))
