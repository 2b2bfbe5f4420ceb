"""What the provider has laid down for new grants on each resource."""

from collections.abc import Mapping
from dataclasses import dataclass

from provider_node.config import NodeConfig, ResourceConfig, StandingPolicy, limits_of
from stayput.v1.access_pb2 import Limits


@dataclass(frozen=True, slots=True)
class GrantPolicy:
    """Limits where an approver sets none, whether a security agreement is demanded, and the standing policy.

    With a standing policy applications are granted by it at once; without one an administrator decides.
    """

    limits: Limits
    agreement_required: bool
    standing: StandingPolicy | None


def policies(node: NodeConfig, resources: Mapping[str, ResourceConfig]) -> dict[str, GrantPolicy]:
    """By code of the resource."""
    return {
        code: GrantPolicy(
            limits_of(node, resource), node.policy.require_security_agreement, resource.standing_policy
        )
        for code, resource in resources.items()
    }
