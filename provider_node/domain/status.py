"""What a node and its resources are doing, told to the administrator."""

from datetime import UTC, datetime
from importlib.metadata import version

from provider_node.config import NodeConfig, ResourceConfig, load_resources
from provider_node.domain.freshness import stale
from provider_node.domain.key_rings import IndexKeys
from provider_node.domain.keys import NodeKeys
from provider_node.store.generations import Generation, Generations
from provider_node.store.state import State
from stayput.errors import StayputError
from stayput.v1.admin_pb2 import GetStatusResponse, RejectCount, ResourceStatus
from stayput.v1.errors_pb2 import ErrorReason


def built(code: str, generations: Generations) -> Generation:
    """The serving generation; `RESOURCE_NOT_READY` before the first build or if it is damaged."""
    generation = generations.current(code)
    if generation is None:
        raise StayputError(
            ErrorReason.ERROR_REASON_RESOURCE_NOT_READY,
            "the resource has not been built yet",
            field="resource",
            remedy="the provider runs `provider-node build`",
        )
    return generation


def status_of(
    config: ResourceConfig, generations: Generations, now: datetime, *, published: bool
) -> ResourceStatus:
    """What serves for a resource and what was left out of it, or why it cannot serve."""
    status = ResourceStatus(code=config.code, published=published)
    try:
        manifest = built(config.code, generations).manifest
    except StayputError as error:
        status.problem = error.message
        return status
    status.generation = manifest.generation
    status.as_of.FromDatetime(manifest.as_of)
    status.stale = stale(config, status.as_of, now)
    status.built_at.FromDatetime(manifest.built_at)
    status.rows, status.subjects = manifest.rows, manifest.subjects
    status.rejects.extend(
        RejectCount(field=reject.field, reason=reject.reason, count=reject.count)
        for reject in manifest.rejects
    )
    return status


def add_receipts(status: GetStatusResponse, state: State) -> None:
    """Fills in how many receipts there are and how many wait for the platform, since when."""
    status.receipts = state.last_sequence()
    status.undelivered_receipts = max(0, status.receipts - state.delivered_through())
    since = state.undelivered_since()
    if since is not None:
        status.undelivered_since.FromDatetime(since)


def offline_status(config: NodeConfig) -> GetStatusResponse:
    """The status of a node that is not running, from its files."""
    resources = load_resources(config.node.resources)
    generations = Generations(config.node.data, index_keys_of(config))
    state = State(config.node.data / "state")
    now = datetime.now(UTC)
    try:
        published = state.published()
        status = GetStatusResponse(
            node_id=config.node.id,
            department=config.node.department,
            resources=[
                status_of(resources[code], generations, now, published=code in published)
                for code in sorted(resources)
            ],
            software_version=version("stayput"),
        )
        add_receipts(status, state)
    finally:
        state.close()
    return status


def index_keys_of(config: NodeConfig) -> IndexKeys:
    """The node's index keys."""
    return NodeKeys.of(config).index_keys()
