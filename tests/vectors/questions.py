"""What the vectors are about: contracts, values, sessions and statements, with what must be refused."""

import copy
from collections.abc import Iterator
from typing import Final

from tests.vectors.reference import Json, hmac_sha256, sha256


def _field(name: str, kind: str, **options: str) -> Json:
    return {"name": name, "type": kind, "options": options}


def _named(**tuples: list[str]) -> list[Json]:
    return [{"name": name, "fields": fields} for name, fields in tuples.items()]


DEATHS: Final[Json] = {
    "resource": "deaths",
    "profile": "cn-gov/1",
    "suite": "keyed/1",
    "salt": bytes(range(16)).hex(),
    "fields": [
        _field("resident_id", "resident_id"),
        _field("name", "person_name"),
        _field("died_on", "date"),
    ],
    "keys": _named(resident_id=["resident_id"]),
    "checks": _named(name=["name"], death=["name", "died_on"]),
}
CONTRACTS: Final[Json] = {
    "deaths": DEATHS,
    "marriages": {
        "resource": "marriages-2026",
        "profile": "cn-gov/1",
        "suite": "keyed/1",
        "salt": "ff" * 16,
        "fields": [
            _field("birth_date", "date", format="excel-serial"),
            _field("name", "person_name", separator_space="dot"),
            _field("spouse_name", "person_name"),
            _field("spouse_id", "resident_id"),
        ],
        "keys": _named(name_birth=["name", "birth_date"], spouse_id=["spouse_id"]),
        "checks": _named(spouse=["spouse_name", "spouse_id"]),
    },
    "companies": {
        "resource": "companies",
        "profile": "cn-gov/1",
        "suite": "keyed/1",
        "salt": "a5" * 16,
        "fields": [
            _field("uscc", "uscc"),
            _field("capital", "number", scale="2"),
            # What canonical JSON has to escape, and what it must not.
            _field("active", "boolean", true='有效|"是"|存续\\在业', false="注销|吊销|𠮷"),
            _field("licence", "code", case="upper", drop="space,hyphen"),
        ],
        "keys": _named(uscc=["uscc"]),
        "checks": _named(capital=["capital"], active=["active"], licence=["licence", "active"]),
    },
}
CONTRACTS["vehicles"] = {
    "resource": "vehicles",
    "profile": "cn-gov/1",
    "suite": "keyed/1",
    "salt": "5a" * 16,
    "fields": [_field("owner_id", "resident_id"), _field("plate", "code", case="upper")],
    "keys": _named(owner=["owner_id"], plate=["plate"]),
    "checks": [
        {"name": "costly", "condition": "price >= 100000"},
        # What canonical JSON has to escape, and what it must not.
        {
            "name": "local",
            "condition": "maker in ('O''Neil', 'a\"\\b', '𠮷利') and not (scrapped = true or seats < 5)",
        },
        *_named(plate=["plate"]),
    ],
}

# The longest canonical value has 512 bytes.
LONGEST: Final = "长" * 170 + "ab"
ENCODINGS: Final = [
    ["11010519491231002X"],
    ["张三"],
    ["阿依古丽·买买提", "1990-01-02"],
    ["𠮷野"],
    ["a", "bc"],
    ["ab", "c"],
    ["abc"],
    [LONGEST],
]

ID: Final = "11010519491231002X"
ID_KEY: Final[Json] = {"key": "resident_id", "key_values": [ID]}
NAME_CHECK: Final[Json] = {**ID_KEY, "check": "name", "check_values": ["张三"]}
DIGESTS: Final[list[tuple[str, Json]]] = [
    ("deaths", ID_KEY),
    ("deaths", NAME_CHECK),
    ("deaths", {**ID_KEY, "check": "death", "check_values": ["张三", "2025-12-31"]}),
    ("deaths", {**ID_KEY, "check": "name", "check_values": None}),
    ("marriages", {"key": "name_birth", "key_values": ["阿依古丽·买买提", "1990-01-02"]}),
    (
        "marriages",
        {
            "key": "name_birth",
            "key_values": ["阿依古丽·买买提", "1990-01-02"],
            "check": "spouse",
            "check_values": ["李四", ID],
        },
    ),
    ("marriages", {"key": "spouse_id", "key_values": [ID], "check": "spouse", "check_values": ["李四", ID]}),
    ("companies", {"key": "uscc", "key_values": ["91350100M000100Y43"]}),
    (
        "companies",
        {
            "key": "uscc",
            "key_values": ["91350100M000100Y43"],
            "check": "capital",
            "check_values": ["1000000.00"],
        },
    ),
    (
        "companies",
        {
            "key": "uscc",
            "key_values": ["91350100M000100Y43"],
            "check": "licence",
            "check_values": ["JY11105", "true"],
        },
    ),
    ("vehicles", {"key": "owner", "key_values": [ID], "check": "costly", "check_values": ["true"]}),
    ("vehicles", {"key": "owner", "key_values": [ID], "check": "local", "check_values": ["true"]}),
    ("vehicles", {"key": "plate", "key_values": ["京A12345"], "check": "costly", "check_values": ["true"]}),
    ("vehicles", {"key": "plate", "key_values": ["京A12345"], "check": "costly", "check_values": None}),
]


