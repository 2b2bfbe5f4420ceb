"""NodeAdminService: the node's replicas."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from provider_node.domain.replicas.followers import Follower
from provider_node.domain.replicas.listing import statuses
from provider_node.store.replicas import Replicas
from stayput.rpc.server import Context
from stayput.v1.admin_pb2 import ListReplicasRequest, ListReplicasResponse


@dataclass(frozen=True, kw_only=True)
class ReplicasServicer:
    """Converts and forwards; a part of `AdminServicer`.

    `followers` tells which replicas are connected, `open_sessions` how many sessions are under way at one of
    that name; `data` is the node's data directory.
    """

    replicas: Replicas
    followers: Callable[[], Iterable[Follower]]
    open_sessions: Callable[[str], int]
    data: Path

    async def ListReplicas(self, request: ListReplicasRequest, context: Context) -> ListReplicasResponse:
        """The replicas on the list, and what those that are connected serve."""
        found = statuses(self.replicas, self.followers(), self.open_sessions, self.data)
        return ListReplicasResponse(replicas=found)
