"""The node's keys on their way to a replica, which has them in its memory only."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Self, TypeVar

from provider_node.domain.key_rings import IndexKeys, SealingKeys
from provider_node.domain.keyring import Keyring
from provider_node.domain.oprf_keys import OprfKeys
from provider_node.domain.tokens import KEY_BYTES, IndexKey
from stayput.errors import field_invalid
from stayput.sealing import SealingKey
from stayput.v1.replica_pb2 import ReplicaKeys, ReplicaSealingKey

_REMEDY: Final = "run the same release of the software on the node and on its replicas"
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class ReceivedKeys:
    """The rings of a replica. Shows only ids in `repr`."""

    index: IndexKeys
    oprf: OprfKeys
    sealing: SealingKeys

    def replace(self, others: Self) -> None:
        """Has the keys of `others` from now on, and with it whoever holds one of the rings."""
        self.index.replace(others.index)
        self.oprf.replace(others.oprf)
        self.sealing.replace(others.sealing)


def sent(keyring: Keyring) -> ReplicaKeys:
    """All keys that a replica works with; the key by which the node signs is none of them.

    What this returns shows secrets in `repr`.
    """
    index = [key.secrets() for key in keyring.index.all()]
    return ReplicaKeys(
        index=[key for key, _ in index],
        guards=index[-1][1],
        oprf=keyring.oprf.secrets(),
        sealing=[_sent_sealing(key, until) for key, until in keyring.sealing.all()],
    )


def received(keys: ReplicaKeys) -> ReceivedKeys:
    """The rings of these keys; `FIELD_INVALID` names what cannot be a key."""
    if len(keys.guards) not in (0, KEY_BYTES):
        raise field_invalid("keys.guards", "holds what is no key", _REMEDY)
    return ReceivedKeys(
        index=_made("keys.index", lambda: _received_index(keys.index, keys.guards or None)),
        oprf=_made("keys.oprf", lambda: OprfKeys(*keys.oprf)),
        sealing=_made("keys.sealing", lambda: _received_sealing(keys.sealing)),
    )


def _sent_sealing(key: SealingKey, until: datetime | None) -> ReplicaSealingKey:
    one = ReplicaSealingKey(private_key=key.to_bytes())
    if until is not None:
        one.until.FromDatetime(until)
    return one


def _received_index(keys: Iterable[bytes], guards: bytes | None) -> IndexKeys:
    made = [IndexKey(key, guards) for key in keys]
    if not made:
        raise ValueError("a node has an index key")
    return IndexKeys(*made)


def _received_sealing(keys: Iterable[ReplicaSealingKey]) -> SealingKeys:
    *others, current = [(SealingKey.from_bytes(one.private_key), one) for one in keys]
    if current[1].HasField("until") or not all(one.HasField("until") for _, one in others):
        raise ValueError("only the current one has no end")
    until = {key.id: one.until.ToDatetime(UTC) for key, one in others}
    return SealingKeys([*(key for key, _ in others), current[0]], until)


def _made(field: str, make: Callable[[], _T]) -> _T:
    try:
        return make()
    except (ValueError, OverflowError):
        raise field_invalid(field, "holds what is no key", _REMEDY) from None
