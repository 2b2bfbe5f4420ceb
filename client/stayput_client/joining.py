"""Enrolling a home directory: keys are stored before they are used, and nothing is lost by repeating it."""

from datetime import datetime

from stayput.enrolment import read_invitation
from stayput.v1.errors_pb2 import ErrorReason
from stayput_client.enrolment import Applicant, enrol
from stayput_client.faults import ClientFault
from stayput_client.home import Home, IdentityFiles, Platform, damaged


async def join(home: Home, invitation_text: str, now: datetime, *, renew: bool) -> Platform:
    """Turns an invitation (the text of its file) into the identity in use.

    Repeating it with the same invitation goes on where it was cut off. An identity in use is replaced only
    with `renew`, in one step once the new one is complete. Raises what `enrolment.enrol` raises, and
    `FIELD_INVALID` for an invitation of a node or an identity that would be replaced.
    """
    invitation = read_invitation(invitation_text)
    if invitation.node_id:
        raise ClientFault(ErrorReason.ERROR_REASON_FIELD_INVALID, "invited_node", field="invitation")
    files = home.identity_for(invitation.token)
    if home.in_use(files):
        return files.platform()
    if home.enrolled and not renew:
        raise ClientFault(
            ErrorReason.ERROR_REASON_FIELD_INVALID, "enrolled_already", field="home", home=str(home.path)
        )
    if not files.complete:
        response = await enrol(invitation, _applicant(files), now)
        platform = Platform(response.department, response.comparator_address, response.ticket_key)
        files.finish(response.certificate_chain, invitation.ca_certificate, platform)
    home.adopt(files)
    return files.platform()


def _applicant(files: IdentityFiles) -> Applicant:
    begun = files.begun()
    if begun is None:
        applicant = Applicant.generate()
        files.begin(applicant.tls_key_pem(), applicant.signing_key_pem(), applicant.csr)
        return applicant
    try:
        return Applicant.from_pem(*begun)
    except ValueError:
        raise damaged(files.directory) from None
