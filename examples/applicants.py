"""The consumer's list: applicants for a living allowance, and what a right comparison says of each."""

from collections import Counter
from collections.abc import Callable, Iterator
from enum import Enum, auto
from itertools import count, islice
from random import Random
from typing import NamedTuple

from examples.people import Population, check_character
from examples.registers import (
    DAMAGED_PEOPLE,
    STRANGERS,
    Deaths,
    Vehicles,
    in_fifteen,
    in_spreadsheet,
    wrong_check,
)

HEADER = "申请编号,姓名,身份证号,出生日期,号牌号码,备注"
NOBODY = -1
_STEP = 7_919  # owners that follow each other in the list are far apart in the register
_FROM_DAMAGED_ROWS = 10
_WRONG_NAME = 0.08
_RIGHT_PLATE, _ANY_PLATE, _STRANGERS_PLATE = 0.5, 0.65, 0.15
_REMARKS = ("", "", "", "", "单人户", "低保边缘家庭", '"重度残疾,二级"')
_TRADITIONAL = str.maketrans("张刘陈杨赵黄吴孙马罗郑谢许韩邓冯", "張劉陳楊趙黃吳孫馬羅鄭謝許韓鄧馮")
_SPACED_FOR_LOOKS = 3  # in longer names a space may stand for the dot
_FULL_WIDTH = {ord(char): ord(char) + 0xFEE0 for char in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


class Said(Enum):
    """How what an applicant says stands to the truth."""

    RIGHT = auto()
    WRONG = auto()
    NOTHING = auto()
    REFUSED = auto()
    """Written in a way that normalisation rejects."""


class Claim(NamedTuple):
    """One line of the list. `usable` is False if its key is rejected or the line cannot be read."""

    person: int
    resident_id: str
    birth: str
    name: str
    said_name: Said
    plate: str
    said_plate: Said
    remark: str = ""
    usable: bool = True
    cells: int = 6

    def line(self, number: int) -> str:
        """The line as the file has it."""
        cells = f"DB2026{number:06d}", self.name, self.resident_id, self.birth, self.plate, self.remark
        return ",".join(cells[: self.cells])


class Expected:
    """Outcomes against one register, counted from what was planted."""

    def __init__(self, register: Vehicles | Deaths) -> None:
        self._register = register
        self._asks_plate = "plate" in register.checks
        # Counted as they occur together, since counting them one by one takes as long as making the line.
        self._lines: Counter[tuple[str, ...]] = Counter()

    def add(self, claim: Claim) -> None:
        """Count a line."""
        known = self._register.knows(claim.person)
        if not claim.usable:
            key, has_name, has_plate = "INVALID", False, False
        elif known is None:
            key, has_name, has_plate = "NOT_FOUND", False, False
        else:
            key, has_name, has_plate = "MATCH", known.name, bool(known.plates)
        name = _outcome(key, claim.said_name, has_name)
        if self._asks_plate:
            self._lines[key, name, _outcome(key, claim.said_plate, has_plate)] += 1
        else:
            self._lines[key, name] += 1

    def key(self) -> dict[str, int]:
        """How many of each outcome of the key."""
        return self._counts(0, ("MATCH", "NOT_FOUND", "INVALID"))

    def checks(self) -> dict[str, dict[str, int]]:
        """How many of each outcome, by check."""
        outcomes = ("MATCH", "MISMATCH", "NOT_FOUND", "UNVERIFIABLE", "INVALID")
        return {
            check: self._counts(place, outcomes) for place, check in enumerate(self._register.checks, start=1)
        }

    def as_json(self) -> dict[str, object]:
        """The counts, and what is to be known of the register's rows."""
        return {
            "key": {"resident_id": self.key()},
            "checks": self.checks(),
            "register": {"rows": self._register.rows, **self._register.damaged()},
        }

    def _counts(self, place: int, outcomes: tuple[str, ...]) -> dict[str, int]:
        return {
            outcome: sum(lines for together, lines in self._lines.items() if together[place] == outcome)
            for outcome in outcomes
        }


def _outcome(key: str, said: Said, has_value: bool) -> str:  # noqa: FBT001 (a fact about the register)
    if key != "MATCH":
        return "INVALID" if said is Said.REFUSED else key
    if said is Said.RIGHT or said is Said.WRONG:
        return "UNVERIFIABLE" if not has_value else "MATCH" if said is Said.RIGHT else "MISMATCH"
    return "UNVERIFIABLE" if said is Said.NOTHING else "INVALID"


class Applicants:
    """A list against the registers. Of its regular lines a share of `found` are vehicle owners.

    Every `mistakes_every`-th line (0: none) is an owner's with one of the mistakes of real lists, in turn.
    """

    def __init__(
        self, people: Population, vehicles: Vehicles, rows: int, found: float = 0.55, mistakes_every: int = 0
    ) -> None:
        if not vehicles.owners:
            raise ValueError("vehicles: at least one row is needed")
        self.rows = rows
        self._people = people
        self._vehicles = vehicles
        self._found = found
        self._mistakes_every = mistakes_every

    def claims(self, rng: Random) -> Iterator[Claim]:
        """The lines one by one; who applies and what they say is drawn from `rng`."""
        owners = self._owners(int(rng.random() * self._vehicles.owners))
        strangers = self._strangers()
        for row in range(self.rows):
            if self._mistakes_every and row % self._mistakes_every == self._mistakes_every - 1:
                yield self._mistaken(MISTAKES[row // self._mistakes_every % len(MISTAKES)], owners)
            elif rng.random() < self._found:
                yield self._owner(next(owners), rng)
            else:
                yield self._stranger(next(strangers), rng)

    def _owners(self, first: int) -> Iterator[int]:
        return ((first + number * _STEP) % self._vehicles.owners for number in count())

    def _strangers(self) -> Iterator[int]:
        damaged = sum(sum(reasons.values()) for reasons in self._vehicles.damaged().values())
        for number in count():
            which, unlucky = divmod(number, _FROM_DAMAGED_ROWS)
            yield DAMAGED_PEOPLE + which if not unlucky and which < damaged else STRANGERS + number

    def _truthful(self, person: int, plate: str, said_plate: Said, remark: str = "") -> Claim:
        resident_id = self._people.resident_id(person)
        birth = f"{resident_id[6:10]}-{resident_id[10:12]}-{resident_id[12:14]}"
        name = self._people.name(person)
        return Claim(person, resident_id, birth, name, Said.RIGHT, plate, said_plate, remark)

    def _owner(self, person: int, rng: Random) -> Claim:
        roll, remark = rng.random(), _remark(rng)
        if roll < _RIGHT_PLATE:
            claim = self._truthful(person, self._own_plate(person), Said.RIGHT, remark)
        elif roll < _ANY_PLATE:
            claim = self._truthful(person, self._vehicles.plate(person + 1), Said.WRONG, remark)
        else:
            claim = self._truthful(person, "", Said.NOTHING, remark)
        if rng.random() < _WRONG_NAME:
            others = map(self._people.name, count(person + 1))
            wrong = next(name for name in others if name != claim.name)
            return claim._replace(name=wrong, said_name=Said.WRONG)
        return claim

    def _stranger(self, person: int, rng: Random) -> Claim:
        if rng.random() < _STRANGERS_PLATE:
            return self._truthful(person, self._vehicles.plate(person), Said.RIGHT, _remark(rng))
        return self._truthful(person, "", Said.NOTHING, _remark(rng))

    def _own_plate(self, person: int) -> str:
        known = self._vehicles.knows(person)
        return known.plates[-1] if known and known.plates else self._vehicles.plate(person)

    def _mistaken(self, mistake: "Mistake", owners: Iterator[int]) -> Claim:
        for person in islice(owners, self._vehicles.owners):
            claim = self._truthful(person, self._own_plate(person), Said.RIGHT)
            if mistake.possible(claim):
                return mistake.made(claim)
        raise ValueError("vehicles: too few owners for a list with mistakes; make the register larger")


def _remark(rng: Random) -> str:
    return _REMARKS[int(rng.random() * len(_REMARKS))]


class Mistake(NamedTuple):
    """How lines of real lists are odd: whose line it can be, and what it makes of the line."""

    possible: Callable[[Claim], bool]
    made: Callable[[Claim], Claim]


def _always(_: Claim) -> bool:
    return True


def _ends_in_x(claim: Claim) -> bool:
    return claim.resident_id.endswith("X")


def _dotted(claim: Claim) -> bool:
    return "·" in claim.name


def _short_named(claim: Claim) -> bool:
    return len(claim.name) <= _SPACED_FOR_LOOKS


def _has_traditional_form(claim: Claim) -> bool:
    return claim.name.translate(_TRADITIONAL) != claim.name


def _refused_id(text: Callable[[str], str]) -> Callable[[Claim], Claim]:
    return lambda claim: claim._replace(resident_id=text(claim.resident_id), usable=False)


def _other_id(text: Callable[[str], str]) -> Callable[[Claim], Claim]:
    return lambda claim: claim._replace(resident_id=text(claim.resident_id))


def _no_such_day(resident_id: str) -> str:
    seventeen = f"{resident_id[:10]}0230{resident_id[14:17]}"
    return seventeen + check_character(seventeen)


MISTAKES = (
    Mistake(_always, _other_id(lambda number: number.translate(_FULL_WIDTH))),
    Mistake(_ends_in_x, _other_id(str.lower)),
    Mistake(_always, _other_id(in_fifteen)),
    Mistake(_always, _other_id(lambda number: f"'{number}")),
    Mistake(_always, _other_id(lambda number: f"{number[:6]} {number[6:14]} {number[14:]}")),
    Mistake(_always, _refused_id(in_spreadsheet)),
    Mistake(_always, _refused_id(wrong_check)),
    Mistake(_always, _refused_id(_no_such_day)),
    Mistake(_ends_in_x, _refused_id(lambda number: number.replace("X", "\u03a7"))),  # a Greek letter
    Mistake(_always, _refused_id(lambda _: "")),
    Mistake(_always, lambda claim: claim._replace(usable=False, cells=4)),
    Mistake(_always, lambda claim: claim._replace(name="", said_name=Said.NOTHING)),
    Mistake(_short_named, lambda claim: claim._replace(name="\u3000".join(claim.name))),
    Mistake(_dotted, lambda claim: claim._replace(name=claim.name.replace("·", "•"))),
    Mistake(_dotted, lambda claim: claim._replace(name=claim.name.replace("·", " "), said_name=Said.REFUSED)),
    Mistake(
        _has_traditional_form,
        lambda claim: claim._replace(name=claim.name.translate(_TRADITIONAL), said_name=Said.WRONG),
    ),
    Mistake(_always, lambda claim: claim._replace(plate=f"{claim.plate[:2]}·{claim.plate[2:]}".lower())),
    Mistake(_always, lambda claim: claim._replace(plate=claim.plate.translate(_FULL_WIDTH))),
    Mistake(_always, lambda claim: claim._replace(plate="无", said_plate=Said.WRONG)),
    Mistake(_always, lambda claim: claim._replace(plate="-", said_plate=Said.REFUSED)),
    # The form of a foreigner's permanent-residence card before 2023; nobody in the registers has one.
    Mistake(
        _always, lambda claim: claim._replace(person=NOBODY, resident_id=f"USA{claim.resident_id[2:14]}")
    ),
    Mistake(_always, lambda claim: claim._replace(remark='"与子女同住,\n另有一处住房"')),
)
