import re
from pathlib import Path

import pytest

from stayput import oblivious, sealing
from stayput.contract import SUITE
from stayput.elements import DOMAIN
from stayput.errors import reason_name
from stayput.identity import COMPARATOR_NAME, department, node
from stayput.leakage import IDS
from stayput.normalise import PROFILE
from stayput.oprf import detection_probability
from stayput.rpc.tls import MAX_MESSAGE_BYTES
from stayput.signing import PayloadType
from stayput.tickets import CLOCK_SKEW, DETAIL_TYPE, ISSUER, LONGEST_LIFE, TYPE
from stayput.v1.access_pb2 import ApplicationState, GrantState
from stayput.v1.contract_pb2 import OutcomeCode
from stayput.v1.errors_pb2 import ErrorReason
from tests.vectors.reading import read

DOCUMENT = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text("utf-8")
PROTO = (Path(__file__).parents[2] / "proto" / "stayput" / "v1" / "contract.proto").read_text("utf-8")
# Backticked names in capitals that are no reasons: outcomes, modes, ends of a session, states of a code.
OTHER_NAMES = {
    *(name.removeprefix("OUTCOME_CODE_") for name in OutcomeCode.keys()),  # noqa: SIM118 (no dict)
    *(name.removeprefix("APPLICATION_STATE_") for name in ApplicationState.keys()),  # noqa: SIM118
    *(name.removeprefix("GRANT_STATE_") for name in GrantState.keys()),  # noqa: SIM118
    *{"MODE_OBLIVIOUS", "GRANULARITY_COUNT", "KEYED", "OBLIVIOUS", "RECORD", "COUNT"},
    "KEYS_CHANGED",
    *{"COMPLETE", "CUT_BY_CONSUMER", "CUT_BY_NODE", "NODE_CRASHED"},
    *{"UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "UNIMPLEMENTED"},
    "ERROR_REASON_",
}


def section(title: str) -> str:
    """The text below a heading, up to the next heading."""
    found = re.search(
        rf"^#+ (?:\d+\. )?{re.escape(title)}$(.*?)(?=^#|\Z)", DOCUMENT, re.MULTILINE | re.DOTALL
    )
    assert found, title
    return found[1]


def rows(title: str, table: int = 0) -> list[list[str]]:
    """The cells of one table of a section, without its head."""
    tables = re.findall(r"(?:^\|.*\n)+", section(title), re.MULTILINE)
    return [
        [cell.strip() for cell in line.strip("|\n").split("|")] for line in tables[table].splitlines()[2:]
    ]


def hex_lines(title: str) -> list[tuple[str, str]]:
    """Lines of `name  hex` in the code blocks of a section."""
    return re.findall(r"^([a-z ]+?) {2,}([0-9a-f]{16,})$", section(title), re.MULTILINE)


def test_the_worked_example_is_that_of_the_vectors() -> None:
    key, check = read("elements")["digests"][:2]
    wanted = [(name, vector[name]) for vector in (key, check) for name in ("context", "element", "digest")]
    assert hex_lines("Worked example") == wanted
    assert re.findall(r"```json\n(.*)\n```", section("Worked example")) == [
        key["context_json"],
        check["context_json"],
    ]
    assert all(
        f"`{value}`" in section("Worked example") for value in (*key["key_values"], *check["check_values"])
    )


def test_the_derived_keys_are_those_of_the_vectors() -> None:
    vectors = read("sealing")
    names = ["session key", "session id", "request key", "response key", "commitment key"]
    assert hex_lines("Sealing") == [(name, vectors[name.replace(" ", "_")]) for name in names]


def test_the_outcomes_are_those_of_the_enumeration() -> None:
    listed = {
        f"OUTCOME_CODE_{name.strip('`')}": (int(byte), term) for byte, name, term, *_ in rows("Outcomes")
    }
    assert {name: byte for name, (byte, _) in listed.items()} == {
        name: number for name, number in OutcomeCode.items() if number
    }
    found = re.findall(r"((?: +//.*\n)+) +(OUTCOME_CODE_\w+) =", PROTO)
    comments = {name: comment for comment, name in found}
    for name, (_, term) in listed.items():
        assert term in comments[name]


def test_the_payload_types_are_those_of_the_code() -> None:
    assert [row[0].strip("`") for row in rows("Signed statements")] == [kind.value for kind in PayloadType]


def test_the_claims_are_those_that_a_ticket_has() -> None:
    claims = {name for row in rows("The ticket") for name in re.findall(r"`(\w+)`", row[0])}
    assert claims == {
        *("iss", "sub", "aud", "jti", "iat", "exp", "cnf", "authorization_details"),
        *("signing_key", "operator", "purpose", "case_number"),
    }


def test_every_reason_named_exists() -> None:
    reasons = {reason_name(reason) for reason in ErrorReason.values()}
    named = set(re.findall(r"`([A-Z][A-Z_]{3,})`", DOCUMENT))
    assert named - OTHER_NAMES <= reasons
    assert len(named & reasons) > 30


@pytest.mark.parametrize(
    "constant",
    [
        PROFILE,
        SUITE,
        DOMAIN,
        TYPE,
        ISSUER,
        DETAIL_TYPE,
        COMPARATOR_NAME,
        department("civil-affairs").urn,
        department("civil-affairs").tls_name,
        node("traffic-1").urn,
        node("traffic-1").tls_name,
        f"exp <= iat + {LONGEST_LIFE.total_seconds():.0f}",
        f"iat - {CLOCK_SKEW.total_seconds():.0f} s <= now",
        f"{MAX_MESSAGE_BYTES // 2**20} MiB",
        f"{sealing.SEALED_KEY_BYTES:,} bytes",
    ],
)
def test_constants_are_those_of_the_code(constant: str) -> None:
    assert constant in DOCUMENT


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", DOCUMENT):
        assert (Path(__file__).parents[2] / "docs" / target).exists(), target


def test_the_worked_example_of_oblivious_mode_is_that_of_the_vectors() -> None:
    vectors = read("oblivious")
    example, presence = vectors["elements"][0], vectors["presences"][0]["presence"]
    assert vectors["suite"] == oblivious.SUITE
    for value in (
        example["context"],
        example["input"],
        example["output"][:64],
        example["output"][64:],
        example["fingerprint"],
        presence,
    ):
        assert value in section("Oblivious mode")


@pytest.mark.parametrize(("wrong", "told"), [(1, "12 %"), (10, "73 %"), (50, "99.8 %")])
def test_the_detection_probabilities_are_right(wrong: int, told: str) -> None:
    found = detection_probability(8_192, wrong) * 100
    assert told in section("Oblivious mode")
    assert abs(found - float(told.removesuffix(" %"))) < 0.5


def test_the_leakage_statements_are_listed() -> None:
    for name in IDS.values():
        assert f"`{name}`" in section("Who learns what")
