"""Who may call what: the one place that decides it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from comparator.domain.calendar import Calendar
from comparator.store.database import Store
from stayput.errors import StayputError
from stayput.identity import Caller, Kind, Party
from stayput.v1.errors_pb2 import ErrorReason

_DEPARTMENT = frozenset({Kind.DEPARTMENT})
_NODE = frozenset({Kind.NODE})
_EITHER = _DEPARTMENT | _NODE

# By full method name. The enrolment listener asks for no certificate, so no kind of party is named there.
ALLOWED: Mapping[str, frozenset[Kind]] = {
    "/stayput.v1.CatalogueService/PublishResource": _NODE,
    "/stayput.v1.CatalogueService/ListResources": _EITHER,
    "/stayput.v1.CatalogueService/GetResource": _EITHER,
    "/stayput.v1.AccessService/Apply": _DEPARTMENT,
    "/stayput.v1.AccessService/ListApplications": _EITHER,
    "/stayput.v1.AccessService/GetApplication": _EITHER,
    "/stayput.v1.AccessService/RecordDecision": _NODE,
    "/stayput.v1.AccessService/ListGrants": _EITHER,
    "/stayput.v1.AccessService/IssueTicket": _DEPARTMENT,
    "/stayput.v1.LogService/AppendReceipts": _NODE,
    "/stayput.v1.EnrolmentService/Enrol": frozenset(),
}


@dataclass(frozen=True, slots=True)
class Call:
    """One admitted call: the transaction it runs in, who calls, when, and by which working days.

    The calendar is read when asked for: a call without deadlines does not depend on it.
    """

    store: Store
    party: Party
    department: Party
    thumbprint: str
    signing_key: bytes
    now: datetime
    calendar: Callable[[], Calendar]


def admit(store: Store, caller: Caller, method: str, now: datetime, calendar: Callable[[], Calendar]) -> Call:
    """The call, if the certificate is the one its party is known by now and the call is for such a party.

    Raises `CERTIFICATE_UNKNOWN` or `NOT_PERMITTED`.
    """
    active = store.parties.active(caller.party)
    if active is None or active[1].thumbprint != caller.thumbprint or now >= active[1].not_after:
        raise StayputError(
            ErrorReason.ERROR_REASON_CERTIFICATE_UNKNOWN,
            "the certificate is not, or no longer, that of an enrolled department or node",
            remedy="use the certificate of the latest enrolment, or ask the operator for an invitation",
        )
    if caller.party.kind not in ALLOWED.get(method, frozenset()):
        raise StayputError(
            ErrorReason.ERROR_REASON_NOT_PERMITTED,
            f"this call is not for a {caller.party.kind.value}",
            remedy="call it as a party of the right kind",
        )
    party, credential = active
    return Call(
        store=store,
        party=caller.party,
        department=Party.from_urn(party.department_urn),
        thumbprint=caller.thumbprint,
        signing_key=credential.signing_key,
        now=now,
        calendar=calendar,
    )