OBLIVIOUS: Final[list[tuple[str, Json]]] = [
    (name, question)
    for name, question in DIGESTS
    if "check" not in question or question["check_values"] is not None
]


def changes() -> Iterator[tuple[str, Json, Json]]:
    """The same question under contracts that differ in one item, and questions that differ a little."""
    death = {**ID_KEY, "check": "death", "check_values": ["张三", "2025-12-31"]}
    yield "nothing", DEATHS, death
    for item, value in (
        ("resource", "births"),
        ("profile", "cn-gov/2"),
        ("suite", "keyed/2"),
        ("salt", "01" + DEATHS["salt"][2:]),
    ):
        yield item, {**DEATHS, item: value}, death
    for what, (kind, index, item, value) in {
        "type of a key's field": ("fields", 0, "type", "code"),
        "option of a key's field": ("fields", 0, "options", {"case": "upper"}),
        "type of a check's field": ("fields", 1, "type", "text"),
        "option of a check's field": ("fields", 1, "options", {"separator_space": "dot"}),
        "order of a check's fields": ("checks", 1, "fields", ["died_on", "name"]),
    }.items():
        contract = copy.deepcopy(DEATHS)
        contract[kind][index][item] = value
        yield what, contract, death
    renamed = copy.deepcopy(DEATHS)
    renamed["keys"] = _named(id=["resident_id"])
    yield "name of the key", renamed, {**death, "key": "id"}
    renamed = copy.deepcopy(DEATHS)
    renamed["checks"] = _named(died=["name", "died_on"])
    yield "name of the check", renamed, {**death, "check": "died"}
    renamed = copy.deepcopy(DEATHS)
    renamed["fields"][0]["name"] = "id"
    renamed["keys"] = _named(resident_id=["id"])
    yield "name of a key's field", renamed, death
    yield "the check left out", DEATHS, ID_KEY
    yield "another check of fewer fields", DEATHS, NAME_CHECK
    yield "key value", DEATHS, {**death, "key_values": ["110105194912310038"]}
    yield "check value", DEATHS, {**death, "check_values": ["张三", "2025-12-30"]}
    yield "a character moved to the next value", DEATHS, {**death, "check_values": ["张", "三2025-12-31"]}
    for what, condition in (
        ("a condition in place of the check's fields", "died_on is not null"),
        ("another condition", "died_on is null"),
    ):
        asking = {**DEATHS, "checks": [{"name": "death", "condition": condition}]}
        yield what, asking, {**death, "check_values": ["true"]}
    asking = {
        **DEATHS,
        "fields": [*DEATHS["fields"], _field("dead", "boolean")],
        "checks": _named(death=["dead"]),
    }
    yield "a field that is true in place of a condition", asking, {**death, "check_values": ["true"]}


OPENING: Final[Json] = {
    "ticket": "eyJhbGciOiJFUzI1NiJ9.e30.c2lnbmF0dXJl",
    "resource": "deaths",
    "salt": DEATHS["salt"],
    "key": "resident_id",
    "checks": ["name", "death"],
    "mode": 1,
    "granularity": 1,
}


def openings() -> Iterator[Json]:
    """Session parameters, each differing from the first in one item; every info differs."""
    yield OPENING
    for item, value in (
        ("ticket", OPENING["ticket"] + "x"),
        ("resource", "births"),
        ("salt", "01" + DEATHS["salt"][2:]),
        ("key", "name_birth"),
        ("checks", []),
        ("checks", ["death", "name"]),
        ("checks", ["name"]),
        ("checks", ["namedeath"]),
        ("mode", 2),
        ("granularity", 2),
    ):
        yield {**OPENING, item: value}


_DIGESTS: Final = b"".join(sha256(bytes([n]))[:16] for n in range(6))
REQUESTS: Final = [(0, False, _DIGESTS), (1, False, _DIGESTS[:48]), (2, True, b"")]
RESPONSES: Final = [(0, bytes([1, 3, 2, 3, 16, 3])), (1, bytes([1, 1, 17])), (2, b"")]


def commitments(key: bytes) -> Json:
    """Both commitments over all chunks of the session."""
    asked = sha256(b"".join(digests for _, _, digests in REQUESTS))
    answered = sha256(b"".join(outcomes for _, outcomes in RESPONSES))
    return {"request": hmac_sha256(key, asked).hex(), "response": hmac_sha256(key, answered).hex()}


def _flipped(sealed: str, byte: int) -> str:
    data = bytearray.fromhex(sealed)
    data[byte] ^= 1
    return data.hex()


