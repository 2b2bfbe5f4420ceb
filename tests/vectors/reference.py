"""A second implementation of the computations of docs/protocol.md, to make vectors with.

It shares no line with the package `stayput`: HKDF and HPKE's key schedule are written out over `hmac`,
canonical JSON over `json`; only the primitives (AES-GCM, X25519, ML-KEM-768, Ed25519) are a library's.
"""

import hashlib
import hmac
import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tests.vectors import ristretto

Json = dict[str, Any]


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def hmac_sha256(key: bytes, data: bytes) -> bytes:
    return hmac.digest(key, data, "sha256")


def hkdf_extract(salt: bytes, secret: bytes) -> bytes:
    return hmac_sha256(salt or bytes(32), secret)


def hkdf_expand(prk: bytes, info: bytes, length: int) -> bytes:
    block, out = b"", b""
    for counter in range(1, -(-length // 32) + 1):
        block = hmac_sha256(prk, block + info + bytes([counter]))
        out += block
    return out[:length]


def hkdf(secret: bytes, salt: bytes, info: bytes, length: int = 32) -> bytes:
    return hkdf_expand(hkdf_extract(salt, secret), info, length)


def canonical_json(value: object) -> bytes:
    # RFC 8785 sorts by UTF-16 code units; every key here is ASCII, where that is the order of `sort_keys`.
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def context_json(contract: Json, key: str, check: str | None, suite: str | None = None) -> bytes:
    def described(kind: str, name: str) -> Json:
        (one,) = [item for item in contract[kind] if item["name"] == name]
        if "condition" in one:
            return {"name": name, "condition": one["condition"]}
        fields = {field["name"]: field for field in contract["fields"]}
        return {"name": name, "fields": [fields[field] for field in one["fields"]]}

    agreed: Json = {name: contract[name] for name in ("profile", "salt", "resource")}
    agreed["domain"] = "stayput/v1/element"
    agreed["suite"] = suite or contract["suite"]
    agreed["key"] = described("keys", key)
    if check is not None:
        agreed["check"] = described("checks", check)
    return canonical_json(agreed)


def encoded(values: list[str]) -> bytes:
    return b"".join(len(value.encode()).to_bytes(2, "big") + value.encode() for value in values)


def digest(contract: Json, question: Json) -> Json:
    """One vector: the question (key, key_values, perhaps check, check_values), context, element, digest."""
    key, check = question["key"], question.get("check")
    context = context_json(contract, key, check)
    vector: Json = {**question, "context_json": context.decode(), "context": sha256(context).hex()}
    if check is not None and question["check_values"] is None:
        return {**vector, "digest": bytes(16).hex()}
    values = [*question["key_values"], *(question.get("check_values") or [])]
    element = sha256(context) + encoded(values)
    return {**vector, "element": element.hex(), "digest": sha256(element)[:16].hex()}


def oblivious(contract: Json, question: Json, keys: dict[str, int], blind: int) -> Json:
    """One vector of suite `oblivious/1`: from the question to both fingerprints, and a blinding."""
    context = context_json(contract, question["key"], question.get("check"), "oblivious/1")
    values = [*question["key_values"], *(question.get("check_values") or [])]
    message = sha256(context) + encoded(values)
    hashed = ristretto.hashed_to_group(message)
    blinded = ristretto.times(blind, hashed)
    output = ristretto.finalized(message, ristretto.encode(ristretto.times(keys["record"], hashed)))
    counted = ristretto.encode(ristretto.times(keys["count"], hashed))
    return {
        **question,
        "context": sha256(context).hex(),
        "input": message.hex(),
        "blind": blind.to_bytes(32, "little").hex(),
        "blinded": ristretto.encode(blinded).hex(),
        "evaluated": ristretto.encode(ristretto.times(keys["record"], blinded)).hex(),
        "output": output.hex(),
        "fingerprint": output[:8].hex(),
        "count_element": counted.hex(),
        "count_fingerprint": sha256(b"stayput/v1/count-fingerprint" + sha256(context) + counted)[:8].hex(),
    }


def presence(contract: Json, key: str, check: str, key_output: str) -> str:
    """The fingerprint of a check that says that the subject has a value, from its key's output in hex."""
    context = sha256(context_json(contract, key, check, "oblivious/1"))
    return sha256(b"stayput/v1/presence" + context + bytes.fromhex(key_output)[32:])[:8].hex()


def aes_gcm(key: bytes, nonce: bytes, plaintext: bytes, associated: bytes = b"") -> bytes:
    encryptor = Cipher(algorithms.AES(key), modes.GCM(nonce)).encryptor()
    encryptor.authenticate_additional_data(associated)
    return encryptor.update(plaintext) + encryptor.finalize() + encryptor.tag


def sealed_request(session_key: bytes, sequence: int, digests: bytes, *, final: bool) -> bytes:
    key = hkdf(session_key, b"", b"stayput/v1/request")
    return aes_gcm(key, sequence.to_bytes(12, "big"), digests, b"\x01" if final else b"\x00")


def sealed_response(session_key: bytes, session_id: bytes, sequence: int, outcomes: bytes) -> bytes:
    key = hkdf(session_key, session_id, b"stayput/v1/response")
    return aes_gcm(key, sequence.to_bytes(12, "big"), outcomes)


def session_info(opening: Json) -> bytes:
    parts = [
        b"stayput/v1/session",
        opening["ticket"].encode(),
        opening["resource"].encode(),
        bytes.fromhex(opening["salt"]),
        opening["key"].encode(),
        str(len(opening["checks"])).encode(),
        *(check.encode() for check in opening["checks"]),
        str(opening["mode"]).encode(),
        str(opening["granularity"]).encode(),
    ]
    return sha256(b"".join(len(part).to_bytes(4, "big") + part for part in parts))


class Hpke:
    """RFC 9180 base mode, receiver's side, with KEM MLKEM768-X25519 (0x647a) and KDF HKDF-SHA256 (0x0001).

    The recipient's private key is the 32-byte seed of draft-ietf-hpke-pq; `enc` is a given encapsulation.
    """

    def __init__(self, seed: bytes, enc: bytes, aead_id: int, info: bytes) -> None:
        self.private = hashlib.shake_256(seed).digest(96)
        mlkem = MLKEM768PrivateKey.from_seed_bytes(self.private[:64])
        x25519 = X25519PrivateKey.from_private_bytes(self.private[64:])
        x25519_public = x25519.public_key().public_bytes_raw()
        self.public = mlkem.public_key().public_bytes_raw() + x25519_public
        post_quantum, ephemeral = mlkem.decapsulate(enc[:1088]), enc[1088:]
        classical = x25519.exchange(X25519PublicKey.from_public_bytes(ephemeral))
        combined = post_quantum + classical + ephemeral + x25519_public + b"\\.//^\\"
        self.shared_secret = hashlib.sha3_256(combined).digest()
        self._suite = b"HPKE" + b"".join(i.to_bytes(2, "big") for i in (0x647A, 0x0001, aead_id))
        context = b"\x00" + self._extract(b"", b"psk_id_hash", b"") + self._extract(b"", b"info_hash", info)
        secret = self._extract(self.shared_secret, b"secret", b"")
        self.key = self._expand(secret, b"key", context, 32)
        self.base_nonce = self._expand(secret, b"base_nonce", context, 12)
        self.exporter_secret = self._expand(secret, b"exp", context, 32)

    def seal(self, plaintext: bytes) -> bytes:
        """The first AES-256-GCM ciphertext of whoever made `enc`, without associated data."""
        return aes_gcm(self.key, self.base_nonce, plaintext)

    def _extract(self, salt: bytes, label: bytes, secret: bytes) -> bytes:
        return hkdf_extract(salt, b"HPKE-v1" + self._suite + label + secret)

    def _expand(self, prk: bytes, label: bytes, info: bytes, length: int) -> bytes:
        return hkdf_expand(prk, length.to_bytes(2, "big") + b"HPKE-v1" + self._suite + label + info, length)


def pae(payload_type: str, payload: bytes) -> bytes:
    kind = payload_type.encode()
    return b" ".join([b"DSSEv1", str(len(kind)).encode(), kind, str(len(payload)).encode(), payload])


def envelope(payload_type: str, payload: bytes, key: Ed25519PrivateKey) -> Json:
    public = key.public_key().public_bytes_raw()
    return {
        "payload_type": payload_type,
        "payload": payload.hex(),
        "pae": pae(payload_type, payload).hex(),
        "key_id": sha256(public)[:16].hex(),
        "signature": key.sign(pae(payload_type, payload)).hex(),
    }
