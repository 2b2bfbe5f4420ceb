"""`node.toml`: what the node is called, where it listens, where its data and resources are."""

import re
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from provider_node.config.document import RelativePath, Table
from provider_node.config.limits import LimitsConfig
from provider_node.config.source import Environment
from stayput.identity import CODE

_ADDRESS = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})")
_MOST_PORTS = 65_535
MOST_REPLICAS = 64
"""How many replicas a node can have: as many as a catalogue entry names beside the node."""


def _code(value: str) -> str:
    if not CODE.fullmatch(value):
        raise ValueError("must be 2 to 63 characters of a-z, 0-9 and '-', beginning with a letter")
    return value


def _listening(value: str) -> str:
    found = _ADDRESS.fullmatch(value)
    if not found or int(found[1]) > _MOST_PORTS:
        raise ValueError("must be host:port, with brackets around an IPv6 address")
    return value


def _reachable(value: str) -> str:
    if _listening(value).endswith(":0"):
        raise ValueError("port 0 cannot be called; name the port that others shall use")
    return value


Code = Annotated[str, AfterValidator(_code)]
ListenAddress = Annotated[str, AfterValidator(_listening)]
Address = Annotated[str, AfterValidator(_reachable)]


class Node(Table):
    """`[node]`.

    `listen` may have port 0. `advertise` is what the catalogue tells callers, by default `listen` with the
    bound port. `comparator` overrides the address learnt at enrolment.
    """

    id: Code
    department: Code
    listen: ListenAddress = "0.0.0.0:7443"
    advertise: Address | None = None
    data: RelativePath = Field(default="data", validate_default=True)
    resources: RelativePath = Field(default="resources", validate_default=True)
    comparator: Address | None = None


class Policy(Table):
    """`[policy]`. `require_security_agreement`: no grant without the reference of one."""

    require_security_agreement: bool = True


class Receipts(Table):
    """`[receipts]`. `grace_hours`: how long receipts may wait for the comparator before the node refuses."""

    grace_hours: int = Field(default=4, ge=1, le=168)


class Build(Table):
    """`[build]`: what a build may take of the machine.

    `workers`: processes that normalise and hash, 0 for one on each core; `memory_mb`: of all of them;
    `shard_entries`: an index with more tokens is divided into files of about so many.
    """

    workers: int = Field(default=0, ge=0, le=256)
    memory_mb: int = Field(default=768, ge=256, le=1_048_576)
    shard_entries: int = Field(default=200_000_000, ge=1_000)


class Keys(Table):
    """`[keys]`: what opens the key files: a passphrase in a file or an environment variable, or a key file.

    Without any of them the files are protected by their mode only.
    """

    passphrase_file: RelativePath | None = None
    passphrase_env: Environment | None = None
    key_file: RelativePath | None = None

    @model_validator(mode="after")
    def _with_one_at_most(self) -> Self:
        if sum(one is not None for one in (self.passphrase_file, self.passphrase_env, self.key_file)) > 1:
            raise ValueError("must have only one of `passphrase_file`, `passphrase_env` and `key_file`")
        return self


class ReplicasConfig(Table):
    """`[replicas]`: other machines of the provider that answer consumers in the node's name.

    `listen`: where they call, may have port 0; without it there are none. `advertise` is what they are told
    to call, by default `listen`. `addresses`: where consumers find them, for the catalogue.
    """

    listen: ListenAddress | None = None
    advertise: Address | None = None
    addresses: list[Address] = Field(default_factory=list, max_length=MOST_REPLICAS)

    @model_validator(mode="after")
    def _each_once_and_with_listen(self) -> Self:
        if len(set(self.addresses)) != len(self.addresses):
            raise ValueError("`addresses` must name each once")
        if self.listen is None and (self.advertise is not None or self.addresses):
            raise ValueError("needs `listen`: without it the node has no replicas")
        return self


class NodeConfig(Table):
    """The whole of `node.toml`; its paths are absolute if the path it was loaded by was."""

    node: Node
    limits: LimitsConfig = LimitsConfig()
    policy: Policy = Policy()
    receipts: Receipts = Receipts()
    build: Build = Build()
    keys: Keys = Keys()
    replicas: ReplicasConfig = ReplicasConfig()
