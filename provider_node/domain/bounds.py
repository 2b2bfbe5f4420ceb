"""The bounds of a resource: how much worse a new generation may be than the one that serves.

A source that was cut short, or whose columns were filled in another way, gives a generation that is whole and
wrong: it would answer that people are not in the register who are.
"""

from provider_node.config import GenerationsConfig
from provider_node.store.directory import ResourceDirectory
from provider_node.store.manifest import Manifest, serving_manifest
from stayput.errors import StayputError
from stayput.v1.errors_pb2 import ErrorReason

_PERCENT = 100


def check(bounds: GenerationsConfig, serving: Manifest | None, new: Manifest) -> None:
    """Passes if the new generation may serve on its own; `BOUNDS_EXCEEDED` if not.

    Before the first there is nothing to compare with.
    """
    problem = _problem(bounds, serving, new)
    if problem is not None:
        raise _exceeded(new, *problem)


def held_back(
    directory: ResourceDirectory, bounds: GenerationsConfig, new: Manifest, *, accept: bool
) -> StayputError | None:
    """Why a generation that is being made shall not be switched to, noted with it; `None` if it shall.

    `accept`: it shall, whatever the bounds say.
    """
    problem = None if accept else _problem(bounds, serving_manifest(directory), new)
    if problem is None:
        return None
    directory.hold(new.generation, problem[1])
    return _exceeded(new, *problem)


def _exceeded(new: Manifest, limit: str, text: str) -> StayputError:
    code = new.contract.resource
    return StayputError(
        ErrorReason.ERROR_REASON_BOUNDS_EXCEEDED,
        f"{code}: generation {new.generation} was not switched to: {text}",
        field=f"generations.{limit}",
        remedy=f"check the source; if it is right, `provider-node rollback {code} {new.generation}`, "
        "or build again with --accept-bounds",
        details={"limit": limit},
    )


def _problem(bounds: GenerationsConfig, serving: Manifest | None, new: Manifest) -> tuple[str, str] | None:
    """Which bound is exceeded, and by what; `None` if none is."""
    if serving is None:
        return None
    return _shrunk(bounds, serving, new) or _left_out_more(bounds, serving, new)


def _shrunk(bounds: GenerationsConfig, serving: Manifest, new: Manifest) -> tuple[str, str] | None:
    allowed = _PERCENT - bounds.most_shrink_percent
    if new.subjects * _PERCENT >= serving.subjects * allowed:
        return None
    text = (
        f"it has {new.subjects:,} subjects where the serving one has {serving.subjects:,}, "
        f"more than {bounds.most_shrink_percent} % fewer"
    )
    return "most_shrink_percent", text


def _left_out_more(bounds: GenerationsConfig, serving: Manifest, new: Manifest) -> tuple[str, str] | None:
    before, after = serving.rows + serving.rows_left_out, new.rows + new.rows_left_out
    # In whole numbers: which side of a bound a share falls on must not depend on rounding.
    growth = new.rows_left_out * before - serving.rows_left_out * after
    if growth * _PERCENT <= bounds.most_reject_growth_percent * before * after:
        return None
    text = (
        f"{_share(new)} of its rows were left out where it were {_share(serving)} of the serving one's, "
        f"more than {bounds.most_reject_growth_percent} percentage points more"
    )
    return "most_reject_growth_percent", text


def _share(manifest: Manifest) -> str:
    return f"{manifest.rows_left_out / (manifest.rows + manifest.rows_left_out):.1%}"
