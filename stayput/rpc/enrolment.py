"""The one call that is made without a certificate, to obtain one."""

from typing import Final

from stayput.enrolment import PartyKeys, checked, request
from stayput.identity import COMPARATOR_NAME
from stayput.rpc.client import translated
from stayput.rpc.tls import enrolment_channel
from stayput.v1.enrolment_pb2 import EnrolResponse, Invitation
from stayput.v1.enrolment_pb2_grpc import EnrolmentServiceStub

CALL_SECONDS: Final = 30.0


async def enrol(invitation: Invitation, keys: PartyKeys, csr: bytes) -> EnrolResponse:
    """Exchanges an invitation for a certificate; the answer fits the invitation's CA, the keys and the party.

    Repeating it with the same keys and request gives the same certificate. Raises what EnrolmentService.Enrol
    raises, and `CERTIFICATE_UNKNOWN` for an answer that does not fit.
    """
    authority = invitation.ca_certificate.encode()
    async with enrolment_channel(invitation.enrolment_address, COMPARATOR_NAME, authority) as channel:
        with translated("comparator"):
            response = await EnrolmentServiceStub(channel).Enrol(
                request(invitation, keys, csr), timeout=CALL_SECONDS
            )
    return checked(response, invitation, keys)
