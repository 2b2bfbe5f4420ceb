"""Whatever the threat model says nobody must learn is shown by tests that there are."""

import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
DOCUMENT: Final = (ROOT / "docs" / "threat-model.md").read_text("utf-8")
NAMED: Final = sorted(set(re.findall(r"`(tests/[^`]*)`", DOCUMENT)))
CLAIMS: Final = [
    [cell.strip() for cell in line.strip().strip("|").split("|")]
    for section in re.findall(r"^\| party .*must not learn.*\n(?:\|.*\n)+", DOCUMENT, re.MULTILINE)
    for line in section.splitlines()[2:]
]


@pytest.mark.parametrize("named", NAMED)
def test_what_is_named_is_there(named: str) -> None:
    path, _, test = named.partition("::")
    assert (ROOT / path).exists()
    if test:
        assert re.search(rf"^(?:async )?def {test}\(", (ROOT / path).read_text("utf-8"), re.MULTILINE)


def test_every_claim_names_its_test() -> None:
    assert len(CLAIMS) > 12
    for party, _, _, must_not, shown in CLAIMS:
        assert not must_not or "::test_" in shown, party
