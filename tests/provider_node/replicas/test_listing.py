"""What the administrator is told of the replicas."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from provider_node.domain.replicas.followers import Follower
from provider_node.domain.replicas.listing import statuses
from provider_node.store.replicas import Replicas
from stayput.v1.admin_pb2 import ReplicaGeneration, ReplicaStatus
from tests.provider_node.serving.consumer import refused

ADDED, SINCE = datetime(2026, 11, 22, 8, 15, tzinfo=UTC), datetime(2026, 11, 23, 9, tzinfo=UTC)
EARLIER, CURRENT = "20261120T060000Z-0a1b", "20261121T060000Z-0a1b"


@pytest.fixture
def replicas(tmp_path: Path) -> Replicas:
    found = Replicas(tmp_path)
    for number, name in enumerate(("west", "east", "north")):
        found.add(name, f"{number:043}", ADDED, "王建国")
    return found


def serve(data: Path, code: str, generation: str) -> None:
    directory = data / "resources" / code
    directory.mkdir(parents=True)
    (directory / "current").symlink_to(Path("generations") / generation)


def test_who_is_connected_is_told_with_what_it_serves(replicas: Replicas, tmp_path: Path) -> None:
    serve(tmp_path, "deaths", CURRENT)
    serve(tmp_path, "births", CURRENT)
    serving = {"deaths": EARLIER, "births": CURRENT, "marriages": CURRENT}
    followers = [
        Follower("west", "w.internal:7443", SINCE, serving),
        Follower("removed", "r.internal:7443", SINCE, {}),
        Follower("north", "n.internal:7443", SINCE, {}),
    ]
    east, north, west = statuses(replicas, followers, {"west": 3, "north": 0}.__getitem__, tmp_path)
    expected = ReplicaStatus(name="east", administrator="王建国")
    expected.added_at.FromDatetime(ADDED)
    assert east == expected
    assert (north.address, north.open_sessions, list(north.serving)) == ("n.internal:7443", 0, [])
    assert (west.name, west.connected_since.ToDatetime(UTC), west.address, west.open_sessions) == (
        "west", SINCE, "w.internal:7443", 3
    )  # fmt: skip
    assert list(west.serving) == [
        ReplicaGeneration(resource="births", generation=CURRENT, current=True),
        ReplicaGeneration(resource="deaths", generation=EARLIER),
        # Of a resource that the node has not, nothing is current.
        ReplicaGeneration(resource="marriages", generation=CURRENT),
    ]


def test_nothing_is_current_where_the_node_cannot_tell(replicas: Replicas, tmp_path: Path) -> None:
    serve(tmp_path, "deaths", "nonsense")
    follower = Follower("west", "w.internal:7443", SINCE, {"deaths": CURRENT})
    *_, west = statuses(replicas, [follower], lambda _: 1, tmp_path)
    assert [one.current for one in west.serving] == [False]


def test_a_damaged_list_is_told(replicas: Replicas, tmp_path: Path) -> None:
    (tmp_path / "replicas.json").write_text("{}}")
    with refused("CONFIGURATION_INVALID", "replicas"):
        statuses(replicas, [], lambda _: 0, tmp_path)
