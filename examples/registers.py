"""The registers of the story: vehicles, at the traffic police, and deaths, at the health commission.

Where a person's rows stand follows from the person's number, so that a register knows without looking what a
comparison must find.
"""

from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from examples.people import Population, name_by

DAMAGED_PEOPLE = 1 << 29
"""From here on persons whose only row in the vehicle register cannot be used."""
STRANGERS = 1 << 30
"""From here on persons who are in no register."""
UNREADABLE, REJECTED = "unreadable", "rejected"
_VEHICLES_EACH = 3
_GROUP, _NEW_IN_GROUP = 8, 6
_NO_PLATE, _NO_OWNER_NAME, _NO_NAME = 20, 25, 30
_DEAD_SHARE = 16
_OLD_FORMS = 64
# What is counted of each way in which a row is damaged; the words are those of the reader and the profile.
_DAMAGE = (
    (UNREADABLE, "ENCODING"),
    (UNREADABLE, "COLUMNS"),
    (REJECTED, "CHECKSUM"),
    (UNREADABLE, "QUOTING"),
    (REJECTED, "SPREADSHEET_DAMAGE"),
    (REJECTED, "MISSING"),
)
_KINDS = ("小型轿车", '"小型轿车,新能源"', "小型普通客车", "轻型厢式货车", "普通二轮摩托车", "小型越野客车")
_DATES = tuple(
    f"{year}-{month:02d}-{day:02d}"
    for year in range(2005, 2026)
    for month in range(1, 13)
    for day in range(1, 29)
)


class Known(NamedTuple):
    """What a register has of a person: whether a name, and which plates."""

    name: bool
    plates: tuple[str, ...] = ()


