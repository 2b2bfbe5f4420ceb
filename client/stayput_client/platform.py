"""Calls to the comparator: catalogue, applications, grants, tickets."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import grpc.aio
from google.protobuf.message import DecodeError

from stayput import grants
from stayput.errors import StayputError
from stayput.rpc.client import translated
from stayput.v1 import access_pb2, catalogue_pb2
from stayput.v1.access_pb2_grpc import AccessServiceStub
from stayput.v1.catalogue_pb2_grpc import CatalogueServiceStub
from stayput.v1.contract_pb2 import GRANULARITY_RECORD, MODE_KEYED
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.signing_pb2 import Envelope
from stayput_client import models
from stayput_client.agreements import Recent, seconds_of_use
from stayput_client.faults import ClientFault

CALL_SECONDS: Final = 30.0
_PAGE: Final = 1_000
_PEER: Final = "comparator"


class Comparator:
    """The comparator, over a channel that is authenticated both ways."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._catalogue = CatalogueServiceStub(channel)
        self._access = AccessServiceStub(channel)
        self._tickets: Recent[tuple[str, str, str, str], str] = Recent()

    async def resources(self) -> list[catalogue_pb2.Resource]:
        """The whole catalogue, by code."""
        entries: list[catalogue_pb2.Resource] = []
        request = catalogue_pb2.ListResourcesRequest(page_size=_PAGE)
        with translated(_PEER):
            while True:
                page = await self._catalogue.ListResources(request, timeout=CALL_SECONDS)
                entries.extend(page.resources)
                if not page.next_page_token:
                    return entries
                request.page_token = page.next_page_token

    async def resource(self, code: str) -> catalogue_pb2.Resource:
        """One entry; `RESOURCE_UNKNOWN`."""
        with translated(_PEER):
            request = catalogue_pb2.GetResourceRequest(code=code)
            return (await self._catalogue.GetResource(request, timeout=CALL_SECONDS)).resource

    async def apply(self, wanted: access_pb2.Application) -> access_pb2.Application:
        """Files an application."""
        with translated(_PEER):
            request = access_pb2.ApplyRequest(application=wanted)
            return (await self._access.Apply(request, timeout=CALL_SECONDS)).application

    async def applications(self) -> list[access_pb2.Application]:
        """All of the caller's applications, newest first."""
        found: list[access_pb2.Application] = []
        request = access_pb2.ListApplicationsRequest(page_size=_PAGE)
        with translated(_PEER):
            while True:
                page = await self._access.ListApplications(request, timeout=CALL_SECONDS)
                found.extend(page.applications)
                if not page.next_page_token:
                    return found
                request.page_token = page.next_page_token

    async def grants(self) -> AsyncIterator[Envelope]:
        """Envelopes of all of the caller's grants, newest first; not verified."""
        request = access_pb2.ListGrantsRequest(page_size=_PAGE)
        while True:
            with translated(_PEER):
                page = await self._access.ListGrants(request, timeout=CALL_SECONDS)
            for envelope in page.grants:
                yield envelope
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def ticket(self, grant_id: str, operator: str, purpose: str, case_number: str) -> str:
        """A ticket for one of the caller's grants; one that was issued for the same use and still lives."""
        request = access_pb2.IssueTicketRequest(
            grant_id=grant_id, operator=operator, purpose=purpose, case_number=case_number
        )

        async def issued() -> tuple[str, float]:
            with translated(_PEER):
                answer = await self._access.IssueTicket(request, timeout=CALL_SECONDS)
            return answer.ticket, seconds_of_use(answer.expires_at.ToDatetime(UTC))

        return await self._tickets.get((grant_id, operator, purpose, case_number), issued)

    def forget_tickets(self) -> None:
        """The next session asks for a new ticket."""
        self._tickets.forget()


