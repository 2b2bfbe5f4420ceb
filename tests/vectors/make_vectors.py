"""Makes elements, oblivious, sealing and signing.json by the second implementation in reference.py.

Before anything is made, the reference has to reproduce published vectors: RFC 5869 A.1, RFC 8032 7.1 test 1,
DSSE's protocol.md, draft-ietf-hpke-pq-05 A.5 (hpke_published.json), and RFC 9497 A.1.2 (oprf.json).

    python -m tests.vectors.make_vectors [DIRECTORY]
"""

import json
import sys
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.vectors import questions, ristretto
from tests.vectors.reference import (
    Hpke,
    Json,
    digest,
    encoded,
    envelope,
    hkdf,
    hkdf_expand,
    hkdf_extract,
    oblivious,
    pae,
    presence,
    sealed_request,
    sealed_response,
    session_info,
    sha256,
)

HERE: Final = Path(__file__).parent
RFC5869: Final = {
    "secret": "0b" * 22,
    "salt": "000102030405060708090a0b0c",
    "info": "f0f1f2f3f4f5f6f7f8f9",
    "prk": "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
    "okm": "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
}
RFC8032: Final = {
    "private": "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
    "public": "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    "signature_of_empty": "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bac"
    "c61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
}
DSSE: Final = ("http://example.com/HelloWorld", b"hello world")
DSSE_PAE: Final = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
AES_256_GCM: Final = 2
CHACHA20_POLY1305: Final = 3
SESSION_KEY: Final = bytes(range(0x40, 0x60))
SESSION_ID: Final = bytes(range(0xA0, 0xB0))


def published_hpke() -> dict[str, bytes]:
    """The fields of hpke_published.json, as bytes."""
    text = json.loads((HERE / "hpke_published.json").read_text())
    return {name: bytes.fromhex(value) for name, value in text.items() if name != "source"}


def check_published() -> None:
    """Ends the program unless the reference reproduces every published vector."""
    known = {name: bytes.fromhex(value) for name, value in RFC5869.items()}
    hpke = published_hpke()
    prk = hkdf_extract(known["salt"], known["secret"])
    made = Hpke(hpke["skRm"], hpke["enc"], CHACHA20_POLY1305, hpke["info"])
    for name, got, wanted in (
        ("RFC 5869 PRK", prk, known["prk"]),
        ("RFC 5869 OKM", hkdf_expand(prk, known["info"], len(known["okm"])), known["okm"]),
        ("RFC 8032 public key", signer().public_key().public_bytes_raw().hex(), RFC8032["public"]),
        ("RFC 8032 signature", signer().sign(b"").hex(), RFC8032["signature_of_empty"]),
        ("DSSE", pae(*DSSE), DSSE_PAE),
        ("HPKE public key", made.public, hpke["pkRm"]),
        ("HPKE shared secret", made.shared_secret, hpke["shared_secret"]),
        ("HPKE key", made.key, hpke["key"]),
        ("HPKE base nonce", made.base_nonce, hpke["base_nonce"]),
        ("HPKE exporter secret", made.exporter_secret, hpke["exporter_secret"]),
    ):
        if got != wanted:
            raise SystemExit(f"{name}: the reference does not reproduce the published vector")


def voprf() -> Json:
    """The vectors of RFC 9497 for mode VOPRF."""
    modes: list[Json] = json.loads((HERE / "oprf.json").read_text())["oprf"]["modes"]
    return next(mode for mode in modes if mode["mode"] == "VOPRF")


def check_voprf() -> None:
    """Ends the program unless the reference reproduces the vectors of RFC 9497."""
    key = scalar(voprf()["private_key"])
    for vector in voprf()["vectors"]:
        for message, blind, *wanted in zip(
            vector["inputs"],
            vector["blinds"],
            vector["blinded_elements"],
            vector["evaluated_elements"],
            vector["outputs"],
            strict=True,
        ):
            hashed = ristretto.hashed_to_group(bytes.fromhex(message))
            blinded = ristretto.times(scalar(blind), hashed)
            evaluated = ristretto.times(key, blinded)
            output = ristretto.finalized(
                bytes.fromhex(message), ristretto.encode(ristretto.times(key, hashed))
            )
            made = [ristretto.encode(blinded).hex(), ristretto.encode(evaluated).hex(), output.hex()]
            if made != wanted:
                raise SystemExit("RFC 9497: the reference does not reproduce the published vectors")


def scalar(text: str) -> int:
    """A scalar from its encoding in hex."""
    return int.from_bytes(bytes.fromhex(text), "little")


