"""Preparing records and reading answers back, without a network."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stayput import elements, outcomes
from stayput_client.question import Question
from tests.client.world import CONTRACT, resident_id

TODAY = date(2026, 11, 22)
KEY = "resident_id"
CHECKS = ("name", "plate")

GOOD, BAD, EMPTY = resident_id(0), "123", " "
KEYS = st.sampled_from([GOOD, BAD, EMPTY])
NAMES = st.sampled_from(["张三", "张\ue000三", ""])
CODES = st.sampled_from(sorted(outcomes.CHECK_CODES))


@given(st.lists(st.tuples(KEYS, NAMES, CODES, CODES)))
def test_every_record_gets_its_own_answer_wherever_the_invalid_ones_are(
    records: list[tuple[str, str, int, int]],
) -> None:
    question = Question(CONTRACT, KEY, CHECKS, TODAY)
    values = {
        KEY: [key for key, _, _, _ in records],
        "name": [name for _, name, _, _ in records],
        "plate": ["京A12345"] * len(records),
    }
    prepared = question.prepare(values)
    sent = [record for record in records if record[0] == GOOD]
    assert len(prepared.digests) == len(sent) * 3 * elements.DIGEST_BYTES
    answer = bytes(
        [*([outcomes.MATCH] * len(sent)), *(name for _, _, name, _ in sent), *(plate for *_, plate in sent)]
    )
    answered = question.answered(prepared, answer)
    for at, (key, name, name_code, plate_code) in enumerate(records):
        codes = tuple(column[at] for column in answered.columns)
        reasons = dict(answered.reasons.get(at, ()))
        if key != GOOD:
            assert codes == (outcomes.INVALID,) * 3
            assert reasons == {KEY: "FORMAT" if key == BAD else "MISSING"}
            continue
        assert codes[0] == outcomes.MATCH
        assert codes[1] == (outcomes.INVALID if "\ue000" in name else name_code)
        assert codes[2] == plate_code
        assert (reasons.get("name") == "ENCODING") == ("\ue000" in name)
        assert (reasons.get("plate") == "NO_VALUE") == (plate_code == outcomes.NO_VALUE)
        assert (reasons.get("plate") == "NOT_ASKED") == (plate_code == outcomes.NOT_ASKED)


def test_a_check_without_a_value_and_one_that_is_rejected_are_sent_alike() -> None:
    question = Question(CONTRACT, KEY, ["name"], TODAY)
    prepared = question.prepare({KEY: [GOOD] * 3, "name": ["", "张\ue000三", "张三"]})
    digests = [prepared.digests[at : at + 16] for at in range(0, len(prepared.digests), 16)]
    assert digests[3:5] == [elements.NO_VALUE] * 2
    assert digests[5] != elements.NO_VALUE


def test_the_digests_are_those_that_the_elements_module_defines() -> None:
    question = Question(CONTRACT, KEY, ["name"], TODAY)
    prepared = question.prepare({KEY: [GOOD.lower()], "name": [" 张　三"]})
    (key,), (name,) = elements.encode([[GOOD]]), elements.encode([["张三"]])
    assert isinstance(key, bytes)
    expected = [
        *elements.key_digests(elements.context(CONTRACT, KEY), [key]),
        *elements.check_digests(elements.context(CONTRACT, KEY, "name"), [key], [name]),
    ]
    assert prepared.digests == b"".join(expected)


def test_nothing_of_the_records_is_in_a_repr() -> None:
    question = Question(CONTRACT, KEY, ["name"], TODAY)
    prepared = question.prepare({KEY: [GOOD, BAD], "name": ["张三", "张三"]})
    answered = question.answered(prepared, None)
    for shown in (repr(prepared), repr(answered), repr(question)):
        assert not any(value in shown for value in (GOOD, BAD, "张三"))


@pytest.mark.parametrize("today", [date(1949, 12, 31), TODAY])
def test_birth_years_are_bounded_by_the_day_given(today: date) -> None:
    question = Question(CONTRACT, KEY, [], today)
    prepared = question.prepare({KEY: [GOOD]})
    assert bool(prepared.rejected) == (today.year < 1950)
