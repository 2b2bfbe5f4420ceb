"""Whatever register and conditions: each way of comparing says of them what a database would."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from provider_node.config import ResourceConfig, load_resource
from provider_node.config.conditions import Condition, canonical
from provider_node.domain.build import Builder
from provider_node.domain.matching import Matcher
from provider_node.domain.oprf_keys import OprfKeys
from provider_node.domain.tokens import IndexKey
from provider_node.store.directory import FINGERPRINTS
from provider_node.store.generations import Generation, Generations
from stayput import oblivious, outcomes
from stayput.contract import check_condition
from stayput.normalise import Reject
from stayput.oprf import VerifiableClient, VerifiableServer
from stayput.v1.contract_pb2 import GRANULARITY_COUNT, GRANULARITY_RECORD, Granularity, ObliviousSet
from stayput_client.blinded_question import BlindedQuestion, Matching
from stayput_client.blinding import Blinds
from stayput_client.distinct_question import DistinctQuestion
from stayput_client.fingerprint_set import FingerprintSet
from stayput_client.question import Question
from tests.client.world import resident_id
from tests.provider_node.conditions.database import COLUMNS, ROWS, Row, in_sqlite
from tests.provider_node.conditions.strategies import CONDITIONS, FIELDS

NOW = datetime(2026, 11, 22, 8, 15, tzinfo=UTC)
CODE, KEY, PLATE = "vehicles", "owner", "plate"
INDEX_KEY, OPRF_KEYS = IndexKey(bytes(range(32))), OprfKeys(bytes(range(32, 64)))
# No field of any type takes a character for private use.
_REJECTED: Final = {Reject.MISSING: "", Reject.FORMAT: "\ue000"}
REGISTER: Final = """\
code = "vehicles"
title = "机动车登记"
category = "base"
sharing = "conditional"
update_frequency = "daily"
modes = ["keyed", "oblivious"]
granularities = ["record", "count"]
source = { kind = "csv", path = "vehicles.csv" }
fields.id = { column = "id", type = "resident_id" }
keys.owner.fields = ["id"]
checks.plate.fields = ["plate"]
"""


def register(
    directory: Path, owners: Sequence[int], rows: Sequence[Row], conditions: list[Condition]
) -> ResourceConfig:
    """The rows, each of one owner, and a check for each condition."""
    lines = [",".join(("id", *COLUMNS))]
    for owner, row in zip(owners, rows, strict=False):
        cells = [cell if isinstance(cell, str) else _REJECTED[cell] for cell in row]
        lines.append(",".join((resident_id(owner), *cells)))
    (directory / "vehicles.csv").write_text("\n".join(lines), "utf-8")
    text = REGISTER
    for name in COLUMNS:
        options = ", ".join(f"{option} = {json.dumps(value)}" for option, value in FIELDS[name].options)
        text += (
            f"[fields.{name}]\ncolumn = '{name}'\ntype = '{FIELDS[name].type}'\noptions = {{ {options} }}\n"
        )
    for number, condition in enumerate(conditions):
        text += f"[checks.c{number}]\ncondition = {json.dumps(canonical(condition))}\n"
    (directory / "vehicles.toml").write_text(text, "utf-8")
    return load_resource(directory / "vehicles.toml")


def expected(owners: Sequence[int], rows: Sequence[Row], condition: str, asked: int) -> int:
    """What a database says of one owner's rows."""
    answers = in_sqlite(condition, [row for owner, row in zip(owners, rows, strict=False) if owner == asked])
    if not answers:
        return outcomes.NOT_FOUND
    known = outcomes.MISMATCH if False in answers else outcomes.NO_VALUE
    return outcomes.MATCH if True in answers else known


@dataclass(frozen=True)
class Obliviously:
    """A generation, evaluated and looked up as in oblivious mode."""

    directory: Path
    generation: Generation
    question: Question
    granularity: "Granularity.ValueType"

    def sets(self) -> tuple[list[ObliviousSet], list[FingerprintSet]]:
        offered = self.generation.manifest.oblivious
        assert offered is not None
        asked = oblivious.asked_sets(offered.offer, KEY, self.question.checks, self.granularity)
        places = list(offered.offer.sets)
        return asked, [FingerprintSet(self.directory / str(places.index(one))) for one in asked]

    def evaluated(
        self, asked: Sequence[ObliviousSet], columns: Sequence[Sequence[bytes]]
    ) -> list[list[bytes]]:
        epoch, contract = OPRF_KEYS.epoch(CODE), self.generation.manifest.contract
        keys = [epoch.key(contract, one.key, one.check or None, one.granularity) for one in asked]
        return [
            VerifiableServer(key).blind_evaluate(column) for key, column in zip(keys, columns, strict=True)
        ]

    def codes(self, values: dict[str, list[str]]) -> bytes:
        """Outcomes of records."""
        asking = BlindedQuestion(self.question, self.generation.manifest.contract, Blinds(bytes(32)))
        blinded = asking.prepare(values)
        asked, sets = self.sets()
        evaluated = self.evaluated(asked, [column.elements for column in blinded.columns])
        return Matching(asking.contexts, asked, sets).codes(blinded, evaluated)

    def counts(self, values: dict[str, list[str]]) -> list[int]:
        """Matches of different elements, in each column."""
        asking = DistinctQuestion(self.question, self.generation.manifest.contract, Blinds(bytes(32)))
        blinded = asking.prepare(values)
        asked, sets = self.sets()
        evaluated = self.evaluated(asked, [column.elements for column in blinded.columns])
        found = []
        for place, (answers, one) in enumerate(zip(evaluated, asked, strict=True)):
            points = VerifiableClient(one.public_key).unblind([asking.blind(place)] * len(answers), answers)
            fingerprints = oblivious.count_fingerprints(asking.contexts[place], points)
            found.append(int(sets[place].has(fingerprints).sum()))
        return found


# Each example is a build: too slow to look for a smaller one.
@settings(max_examples=12, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(
    st.lists(st.integers(0, 3), min_size=12, max_size=12),
    ROWS.filter(len),
    st.lists(CONDITIONS, min_size=1, max_size=3),
)
def test_keyed_oblivious_and_count_agree_with_a_database(
    owners: list[int], rows: list[Row], conditions: list[Condition]
) -> None:
    checks = [f"c{number}" for number in range(len(conditions))]
    values = {"id": [resident_id(owner) for owner in range(5)]}
    with TemporaryDirectory() as name:
        directory = Path(name)
        resource = register(directory, owners, rows, conditions)
        data = directory / "data"
        Builder(data, INDEX_KEY, OPRF_KEYS, "0.0-test", bytes).build(resource, NOW, lambda _: None)
        generation = Generations(data, {INDEX_KEY.id}).current(CODE)
        assert generation is not None
        contract = generation.manifest.contract
        told = [
            [expected(owners, rows, check_condition(contract, one), owner) for owner in range(5)]
            for one in checks
        ]
        question = Question(contract, KEY, checks, date(2026, 11, 22))
        matcher = Matcher(generation, INDEX_KEY, KEY, checks)
        keyed = matcher.match(question.prepare(values).digests).outcomes
        assert keyed[1:].tolist() == told
        place = Generations(data, {INDEX_KEY.id}).directory(CODE).generation(generation.manifest.generation)
        by_record = Obliviously(place / FINGERPRINTS, generation, question, GRANULARITY_RECORD)
        assert by_record.codes(values) == keyed.tobytes()
        counted = Obliviously(place / FINGERPRINTS, generation, question, GRANULARITY_COUNT).counts(values)
        assert counted == [Counter(row)[outcomes.MATCH] for row in keyed.tolist()]
