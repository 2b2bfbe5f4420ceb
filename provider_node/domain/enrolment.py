"""The node's enrolment at the platform."""

from provider_node.config import NodeConfig
from provider_node.domain.keys import NodeKeys
from stayput.enrolment import checked, read_invitation, request
from stayput.errors import field_invalid
from stayput.identity import COMPARATOR_NAME
from stayput.rpc.client import translated
from stayput.rpc.tls import enrolment_channel
from stayput.v1.enrolment_pb2_grpc import EnrolmentServiceStub

_SECONDS = 20.0


async def enrol_node(config: NodeConfig, invitation_text: str) -> None:
    """Uses an invitation; the node's keys exist already, so a failed or lost call can simply be repeated.

    Raises `FIELD_INVALID` if the invitation is for another node, and what the platform refuses.
    """
    invitation = read_invitation(invitation_text)
    for field, invited, configured in (
        ("node_id", invitation.node_id, config.node.id),
        ("department", invitation.department, config.node.department),
    ):
        if invited != configured:
            raise field_invalid(
                f"invitation.{field}",
                "differs from node.toml",
                "use this node's own invitation, or initialise the node with the names in it",
            )
    keys = NodeKeys(config.node.data)
    party_keys = keys.party_keys()
    channel = enrolment_channel(
        invitation.enrolment_address, COMPARATOR_NAME, invitation.ca_certificate.encode()
    )
    async with channel:
        with translated("comparator"):
            response = await EnrolmentServiceStub(channel).Enrol(
                request(invitation, party_keys, keys.csr()), timeout=_SECONDS
            )
    keys.store_enrolment(invitation, checked(response, invitation, party_keys))
