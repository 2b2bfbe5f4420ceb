"""What a running node is made of."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version

from provider_node.config import NodeConfig, ResourceConfig, load_resources
from provider_node.domain.access import Access
from provider_node.domain.accounts import Books
from provider_node.domain.decisions import Decisions
from provider_node.domain.definitions import Definitions
from provider_node.domain.desk import NodeDesk
from provider_node.domain.grants import GivenGrants
from provider_node.domain.identity import NodeIdentity
from provider_node.domain.keyring import Keyring
from provider_node.domain.keys import Enrolled, NodeKeys
from provider_node.domain.live_definitions import LiveDefinitions
from provider_node.domain.notices import Notices
from provider_node.domain.open_sessions import OpenSessions
from provider_node.domain.outbox import Outbox
from provider_node.domain.platform import Platform
from provider_node.domain.policy import policies
from provider_node.domain.resources import Resources
from provider_node.domain.sessions import Sessions
from provider_node.domain.standing_policy import StandingPolicies
from provider_node.domain.watch import Watch
from provider_node.store.generations import Generations
from provider_node.store.state import State
from stayput.identity import node
from stayput.rpc import tls
from stayput.tickets import TicketVerifier


def now() -> datetime:
    """The process's clock."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Own:
    """Who the node is, what enrolment gave it, and its keys."""

    identity: NodeIdentity
    enrolled: Enrolled
    keyring: Keyring


@dataclass(frozen=True, slots=True)
class Parts:
    """The node's parts."""

    config: NodeConfig
    identity: NodeIdentity
    credentials: tls.Credentials
    keyring: Keyring
    state: State
    generations: Generations
    resources: Resources
    desk: NodeDesk
    sessions: Sessions
    platform: Platform
    outbox: Outbox
    notices: Notices
    decisions: Decisions
    definitions: LiveDefinitions
    standing: StandingPolicies
    grants: GivenGrants
    watch: Watch

    def check_ready(self) -> None:
        """Passes if a session may begin: `LOG_BACKLOG`, `CATCHING_UP`."""
        self.outbox.check_grace()
        self.watch.check_caught_up()


@asynccontextmanager
async def parts_of(config: NodeConfig) -> AsyncIterator[Parts]:
    """The parts of the node that is configured so, closed at the end of the block."""
    own = _own(config)
    enrolled, keyring = own.enrolled, own.keyring
    configured = load_resources(config.node.resources)
    state = State(config.node.data / "state")
    platform = Platform(config.node.comparator or enrolled.comparator_address, enrolled.credentials)
    generations = Generations(config.node.data, keyring.index)
    resources = Resources(
        configured=configured,
        generations=generations,
        index_keys=keyring.index,
        oprf_keys=keyring.oprf,
        identity=own.identity,
        state=state,
        clock=now,
        replica_addresses=config.replicas.addresses,
    )
    try:
        yield _assembled(config, own, state, platform, generations, resources, configured)
    finally:
        await platform.close()
        state.close()


def _own(config: NodeConfig) -> Own:
    keys = NodeKeys.of(config)
    enrolled, keyring = keys.enrolled(), Keyring(keys, config.node.data)
    identity = NodeIdentity(
        node_id=config.node.id,
        department=config.node.department,
        software_version=version("stayput"),
        sealing_keys=keyring.sealing,
        signing_key=keys.signing_key(),
    )
    return Own(identity, enrolled, keyring)


def _assembled(
    config: NodeConfig,
    own: Own,
    state: State,
    platform: Platform,
    generations: Generations,
    resources: Resources,
    configured: dict[str, ResourceConfig],
) -> Parts:
    identity, laid_down = own.identity, policies(config, configured)
    outbox = Outbox(state, platform, timedelta(hours=config.receipts.grace_hours), now)
    notices = Notices(state.grants, platform)
    access = Access(TicketVerifier(node(config.node.id), [own.enrolled.ticket_key]), state.grants)
    books = Books(state, identity, now, OpenSessions(), outbox.wake, notices.wake)
    desk = NodeDesk(books, access)
    decisions = Decisions(
        identity=identity,
        grants=state.grants,
        platform=platform,
        notices=notices,
        policies=laid_down,
        clock=now,
    )
    definitions = Definitions(config.node.data, config.node.resources, now)
    definitions.note(configured)
    standing = StandingPolicies(laid_down, decisions)
    return Parts(
        config=config,
        identity=identity,
        credentials=own.enrolled.credentials,
        keyring=own.keyring,
        state=state,
        generations=generations,
        resources=resources,
        desk=desk,
        sessions=Sessions(desk, identity, now, resources.serving, resources.opened),
        platform=platform,
        outbox=outbox,
        notices=notices,
        decisions=decisions,
        definitions=LiveDefinitions(
            definitions=definitions,
            config=config,
            configured=configured,
            laid_down=laid_down,
            resources=resources,
            platform=platform,
        ),
        standing=standing,
        grants=GivenGrants(identity, state, desk, notices, now),
        watch=Watch(state.grants, platform, desk, standing.consider, notices.wake),
    )
