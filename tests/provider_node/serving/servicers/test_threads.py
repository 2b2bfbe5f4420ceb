"""What takes long is done in threads: while it runs, the node goes on answering others."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from provider_node.config import load_resources
from provider_node.domain.key_rings import IndexKeys
from provider_node.domain.matching import Matched, Matcher
from provider_node.domain.platform import Platform
from provider_node.domain.resources import Resources
from provider_node.domain.serving import Serving
from provider_node.domain.tokens import TokenKey
from provider_node.store.generations import Generation, Generations
from stayput import sealing
from stayput.v1.comparison_pb2 import DescribeRequest
from tests.provider_node.serving import register
from tests.provider_node.serving.consumer import call_request
from tests.provider_node.serving.node import INDEX_KEY, OPRF_KEYS, LocalNode, grant
from tests.provider_node.serving.peer import Peer

PEOPLE = [register.person(number) for number in range(5)]


class Watched(Generations):
    """Generations that note which thread they are opened in."""

    def __init__(self, watched: Generations) -> None:
        super().__init__(Path(), "")
        self._watched = watched
        self.threads: list[threading.Thread] = []

    def current(self, resource: str) -> Generation | None:
        self.threads.append(threading.current_thread())
        return self._watched.current(resource)


@pytest.fixture
def generations(bare_node: LocalNode) -> Iterator[Watched]:
    watched = Watched(bare_node.material.generations)
    bare_node.resources = Resources(
        configured=load_resources(bare_node.material.data / "resources"),
        generations=watched,
        index_keys=IndexKeys(INDEX_KEY),
        oprf_keys=OPRF_KEYS,
        identity=bare_node.material.identity,
        state=bare_node.state,
        clock=bare_node.clock,
    )
    bare_node.sessions._serving = bare_node.resources.serving
    bare_node.sessions._opened = bare_node.resources.opened
    yield watched
    assert threading.main_thread() not in watched.threads


async def test_a_generation_is_opened_in_a_thread(
    bare_node: LocalNode, generations: Watched, platform: Platform, peer: Peer
) -> None:
    await bare_node.give(grant())
    asking = bare_node.asking()
    generations.threads.clear()
    async with bare_node.listening(), bare_node.called_by() as (stub, _):
        await stub.Describe(DescribeRequest(resource=register.CODE))
        await stub.CompareRecords(call_request(asking, PEOPLE))
    await bare_node.resources.publish(register.CODE, platform, "10.0.0.1:7443")
    # Each waits until it is open, and then uses it.
    assert len(generations.threads) == 3 * 2


async def test_keys_are_opened_and_answers_matched_and_sealed_in_threads(
    node: LocalNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[threading.Thread] = []

    class WatchedMatcher:
        def __init__(self, matcher: Matcher) -> None:
            self._matcher = matcher

        def match(self, digests: bytes) -> Matched:
            threads.append(threading.current_thread())
            return self._matcher.match(digests)

        def list_key(self, grant_id: str) -> TokenKey:
            return self._matcher.list_key(grant_id)

    def serving(code: str) -> Serving:
        threads.append(threading.current_thread())
        found = node.resources.serving(code)
        return replace(found, matcher=lambda key, checks: WatchedMatcher(found.matcher(key, checks)))  # type: ignore[arg-type]  # the matcher of a real generation

    class WatchedSealer(sealing.ResponseSealer):
        def seal(self, sequence: int, outcomes: bytes) -> bytes:
            threads.append(threading.current_thread())
            return super().seal(sequence, outcomes)

    class WatchedKey(sealing.SealingKey):
        def open_session_key(self, sealed: bytes, info: bytes) -> bytes:
            threads.append(threading.current_thread())
            return super().open_session_key(sealed, info)

    monkeypatch.setattr(sealing, "ResponseSealer", WatchedSealer)
    monkeypatch.setattr(node.material.sealing_key, "__class__", WatchedKey)
    node.sessions._serving = serving
    async with node.called_by() as (stub, _):
        asking = node.asking()
        response = await stub.CompareRecords(call_request(asking, PEOPLE))
    assert len(asking.outcomes(response.opened, response.outcomes)) == 5
    assert len(threads) == 4
    assert threading.main_thread() not in threads
