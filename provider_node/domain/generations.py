"""The generations of a resource as its administrator sees them, and the way back to an earlier one."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

from provider_node.store.generations import Generations
from stayput.errors import StayputError
from stayput.v1.admin_pb2 import GenerationStatus
from stayput.v1.errors_pb2 import ErrorReason

_BEGUN: Final = "%Y%m%dT%H%M%SZ"


def listed(generations: Generations, code: str) -> list[GenerationStatus]:
    """What is on the disk of a resource, newest first, by what the manifests say: hashes are not compared."""
    directory = generations.directory(code)
    try:
        serving = directory.current()
    except StayputError:
        # With a damaged link nothing serves, and the list is what one mends it by.
        serving = None
    found = []
    for generation in directory.finished():
        one = GenerationStatus(generation=generation, serving=generation == serving)
        try:
            _describe(one, generations, code)
        except FileNotFoundError:
            if not directory.generation(generation).exists():
                continue  # a build that began in the meantime has removed it
            one.problem = f"{code}: a file of generation {generation} is missing"
        except StayputError as error:
            one.problem = error.message
        held = directory.held(generation)
        if held and not one.problem and not one.serving:
            one.problem = f"held back: {held}"
        one.bytes = directory.size(generation)
        found.append(one)
    return found


def roll_back(generations: Generations, code: str, generation: str) -> str:
    """Makes an earlier generation serve again: by its id, or without one the newest before the serving.

    Returns its id. Those that are later are held back from then on; one that was held back is taken only by
    its id. Raises `GENERATION_UNKNOWN`, `BUILD_RUNNING`, and `RESOURCE_NOT_READY` if it could not serve.
    """
    directory = generations.directory(code)
    with directory.locked():
        chosen = generation or _before(generations, code)
        if chosen not in directory.finished():
            raise StayputError(
                ErrorReason.ERROR_REASON_GENERATION_UNKNOWN,
                f"{code}: there is no such generation on this node's disk"
                if generation
                else f"{code}: there is no generation before the one that serves",
                field="generation",
                remedy=f"see `provider-node generations {code}`",
            )
        generations.verify(code, chosen)
        for later in directory.finished():
            if later > chosen and not directory.held(later):
                directory.hold_back(later, f"the node went back to {chosen}")
        directory.switch(chosen)
    return chosen


def last_begun(generations: Generations, code: str) -> datetime | None:
    """When the newest generation on disk, serving or not, began to be built; `None` if there is none.

    Its id says it, to the second, whatever its files have come to.
    """
    for generation in generations.directory(code).finished():
        with suppress(ValueError):
            return datetime.strptime(generation.partition("-")[0], _BEGUN).replace(tzinfo=UTC)
    return None


def _before(generations: Generations, code: str) -> str:
    """The newest before the serving one that was not held back; empty if there is none."""
    directory = generations.directory(code)
    serving = directory.current() or ""
    earlier = (one for one in directory.finished() if one < serving and not directory.held(one))
    return next(earlier, "")


def _describe(one: GenerationStatus, generations: Generations, code: str) -> None:
    manifest = generations.manifest(code, one.generation)
    one.as_of.FromDatetime(manifest.as_of)
    one.built_at.FromDatetime(manifest.built_at)
    one.rows, one.rows_left_out = manifest.rows, manifest.rows_left_out
    one.subjects = manifest.subjects
