"""A resource's own description, verified: by the key in the catalogue, and that key pinned at first use."""

from dataclasses import replace
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError

from stayput import sealing, signing
from stayput.contract import check_contract
from stayput.errors import StayputError
from stayput.oblivious import check_offer
from stayput.rpc.client import translated
from stayput.v1.catalogue_pb2 import Resource
from stayput.v1.comparison_pb2 import DescribeRequest, DescribeResponse
from stayput.v1.comparison_pb2 import Description as DescriptionMessage
from stayput.v1.contract_pb2 import MODE_OBLIVIOUS, ObliviousOffer
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.signing_pb2 import Envelope
from stayput_client.faults import ClientFault
from stayput_client.home import Home
from stayput_client.models.resources import Description, allowance, description

if TYPE_CHECKING:  # exists for the type checker only
    from stayput.v1.comparison_pb2_grpc import ComparisonServiceAsyncStub


async def described(
    entry: Resource, stub: "ComparisonServiceAsyncStub", home: Home, seconds: float
) -> Description:
    """What the node of a catalogue entry says about the resource, verified; pins the node's key if it is new.

    Raises `PINNED_KEY_CHANGED` before the node is asked anything, `DEADLINE_EXCEEDED` if it does not answer
    within `seconds`, and what `verified` raises.
    """
    described_so, _ = await _asked(entry, stub, home, seconds)
    return described_so


async def described_with_allowances(
    entry: Resource, stub: "ComparisonServiceAsyncStub", home: Home, seconds: float
) -> Description:
    """The same with what is left of the caller's grants.

    What is compared never depends on allowances, which nobody signs: `described` does not look at them.
    Raises also `PROTOCOL_VIOLATION` or `UNSUPPORTED` for one that cannot be right or is not known, and what
    `require_published` raises.
    """
    described_so, response = await _asked(entry, stub, home, seconds)
    require_published(described_so, entry)
    return replace(described_so, allowances=tuple(map(allowance, response.allowances)))


async def _asked(
    entry: Resource, stub: "ComparisonServiceAsyncStub", home: Home, seconds: float
) -> tuple[Description, DescribeResponse]:
    home.require_pinned(entry.node_id, entry.signing_key)
    with translated("node"):
        response = await stub.Describe(DescribeRequest(resource=entry.code), timeout=seconds)
    described_so = verified(response.description, entry)
    home.pin(entry.node_id, entry.signing_key)
    return described_so, response


def verified(envelope: Envelope, entry: Resource) -> Description:
    """The description, if the node of the catalogue entry signed it and it is of that resource.

    Raises `PROTOCOL_VIOLATION`, or what `check_contract` and `check_offer` raise.
    """
    try:
        payload = signing.verify(envelope, signing.PayloadType.DESCRIPTION, entry.signing_key)
        message = DescriptionMessage.FromString(payload)
    except (signing.SignatureInvalid, DecodeError):
        raise _violation("is not signed by the provider's node") from None
    check_contract(message.contract)
    for name, said, expected in (
        ("node_id", message.node_id, entry.node_id),
        ("provider", message.provider, entry.provider),
        ("contract.resource", message.contract.resource, entry.code),
        ("sealing_key_id", message.sealing_key_id, sealing.key_id(message.sealing_key)),
    ):
        if said != expected:
            raise _violation(f"has another {name} than the catalogue or itself")
    if message.chunk_records < 1:
        raise _violation("allows no records in a chunk")
    if message.HasField("oblivious") != (MODE_OBLIVIOUS in message.modes):
        raise _violation("offers the oblivious mode without its keys, or keys without the mode")
    if message.HasField("oblivious"):
        check_offer(message.oblivious, message.contract)
    return description(message, entry)


def require_published(described_so: Description, entry: Resource) -> Description:
    """The description, if the catalogue shows the same keys of the oblivious mode; else `PROOF_INVALID`.

    A node that evaluates for one consumer with keys of its own would have to show them to all. The keyed mode
    does not depend on them, so it is not kept waiting for a catalogue that lags behind.
    """
    offer = described_so.oblivious
    if offer is not None and _keys(offer) != _keys(entry.oblivious):
        raise ClientFault(
            ErrorReason.ERROR_REASON_PROOF_INVALID, "keys_not_published", field="oblivious.sets.public_key"
        )
    return described_so


def _keys(offer: ObliviousOffer) -> tuple[object, ...]:
    sets = [(one.key, one.check, one.granularity, one.public_key) for one in offer.sets]
    return offer.suite, offer.key_epoch, sets


def _violation(problem: str) -> StayputError:
    return StayputError(
        ErrorReason.ERROR_REASON_PROTOCOL_VIOLATION,
        f"the description {problem}",
        field="description",
        remedy="nothing was sent; tell the provider and the platform",
    )
