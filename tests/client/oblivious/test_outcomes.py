"""Whatever register and list: outcomes found on this side are those that the register gives."""

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stayput import oblivious, outcomes
from stayput.elements import DIGEST_BYTES
from stayput.oprf import VerifiableServer
from stayput.v1.contract_pb2 import GRANULARITY_RECORD
from stayput_client.blinded_question import BlindedQuestion, Matching
from stayput_client.blinding import Blinds
from stayput_client.fingerprint_set import FingerprintSet
from stayput_client.question import Question
from tests.client.servicers.fingerprints import Fingerprints
from tests.client.servicers.register import Register
from tests.client.world import CONTRACT, resident_id

TODAY = date(2026, 11, 22)
KEY, CHECKS = "resident_id", ("name", "plate")
IDS = st.integers(0, 3).map(resident_id)
NAMES, PLATES = st.sampled_from(["张三", "李四", ""]), st.sampled_from(["京A12345", "京B00001", ""])
ROWS = st.fixed_dictionaries({KEY: IDS, "name": NAMES, "plate": PLATES, "birth_date": st.just("1949-12-31")})
LISTED = st.tuples(
    st.one_of(IDS, st.sampled_from(["123", ""])), st.one_of(NAMES, st.just("张\ue000")), PLATES
)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fingerprints")


def keyed(register: Register, digests: bytes, records: int) -> Iterator[bytes]:
    split = [digests[at : at + DIGEST_BYTES] for at in range(0, len(digests), DIGEST_BYTES)]
    keys = split[:records]
    yield bytes(outcomes.MATCH if register.has(KEY, key) else outcomes.NOT_FOUND for key in keys)
    for place, check in enumerate(CHECKS, 1):
        values = split[place * records : (place + 1) * records]
        yield bytes(register.outcome(KEY, key, check, value) for key, value in zip(keys, values, strict=True))


@settings(max_examples=30, deadline=None)
@given(st.lists(ROWS, max_size=6), st.lists(LISTED, max_size=8))
def test_outcomes_are_those_of_the_keyed_mode(
    directory: Path, rows: Sequence[dict[str, str]], listed: Sequence[tuple[str, str, str]]
) -> None:
    question = Question(CONTRACT, KEY, CHECKS, TODAY)
    fingerprints = Fingerprints(CONTRACT, rows)
    asked = oblivious.asked_sets(fingerprints.offer(), KEY, CHECKS, GRANULARITY_RECORD)
    blinded_question = BlindedQuestion(question, CONTRACT, Blinds(bytes(32)))
    values = {name: [one[at] for one in listed] for at, name in enumerate((KEY, *CHECKS))}
    blinded = blinded_question.prepare(values)
    places = [(one.key, one.check, one.granularity) for one in asked]
    evaluated = [
        VerifiableServer(fingerprints.keys[place]).blind_evaluate(column.elements)
        for place, column in zip(places, blinded.columns, strict=True)
    ]
    sets = []
    for number, place in enumerate(places):
        (directory / str(number)).write_bytes(fingerprints.sets[place])
        sets.append(FingerprintSet(directory / str(number)))
    codes = Matching(blinded_question.contexts, asked, sets).codes(blinded, evaluated)
    prepared = question.prepare(values)
    assert codes == b"".join(keyed(Register(CONTRACT, rows), prepared.digests, len(prepared.sent)))
    assert blinded_question.answered(blinded, codes) == question.answered(prepared, codes)
