"""A node in the test's own process: the real parts over real files, with a clock that the test sets."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import grpc.aio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc.jwk import ECKey

from provider_node.config import load_resources
from provider_node.domain.access import Access
from provider_node.domain.accounts import Books
from provider_node.domain.describing import NodeDescribing
from provider_node.domain.desk import NodeDesk
from provider_node.domain.identity import NodeIdentity
from provider_node.domain.key_rings import IndexKeys, SealingKeys
from provider_node.domain.open_sessions import OpenSessions
from provider_node.domain.oprf_keys import OprfKeys
from provider_node.domain.resources import Resources
from provider_node.domain.sessions import Sessions
from provider_node.domain.tokens import IndexKey
from provider_node.servicers.comparison import ComparisonServicer, Patience
from provider_node.store.generations import Generations
from provider_node.store.state import State
from stayput import receipts, signing
from stayput.identity import Caller, department, node
from stayput.limits import DEFAULTS, complete
from stayput.rpc import tls
from stayput.rpc.server import ErrorInterceptor
from stayput.sealing import SealingKey
from stayput.tickets import TicketVerifier
from stayput.v1.access_pb2 import Application, Grant, Limits
from stayput.v1.comparison_pb2 import Description
from stayput.v1.comparison_pb2_grpc import add_ComparisonServiceServicer_to_server
from stayput.v1.contract_pb2 import Granularity, Mode
from stayput.v1.log_pb2 import Receipt
from stayput.v1.signing_pb2 import Envelope
from tests.provider_node.serving import register
from tests.provider_node.serving.authority import Authority, Issued
from tests.provider_node.serving.consumer import Asking, TicketOffice, asking, stub

if TYPE_CHECKING:
    from stayput.v1.comparison_pb2_grpc import ComparisonServiceAsyncStub

NOW = datetime(2026, 11, 22, 8, 15, tzinfo=UTC)
NODE, PROVIDER, CONSUMER = node("vehicles-1"), "traffic-police", department("civil-affairs")
GRANT_ID = "G-00000000000000000000000001"
RESOURCE_LIMITS = Limits(records_per_session=1_000, records_per_day=2_000)
UNGUARDED = Limits(attempts_per_subject=0, miss_permille=0, sequence_run=0)
INDEX_KEY = IndexKey(bytes(range(32)))
OPRF_KEYS = OprfKeys(bytes(range(32, 64)))


@dataclass
class Clock:
    """A clock that stands still until it is set."""

    now: datetime = NOW
    calls: int = 0
    _awaited: dict[int, "asyncio.Future[None]"] = field(default_factory=dict)

    def __call__(self) -> datetime:
        self.calls += 1
        if self.calls in self._awaited:
            self._awaited.pop(self.calls).set_result(None)
        return self.now

    def reached(self, calls: int) -> "asyncio.Future[None]":
        """Done when the clock has been read so often, in the event loop's thread."""
        self._awaited[calls] = asyncio.get_running_loop().create_future()
        return self._awaited[calls]

    def advance(self, **span: float) -> None:
        """Sets it forward."""
        self.now += timedelta(**span)


@dataclass(frozen=True)
class Material:
    """What takes time to make and never changes: keys, certificates, a built register."""

    authority: Authority
    data: Path
    sealing_key: SealingKey
    signing_key: Ed25519PrivateKey
    ticket_key: ECKey
    node: Issued
    consumer: Issued
    # LMDB opens a file once in a process.
    generations: Generations

    @property
    def identity(self) -> NodeIdentity:
        """The node's."""
        return NodeIdentity(
            NODE.id, PROVIDER, "0.0-test", SealingKeys([self.sealing_key], {}), self.signing_key
        )

    @property
    def verification_key(self) -> bytes:
        """What receipts and descriptions verify with."""
        return self.signing_key.public_key().public_bytes_raw()

    def envelope(self, grant: Grant) -> Envelope:
        """The grant, signed by the node."""
        return signing.sign(signing.PayloadType.GRANT, grant, self.signing_key)


def make_material(directory: Path, resource: str = register.RESOURCE) -> Material:
    """New keys, and the register built under them as the resource file says."""
    authority = Authority()
    register.write_files(directory, resource=resource)
    register.build(directory, INDEX_KEY, OPRF_KEYS, directory / "data")
    return Material(
        authority,
        directory,
        SealingKey.generate(),
        Ed25519PrivateKey.generate(),
        ECKey.generate_key("P-256"),
        authority.party(NODE),
        authority.party(CONSUMER),
        Generations(directory / "data", INDEX_KEY.id),
    )


