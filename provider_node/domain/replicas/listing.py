"""The node's replicas as its administrator sees them."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from provider_node.domain.replicas.followers import Follower
from provider_node.store.directory import ResourceDirectory
from provider_node.store.replicas import Replicas
from stayput.errors import StayputError
from stayput.v1.admin_pb2 import ReplicaGeneration, ReplicaStatus


def statuses(
    replicas: Replicas, followers: Iterable[Follower], open_sessions: Callable[[str], int], data: Path
) -> list[ReplicaStatus]:
    """One for each replica on the list, by name; `CONFIGURATION_INVALID` if the list is damaged.

    `followers` are connected, `open_sessions` tells how many are under way at a replica of that name, `data`
    is the node's data directory.
    """
    connected = {one.name: one for one in followers}
    found = []
    for one in replicas.all():
        status = ReplicaStatus(name=one.name, administrator=one.administrator)
        status.added_at.FromDatetime(one.added_at)
        if (follower := connected.get(one.name)) is not None:
            status.connected_since.FromDatetime(follower.since)
            status.address = follower.address
            status.serving.extend(_serving(follower.serving, data))
            status.open_sessions = open_sessions(one.name)
        found.append(status)
    return found


def _serving(generations: Mapping[str, str], data: Path) -> list[ReplicaGeneration]:
    return [
        ReplicaGeneration(resource=code, generation=generation, current=generation == _current(data, code))
        for code, generation in sorted(generations.items())
    ]


def _current(data: Path, code: str) -> str | None:
    """The generation that the node serves; `None` where nothing does, or the link to it is damaged."""
    try:
        return ResourceDirectory(data, code).current()
    except StayputError:
        return None
