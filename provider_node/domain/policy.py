"""What the provider has laid down for new grants on each resource."""

from collections.abc import Mapping
from dataclasses import dataclass

from provider_node.config import (
    NodeConfig,
    ResourceConfig,
    StandingPolicy,
    granularities_of,
    limits_of,
    modes_of,
)
from stayput.v1.access_pb2 import Limits
from stayput.v1.contract_pb2 import Granularity, Mode


@dataclass(frozen=True, slots=True)
class GrantPolicy:
    """Limits where an approver sets none, whether a security agreement is demanded, and the standing policy.

    With a standing policy applications are granted by it at once; without one an administrator decides. What
    is not among `modes` and `granularities` the resource does not offer, and nobody can grant it.
    """

    limits: Limits
    agreement_required: bool
    standing: StandingPolicy | None
    modes: frozenset["Mode.ValueType"]
    granularities: frozenset["Granularity.ValueType"]


def policies(node: NodeConfig, resources: Mapping[str, ResourceConfig]) -> dict[str, GrantPolicy]:
    """By code of the resource."""
    return {
        code: GrantPolicy(
            limits=limits_of(node, resource),
            agreement_required=node.policy.require_security_agreement,
            standing=resource.standing_policy,
            modes=frozenset(modes_of(resource)),
            granularities=frozenset(granularities_of(resource)),
        )
        for code, resource in resources.items()
    }
