"""Who may call what: the one place that decides it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from comparator.domain.calendar import Calendar
from comparator.store.database import Store
from comparator.store.models import Role
from stayput.errors import StayputError
from stayput.identity import Caller, Kind, Party
from stayput.v1.errors_pb2 import ErrorReason

_CONSUMER = frozenset({Role.CONSUMER})
_PROVIDER = frozenset({Role.PROVIDER})
_OPERATOR = frozenset({Role.OPERATOR})
_OVERSEERS = frozenset({Role.AUDITOR, Role.OPERATOR})
_ALL = frozenset(Role)

# By full method name. The enrolment listener asks for no certificate, so it knows nobody's roles.
ALLOWED: Mapping[str, frozenset[Role]] = {
    "/stayput.v1.CatalogueService/PublishResource": _PROVIDER,
    "/stayput.v1.CatalogueService/ListResources": _ALL,
    "/stayput.v1.CatalogueService/GetResource": _ALL,
    "/stayput.v1.AccessService/Apply": _CONSUMER,
    "/stayput.v1.AccessService/WithdrawApplication": _CONSUMER,
    "/stayput.v1.AccessService/ListApplications": _ALL,
    "/stayput.v1.AccessService/GetApplication": _ALL,
    "/stayput.v1.AccessService/AcceptApplication": _PROVIDER,
    "/stayput.v1.AccessService/RecordDecision": _PROVIDER,
    "/stayput.v1.AccessService/RecordGrantVersion": _PROVIDER,
    "/stayput.v1.AccessService/RecordGrantChange": _PROVIDER,
    "/stayput.v1.AccessService/ListGrants": _ALL,
    "/stayput.v1.AccessService/SetGrantStanding": _OPERATOR,
    "/stayput.v1.AccessService/WatchAccess": _PROVIDER,
    "/stayput.v1.AccessService/IssueTicket": _CONSUMER,
    "/stayput.v1.LogService/AppendReceipts": _PROVIDER,
    "/stayput.v1.LogService/ListEvents": _OVERSEERS,
    "/stayput.v1.LogService/GetCheckpoint": _ALL,
    "/stayput.v1.LogService/GetConsistencyProof": _ALL,
    "/stayput.v1.LogService/AddCosignature": _ALL,
    "/stayput.v1.LogService/SearchLog": _ALL,
    "/stayput.v1.LogService/GetBundle": _ALL,
    "/stayput.v1.EnrolmentService/Enrol": frozenset(),
}
# These are for anyone enrolled, also for a party without a role: a department that only provides, which acts
# through its node, or a node whose department does not provide.
FOR_ANYONE = frozenset(
    {
        "/stayput.v1.CatalogueService/ListResources",
        "/stayput.v1.CatalogueService/GetResource",
        "/stayput.v1.LogService/GetCheckpoint",
        "/stayput.v1.LogService/GetConsistencyProof",
        "/stayput.v1.LogService/AddCosignature",
    }
)
_AS: Mapping[Role, str] = {
    Role.CONSUMER: "a department enrolled as consumer",
    Role.PROVIDER: "a node of a department enrolled as provider",
    Role.AUDITOR: "a department enrolled as auditor",
    Role.OPERATOR: "a department enrolled as operator",
}


@dataclass(frozen=True, slots=True)
class Call:
    """One admitted call: the transaction it runs in, who calls as what, when, and by which working days.

    The calendar is read when asked for: a call without deadlines does not depend on it.
    """

    store: Store
    party: Party
    department: Party
    roles: frozenset[Role]
    thumbprint: str
    signing_key: bytes
    now: datetime
    calendar: Callable[[], Calendar]


def admit(store: Store, caller: Caller, method: str, now: datetime, calendar: Callable[[], Calendar]) -> Call:
    """The call, if the certificate is the one its party is known by now and the party has a role for it.

    Raises `CERTIFICATE_UNKNOWN` or `NOT_PERMITTED`.
    """
    active = store.parties.active(caller.party)
    if active is None or active.thumbprint != caller.thumbprint or now >= active.not_after:
        raise StayputError(
            ErrorReason.ERROR_REASON_CERTIFICATE_UNKNOWN,
            "the certificate is not, or no longer, that of an enrolled department or node",
            remedy="use the certificate of the latest enrolment, or ask the operator for an invitation",
        )
    department = Party.from_urn(active.department_urn)
    roles = effective_roles(caller.party, store.parties.roles(department))
    if method not in FOR_ANYONE and not roles & ALLOWED.get(method, frozenset()):
        raise _not_permitted(caller.party.kind, method)
    return Call(
        store=store,
        party=caller.party,
        department=department,
        roles=roles,
        thumbprint=caller.thumbprint,
        signing_key=active.signing_key,
        now=now,
        calendar=calendar,
    )


def effective_roles(party: Party, of_department: frozenset[Role]) -> frozenset[Role]:
    """What a party acts as: its department's roles, but a provider acts through its nodes alone."""
    return of_department & _PROVIDER if party.kind is Kind.NODE else of_department - _PROVIDER


def _not_permitted(kind: Kind, method: str) -> StayputError:
    may = [_AS[role] for role in Role if role in ALLOWED.get(method, frozenset())]
    return StayputError(
        ErrorReason.ERROR_REASON_NOT_PERMITTED,
        f"this call is not for a {kind.value} of your roles",
        remedy=f"call it as {' or '.join(may)}; the platform's operator assigns roles" if may else "",
    )
