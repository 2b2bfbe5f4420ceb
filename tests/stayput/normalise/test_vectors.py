import json
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from stayput.normalise import OPTIONS, PROFILE, Field, FieldType, Normaliser, Reject, normaliser

FILE = json.loads(Path(__file__).parents[2].joinpath("vectors", "normalise.json").read_text("utf-8"))
VECTORS: list[dict[str, Any]] = FILE["vectors"]


def made(vector: dict[str, Any]) -> Normaliser:
    field = Field("field", FieldType(vector["type"]), tuple(sorted(vector["options"].items())))
    return normaliser(field, date.fromisoformat(vector["today"]))


def outcome(vector: dict[str, Any]) -> str | Reject:
    canonical: str | None = vector.get("canonical")
    return Reject(vector["reason"]) if canonical is None else canonical


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"].encode("unicode_escape").decode())
def test_vector(vector: dict[str, Any]) -> None:
    assert made(vector).one(vector["input"]) == outcome(vector)
    assert made(vector).column([vector["input"]]) == [outcome(vector)]


def test_vectors_in_one_column_do_not_disturb_each_other() -> None:
    for kind in FieldType:
        plain = [v for v in VECTORS if v["type"] == kind and not v["options"] and v["today"] == "2026-06-30"]
        assert made(plain[0]).column([v["input"] for v in plain]) == [outcome(v) for v in plain]


def test_the_file_is_complete() -> None:
    assert FILE["profile"] == PROFILE
    assert len(VECTORS) >= 300
    assert len({vector["id"] for vector in VECTORS}) == len(VECTORS)
    assert all(("canonical" in vector) != ("reason" in vector) for vector in VECTORS)
    assert {vector.get("reason") for vector in VECTORS} == {None, *(reason.value for reason in Reject)}
    reasons = Counter((vector["type"], "reason" in vector) for vector in VECTORS)
    used = {(vector["type"], option) for vector in VECTORS for option in vector["options"]}
    assert used == {(kind, option) for kind in FieldType for option in OPTIONS[kind]}
    for kind in FieldType:
        assert reasons[kind, True] >= 5
        assert reasons[kind, False] >= 15
