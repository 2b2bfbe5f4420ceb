"""What a department sees of the catalogue, of descriptions, and of its applications and grants."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import TypeVar

from google.protobuf.timestamp_pb2 import Timestamp

from stayput.v1 import access_pb2, catalogue_pb2, comparison_pb2, contract_pb2
from stayput.v1.errors_pb2 import ErrorReason
from stayput_client.faults import ClientFault


class Mode(Enum):
    """Where the matching happens and who learns what from it; see `stayput describe`."""

    KEYED = contract_pb2.MODE_KEYED
    OBLIVIOUS = contract_pb2.MODE_OBLIVIOUS


class Granularity(Enum):
    """What the consumer is told: an outcome for each record, or totals only."""

    RECORD = contract_pb2.GRANULARITY_RECORD
    COUNT = contract_pb2.GRANULARITY_COUNT


class Category(Enum):
    """Kind of information resource: 基础, 主题, 部门."""

    BASE = catalogue_pb2.CATEGORY_BASE
    THEME = catalogue_pb2.CATEGORY_THEME
    DEPARTMENT = catalogue_pb2.CATEGORY_DEPARTMENT


class Sharing(Enum):
    """无条件共享, 有条件共享, 不予共享."""

    UNCONDITIONAL = catalogue_pb2.SHARING_UNCONDITIONAL
    CONDITIONAL = catalogue_pb2.SHARING_CONDITIONAL
    NOT_SHARED = catalogue_pb2.SHARING_NOT_SHARED


class UpdateFrequency(Enum):
    """How often the provider says that it rebuilds."""

    REALTIME = catalogue_pb2.UPDATE_FREQUENCY_REALTIME
    DAILY = catalogue_pb2.UPDATE_FREQUENCY_DAILY
    WEEKLY = catalogue_pb2.UPDATE_FREQUENCY_WEEKLY
    MONTHLY = catalogue_pb2.UPDATE_FREQUENCY_MONTHLY
    QUARTERLY = catalogue_pb2.UPDATE_FREQUENCY_QUARTERLY
    YEARLY = catalogue_pb2.UPDATE_FREQUENCY_YEARLY
    IRREGULAR = catalogue_pb2.UPDATE_FREQUENCY_IRREGULAR


class ApplicationState(Enum):
    """Where an application stands."""

    SUBMITTED = access_pb2.APPLICATION_STATE_SUBMITTED
    GRANTED = access_pb2.APPLICATION_STATE_GRANTED
    REFUSED = access_pb2.APPLICATION_STATE_REFUSED


class GrantState(Enum):
    """Whether a grant can be used now."""

    ACTIVE = "ACTIVE"
    PENDING = "PENDING"
    """Its validity has not begun."""
    EXPIRED = "EXPIRED"
    UNVERIFIED = "UNVERIFIED"
    """Not signed with the key now registered for the node; never used."""


@dataclass(frozen=True, slots=True)
class ResourceSummary:
    """One entry of the catalogue. `keys` and `checks` give the names of their fields."""

    code: str
    title: str
    title_en: str
    provider: str
    node: str
    category: Category
    sharing: Sharing
    conditions: str
    legal_basis: str
    update_frequency: UpdateFrequency
    keys: Mapping[str, tuple[str, ...]]
    checks: Mapping[str, tuple[str, ...]]
    modes: tuple[Mode, ...]
    generation: str
    as_of: datetime | None
    stale: bool


@dataclass(frozen=True, slots=True)
class Description:
    """A resource as its own node describes it, after the signature was verified with the node's pinned key.

    `chunk_records` is the most records in one chunk; `signing_key` the raw Ed25519 key that verified this.
    """

    contract: contract_pb2.Contract
    title: str
    title_en: str
    provider: str
    node: str
    address: str
    generation: str
    as_of: datetime
    modes: tuple[Mode, ...]
    chunk_records: int
    issued_at: datetime
    signing_key: bytes = field(repr=False)
    sealing_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Application:
    """An application for access and where it stands."""

    id: str
    resource: str
    key: str
    checks: tuple[str, ...]
    mode: Mode
    granularity: Granularity
    purpose: str
    legal_basis: str
    expected_records_per_day: int
    state: ApplicationState
    refusal_reason: str
    grant_id: str
    submitted_at: datetime
    decided_at: datetime | None


@dataclass(frozen=True, slots=True)
class Grant:
    """A grant and whether it can be used now."""

    id: str
    application_id: str
    provider: str
    node: str
    resource: str
    key: str
    checks: tuple[str, ...]
    modes: tuple[Mode, ...]
    granularities: tuple[Granularity, ...]
    purpose: str
    valid_from: datetime
    valid_until: datetime
    case_number_required: bool
    records_per_session: int
    records_per_day: int
    state: GrantState


_E = TypeVar("_E", bound=Enum)


def _known(enum: type[_E], number: int, what: str) -> _E:
    try:
        return enum(number)
    except ValueError:
        raise ClientFault(ErrorReason.ERROR_REASON_UNSUPPORTED, "value_unknown", field=what) from None


def _modes(numbers: Iterable[int]) -> tuple[Mode, ...]:
    return tuple(_known(Mode, number, "mode") for number in numbers)


def moment(stamp: Timestamp) -> datetime:
    """An aware time in UTC."""
    return stamp.ToDatetime(UTC)


def resource_summary(entry: catalogue_pb2.Resource) -> ResourceSummary:
    """One entry of the catalogue."""
    return ResourceSummary(
        code=entry.code,
        title=entry.title,
        title_en=entry.title_en,
        provider=entry.provider,
        node=entry.node_id,
        category=_known(Category, entry.category, "category"),
        sharing=_known(Sharing, entry.sharing, "sharing"),
        conditions=entry.conditions,
        legal_basis=entry.legal_basis,
        update_frequency=_known(UpdateFrequency, entry.update_frequency, "update_frequency"),
        keys={key.name: tuple(key.fields) for key in entry.keys},
        checks={check.name: tuple(check.fields) for check in entry.checks},
        modes=_modes(entry.modes),
        generation=entry.generation,
        as_of=moment(entry.as_of) if entry.HasField("as_of") else None,
        stale=entry.stale,
    )


def description(message: comparison_pb2.Description, entry: catalogue_pb2.Resource) -> Description:
    """A description that was verified, with titles and address from the catalogue entry."""
    return Description(
        contract=message.contract,
        title=entry.title,
        title_en=entry.title_en,
        provider=message.provider,
        node=message.node_id,
        address=entry.address,
        generation=message.generation,
        as_of=moment(message.as_of),
        modes=_modes(message.modes),
        chunk_records=message.chunk_records,
        issued_at=moment(message.issued_at),
        signing_key=entry.signing_key,
        sealing_key=message.sealing_key,
    )


def application(message: access_pb2.Application) -> Application:
    """An application as the comparator gives it."""
    return Application(
        id=message.id,
        resource=message.resource,
        key=message.key,
        checks=tuple(message.checks),
        mode=_known(Mode, message.mode, "mode"),
        granularity=_known(Granularity, message.granularity, "granularity"),
        purpose=message.purpose,
        legal_basis=message.legal_basis,
        expected_records_per_day=message.expected_records_per_day,
        state=_known(ApplicationState, message.state, "state"),
        refusal_reason=message.refusal_reason,
        grant_id=message.grant_id,
        submitted_at=moment(message.submitted_at),
        decided_at=moment(message.decided_at) if message.HasField("decided_at") else None,
    )


def grant(message: access_pb2.Grant, state: GrantState) -> Grant:
    """A grant as its node signed it, in the state given."""
    return Grant(
        id=message.id,
        application_id=message.application_id,
        provider=message.provider,
        node=message.node_id,
        resource=message.resource,
        key=message.key,
        checks=tuple(message.checks),
        modes=_modes(message.modes),
        granularities=tuple(_known(Granularity, one, "granularity") for one in message.granularities),
        purpose=message.purpose,
        valid_from=moment(message.valid_from),
        valid_until=moment(message.valid_until),
        case_number_required=message.case_number_required,
        records_per_session=message.limits.records_per_session,
        records_per_day=message.limits.records_per_day,
        state=state,
    )