def refused_seals(sealed_key: str, request: Json, response: Json) -> list[Json]:
    """Changed seals, each with the reason that it must be refused with; `of` says which seal was changed."""
    sealed, answer = request["sealed"], response["sealed"]
    other_id = {"session_id": "b0" * 16}
    cases: list[Json] = [
        {"of": "request", "what": "a bit of the ciphertext flipped", "sealed": _flipped(sealed, 0)},
        {"of": "request", "what": "a bit of the tag flipped", "sealed": _flipped(sealed, -1)},
        {"of": "request", "what": "another sequence number", "sequence": 1},
        {"of": "request", "what": "the final flag set", "final": True},
        {"of": "request", "what": "the last byte cut off", "sealed": sealed[:-2]},
        {"of": "request", "what": "shorter than a tag", "sealed": sealed[:30]},
        {"of": "request", "what": "empty", "sealed": ""},
        {"of": "request", "what": "the response sent back", "sealed": answer},
        {"of": "response", "what": "a bit of the ciphertext flipped", "sealed": _flipped(answer, 0)},
        {"of": "response", "what": "a bit of the tag flipped", "sealed": _flipped(answer, -1)},
        {"of": "response", "what": "another sequence number", "sequence": 1},
        {"of": "response", "what": "another session's id", **other_id},
        {"of": "response", "what": "the last byte cut off", "sealed": answer[:-2]},
        {"of": "response", "what": "empty", "sealed": ""},
        {
            "of": "session_key",
            "what": "a bit of ML-KEM's ciphertext flipped",
            "sealed": _flipped(sealed_key, 0),
        },
        {
            "of": "session_key",
            "what": "a bit of the X25519 share flipped",
            "sealed": _flipped(sealed_key, 1088),
        },
        {
            "of": "session_key",
            "what": "a bit of the ciphertext flipped",
            "sealed": _flipped(sealed_key, 1120),
        },
        {"of": "session_key", "what": "the last byte cut off", "sealed": sealed_key[:-2]},
        {"of": "session_key", "what": "only the encapsulation", "sealed": sealed_key[:2240]},
        {"of": "session_key", "what": "empty", "sealed": ""},
        *(
            {"of": "session_key", "what": "sealed for other parameters", "opening": opening}
            for opening in list(openings())[1:]
        ),
    ]
    return [{**case, "reason": "SEAL_INVALID"} for case in cases]


# Grant { id = 1: "G-0", consumer = 5: "civil-affairs", checks = 8: ["name"] }, written out by hand.
GRANT: Final[Json] = {"id": "G-0", "consumer": "civil-affairs", "checks": ["name"]}
GRANT_PAYLOAD: Final = b"\x0a\x03G-0" + b"\x2a\x0dcivil-affairs" + b"\x42\x04name"
# RequestStatement, written out by hand but for the hash. `signed_at` is { seconds = 1: 1700000000 }.
REQUEST: Final[Json] = {
    "sealed_session_key": bytes(range(16)).hex(),
    "grant_id": "G-0",
    "consumer": "civil-affairs",
    "operator": "clerk",
    "purpose": "核对",
    "case_number": "",
    "resource": "deaths",
    "key": "resident_id",
    "checks": ["name"],
    "records": 300,
    "request_commitment": bytes(range(32)).hex(),
    "signed_at": 1_700_000_000,
}
REQUEST_PAYLOAD: Final = (
    b"\x0a\x20"
    + sha256(bytes(range(16)))
    + b"\x12\x03G-0"
    + b"\x1a\x0dcivil-affairs"
    + b"\x22\x05clerk"
    + b"\x2a\x06\xe6\xa0\xb8\xe5\xaf\xb9"
    + b"\x3a\x06deaths"
    + b"\x42\x0bresident_id"
    + b"\x4a\x04name"
    + b"\x50\x01\x58\x01\x60\xac\x02"
    + b"\x6a\x20"
    + bytes(range(32))
    + b"\x72\x06\x08\x80\xe2\xcf\xaa\x06"
)
PAE: Final = [
    ("", b""),
    ("application/vnd.stayput.receipt.v1+protobuf", bytes(300)),
    ("类型", "载荷".encode()),
]


def refused_signatures(grant: Json, bare_signature: bytes) -> list[Json]:
    """Changes to the grant's envelope; each must be refused with GRANT_SIGNATURE_INVALID."""
    signature = grant["signature"]
    cases: list[Json] = [
        {"what": "a bit of the payload flipped", "payload": _flipped(grant["payload"], -1)},
        {"what": "the type of a receipt", "payload_type": "application/vnd.stayput.receipt.v1+protobuf"},
        {"what": "a bit of the signature flipped", "signature": _flipped(signature, 0)},
        {"what": "half a signature", "signature": signature[:64]},
        {"what": "no signature", "signature": ""},
        {"what": "signed without pre-authentication encoding", "signature": bare_signature.hex()},
        {"what": "the name of another key", "key_id": "00" * 16},
    ]
    return [{**case, "reason": "GRANT_SIGNATURE_INVALID"} for case in cases]
