import base64
import dataclasses
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import example, given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey

from stayput.errors import StayputError
from stayput.identity import Caller, department, node
from stayput.tickets import TYPE, Scope, Ticket, TicketVerifier, issue
from stayput.v1.errors_pb2 import ErrorReason

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
KEY = ECKey.generate_key("P-256")
NODE = node("traffic-1")
CALLER = Caller(department("civil-affairs"), "thumbprint-of-civil-affairs")
TICKET = Ticket(
    id="T-1",
    consumer=CALLER.party,
    node=NODE,
    thumbprint=CALLER.thumbprint,
    signing_key=bytes(range(32)),
    scope=Scope("G-1", "vehicles", "resident_id", ("name", "plate"), ("KEYED",), ("RECORD",)),
    operator="王五",
    purpose="低保核查",
    case_number="",
    issued_at=NOW,
    expires_at=NOW + timedelta(minutes=10),
)
COMPACT = issue(TICKET, KEY)
HEADER = {"alg": "ES256", "typ": TYPE}
CLAIMS: dict[str, Any] = jwt.decode(COMPACT, KEY, algorithms=["ES256"]).claims
DETAIL: dict[str, Any] = CLAIMS["authorization_details"][0]
Change = Callable[[dict[str, Any]], object]

INVALID = ErrorReason.ERROR_REASON_TICKET_INVALID
EXPIRED = ErrorReason.ERROR_REASON_TICKET_EXPIRED
OTHER_CERTIFICATE = ErrorReason.ERROR_REASON_TICKET_CERTIFICATE_MISMATCH


def verifier() -> TicketVerifier:
    return TicketVerifier(NODE, [KEY])


def signed(claims: dict[str, Any], header: dict[str, Any] = HEADER, key: ECKey = KEY) -> str:
    return jwt.encode(header, claims, key, algorithms=["ES256"])


def with_detail(**changes: object) -> str:
    return signed({**CLAIMS, "authorization_details": [{**DETAIL, **changes}]})


def refused(
    compact: str, reason: ErrorReason.ValueType = INVALID, *, caller: Caller = CALLER, now: datetime = NOW
) -> None:
    with pytest.raises(StayputError) as caught:
        verifier().verify(compact, caller, now)
    assert caught.value.reason == reason
    assert caught.value.field == "ticket"


def part(value: object) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def test_a_ticket_comes_back_as_it_was_issued() -> None:
    assert verifier().verify(COMPACT, CALLER, NOW) == TICKET


def test_a_ticket_is_the_jwt_that_the_specification_describes() -> None:
    header = json.loads(base64.urlsafe_b64decode(COMPACT.split(".")[0] + "=="))
    assert header == {"alg": "ES256", "typ": "stayput-ticket+jwt"}
    assert CLAIMS == {
        "iss": "urn:stayput:comparator",
        "sub": "urn:stayput:department:civil-affairs",
        "aud": "urn:stayput:node:traffic-1",
        "jti": "T-1",
        "iat": 1_772_625_600,
        "exp": 1_772_626_200,
        "cnf": {"x5t#S256": "thumbprint-of-civil-affairs"},
        "signing_key": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
        "authorization_details": [
            {
                "type": "stayput_comparison",
                "grant": "G-1",
                "resource": "vehicles",
                "key": "resident_id",
                "checks": ["name", "plate"],
                "modes": ["KEYED"],
                "granularities": ["RECORD"],
            }
        ],
        "operator": "王五",
        "purpose": "低保核查",
        "case_number": "",
    }


@pytest.mark.parametrize("claim", sorted(CLAIMS))
def test_every_claim_must_be_there(claim: str) -> None:
    refused(signed({name: value for name, value in CLAIMS.items() if name != claim}))


@pytest.mark.parametrize(
    ("claim", "most"), [("jti", 100), ("operator", 100), ("purpose", 500), ("case_number", 100)]
)
def test_what_the_log_would_not_take_is_refused(claim: str, most: int) -> None:
    for text in ("张\N{IDEOGRAPHIC SPACE}三", "a\tb\nc", "\ue863", "\U00031350", "x" * most):
        verifier().verify(signed({**CLAIMS, claim: text}), CALLER, NOW)
    for text in ("a\x00", "\x7f", "x" * (most + 1)):
        refused(signed({**CLAIMS, claim: text}))


