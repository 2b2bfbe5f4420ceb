"""EnrolmentService, on its own listener: the one place where the caller has no certificate yet."""

from dataclasses import dataclass

import structlog

from comparator.domain import enrolment
from comparator.domain.ca import Issuer
from comparator.servicers.desk import Desk
from stayput.rpc.server import Context
from stayput.v1.enrolment_pb2 import EnrolRequest, EnrolResponse
from stayput.v1.enrolment_pb2_grpc import EnrolmentServiceServicer

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Welcome:
    """What every party is told when it enrols: where the main listener is, and the key of tickets (PEM)."""

    comparator_address: str
    ticket_key: str


class EnrolmentServicer(EnrolmentServiceServicer):
    """Enrolment, as enrolment.proto says."""

    def __init__(self, desk: Desk, issuer: Issuer, welcome: Welcome) -> None:
        self._desk = desk
        self._issuer = issuer
        self._welcome = welcome

    async def Enrol(self, request: EnrolRequest, context: Context) -> EnrolResponse:  # noqa: D102
        party, chain = await self._desk.unidentified(
            "/stayput.v1.EnrolmentService/Enrol",
            lambda store, now: enrolment.enrol(store, request, self._issuer, now),
        )
        _log.info("enrolled", party=party.urn)
        return EnrolResponse(
            certificate_chain=chain,
            comparator_address=self._welcome.comparator_address,
            ticket_key=self._welcome.ticket_key,
            department=party.department,
            node_id=party.party.id if party.is_node else "",
        )
