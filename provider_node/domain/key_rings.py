"""Keys of one purpose that work side by side: the current one, and those that others took the place of.

A running node that gets a new key puts it in here; whoever holds the ring uses it from then on.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Self

from provider_node.domain.tokens import IndexKey
from stayput.sealing import SealingKey


class IndexKeys:
    """The node's index keys, a container of their ids. Shows only these in `repr`."""

    def __init__(self, *keys: IndexKey) -> None:
        """The current one last; there is at least one."""
        self._keys = keys

    def __repr__(self) -> str:
        return f"IndexKeys({', '.join(key.id for key in self._keys)})"

    def __contains__(self, key_id: object) -> bool:
        return any(key.id == key_id for key in self._keys)

    @property
    def current(self) -> IndexKey:
        """What the next generation is built under."""
        return self._keys[-1]

    def all(self) -> tuple[IndexKey, ...]:
        """The current one last."""
        return self._keys

    def named(self, key_id: str) -> IndexKey:
        """That of a generation; `KeyError` if it is none of these."""
        for key in self._keys:
            if key.id == key_id:
                return key
        raise KeyError(key_id)

    def replace(self, others: Self) -> None:
        """Has the keys of `others` from now on."""
        self._keys = others._keys


class SealingKeys:
    """The node's sealing keys. Shows only their ids in `repr`."""

    def __init__(self, keys: Sequence[SealingKey], until: Mapping[bytes, datetime]) -> None:
        """The current one last; `until` when each of the others is accepted, by their ids."""
        self._keys = tuple(keys)
        self._until = until

    def __repr__(self) -> str:
        return f"SealingKeys({', '.join(key.id.hex() for key in self._keys)})"

    @property
    def current(self) -> SealingKey:
        """The published one."""
        return self._keys[-1]

    def all(self) -> list[tuple[SealingKey, datetime | None]]:
        """Each, and until when it is accepted; the current one, of which that is not known yet, last."""
        *others, current = self._keys
        return [*((key, self._until[key.id]) for key in others), (current, None)]

    def accepted(self, key_id: bytes, now: datetime) -> SealingKey | None:
        """The key of that id, if session keys may be sealed to it at that time."""
        current = self._keys[-1]
        for key in self._keys:
            if key.id == key_id and (key is current or now < self._until[key.id]):
                return key
        return None

    def replace(self, others: Self) -> None:
        """Has the keys of `others` from now on."""
        # In this order a call that comes between the two finds the end of every key that it sees.
        self._until = {**self._until, **others._until}
        self._keys = others._keys
