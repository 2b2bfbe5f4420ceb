"""The words that the wire and a department share, and how values of the wire become them."""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from enum import Enum
from typing import Final, TypeVar

from google.protobuf.timestamp_pb2 import Timestamp

from stayput.v1 import access_pb2, catalogue_pb2, contract_pb2
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
    """Where an application stands; the last four are final."""

    SUBMITTED = access_pb2.APPLICATION_STATE_SUBMITTED
    ACCEPTED = access_pb2.APPLICATION_STATE_ACCEPTED
    """The provider has taken it in (受理) and has to decide."""
    GRANTED = access_pb2.APPLICATION_STATE_GRANTED
    REFUSED = access_pb2.APPLICATION_STATE_REFUSED
    WITHDRAWN = access_pb2.APPLICATION_STATE_WITHDRAWN
    EXPIRED = access_pb2.APPLICATION_STATE_EXPIRED
    """Nobody decided in time; the department may apply again."""


class DecisionUrgency(Enum):
    """Who has been told that the time for a decision runs out."""

    NONE = access_pb2.DECISION_URGENCY_NONE
    REMINDER = access_pb2.DECISION_URGENCY_REMINDER
    """The provider."""
    ESCALATED = access_pb2.DECISION_URGENCY_ESCALATED
    """The platform's operator."""


class GrantState(Enum):
    """Whether a grant can be used now."""

    ACTIVE = "ACTIVE"
    PENDING = "PENDING"
    """Its validity has not begun."""
    EXPIRED = "EXPIRED"
    SUSPENDED = "SUSPENDED"
    """Provider or platform do not let it be used for now."""
    REVOKED = "REVOKED"
    """Provider or platform never let it be used again."""
    UNVERIFIED = "UNVERIFIED"
    """Not signed with the key now registered for the node; never used."""


class ChangeCause(Enum):
    """What made the provider suspend or revoke a grant."""

    ADMINISTRATOR = access_pb2.CHANGE_CAUSE_ADMINISTRATOR
    MISS_RATIO = access_pb2.CHANGE_CAUSE_MISS_RATIO
    """The node itself: too many records were not found."""
    SEQUENCE = access_pb2.CHANGE_CAUSE_SEQUENCE
    """The node itself: somebody walked through the numbers."""


class SaidBy(Enum):
    """Who suspended or revoked a grant."""

    PROVIDER = "PROVIDER"
    PLATFORM = "PLATFORM"


_E = TypeVar("_E", bound=Enum)
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def known(enum: type[_E], number: int, field: str) -> _E:
    """The member of that number; `UNSUPPORTED` for one that only a newer release knows."""
    try:
        return enum(number)
    except ValueError:
        raise unknown_value(field) from None


def all_known(enum: type[_E], numbers: Iterable[int], field: str) -> tuple[_E, ...]:
    """The members of those numbers; `UNSUPPORTED` as `known` says."""
    return tuple(known(enum, number, field) for number in numbers)


def moment(stamp: Timestamp) -> datetime:
    """An aware time in UTC; `PROTOCOL_VIOLATION` for one in no year from 1 to 9999."""
    try:
        return stamp.ToDatetime(UTC)
    except ValueError:
        raise malformed("time") from None


def day(text: str, field: str) -> date:
    """The day written as `YYYY-MM-DD`; `PROTOCOL_VIOLATION` for what is none."""
    if not _DAY.fullmatch(text):
        raise malformed(field)
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise malformed(field) from None


def unknown_value(field: str) -> ClientFault:
    """`UNSUPPORTED`: the other party uses a value of the field that this release does not know."""
    return ClientFault(ErrorReason.ERROR_REASON_UNSUPPORTED, "value_unknown", field=field)


def malformed(field: str) -> ClientFault:
    """`PROTOCOL_VIOLATION`: the other party left the field out, or filled it as the protocol does not."""
    return ClientFault(ErrorReason.ERROR_REASON_PROTOCOL_VIOLATION, "malformed", field=field)