@pytest.mark.parametrize("claim", sorted(CLAIMS))
@pytest.mark.parametrize("value", [None, 1.5, True, [1], {"x": 1}], ids=str)
def test_every_claim_must_have_its_type(claim: str, value: object) -> None:
    refused(signed({**CLAIMS, claim: value}))


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("iss", "urn:stayput:node:traffic-1"),
        ("sub", "civil-affairs"),
        ("aud", ["urn:stayput:node:traffic-1"]),
        ("aud", "traffic-1"),
        ("jti", 7),
        ("iat", "1772625600"),
        ("exp", "1772626200"),
        ("cnf", {}),
        ("cnf", {"x5t#S256": 1}),
        ("cnf", {"jkt": "x"}),
        ("signing_key", ""),
        ("signing_key", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg"),
        ("signing_key", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9"),
        ("signing_key", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
        ("signing_key", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8fH"),
        ("signing_key", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBka\nGxwdHh8"),
        ("signing_key", "+++/+++/+++/+++/+++/+++/+++/+++/+++/+++/+++"),
        ("signing_key", "签名公钥"),
        ("authorization_details", []),
        ("authorization_details", [DETAIL, DETAIL]),
        ("authorization_details", DETAIL),
        ("authorization_details", ["x"]),
    ],
)
def test_a_claim_of_another_shape_is_refused(claim: str, value: object) -> None:
    refused(signed({**CLAIMS, claim: value}))


@pytest.mark.parametrize("member", sorted(DETAIL))
def test_every_member_of_the_scope_must_be_there_and_have_its_type(member: str) -> None:
    detail = {name: value for name, value in DETAIL.items() if name != member}
    refused(signed({**CLAIMS, "authorization_details": [detail]}))
    values: list[object] = [None, 1, {}, [1], ["name", None], [["name"]]]
    for value in values:
        refused(with_detail(**{member: value}))
    refused(with_detail(**{member: [] if isinstance(DETAIL[member], str) else "name"}))


@pytest.mark.parametrize("iat", [-(10**18), -1, 0, 10**10 * 30, 10**18, 2**63])
def test_times_beyond_the_calendar_are_refused(iat: int) -> None:
    refused(signed({**CLAIMS, "iat": iat, "exp": iat + 1}))


def test_a_lifetime_over_ten_minutes_is_refused_and_never_issued() -> None:
    refused(signed({**CLAIMS, "exp": CLAIMS["exp"] + 1}))
    with pytest.raises(ValueError, match="10 minutes"):
        issue(dataclasses.replace(TICKET, expires_at=TICKET.expires_at + timedelta(seconds=1)), KEY)


def test_a_ticket_that_ends_as_it_begins_is_refused() -> None:
    refused(signed({**CLAIMS, "exp": CLAIMS["iat"]}))


@pytest.mark.parametrize("typ", [None, "", "JWT", "stayput-ticket", "STAYPUT-TICKET+JWT"])
def test_another_type_of_token_is_refused(typ: str | None) -> None:
    refused(signed(CLAIMS, {"alg": "ES256", "typ": typ} if typ is not None else {"alg": "ES256"}))


def test_an_unsigned_token_is_refused() -> None:
    for algorithm in ("none", "None", "NONE"):
        for signature in ("", COMPACT.split(".")[2]):
            refused(f"{part({**HEADER, 'alg': algorithm})}.{part(CLAIMS)}.{signature}")


def test_the_public_key_is_no_shared_secret() -> None:
    public = KEY.public_key
    for secret in (
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        json.dumps(KEY.as_dict(private=False)).encode(),
    ):
        signing_input = f"{part({**HEADER, 'alg': 'HS256'})}.{part(CLAIMS)}"
        refused(f"{signing_input}.{part(hmac.digest(secret, signing_input.encode(), 'sha256'))}")


def test_a_key_that_came_with_the_token_is_not_used() -> None:
    other = ECKey.generate_key("P-256")
    refused(signed(CLAIMS, key=other))
    refused(signed(CLAIMS, {**HEADER, "jwk": other.as_dict(private=False)}, other))


def test_a_changed_token_is_refused() -> None:
    header, _, signature = COMPACT.split(".")
    refused(f"{header}.{part({**CLAIMS, 'operator': 'x'})}.{signature}")
    refused(f"{header}.{COMPACT.split('.')[1]}.{part(bytes(64))}")
    refused(COMPACT[:-1])
    refused(f"{COMPACT}.")


def test_an_old_and_a_new_key_of_the_platform_both_verify() -> None:
    new = ECKey.generate_key("P-256")
    both = TicketVerifier(NODE, [new, KEY])
    assert both.verify(COMPACT, CALLER, NOW) == TICKET
    assert both.verify(issue(TICKET, new), CALLER, NOW) == TICKET
    with pytest.raises(StayputError):
        TicketVerifier(NODE, [new]).verify(COMPACT, CALLER, NOW)
    with pytest.raises(StayputError):
        TicketVerifier(NODE, []).verify(COMPACT, CALLER, NOW)


@pytest.mark.parametrize(
    ("offset", "fine"), [(-31, False), (-30, True), (0, True), (599, True), (600, False), (10**6, False)]
)
def test_a_ticket_has_its_time(offset: int, fine: bool) -> None:  # noqa: FBT001 (a column of the table)
    now = NOW + timedelta(seconds=offset)
    if fine:
        assert verifier().verify(COMPACT, CALLER, now) == TICKET
    else:
        refused(COMPACT, EXPIRED, now=now)


def test_a_ticket_for_another_node_is_refused() -> None:
    compact = issue(dataclasses.replace(TICKET, node=node("traffic-2")), KEY)
    refused(compact, ErrorReason.ERROR_REASON_TICKET_AUDIENCE)
    lookalike = issue(dataclasses.replace(TICKET, node=department("traffic-1")), KEY)
    refused(lookalike, ErrorReason.ERROR_REASON_TICKET_AUDIENCE)


@pytest.mark.parametrize(
    "caller",
    [
        Caller(CALLER.party, "thumbprint-of-another-certificate"),
        Caller(department("water-works"), CALLER.thumbprint),
        Caller(node("civil-affairs"), CALLER.thumbprint),
        Caller(CALLER.party, ""),
    ],
    ids=["another certificate", "another department", "a node of that name", "no thumbprint"],
)
def test_a_ticket_is_of_no_use_to_another(caller: Caller) -> None:
    refused(COMPACT, OTHER_CERTIFICATE, caller=caller)


def test_time_and_binding_are_checked_for_a_remembered_ticket_too() -> None:
    warm = verifier()
    assert warm.verify(COMPACT, CALLER, NOW) is warm.verify(COMPACT, CALLER, NOW)
    for caller, now, reason in (
        (CALLER, NOW + timedelta(minutes=10), EXPIRED),
        (CALLER, NOW - timedelta(minutes=1), EXPIRED),
        (Caller(CALLER.party, "other"), NOW, OTHER_CERTIFICATE),
        (Caller(department("water-works"), CALLER.thumbprint), NOW, OTHER_CERTIFICATE),
    ):
        with pytest.raises(StayputError) as caught:
            warm.verify(COMPACT, caller, now)
        assert caught.value.reason == reason


def test_memory_is_bounded_and_holds_genuine_tickets_only() -> None:
    small = TicketVerifier(NODE, [KEY], cache_size=2)
    tickets = [issue(dataclasses.replace(TICKET, id=f"T-{n}"), KEY) for n in range(4)]
    for compact in tickets:
        small.verify(compact, CALLER, NOW)
        with pytest.raises(StayputError):
            small.verify(f"{compact}x", CALLER, NOW)
    assert len(small._cache) == 2
    assert small.verify(tickets[0], CALLER, NOW).id == "T-0"


def test_a_token_beyond_any_ticket_s_size_is_refused_unread() -> None:
    refused(signed({**CLAIMS, "purpose": "x" * 16_384}))


@pytest.mark.parametrize("compact", ["", ".", "..", "...", "a.b.c", "é.é.é", "\ud800", "{}", "\x00", "票"])
def test_what_is_no_token_is_refused(compact: str) -> None:
    refused(compact)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2**70) | st.text(max_size=5) | st.just("ES256"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
HEADERS = st.dictionaries(
    st.sampled_from(["alg", "typ", "crit", "b64", "kid", "jwk", "jku", "x5c", "x5t", "x5u", "cty"]),
    JSON_VALUES,
)


@given(
    HEADERS.map(lambda header: {**HEADER, **header}) | HEADERS | JSON_VALUES, JSON_VALUES | st.just(CLAIMS)
)
@example({**HEADER, "crit": 1}, CLAIMS)
@example([], [])
def test_whatever_a_caller_invents_is_refused_as_a_ticket(header: object, claims: object) -> None:
    refused(f"{part(header)}.{part(claims)}.{part(bytes(64))}")
    refused(f"{part(header)}.{part(claims)}.")


@given(
    st.text(st.characters(), max_size=60),
    st.lists(st.binary(max_size=30).map(part), max_size=5).map(".".join),
)
def test_arbitrary_text_is_refused(text: str, parts: str) -> None:
    refused(text)
    refused(parts)
