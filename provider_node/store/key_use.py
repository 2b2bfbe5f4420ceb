"""Which keys the generations on disk were built under: what they need must not be removed."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from provider_node.store.directory import MANIFEST


@dataclass(frozen=True, slots=True)
class KeyUse:
    """One generation: the id of its index key, and its OPRF key epoch or nothing.

    `generation` is set if the epoch is the generation's own and not the resource's.
    """

    resource: str
    index_key_id: str
    key_epoch: str | None
    generation: str | None


def key_uses(data: Path) -> list[KeyUse] | None:
    """Of every generation under a node's data directory; `None` if one of them cannot be told."""
    found = []
    for path in sorted((data / "resources").glob(f"*/generations/*/{MANIFEST}")):
        try:
            manifest = json.loads(path.read_bytes())
        except FileNotFoundError:
            continue
        except (ValueError, RecursionError):
            return None
        use = _use(path.parent.parent.parent.name, manifest)
        if use is None:
            return None
        found.append(use)
    return found


def _use(resource: str, manifest: object) -> KeyUse | None:
    match manifest:
        case {
            "generation": str(generation),
            "index_key_id": str(key_id),
            "oblivious": {"offer": {"key_epoch": str(epoch), **offer}},
        }:
            own = offer.get("new_key_per_generation") is True
            return KeyUse(resource, key_id, epoch, generation if own else None)
        case {"oblivious": dict()}:
            return None
        case {"index_key_id": str(key_id)}:
            return KeyUse(resource, key_id, None, None)
    return None


@contextmanager
def no_build(data: Path) -> Iterator[bool]:
    """Whether no build is under way; if so, none begins within the block."""
    with ExitStack() as held:
        for path in sorted((data / "resources").glob("*/lock")):
            lock = held.enter_context(path.open("r"))
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
        yield True
