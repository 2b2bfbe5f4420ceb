"""Which generation a replica may answer with while it is behind its node."""

from functools import lru_cache
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from provider_node.domain.replicas.violations import violation
from provider_node.store.directory import ResourceDirectory
from provider_node.store.generations import Generations
from provider_node.store.manifest import Manifest, read_manifest
from stayput.errors import StayputError
from stayput.v1.contract_pb2 import Mode
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import Receipt

_MANIFESTS_KEPT: Final = 256


def check_may_serve(generations: Generations, draft: Receipt) -> None:
    """Passes if a session may begin with the draft's generation, and the draft says of it what is so.

    That is the generation that serves at the node, or one before it that could serve again: while a replica
    copies a new one it goes on with the one before. Not with one that the node went back from: ids are in
    the order of time, and what is later than the one that serves does not.

    Raises `RESOURCE_NOT_READY`, and `PROTOCOL_VIOLATION` for what is not so.
    """
    directory, generation = generations.directory(draft.resource), draft.generation
    serving = directory.current()
    if generation != serving and (
        serving is None or generation > serving or not _whole(directory, generation)
    ):
        raise _not_ready()
    try:
        manifest = _manifest(directory.generation(generation))
    except (OSError, ValidationError):
        raise _not_ready() from None
    for name, value in _stated(manifest, draft).items():
        if getattr(draft, name) != value:
            raise violation(f"draft.{name}", "is not that of the generation")


def _stated(manifest: Manifest, draft: Receipt) -> dict[str, object]:
    """What a receipt says of a generation."""
    stated = Receipt(profile=manifest.contract.profile, suite=manifest.contract.suite)
    stated.as_of.FromDatetime(manifest.as_of)
    if draft.mode == Mode.MODE_OBLIVIOUS and manifest.oblivious is not None:
        stated.oblivious_suite = manifest.oblivious.offer.suite
        stated.key_epoch = manifest.oblivious.offer.key_epoch
    names = ("profile", "suite", "as_of", "oblivious_suite", "key_epoch")
    return {name: getattr(stated, name) for name in names}


@lru_cache(_MANIFESTS_KEPT)
def _manifest(path: Path) -> Manifest:
    """What is said of a generation never changes."""
    return read_manifest(path)


def _whole(directory: ResourceDirectory, generation: str) -> bool:
    return generation in directory.finished() and not directory.held(generation)


def _not_ready() -> StayputError:
    return StayputError(
        ErrorReason.ERROR_REASON_RESOURCE_NOT_READY,
        "this replica has not the generation yet that serves",
        field="resource",
        remedy="try again soon, or at another address of the node",
    )