def grant(
    now: datetime = NOW,
    *,
    per_session: int = 1_000_000,
    per_day: int = 5_000_000,
    guards: Limits = UNGUARDED,
) -> Grant:
    """A grant for everything that the test resource offers; its guards are off unless a test sets them."""
    quotas = Limits(records_per_session=per_session, records_per_day=per_day)
    given = Grant(
        id=GRANT_ID,
        version=1,
        application_id="A-1",
        provider=PROVIDER,
        node_id=NODE.id,
        consumer=CONSUMER.id,
        resource=register.CODE,
        key=register.KEY,
        checks=register.CHECKS,
        modes=[Mode.MODE_KEYED],
        granularities=[Granularity.GRANULARITY_RECORD],
        purpose="低收入家庭经济状况核对",
        matter="最低生活保障审核确认",
        security_agreement="民政-公安〔2026〕3号",
        limits=complete(quotas, complete(guards, complete(UNGUARDED, DEFAULTS))),
    )
    given.valid_from.FromDatetime(now - timedelta(days=1))
    given.valid_until.FromDatetime(now + timedelta(days=300))
    given.issued_at.FromDatetime(now - timedelta(days=1))
    return given


def application_of(application_id: str) -> Application:
    """A consumer's application for the test resource."""
    return Application(
        id=application_id,
        consumer=CONSUMER.id,
        resource=register.CODE,
        key=register.KEY,
        checks=register.CHECKS,
        mode=Mode.MODE_KEYED,
        granularity=Granularity.GRANULARITY_RECORD,
        purpose="低收入家庭经济状况核对",
        matter="最低生活保障审核确认",
        security_agreement="民政-公安〔2026〕3号",
    )


@dataclass
class LocalNode:
    """The node's parts, and the consumer's side of them."""

    material: Material
    state: State
    clock: Clock
    check_ready: Callable[[], None] = lambda: None
    patience: Patience = field(default_factory=Patience)
    receipts_made: int = 0
    withdrawn: int = 0
    address: str = ""

    def __post_init__(self) -> None:
        identity, under_way = self.material.identity, OpenSessions()
        books = Books(self.state, identity, self.clock, under_way, self._receipt_made, self._withdrawn)
        self.resources = Resources(
            configured=load_resources(self.material.data / "resources"),
            generations=self.material.generations,
            index_keys=IndexKeys(INDEX_KEY),
            oprf_keys=OPRF_KEYS,
            identity=self.material.identity,
            state=self.state,
            clock=self.clock,
        )
        access = Access(TicketVerifier(NODE, [self.material.ticket_key]), self.state.grants)
        self.desk = NodeDesk(books, access)
        self.sessions = Sessions(
            self.desk, identity, self.clock, self.resources.serving, self.resources.opened
        )
        self.office = TicketOffice(self.material.ticket_key, NODE, self.clock.now)

    def _receipt_made(self) -> None:
        self.receipts_made += 1

    def _withdrawn(self) -> None:
        self.withdrawn += 1

    async def give(self, given: Grant) -> None:
        """Puts a grant into the node's store."""
        await self.state.grants.put(given.id, self.material.envelope(given), "王建国")

    @property
    def caller(self) -> Caller:
        """The consumer, as a connection shows it."""
        return Caller(CONSUMER, self.material.consumer.thumbprint)

    def describe(self) -> Description:
        """The description, verified."""
        envelope = self.resources.describe(register.CODE)
        kind = signing.PayloadType.DESCRIPTION
        return Description.FromString(signing.verify(envelope, kind, self.material.verification_key))

    def ticket(self, grant_id: str = GRANT_ID) -> str:
        """A ticket for the consumer, of now."""
        office = self.office.at(self.clock.now)
        return office.issue(office.ticket(CONSUMER, self.material.consumer, grant_id))

    def asking(self, checks: Sequence[str] = register.CHECKS) -> Asking:
        """A session that the node will admit, if there is a grant."""
        return asking(self.describe(), self.ticket(), checks)

    def receipts(self) -> list[Receipt]:
        """All receipts, verified; their chain too."""
        previous, found = receipts.FIRST_PREVIOUS_HASH, []
        for number, envelope in enumerate(self.state.receipts_after(0, 100_000), start=1):
            receipt = receipts.verify(envelope, self.material.verification_key)
            assert (receipt.sequence, receipt.previous_hash) == (number, previous)
            previous = receipts.payload_hash(envelope.payload)
            found.append(receipt)
        return found

    async def start(self) -> grpc.aio.Server:
        """Serves on a port of 127.0.0.1."""
        server = tls.server([ErrorInterceptor()])
        servicer = ComparisonServicer(
            self.sessions, NodeDescribing(self.resources, self.desk), self.check_ready, self.patience
        )
        add_ComparisonServiceServicer_to_server(servicer, server)
        port = tls.listen(server, "127.0.0.1:0", self.material.node.credentials)
        await server.start()
        self.address = f"127.0.0.1:{port}"
        return server

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Serves for the length of the block."""
        server = await self.start()
        try:
            yield
        finally:
            await server.stop(None)
            await self.sessions.all_closed()

    @asynccontextmanager
    async def called_by(
        self, holder: Issued | None = None
    ) -> "AsyncIterator[tuple[ComparisonServiceAsyncStub, grpc.aio.Channel]]":
        """A connection of the consumer, or of whoever holds a certificate."""
        made, channel = stub(self.address, NODE, (holder or self.material.consumer).credentials)
        async with channel:
            yield made, channel