class Vehicles:
    """The vehicle register: GB18030, CR LF, a row per vehicle. One in `damage_every` is damaged (0: none).

    Of every eight good rows six bring a new owner, the seventh and eighth are further vehicles of owners far
    above, so that the rows of one person are scattered.
    """

    encoding, end = "gb18030", "\r\n"
    checks = ("name", "plate")
    header = "号牌号码,所有人姓名,身份证号,车辆类型,注册日期,价格"

    def __init__(self, population: Population, rows: int, damage_every: int = 0) -> None:
        self.rows = rows
        self._people = population
        self._damage_every = damage_every
        self._good = rows - (rows // damage_every if damage_every else 0)
        self.owners = self._good // _GROUP * _NEW_IN_GROUP + min(self._good % _GROUP, _NEW_IN_GROUP)

    def lines(self, rng: Random) -> Iterator[str]:
        """All rows after the header; what no answer depends on is drawn from `rng`."""
        good = 0
        for row in range(self.rows):
            if self._damage_every and row % self._damage_every == self._damage_every - 1:
                yield self._damaged(row // self._damage_every, rng)
                continue
            group, place = divmod(good, _GROUP)
            if place < _NEW_IN_GROUP:
                person, which = group * _NEW_IN_GROUP + place, 0
            else:
                person, which = (group * 3, 1) if place == _NEW_IN_GROUP else (group * 2, 2)
            good += 1
            yield self._line(person, which, rng)

    def knows(self, person: int) -> Known | None:
        """What a comparison finds of the person."""
        if not 0 <= person < self.owners:
            return None
        vehicle = person * _VEHICLES_EACH
        plates = [self._written_plate(vehicle)]
        if person % 3 == 0 and _GROUP * (person // 3) + _NEW_IN_GROUP < self._good:
            plates.append(self._written_plate(vehicle + 1))
        if person % 2 == 0 and _GROUP * (person // 2) + _NEW_IN_GROUP + 1 < self._good:
            plates.append(self._written_plate(vehicle + 2))
        return Known(self._people.dice(person) % _NO_OWNER_NAME != 0, tuple(filter(None, plates)))

    def damaged(self) -> dict[str, dict[str, int]]:
        """How many rows cannot be used, by what is wrong with them."""
        counts: dict[str, Counter[str]] = {UNREADABLE: Counter(), REJECTED: Counter()}
        for number in range(self.rows - self._good):
            what, reason = _DAMAGE[number % len(_DAMAGE)]
            counts[what][reason] += 1
        return {what: dict(reasons) for what, reasons in counts.items()}

    def plate(self, person: int) -> str:
        """The plate of the person's first vehicle, whether or not the register has it."""
        return self._people.plate(person * _VEHICLES_EACH)

    def _written_plate(self, vehicle: int) -> str:
        return self._people.plate(vehicle) if self._people.dice(~vehicle) % _NO_PLATE else ""

    def _line(self, person: int, which: int, rng: Random) -> str:
        dice = self._people.dice(person)
        name = written_name(dice) if dice % _NO_OWNER_NAME else ""
        resident_id = written_id(self._people.resident_id(person), dice)
        return (
            f"{self._written_plate(person * _VEHICLES_EACH + which)},{name},{resident_id},{_described(rng)}"
        )

    def _damaged(self, number: int, rng: Random) -> str:
        person = DAMAGED_PEOPLE + number
        plate, name, resident_id = (
            self._people.plate(number),
            self._people.name(person),
            self._people.resident_id(person),
        )
        described = _described(rng)
        match _DAMAGE[number % len(_DAMAGE)][1]:
            case "ENCODING":
                return f"{plate},{name[:-1]}\udcff,{resident_id},{described}"
            case "COLUMNS":
                return f"{plate},{name},{resident_id}"
            case "CHECKSUM":
                return f"{plate},{name},{wrong_check(resident_id)},{described}"
            case "QUOTING":
                return f'{plate},"{name},{resident_id},{described.replace(chr(34), "")}'
            case "SPREADSHEET_DAMAGE":
                return f"{plate},{name},{in_spreadsheet(resident_id)},{described}"
            case _:
                return f"{plate},{name},,{described}"


class Deaths:
    """The death register: UTF-8 with byte-order mark, a row per person. One vehicle owner in 16 is in it."""

    encoding, end = "utf-8", "\n"
    checks = ("name",)
    header = "\ufeff姓名,身份证号,死亡日期"

    def __init__(self, population: Population, rows: int) -> None:
        if rows * _DEAD_SHARE > DAMAGED_PEOPLE:
            raise ValueError(f"rows: at most {DAMAGED_PEOPLE // _DEAD_SHARE}")
        self.rows = rows
        self._people = population

    def lines(self, rng: Random) -> Iterator[str]:
        """All rows after the header; the dates are drawn from `rng`."""
        for person in range(0, self.rows * _DEAD_SHARE, _DEAD_SHARE):
            dice = self._people.dice(person)
            name = written_name(dice) if dice % _NO_NAME else ""
            resident_id = written_id(self._people.resident_id(person), dice)
            yield f"{name},{resident_id},{_DATES[int(rng.random() * len(_DATES))]}"

    def knows(self, person: int) -> Known | None:
        """What a comparison finds of the person."""
        if person % _DEAD_SHARE or not 0 <= person < self.rows * _DEAD_SHARE:
            return None
        return Known(self._people.dice(person) % _NO_NAME != 0)

    def damaged(self) -> dict[str, dict[str, int]]:
        """No row is damaged."""
        return {UNREADABLE: {}, REJECTED: {}}


def written_id(resident_id: str, dice: int) -> str:
    """The identity number as a register has it: now and then in its 15-digit form or with a small x."""
    form = (dice >> 20) % _OLD_FORMS
    if form > 1:
        return resident_id
    return resident_id.lower() if form else in_fifteen(resident_id)


def written_name(dice: int) -> str:
    """The name as a register has it: the dot is not always U+00B7."""
    return name_by(dice) if dice >> 40 & 1 else name_by(dice).replace("·", "•")


def in_fifteen(resident_id: str) -> str:
    """The number as first-generation cards had it."""
    return resident_id[:6] + resident_id[8:17]


def wrong_check(resident_id: str) -> str:
    """The number with a check character that is not right."""
    return resident_id[:-1] + ("2" if resident_id[-1] == "1" else "1")


def in_spreadsheet(resident_id: str) -> str:
    """What a spreadsheet shows of the number."""
    return f"{int(resident_id[:17]) * 10:.5E}"


def _described(rng: Random) -> str:
    roll = rng.getrandbits(60)
    kind, day = _KINDS[roll % len(_KINDS)], _DATES[(roll >> 8) % len(_DATES)]
    return f"{kind},{day},{3_000 + (roll >> 32) % 400_000}.00"
