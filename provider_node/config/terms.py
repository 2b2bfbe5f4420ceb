"""What a new grant gets unless its approver says otherwise."""

from provider_node.config.node import NodeConfig
from provider_node.config.resource import ResourceConfig
from stayput.limits import DEFAULTS, complete
from stayput.v1.access_pb2 import Limits


def limits_of(node: NodeConfig, resource: ResourceConfig) -> Limits:
    """All limits: those that the resource's file sets, then those of node.toml, then the defaults."""
    return complete(resource.limits.message(), complete(node.limits.message(), DEFAULTS))