def obliviously() -> Json:
    """Inputs, a blinding, outputs and fingerprints; the count key is the record key plus one."""
    record = scalar(voprf()["private_key"])
    blind = scalar(voprf()["vectors"][0]["blinds"][0])
    keys = {"record": record, "count": record + 1}
    made = [
        {"contract": name, **oblivious(questions.CONTRACTS[name], question, keys, blind + place)}
        for place, (name, question) in enumerate(questions.OBLIVIOUS)
    ]
    return {
        "suite": "oblivious/1",
        "private_keys": {name: key.to_bytes(32, "little").hex() for name, key in keys.items()},
        "elements": made,
        "presences": [
            {
                "element": place,
                "check": check,
                "presence": presence(contract, one["key"], check, one["output"]),
            }
            for place, one in enumerate(made)
            if "check" not in one
            for contract in [questions.CONTRACTS[one["contract"]]]
            for check in [item["name"] for item in contract["checks"]]
        ],
    }


def signer() -> Ed25519PrivateKey:
    """The key of RFC 8032, test 1."""
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(RFC8032["private"]))


def elements() -> Json:
    """Contexts, encodings and digests, and contracts that differ in one item."""
    contracts = questions.CONTRACTS
    return {
        "contracts": contracts,
        "encodings": [{"values": values, "encoded": encoded(values).hex()} for values in questions.ENCODINGS],
        "digests": [
            {"contract": name, **digest(contracts[name], question)} for name, question in questions.DIGESTS
        ],
        "one_item_changed": [
            {"changed": changed, "contract": contract, **digest(contract, question)}
            for changed, contract, question in questions.changes()
        ],
    }


def sealing() -> Json:
    """Derived keys, sealed chunks, a sealed session key, and what must not open."""
    hpke = published_hpke()
    info = session_info(questions.OPENING)
    node = Hpke(hpke["skRm"], hpke["enc"], AES_256_GCM, info)
    sealed_key = hpke["enc"] + node.seal(SESSION_KEY)
    requests = [
        {
            "sequence": n,
            "final": final,
            "digests": d.hex(),
            "sealed": sealed_request(SESSION_KEY, n, d, final=final).hex(),
        }
        for n, final, d in questions.REQUESTS
    ]
    responses = [
        {"sequence": n, "outcomes": o.hex(), "sealed": sealed_response(SESSION_KEY, SESSION_ID, n, o).hex()}
        for n, o in questions.RESPONSES
    ]
    commitment_key = hkdf(SESSION_KEY, b"", b"stayput/v1/commitment")
    return {
        "session_key": SESSION_KEY.hex(),
        "session_id": SESSION_ID.hex(),
        "request_key": hkdf(SESSION_KEY, b"", b"stayput/v1/request").hex(),
        "response_key": hkdf(SESSION_KEY, SESSION_ID, b"stayput/v1/response").hex(),
        "commitment_key": commitment_key.hex(),
        "session_info": [
            {"opening": opening, "info": session_info(opening).hex()} for opening in questions.openings()
        ],
        "sealed_session_key": {
            "private": node.private.hex(),
            "public": node.public.hex(),
            "key_id": sha256(node.public)[:8].hex(),
            "opening": questions.OPENING,
            "sealed": sealed_key.hex(),
        },
        "requests": requests,
        "responses": responses,
        "commitments": questions.commitments(commitment_key),
        "refused": questions.refused_seals(sealed_key.hex(), requests[0], responses[0]),
    }


def signing() -> Json:
    """PAE, envelopes and what must not verify."""
    grant = envelope("application/vnd.stayput.grant.v1+protobuf", questions.GRANT_PAYLOAD, signer())
    return {
        "private": RFC8032["private"],
        "public": RFC8032["public"],
        "pae": [
            {"payload_type": kind, "payload": payload.hex(), "pae": pae(kind, payload).hex()}
            for kind, payload in (DSSE, *questions.PAE)
        ],
        "grant": {**questions.GRANT, **grant},
        "request": {
            **questions.REQUEST,
            **envelope("application/vnd.stayput.request.v1+protobuf", questions.REQUEST_PAYLOAD, signer()),
        },
        "refused": questions.refused_signatures(grant, signer().sign(questions.GRANT_PAYLOAD)),
    }


def main() -> None:
    """Writes the files."""
    check_published()
    check_voprf()
    directory = Path(sys.argv[1]) if sys.argv[1:] else HERE
    for name, make in (
        ("elements", elements),
        ("oblivious", obliviously),
        ("sealing", sealing),
        ("signing", signing),
    ):
        text = json.dumps(make(), indent=2, ensure_ascii=False) + "\n"
        (directory / f"{name}.json").write_text(text, "utf-8")


if __name__ == "__main__":
    main()