def opened_grant(envelope: Envelope, signing_keys: Mapping[str, bytes], now: datetime) -> models.Grant:
    """The grant in an envelope and its state; UNVERIFIED unless the key of the node it names signed it.

    `signing_keys` are raw Ed25519 keys by node id.
    """
    try:
        claimed = access_pb2.Grant.FromString(envelope.payload)
    except DecodeError:
        raise ClientFault(
            ErrorReason.ERROR_REASON_GRANT_SIGNATURE_INVALID, "grant_unverified", field="grant"
        ) from None
    signing_key = signing_keys.get(claimed.node_id)
    if signing_key is None:
        return models.grant(claimed, models.GrantState.UNVERIFIED)
    try:
        return models.grant(grants.verify(envelope, signing_key), _state(claimed, now))
    except StayputError as error:
        if error.reason != ErrorReason.ERROR_REASON_GRANT_SIGNATURE_INVALID:
            raise
        return models.grant(claimed, models.GrantState.UNVERIFIED)


def _state(grant: access_pb2.Grant, now: datetime) -> models.GrantState:
    try:
        grants.check_active(grant, now)
    except StayputError as error:
        if error.reason != ErrorReason.ERROR_REASON_GRANT_NOT_ACTIVE:
            raise
        return models.GrantState[error.details["state"]]
    return models.GrantState.ACTIVE


def chosen_grant(
    held: Sequence[models.Grant], resource: str, key: str, checks: Sequence[str], grant_id: str | None
) -> models.Grant:
    """The grant to use: the one named, or the only active one that covers the request.

    Raises `GRANT_UNKNOWN` or `FIELD_INVALID` with what to give, and for a grant named `GRANT_NOT_ACTIVE`,
    `GRANT_SCOPE` or `GRANT_SIGNATURE_INVALID`.
    """
    if grant_id is not None:
        return _named(held, grant_id, resource, key, checks)
    fitting = [
        one for one in held if one.state is models.GrantState.ACTIVE and _covers(one, resource, key, checks)
    ]
    if not fitting:
        wanted = " ".join([f"--resource {resource} --key {key}", *(f"--check {check}" for check in checks)])
        raise ClientFault(ErrorReason.ERROR_REASON_GRANT_UNKNOWN, "no_grant", field="grant", wanted=wanted)
    if len(fitting) > 1:
        ids = ", ".join(one.id for one in fitting)
        raise ClientFault(ErrorReason.ERROR_REASON_FIELD_INVALID, "several_grants", field="grant", ids=ids)
    return fitting[0]


def _named(
    held: Sequence[models.Grant], grant_id: str, resource: str, key: str, checks: Sequence[str]
) -> models.Grant:
    grant = next((one for one in held if one.id == grant_id), None)
    if grant is None:
        raise ClientFault(ErrorReason.ERROR_REASON_GRANT_UNKNOWN, "grant_not_held", field="grant")
    if grant.state is models.GrantState.UNVERIFIED:
        raise ClientFault(ErrorReason.ERROR_REASON_GRANT_SIGNATURE_INVALID, "grant_unverified", field="grant")
    if grant.state is not models.GrantState.ACTIVE:
        raise ClientFault(
            ErrorReason.ERROR_REASON_GRANT_NOT_ACTIVE,
            "grant_not_active",
            field="grant",
            state=grant.state.value,
        )
    if not _covers(grant, resource, key, checks):
        raise ClientFault(ErrorReason.ERROR_REASON_GRANT_SCOPE, "grant_scope", field="grant")
    return grant


def _covers(grant: models.Grant, resource: str, key: str, checks: Sequence[str]) -> bool:
    return (
        (grant.resource, grant.key) == (resource, key)
        and set(checks) <= set(grant.checks)
        and models.Mode.KEYED in grant.modes
        and models.Granularity.RECORD in grant.granularities
    )


def application_for(
    resource: str, key: str, checks: Sequence[str], purpose: str, legal_basis: str, records_per_day: int
) -> access_pb2.Application:
    """An application for outcomes per record in keyed mode; `records_per_day` 0 means not stated."""
    return access_pb2.Application(
        resource=resource,
        key=key,
        checks=checks,
        mode=MODE_KEYED,
        granularity=GRANULARITY_RECORD,
        purpose=purpose,
        legal_basis=legal_basis,
        expected_records_per_day=records_per_day,
    )
