"""The manifest of a generation: what it was built from, how, and how to tell that its index is whole."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationError,
    model_validator,
)

from provider_node.store.directory import INDEX, MANIFEST, ResourceDirectory
from stayput.contract import check_contract
from stayput.errors import StayputError
from stayput.oblivious import check_offer
from stayput.v1.contract_pb2 import Contract, ObliviousOffer

FORMAT: Final = 2
"""What this release writes and reads: since 2 the values of keys hold masked ranks."""


def _contract(value: object) -> Contract:
    if isinstance(value, Contract):
        return value
    if not isinstance(value, dict):
        raise ValueError("must be a table")  # noqa: TRY004 (pydantic expects it)
    try:
        return check_contract(ParseDict(value, Contract()))
    except (ParseError, StayputError):
        raise ValueError("not a contract of this release") from None


def _offer(value: object) -> ObliviousOffer:
    if isinstance(value, ObliviousOffer):
        return value
    if not isinstance(value, dict):
        raise ValueError("must be a table")  # noqa: TRY004 (pydantic expects it)
    try:
        return ParseDict(value, ObliviousOffer())
    except ParseError:
        raise ValueError("not an offer of this release") from None


def _as_json(message: Contract | ObliviousOffer) -> dict[str, Any]:
    return MessageToDict(message, preserving_proto_field_name=True)


class Rejects(BaseModel):
    """How many values of a field (or, with an empty field, whole lines) were left out for one reason."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    field: str
    reason: str
    count: int


class Shard(BaseModel):
    """One of the files of an index: its name, its first token in hex, how many it has, its hash in hex."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: Annotated[str, Field(pattern=r"^index(-[0-9]{2,})?\.mdb$")]
    first: str
    entries: int
    sha256: str


def hash_of(shards: Sequence[Shard]) -> str:
    """The hash of an index, in hex: that of its file, or of the hashes of its files."""
    if len(shards) == 1:
        return shards[0].sha256
    return hashlib.sha256("".join(shard.sha256 for shard in shards).encode()).hexdigest()


class Oblivious(BaseModel):
    """What a generation has for oblivious mode: its fingerprint sets, and the evaluations that they are of.

    The offer names suite, epoch, and of each set the public key, the count and the hash.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    offer: Annotated[ObliviousOffer, PlainValidator(_offer), PlainSerializer(_as_json)]
    evaluations_sha256: str


class Manifest(BaseModel):
    """One generation.

    `rows` are in the index, `rows_left_out` had no usable key or could not be read, `subjects` counts
    distinct values of the first key, `entries` the tokens in the index; `rank_salts` are for the masks of the
    ranks of each key, 16 bytes in hex, in the contract's order. `shards` is set if the index is in several
    files; `index_sha256` is then the hash of their hashes, one behind the other in hex. `oblivious` is set if
    the generation was built for that mode. Times are aware.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    format: Literal[2] = FORMAT
    generation: str
    contract: Annotated[Contract, PlainValidator(_contract), PlainSerializer(_as_json)]
    as_of: AwareDatetime
    built_at: AwareDatetime
    rows: int
    rows_left_out: int
    subjects: int
    entries: int
    rejects: tuple[Rejects, ...]
    software_version: str
    index_key_id: str
    rank_salts: tuple[str, ...]
    index_sha256: str
    shards: tuple[Shard, ...] | None = None
    oblivious: Oblivious | None = None

    @model_validator(mode="after")
    def _with_shards_in_order(self) -> Self:
        if self.shards is not None:
            first = [shard.first for shard in self.shards]
            if len(first) < 2 or first != sorted(set(first)):  # noqa: PLR2004 (one is no shard)
                raise ValueError("not the files of one index, in order")
            if self.index_sha256 != hash_of(self.shards):
                raise ValueError("not the hash of the index's files")
        return self

    @model_validator(mode="after")
    def _with_sets_of_the_contract(self) -> Self:
        if self.oblivious is not None:
            try:
                check_offer(self.oblivious.offer, self.contract)
            except StayputError:
                raise ValueError("not an offer of the contract's keys and checks") from None
        return self

    @property
    def index_files(self) -> dict[str, str]:
        """The files of the index in the order of their tokens, each with its hash in hex."""
        if self.shards is None:
            return {INDEX: self.index_sha256}
        return {shard.file: shard.sha256 for shard in self.shards}

    def to_json(self) -> bytes:
        """As `manifest.json` has it. Without an oblivious part it is what earlier releases read and write."""
        return self.model_dump_json(indent=2, exclude_none=True).encode()


def read_manifest(directory: Path) -> Manifest:
    """That of the generation in a directory.

    Raises `FileNotFoundError`, or pydantic's `ValidationError` if it is damaged or of another release.
    """
    return Manifest.model_validate_json((directory / MANIFEST).read_bytes())


def serving_manifest(directory: ResourceDirectory) -> Manifest | None:
    """That of the generation that serves; `None` if there is none, or none that can be read."""
    try:
        generation = directory.current()
        return None if generation is None else read_manifest(directory.generation(generation))
    except (OSError, ValidationError, StayputError):
        # The build is what mends it.
        return None
