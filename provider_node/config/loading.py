"""Loading and checking the files: what one table alone cannot tell is checked here."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from provider_node.config.conditions import condition_problems
from provider_node.config.contract import contract_of
from provider_node.config.document import Document, Problem, nearest
from provider_node.config.node import NodeConfig
from provider_node.config.resource import CheckConfig, FieldConfig, KeyConfig, ResourceConfig
from stayput.contract import SALT_BYTES
from stayput.errors import StayputError
from stayput.v1.errors_pb2 import ErrorReason

MOST_SETS: Final = 128
"""Fingerprint sets of a resource in oblivious mode: a running node holds the file of each open."""


def load_node(path: Path) -> NodeConfig:
    """The configuration in that file; raises `CONFIGURATION_INVALID`."""
    return Document(path).load(NodeConfig)


def load_resource(path: Path, content: bytes | None = None, base: Path | None = None) -> ResourceConfig:
    """The resource described by that file; raises `CONFIGURATION_INVALID`.

    `content` is what the file would hold, if it is not to be read; paths in it are then relative to `base`.
    """
    return _checked(Document(path, content, base))


def resource_of(config: NodeConfig, code: str) -> ResourceConfig:
    """The node's resource of that code; `RESOURCE_UNKNOWN` if there is none, or as `load_resources`."""
    resources = load_resources(config.node.resources)
    if code not in resources:
        raise StayputError(
            ErrorReason.ERROR_REASON_RESOURCE_UNKNOWN,
            "no resource of this code is configured",
            field="resource",
            remedy=f"the node has: {', '.join(resources) or 'none'}",
        )
    return resources[code]


def load_resources(directory: Path) -> dict[str, ResourceConfig]:
    """The resources of all `*.toml` files in that directory, by code.

    Raises `CONFIGURATION_INVALID`, also if there is no such directory or two files have the same code.
    """
    if not directory.is_dir():
        raise StayputError(
            ErrorReason.ERROR_REASON_CONFIGURATION_INVALID,
            f"{directory}: is not a directory",
            field="node.resources",
            remedy="create it, or correct node.resources in node.toml",
        )
    resources: dict[str, ResourceConfig] = {}
    files: dict[str, Path] = {}
    for path in sorted(directory.glob("*.toml")):
        document = Document(path)
        resource = _checked(document)
        if resource.code in resources:
            raise document.invalid([(("code",), f"{files[resource.code].name} has the same code")])
        resources[resource.code], files[resource.code] = resource, path
    return resources


def _checked(document: Document) -> ResourceConfig:
    resource = document.load(ResourceConfig)
    problems = [
        *_undeclared("keys", resource.keys, resource.fields),
        *_undeclared("checks", resource.checks, resource.fields),
        *condition_problems(resource),
    ] or [*_contract_problems(resource), *_set_problems(resource)]
    if problems:
        raise document.invalid(problems)
    return resource


def _undeclared(
    table: str, tuples: Mapping[str, KeyConfig] | Mapping[str, CheckConfig], fields: Mapping[str, FieldConfig]
) -> Iterator[Problem]:
    for name, one in tuples.items():
        for field in one.fields or ():
            if field not in fields:
                hint = nearest(field, fields)
                yield (table, name, "fields"), f"names the field '{field}', which is not declared{hint}"


def _contract_problems(resource: ResourceConfig) -> list[Problem]:
    """What the contract's own rules find: names, options, repeated fields. The salt plays no part."""
    try:
        contract_of(resource, bytes(SALT_BYTES))
    except StayputError as error:
        location = tuple(error.field.split("."))
        problem = error.message.removeprefix(f"{error.field}: ").removeprefix(f"field {location[-1]}: ")
        return [(location, problem)]
    return []


def _set_problems(resource: ResourceConfig) -> Iterator[Problem]:
    sets = len(resource.keys) * (1 + len(resource.checks)) * len(resource.granularities)
    if resource.oblivious is not None and sets > MOST_SETS:
        problem = (
            f"in oblivious mode that is {sets} sets of fingerprints, one for each key and for each check"
        )
        remedy = f"{MOST_SETS} are the most: divide the resource into several"
        yield ("modes",), f"{problem} under it, in each granularity; {remedy}"
