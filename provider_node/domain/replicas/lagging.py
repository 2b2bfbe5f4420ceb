"""Which generation a replica may answer with while it is behind its node."""

from provider_node.store.directory import ResourceDirectory
from provider_node.store.generations import Generations
from stayput.errors import StayputError
from stayput.v1.errors_pb2 import ErrorReason


def check_may_serve(generations: Generations, code: str, generation: str) -> None:
    """Passes for the generation that serves at the node, and for one before it that could serve again.

    While a replica copies a new one it goes on with the one before. Not with one that the node went back
    from: ids are in the order of time, and what is later than the one that serves does not. Raises
    `RESOURCE_NOT_READY`.
    """
    directory = generations.directory(code)
    serving = directory.current()
    if generation == serving:
        return
    if serving is None or generation > serving or not _whole(directory, generation):
        raise StayputError(
            ErrorReason.ERROR_REASON_RESOURCE_NOT_READY,
            "this replica has not the generation yet that serves",
            field="resource",
            remedy="try again soon, or at another address of the node",
        )


def _whole(directory: ResourceDirectory, generation: str) -> bool:
    return generation in directory.finished() and not directory.held(generation)
