"""Which generation a session at a replica may begin with, and what its receipt may say of it."""

from collections.abc import Callable
from datetime import UTC
from pathlib import Path

import pytest

from provider_node.domain.replicas.lagging import check_may_serve
from provider_node.store.generations import Generations
from provider_node.store.manifest import Manifest
from stayput.v1.contract_pb2 import Mode
from stayput.v1.log_pb2 import Receipt
from tests.provider_node.replicas.peer import NodeEnd
from tests.provider_node.serving import register
from tests.provider_node.serving.consumer import refused


@pytest.fixture
def built(node: NodeEnd) -> list[Manifest]:
    """Two generations on disk, the later one serves."""
    before = node.generations.current(register.CODE)
    assert before is not None
    return [before.manifest, node.build()]


def drafted(manifest: Manifest, mode: "Mode.ValueType" = Mode.MODE_KEYED) -> Receipt:
    """What a session with that generation begins with, as far as it is about it."""
    draft = Receipt(
        resource=register.CODE,
        generation=manifest.generation,
        mode=mode,
        profile=manifest.contract.profile,
        suite=manifest.contract.suite,
    )
    draft.as_of.FromDatetime(manifest.as_of.astimezone(UTC))
    if mode == Mode.MODE_OBLIVIOUS:
        assert manifest.oblivious is not None
        offer = manifest.oblivious.offer
        draft.oblivious_suite, draft.key_epoch = offer.suite, offer.key_epoch
    return draft


@pytest.mark.parametrize("mode", [Mode.MODE_KEYED, Mode.MODE_OBLIVIOUS])
def test_what_serves_and_what_served_before_may(
    node: NodeEnd, built: list[Manifest], mode: "Mode.ValueType"
) -> None:
    for one in built:
        check_may_serve(node.generations, drafted(one, mode))


def test_what_the_node_went_back_from_may_not_also_after_a_restart(
    node: NodeEnd, built: list[Manifest]
) -> None:
    before, after = built
    node.resources.roll_back(register.CODE, "")
    assert node.serving() == before.generation
    for generations in (node.generations, Generations(node.data, node.keyring.index)):
        check_may_serve(generations, drafted(before))
        with refused("RESOURCE_NOT_READY", "resource"):
            check_may_serve(generations, drafted(after))


def test_nor_when_the_next_generation_serves(node: NodeEnd, built: list[Manifest]) -> None:
    before, after = built
    node.resources.roll_back(register.CODE, "")
    node.build()
    check_may_serve(node.generations, drafted(before))
    with refused("RESOURCE_NOT_READY", "resource"):
        check_may_serve(node.generations, drafted(after))


@pytest.mark.parametrize("note", ["held", "manifest.json", ""])
def test_what_could_not_serve_again_may_not(node: NodeEnd, built: list[Manifest], note: str) -> None:
    before, _ = built
    path = node.generation(before.generation)
    if note:
        (path / note).write_text("the bounds", "utf-8")
    else:
        path.rename(path.with_name("elsewhere"))
    with refused("RESOURCE_NOT_READY", "resource"):
        check_may_serve(node.generations, drafted(before))


def test_without_a_generation_none_may(node: NodeEnd, built: list[Manifest]) -> None:
    Path(node.data / "resources" / register.CODE / "current").unlink()
    with refused("RESOURCE_NOT_READY"):
        check_may_serve(node.generations, drafted(built[0]))


SAID: dict[str, Callable[[Receipt], object]] = {
    "profile": lambda draft: setattr(draft, "profile", "cn/9"),
    "suite": lambda draft: draft.ClearField("suite"),
    "as_of": lambda draft: setattr(draft.as_of, "seconds", 1),
    "oblivious_suite": lambda draft: setattr(draft, "oblivious_suite", "oblivious/9"),
    "key_epoch": lambda draft: setattr(draft, "key_epoch", "0123456789abcdef"),
}


@pytest.mark.parametrize("field", SAID)
def test_a_receipt_says_of_a_generation_what_is_so(node: NodeEnd, built: list[Manifest], field: str) -> None:
    for one in built:
        draft = drafted(one, Mode.MODE_OBLIVIOUS)
        SAID[field](draft)
        with refused("PROTOCOL_VIOLATION", f"draft.{field}"):
            check_may_serve(node.generations, draft)
