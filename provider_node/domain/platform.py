"""The node's calls to the comparator, over the node's own mutual TLS."""

from collections.abc import AsyncGenerator, Sequence

import grpc.aio

from stayput.identity import COMPARATOR_NAME
from stayput.rpc.client import translated
from stayput.rpc.tls import Credentials, channel
from stayput.v1.access_pb2 import (
    AcceptApplicationRequest,
    Application,
    GetApplicationRequest,
    ListApplicationsRequest,
    RecordDecisionRequest,
    RecordGrantChangeRequest,
    RecordGrantVersionRequest,
    WatchAccessRequest,
    WatchAccessResponse,
)
from stayput.v1.access_pb2_grpc import AccessServiceStub
from stayput.v1.catalogue_pb2 import PublishResourceRequest, Resource
from stayput.v1.catalogue_pb2_grpc import CatalogueServiceStub
from stayput.v1.log_pb2 import AppendReceiptsRequest, EntryKind, LogRecord, SearchLogRequest
from stayput.v1.log_pb2_grpc import LogServiceStub
from stayput.v1.signing_pb2 import Envelope

_PEER = "comparator"
_SECONDS = 20.0
_PAGE = 1_000


class Platform:
    """What the node asks of and tells the comparator. Failed calls raise `StayputError`."""

    def __init__(self, address: str, credentials: Credentials) -> None:
        self._channel: grpc.aio.Channel = channel(address, COMPARATOR_NAME, credentials)
        self._access = AccessServiceStub(self._channel)
        self._catalogue = CatalogueServiceStub(self._channel)
        self._log = LogServiceStub(self._channel)

    async def close(self) -> None:
        """Closes the connection."""
        await self._channel.close()

    async def publish(self, resource: Resource) -> None:
        """Puts an entry in the catalogue, or renews it."""
        with translated(_PEER):
            await self._catalogue.PublishResource(PublishResourceRequest(resource=resource), timeout=_SECONDS)

    async def applications(self) -> list[Application]:
        """All applications for this node's resources, newest first."""
        found: list[Application] = []
        token = ""
        while True:
            with translated(_PEER):
                page = await self._access.ListApplications(
                    ListApplicationsRequest(page_size=_PAGE, page_token=token), timeout=_SECONDS
                )
            found.extend(page.applications)
            token = page.next_page_token
            if not token:
                return found

    async def application(self, application_id: str) -> Application:
        """One application; `APPLICATION_UNKNOWN` if it is not for this node."""
        with translated(_PEER):
            answer = await self._access.GetApplication(
                GetApplicationRequest(id=application_id), timeout=_SECONDS
            )
        return answer.application

    async def accept(self, application_id: str, administrator: str) -> Application:
        """Records that the provider has taken an application in."""
        request = AcceptApplicationRequest(id=application_id, administrator=administrator)
        with translated(_PEER):
            return (await self._access.AcceptApplication(request, timeout=_SECONDS)).application

    async def record_grant(self, application_id: str, grant: Envelope, administrator: str) -> Application:
        """Records a signed grant as the decision on an application."""
        return await self._record(
            RecordDecisionRequest(application_id=application_id, grant=grant, administrator=administrator)
        )

    async def record_refusal(self, application_id: str, reason: str, administrator: str) -> Application:
        """Records a refusal."""
        return await self._record(
            RecordDecisionRequest(
                application_id=application_id, refusal_reason=reason, administrator=administrator
            )
        )

    async def _record(self, request: RecordDecisionRequest) -> Application:
        with translated(_PEER):
            answer = await self._access.RecordDecision(request, timeout=_SECONDS)
        return answer.application

    async def record_version(self, grant: Envelope) -> None:
        """Records a later version of a grant."""
        with translated(_PEER):
            await self._access.RecordGrantVersion(RecordGrantVersionRequest(grant=grant), timeout=_SECONDS)

    async def record_change(self, change: Envelope) -> None:
        """Records a change of a grant's state."""
        with translated(_PEER):
            await self._access.RecordGrantChange(RecordGrantChangeRequest(change=change), timeout=_SECONDS)

    async def watch(self) -> AsyncGenerator[WatchAccessResponse, None]:
        """What the node has to know, as it comes; to be closed. Ends when the platform hangs up."""
        with translated(_PEER):
            call = self._access.WatchAccess(WatchAccessRequest())
            try:
                async for response in call:
                    yield response
            finally:
                call.cancel()

    async def append(self, receipts: Sequence[Envelope]) -> int:
        """Delivers receipts; returns the number of the last one that the platform has stored."""
        with translated(_PEER):
            answer = await self._log.AppendReceipts(
                AppendReceiptsRequest(receipts=receipts), timeout=_SECONDS
            )
        return answer.stored_through

    async def logged_receipts(self) -> AsyncGenerator[LogRecord, None]:
        """What the platform's log shows of this node's receipts, the newest first, page by page."""
        asked = SearchLogRequest(page_size=_PAGE, kind=EntryKind.ENTRY_KIND_RECEIPT)
        while True:
            with translated(_PEER):
                page = await self._log.SearchLog(asked, timeout=_SECONDS)
            for record in page.records:
                yield record
            asked.page_token = page.next_page_token
            if not asked.page_token:
                return
