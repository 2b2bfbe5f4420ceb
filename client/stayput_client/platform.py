"""Calls to the comparator: catalogue, applications, grants, tickets."""

from collections.abc import AsyncIterator
from typing import Final

import grpc.aio

from stayput.rpc.client import translated
from stayput.v1 import access_pb2, catalogue_pb2
from stayput.v1.access_pb2_grpc import AccessServiceStub
from stayput.v1.catalogue_pb2_grpc import CatalogueServiceStub
from stayput_client.agreements import Recent, seconds_of_use
from stayput_client.models.vocabulary import moment

CALL_SECONDS: Final = 30.0
_PAGE: Final = 1_000
_PEER: Final = "comparator"


class Comparator:
    """The comparator, over a channel that is authenticated both ways."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._catalogue = CatalogueServiceStub(channel)
        self._access = AccessServiceStub(channel)
        self._tickets: Recent[tuple[str, str, str, str], str] = Recent()

    async def resources(
        self, search: catalogue_pb2.ListResourcesRequest | None = None
    ) -> list[catalogue_pb2.Resource]:
        """All resources that a search finds, else the whole catalogue, by code."""
        entries: list[catalogue_pb2.Resource] = []
        request = search or catalogue_pb2.ListResourcesRequest()
        request.page_size = _PAGE
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

    async def withdraw(self, application_id: str, reason: str) -> access_pb2.Application:
        """Takes an application back."""
        with translated(_PEER):
            request = access_pb2.WithdrawApplicationRequest(id=application_id, reason=reason)
            return (await self._access.WithdrawApplication(request, timeout=CALL_SECONDS)).application

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

    async def grants(self) -> AsyncIterator[access_pb2.RecordedGrant]:
        """All of the caller's grants, newest first; not verified."""
        request = access_pb2.ListGrantsRequest(page_size=_PAGE)
        while True:
            with translated(_PEER):
                page = await self._access.ListGrants(request, timeout=CALL_SECONDS)
            for recorded in page.grants:
                yield recorded
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
            return answer.ticket, seconds_of_use(moment(answer.expires_at))

        return await self._tickets.get((grant_id, operator, purpose, case_number), issued)

    def forget_tickets(self) -> None:
        """The next session asks for a new ticket."""
        self._tickets.forget()
