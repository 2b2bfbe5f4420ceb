"""What can be compared: entries of the catalogue, and what a resource's own node says of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from stayput.v1 import catalogue_pb2, comparison_pb2, contract_pb2
from stayput_client.models.grants import grant_state
from stayput_client.models.leakages import Leakage, leakages
from stayput_client.models.limits import Limits, limits
from stayput_client.models.vocabulary import (
    Category,
    GrantState,
    Granularity,
    Mode,
    Sharing,
    UpdateFrequency,
    all_known,
    known,
    moment,
)


@dataclass(frozen=True, slots=True)
class ResourceSummary:
    """One entry of the catalogue. `keys` and `checks` give the names of their fields.

    A check that is a condition, which the provider evaluates on its own rows, has none; `check_conditions`
    has it by the check's name.

    `granularities` are offered in each of `modes`. `key_epoch` names the keys of the oblivious mode; it is
    empty where that is not offered, or no generation serves.
    """

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
    check_conditions: Mapping[str, str]
    modes: tuple[Mode, ...]
    granularities: tuple[Granularity, ...]
    key_epoch: str
    leakages: tuple[Leakage, ...]
    generation: str
    as_of: datetime | None
    stale: bool


@dataclass(frozen=True, slots=True)
class Allowance:
    """What the node says is left of one grant's quota today. Not signed: it is for showing only.

    `state` is ACTIVE, SUSPENDED or REVOKED as the node knows it; `day_ends` is when the next day begins.
    """

    grant_id: str
    state: GrantState
    limits: Limits
    records_used_today: int
    records_left_today: int
    day_ends: datetime


@dataclass(frozen=True, slots=True)
class Description:
    """A resource as its own node describes it, after the signature was verified with the node's pinned key.

    `chunk_records` is the most records in one chunk; `signing_key` the raw Ed25519 key that verified this.
    `granularities` are offered in each of `modes`; `oblivious` is there exactly if the oblivious mode is.
    `allowances`, which no key signed, are filled by `Client.describe` only. By the catalogue the node answers
    at `address`, and its replicas in its name at `replica_addresses`.
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
    granularities: tuple[Granularity, ...]
    oblivious: contract_pb2.ObliviousOffer | None
    leakages: tuple[Leakage, ...]
    chunk_records: int
    issued_at: datetime
    signing_key: bytes = field(repr=False)
    sealing_key: bytes = field(repr=False)
    allowances: tuple[Allowance, ...] = ()
    replica_addresses: tuple[str, ...] = ()


def resource_summary(entry: catalogue_pb2.Resource) -> ResourceSummary:
    """One entry of the catalogue."""
    modes, granularities = all_known(Mode, entry.modes, "mode"), _granularities(entry.granularities)
    return ResourceSummary(
        code=entry.code,
        title=entry.title,
        title_en=entry.title_en,
        provider=entry.provider,
        node=entry.node_id,
        category=known(Category, entry.category, "category"),
        sharing=known(Sharing, entry.sharing, "sharing"),
        conditions=entry.conditions,
        legal_basis=entry.legal_basis,
        update_frequency=known(UpdateFrequency, entry.update_frequency, "update_frequency"),
        keys={key.name: tuple(key.fields) for key in entry.keys},
        checks={check.name: tuple(check.fields) for check in entry.checks},
        check_conditions={check.name: check.condition for check in entry.checks if check.condition},
        modes=modes,
        granularities=granularities,
        key_epoch=entry.oblivious.key_epoch,
        leakages=leakages(entry.leakages, modes, granularities),
        generation=entry.generation,
        as_of=moment(entry.as_of) if entry.HasField("as_of") else None,
        stale=entry.stale,
    )


def _granularities(offered: Iterable[int]) -> tuple[Granularity, ...]:
    return all_known(Granularity, offered, "granularity") or (Granularity.RECORD,)


def description(message: comparison_pb2.Description, entry: catalogue_pb2.Resource) -> Description:
    """A description that was verified, with titles and address from the catalogue entry."""
    modes, granularities = all_known(Mode, message.modes, "mode"), _granularities(message.granularities)
    return Description(
        contract=message.contract,
        title=entry.title,
        title_en=entry.title_en,
        provider=message.provider,
        node=message.node_id,
        address=entry.address,
        generation=message.generation,
        as_of=moment(message.as_of),
        modes=modes,
        granularities=granularities,
        oblivious=message.oblivious if message.HasField("oblivious") else None,
        leakages=leakages(message.leakages, modes, granularities),
        chunk_records=message.chunk_records,
        issued_at=moment(message.issued_at),
        signing_key=entry.signing_key,
        sealing_key=message.sealing_key,
        replica_addresses=tuple(entry.replica_addresses),
    )


def allowance(message: comparison_pb2.Allowance) -> Allowance:
    """What is left of a grant's quota."""
    return Allowance(
        grant_id=message.grant_id,
        state=grant_state(message.state, "allowance.state"),
        limits=limits(message.limits, "allowance.limits"),
        records_used_today=message.records_used_today,
        records_left_today=message.records_left_today,
        day_ends=moment(message.day_ends),
    )
