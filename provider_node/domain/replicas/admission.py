"""Which callers are replicas of this node."""

from provider_node.store.replicas import Replicas
from stayput.errors import StayputError
from stayput.identity import Caller, Kind
from stayput.v1.errors_pb2 import ErrorReason


def replica_name(who: Caller, replicas: Replicas) -> str:
    """The name of the replica that calls.

    Raises `NOT_PERMITTED` if it is not on the list, or not any more, and `CONFIGURATION_INVALID` if the list
    cannot be read.
    """
    entry = replicas.find(who.thumbprint) if who.party.kind is Kind.REPLICA else None
    if entry is None:
        raise StayputError(
            ErrorReason.ERROR_REASON_NOT_PERMITTED,
            "the caller is not on this node's list of replicas",
            remedy="at the node run `provider-node replica add`, and start the replica with the new bundle",
        )
    return entry.name
