"""Configuration of a node: `node.toml`, one file for each resource, and the key files.

Everything is checked when it is loaded; a fault is a `CONFIGURATION_INVALID` whose message gives
file, line and key.
"""

from provider_node.config.contract import contract_of
from provider_node.config.loading import load_node, load_resource, load_resources
from provider_node.config.node import Limits, Node, NodeConfig, Receipts
from provider_node.config.resource import (
    Category,
    CsvSourceConfig,
    FieldConfig,
    ResourceConfig,
    Sharing,
    TupleConfig,
    UpdateFrequency,
)

__all__ = [
    "Category",
    "CsvSourceConfig",
    "FieldConfig",
    "Limits",
    "Node",
    "NodeConfig",
    "Receipts",
    "ResourceConfig",
    "Sharing",
    "TupleConfig",
    "UpdateFrequency",
    "contract_of",
    "load_node",
    "load_resource",
    "load_resources",
]
