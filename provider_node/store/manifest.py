"""The manifest of a generation: what it was built from, how, and how to tell that its index is whole."""

from typing import Annotated, Any, Final, Literal, Self

from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    PlainSerializer,
    PlainValidator,
    model_validator,
)

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
    ranks of each key, 16 bytes in hex, in the contract's order. `oblivious` is set if the generation was
    built for that mode. Times are aware.
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
    oblivious: Oblivious | None = None

    @model_validator(mode="after")
    def _with_sets_of_the_contract(self) -> Self:
        if self.oblivious is not None:
            try:
                check_offer(self.oblivious.offer, self.contract)
            except StayputError:
                raise ValueError("not an offer of the contract's keys and checks") from None
        return self

    def to_json(self) -> bytes:
        """As `manifest.json` has it. Without an oblivious part it is what earlier releases read and write."""
        return self.model_dump_json(indent=2, exclude_none=True).encode()
