"""Addresses in turn: evenly, without those that have failed of late, but for want of others with them."""

import itertools

import pytest

from stayput.errors import StayputError
from stayput.v1.errors_pb2 import ErrorReason
from stayput_client.nodes import Node, NowhereError, Place

AWAY = ErrorReason.ERROR_REASON_CONNECTION_FAILED
OTHER = ErrorReason.ERROR_REASON_GENERATION_CHANGED


class Clock:
    """Seconds, as a test sets them."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def node(clock: Clock, count: int, first: int = 0) -> tuple[Node, list[Place]]:
    def dial(address: str) -> None:
        raise AssertionError(f"{address} was dialled before anything was sent to it")

    places = [Place(f"r{number}:1", dial, clock) for number in range(count)]  # type: ignore[arg-type]
    return Node(places, first), places


@pytest.mark.parametrize("first", range(3))
def test_every_address_has_its_turn(clock: Clock, first: int) -> None:
    of, places = node(clock, 3, first)
    turns = [of.in_turn()[0] for _ in range(6)]
    assert turns == [places[(first + number) % 3] for number in range(6)]


def test_the_share_of_one_that_is_away_is_spread_over_the_others(clock: Clock) -> None:
    of, (away, *others) = node(clock, 4)
    away.failed()
    turns = [of.in_turn() for _ in range(6)]
    assert [ring[0] for ring in turns] == others * 2
    assert all(ring[-1] is away for ring in turns)


def test_whoever_fails_again_and_again_is_let_alone_for_longer(clock: Clock) -> None:
    _, (place, _) = node(clock, 2)
    for seconds in (10, 20, 40, 60, 60):
        place.failed()
        place.failed()  # another call that had begun before
        clock.now += seconds - 1
        assert place.passed_over
        clock.now += 1
        assert not place.passed_over
    place.served()
    place.failed()
    clock.now += 10
    assert not place.passed_over


async def test_a_failure_that_others_need_not_share_is_not_told(clock: Clock) -> None:
    of, places = node(clock, 3)

    async def attempt(place: Place) -> Place:
        if place is places[2]:
            return place
        raise StayputError(AWAY if place is places[0] else OTHER, "no")

    assert await of.anywhere(attempt) is places[2]
    assert [place.passed_over for place in places] == [True, False, False]


async def test_when_all_have_failed_each_is_named_and_the_one_that_may_come_back_counts(clock: Clock) -> None:
    of, places = node(clock, 6)
    tried: list[Place] = []

    async def attempt(place: Place) -> None:
        tried.append(place)
        raise StayputError(OTHER if place is places[5] else AWAY, "no", remedy="wait")

    for _ in range(2):
        with pytest.raises(NowhereError) as caught:
            await of.anywhere(attempt)
        assert (caught.value.reason, caught.value.remedy) == (AWAY, "wait")
    assert "r0:1: CONNECTION_FAILED: no; r1:1: " in caught.value.message or "r5:1" in caught.value.message
    assert caught.value.message.endswith("; and 2 more")
    assert sorted(place.address for place in tried) == sorted(place.address for place in places * 2)


async def test_a_refusal_of_all_of_them_is_told_at_once(clock: Clock) -> None:
    of, _ = node(clock, 3)
    refusal = StayputError(ErrorReason.ERROR_REASON_GRANT_NOT_ACTIVE, "no")
    tried = itertools.count()

    async def attempt(_: Place) -> None:
        next(tried)
        raise refusal

    with pytest.raises(StayputError) as caught:
        await of.anywhere(attempt)
    assert (caught.value, next(tried)) == (refusal, 1)


async def test_what_the_only_address_says_is_told_as_it_is(clock: Clock) -> None:
    of, (place,) = node(clock, 1)
    failure = StayputError(AWAY, "no")

    async def attempt(_: Place) -> None:
        raise failure

    with pytest.raises(StayputError) as caught:
        await of.anywhere(attempt)
    assert caught.value is failure
    assert not place.passed_over
