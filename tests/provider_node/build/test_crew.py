"""Tasks in several processes: real ones, which really end."""

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import pytest

from provider_node.domain.build.crew import Crew
from stayput.errors import StayputError
from stayput.v1.errors_pb2 import ErrorReason


@dataclass
class Place:
    """Where tasks are done: knows which process it is, and the last answer given there."""

    number: int
    last: int = 0


@dataclass(frozen=True)
class Square:
    """Answers with its number's square, and by whom."""

    number: int

    def __call__(self, place: Place) -> tuple[int, int]:
        place.last = self.number**2
        return place.last, place.number


@dataclass(frozen=True)
class Fail:
    """Fails as told."""

    how: Callable[[], object]

    def __call__(self, _: Place) -> object:
        return self.how()


def full_disk() -> None:
    raise OSError(28, "No space left on device", "/data/secret")


def end() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def begun(crew: Crew[Place], after: int, count: int) -> Iterator[Square]:
    for number in range(count):
        if number == after:
            crew.start()
        yield Square(number)


def test_answers_come_in_order_whoever_gives_them_and_a_fault_of_storage_is_one_here() -> None:
    with Crew(2, Place(0), Place) as crew:
        answers = list(crew.answers(begun(crew, 3, 10)))
        assert [square for square, _ in answers] == [number**2 for number in range(10)]
        assert [who for _, who in answers[:3]] == [0, 0, 0]
        assert {who for _, who in answers[3:]} == {1, 2}
        with pytest.raises(OSError, match="No space left") as caught:
            list(crew.answers([Fail(full_disk)]))
        assert caught.value.errno == 28
        assert "secret" not in repr(caught.value)
        crew.everywhere(Square(5))
        again = list(crew.answers(map(Square, range(2))))
        assert [square for square, _ in again] == [0, 1]


def test_one_worker_is_this_process() -> None:
    with Crew(1, Place(0), Place) as crew:
        assert {who for _, who in crew.answers(begun(crew, 0, 4))} == {0}
        place = Place(0)
    with Crew(1, place, Place) as crew:
        crew.everywhere(Square(7))
        assert place.last == 49


@pytest.mark.parametrize(
    ("task", "told"),
    [
        (Fail(end), "SIGKILL"),
        (Fail(partial(int, "110105194912310021 is no number")), "exit code 1"),
    ],
)
def test_a_worker_that_ends_is_told(task: Fail, told: str, capfd: pytest.CaptureFixture[str]) -> None:
    with Crew(2, Place(0), Place) as crew:
        crew.start()
        tasks: list[Callable[[Place], object]] = [Square(1), task, Square(2), Square(3)]
        with pytest.raises(StayputError, match=told) as caught:
            list(crew.answers(tasks))
    assert caught.value.reason == ErrorReason.ERROR_REASON_BUILD_FAILED
    assert "memory" in caught.value.remedy
    output = "".join(capfd.readouterr())
    assert "110105" not in output
    assert ("Error" in output) is (told == "exit code 1")
