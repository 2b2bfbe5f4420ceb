"""The node's enrolment at the platform."""

from provider_node.config import NodeConfig
from provider_node.domain.keys import NodeKeys
from stayput.enrolment import read_invitation
from stayput.errors import field_invalid
from stayput.rpc.enrolment import enrol


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
    keys = NodeKeys.of(config)
    keys.create_party()
    response = await enrol(invitation, keys.party_keys(), keys.csr())
    keys.store_enrolment(invitation, response)
