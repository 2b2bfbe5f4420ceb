"""Configuration of a node: `node.toml`, one file for each resource, and the key files.

Everything is checked when it is loaded; a fault is a `CONFIGURATION_INVALID` whose message gives
file, line and key.
"""

from provider_node.config.contract import contract_of, granularities_of, modes_of
from provider_node.config.limits import OFF, LimitsConfig, decimal_of, limit_of, permille_of, share_of
from provider_node.config.loading import load_node, load_resource, load_resources, resource_of
from provider_node.config.node import Build, Keys, Node, NodeConfig, Policy, Receipts, ReplicasConfig
from provider_node.config.resource import (
    Category,
    CheckConfig,
    FieldConfig,
    GenerationsConfig,
    Granularity,
    KeyConfig,
    Mode,
    ObliviousConfig,
    ResourceConfig,
    ScheduleConfig,
    Sharing,
    StandingPolicy,
    UpdateFrequency,
)
from provider_node.config.source import (
    CsvSourceConfig,
    DatabaseSourceConfig,
    ExcelSourceConfig,
    ParquetSourceConfig,
    SourceConfig,
    SqliteSourceConfig,
)
from provider_node.config.terms import limits_of

__all__ = [
    "OFF",
    "Build",
    "Category",
    "CheckConfig",
    "CsvSourceConfig",
    "DatabaseSourceConfig",
    "ExcelSourceConfig",
    "FieldConfig",
    "GenerationsConfig",
    "Granularity",
    "KeyConfig",
    "Keys",
    "LimitsConfig",
    "Mode",
    "Node",
    "NodeConfig",
    "ObliviousConfig",
    "ParquetSourceConfig",
    "Policy",
    "Receipts",
    "ReplicasConfig",
    "ResourceConfig",
    "ScheduleConfig",
    "Sharing",
    "SourceConfig",
    "SqliteSourceConfig",
    "StandingPolicy",
    "UpdateFrequency",
    "contract_of",
    "decimal_of",
    "granularities_of",
    "limit_of",
    "limits_of",
    "load_node",
    "load_resource",
    "load_resources",
    "modes_of",
    "permille_of",
    "resource_of",
    "share_of",
]
