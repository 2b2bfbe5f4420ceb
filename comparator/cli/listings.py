"""`departments`, `resources`, `receipts`: what is stored."""

import hashlib
from base64 import b64encode
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from comparator import texts
from comparator.cli.failures import told
from comparator.cli.opening import opened
from comparator.cli.tables import dump, minute, plain, show
from comparator.config import load
from comparator.store.models import CredentialRow, PartyRow, Role
from stayput.language import Text
from stayput.v1.catalogue_pb2 import Category, ListResourcesRequest, Sharing
from stayput.v1.contract_pb2 import Mode
from stayput.v1.log_pb2 import Receipt, SessionEnd

_ROLES: Mapping[Role, Text] = {
    Role.CONSUMER: texts.ROLE_CONSUMER,
    Role.PROVIDER: texts.ROLE_PROVIDER,
    Role.AUDITOR: texts.ROLE_AUDITOR,
    Role.OPERATOR: texts.ROLE_OPERATOR,
}
_CATEGORIES: Mapping[int, Text] = {
    Category.CATEGORY_BASE: texts.CATEGORY_BASE,
    Category.CATEGORY_THEME: texts.CATEGORY_THEME,
    Category.CATEGORY_DEPARTMENT: texts.CATEGORY_DEPARTMENT,
}
_SHARING: Mapping[int, Text] = {
    Sharing.SHARING_UNCONDITIONAL: texts.SHARING_UNCONDITIONAL,
    Sharing.SHARING_CONDITIONAL: texts.SHARING_CONDITIONAL,
    Sharing.SHARING_NOT_SHARED: texts.SHARING_NOT_SHARED,
}
ENDS: Mapping[int, Text] = {
    SessionEnd.SESSION_END_COMPLETE: texts.END_COMPLETE,
    SessionEnd.SESSION_END_CUT_BY_CONSUMER: texts.END_CUT_BY_CONSUMER,
    SessionEnd.SESSION_END_CUT_BY_NODE: texts.END_CUT_BY_NODE,
    SessionEnd.SESSION_END_NODE_CRASHED: texts.END_NODE_CRASHED,
}


@told()
def departments(path: Path, json: bool) -> None:
    """Departments and nodes, invited or enrolled."""
    with opened(load(path)) as database, database.reading() as store:
        parties = store.parties.all()
    if json:
        dump([_party(party, credential) for party, credential in parties])
        return
    show(
        texts.DEPARTMENTS,
        (
            texts.COL_KIND,
            texts.COL_CODE,
            texts.COL_DEPARTMENT,
            texts.COL_TITLE,
            texts.COL_ROLES,
            texts.COL_STATE,
            texts.COL_UNTIL,
        ),
        (
            (
                texts.KIND_NODE if party.is_node else texts.KIND_DEPARTMENT,
                party.party.id,
                party.department,
                party.title,
                roles_named(party.roles),
                texts.STATE_ENROLLED if credential else texts.STATE_INVITED,
                f"{credential.not_after.astimezone():%Y-%m-%d}" if credential else "",
            )
            for party, credential in parties
        ),
    )


def roles_named(roles: Collection[Role]) -> Text:
    """The roles as people call them."""
    named = [_ROLES[role] for role in Role if role in roles]
    return Text(", ".join(each.en for each in named), "、".join(each.zh for each in named))


def _party(party: PartyRow, credential: CredentialRow | None) -> dict[str, object]:
    return {
        "kind": party.party.kind.value,
        "id": party.party.id,
        "department": party.department,
        "title": party.title,
        "roles": [role.value for role in Role if role in party.roles],
        "enrolled": credential is not None,
        "certificate_until": credential.not_after.isoformat() if credential else None,
        # Base64 of the raw Ed25519 key, as a trust file holds it.
        "signing_key": b64encode(credential.signing_key).decode() if credential else None,
    }


@told()
def resources(
    path: Path,
    query: str,
    categories: Sequence[str],
    sharings: Sequence[str],
    provider: str,
    modes: Sequence[str],
    json: bool,
) -> None:
    """What the search finds in the catalogue, by code; names are those of the .proto in small letters."""
    from comparator.domain.catalogue import searched, with_staleness

    search = searched(
        ListResourcesRequest(
            query=query,
            categories=[Category.Value(_of_proto("CATEGORY", name)) for name in categories],
            sharings=[Sharing.Value(_of_proto("SHARING", name)) for name in sharings],
            provider=provider,
            modes=[Mode.Value(_of_proto("MODE", name)) for name in modes],
        )
    )
    now = datetime.now(UTC)
    with opened(load(path)) as database, database.reading() as store:
        listed = [with_staleness(resource, now) for resource in store.catalogue.page(search, "", None)]
    if json:
        dump([plain(resource) for resource in listed])
        return
    show(
        texts.RESOURCES,
        (
            texts.COL_CODE,
            texts.COL_TITLE,
            texts.COL_PROVIDER,
            texts.COL_NODE,
            texts.COL_CATEGORY,
            texts.COL_SHARING,
            texts.COL_AS_OF,
            texts.COL_STALE,
        ),
        (
            (
                resource.code,
                resource.title,
                resource.provider,
                resource.node_id,
                _CATEGORIES[resource.category],
                _SHARING[resource.sharing],
                minute(resource.as_of),
                texts.YES if resource.stale else texts.NO,
            )
            for resource in listed
        ),
    )


def _of_proto(prefix: str, name: str) -> str:
    return f"{prefix}_{name.upper().replace('-', '_')}"


@told()
def receipts(path: Path, json: bool) -> None:
    """Receipts, in the order of arrival."""
    with opened(load(path)) as database, database.reading() as store:
        payloads = [envelope.payload for envelope in store.log.all()]
    if json:
        dump(
            [
                plain(Receipt.FromString(payload)) | {"payload_sha256": hashlib.sha256(payload).hexdigest()}
                for payload in payloads
            ]
        )
        return
    show(
        texts.RECEIPTS,
        (
            texts.COL_NODE,
            texts.COL_SEQUENCE,
            texts.COL_CONSUMER,
            texts.COL_RESOURCE,
            texts.COL_RECORDS,
            texts.COL_END,
            texts.COL_FINISHED,
        ),
        (
            (
                receipt.node_id,
                str(receipt.sequence),
                receipt.consumer,
                receipt.resource,
                str(receipt.records),
                ENDS[receipt.end],
                minute(receipt.finished_at),
            )
            for receipt in map(Receipt.FromString, payloads)
        ),
    )
