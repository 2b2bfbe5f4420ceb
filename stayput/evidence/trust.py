"""What a verifier believes beforehand: public keys, and how many witnesses it demands.

The file is TOML. Keys of the log and of witnesses are verifier keys of C2SP signed notes; those of nodes and
of consumers are raw Ed25519 keys in Base64, several for a party whose key was renewed:
```toml
log = "log.example+1a2b3c4d+AV…"
witnesses = ["urn:stayput:department:audit-office+5e6f7a8b+BE…"]
least_witnesses = 1
[nodes]
vehicles-1 = ["…"]
[consumers]
civil-affairs = ["…"]
```
"""

import tomllib
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from stayput.errors import StayputError
from stayput.notes import NoteInvalid, SignatureType, VerifierKey
from stayput.notes.form import from_base64
from stayput.v1.errors_pb2 import ErrorReason

_KEY_BYTES: Final = 32
_FIELDS: Final = frozenset({"log", "witnesses", "least_witnesses", "nodes", "consumers"})

Keys = Mapping[str, tuple[bytes, ...]]
"""Raw Ed25519 keys by a node's id or a department's code."""


@dataclass(frozen=True)
class Trust:
    """The log's key, the witnesses' keys and how many of them must have cosigned, and the parties' keys.

    Witnesses are told apart by the names of their keys. `CONFIGURATION_INVALID` if it cannot be satisfied.
    """

    log: VerifierKey
    witnesses: tuple[VerifierKey, ...] = ()
    least_witnesses: int = 0
    nodes: Keys = field(default_factory=dict)
    consumers: Keys = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.log.kind is not SignatureType.ED25519:
            raise _invalid("log", "is not the key of a log")
        if any(key.kind is not SignatureType.COSIGNATURE_V1 for key in self.witnesses):
            raise _invalid("witnesses", "one is not for cosignatures")
        keys = {key.public_key for key in (self.log, *self.witnesses)}
        if len(keys) != 1 + len(self.witnesses):
            raise _invalid("witnesses", "log and witnesses do not each have a key of their own")
        if not 0 <= self.least_witnesses <= len({key.name for key in self.witnesses}):
            raise _invalid("least_witnesses", "must be 0 to the number of witnesses")
        for name, parties in (("nodes", self.nodes), ("consumers", self.consumers)):
            for party, raw in parties.items():
                if not raw or any(len(key) != _KEY_BYTES for key in raw):
                    raise _invalid(f"{name}.{party}", f"must list keys of {_KEY_BYTES} bytes")

    @classmethod
    def parse(cls, text: str) -> "Trust":
        """The trust that a file's text states; `CONFIGURATION_INVALID` names the key that is wrong."""
        try:
            content = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError):
            raise _invalid("trust", "is not TOML") from None
        if unknown := sorted(content.keys() - _FIELDS):
            raise _invalid(unknown[0], "is no setting of a trust file")
        match content.get("least_witnesses", 0):
            case bool():
                raise _invalid("least_witnesses", "is not a whole number")
            case int(least):
                pass
            case _:
                raise _invalid("least_witnesses", "is not a whole number")
        return cls(
            verifier_key("log", content.get("log")),
            tuple(verifier_key("witnesses", one) for one in _list("witnesses", content.get("witnesses", []))),
            least,
            _parties("nodes", content.get("nodes", {})),
            _parties("consumers", content.get("consumers", {})),
        )

    def to_toml(self) -> str:
        """The text of a file that states it."""
        lines = [f"log = {_quoted(str(self.log))}", f"witnesses = {_listed(map(str, self.witnesses))}"]
        lines.append(f"least_witnesses = {self.least_witnesses}")
        for name, parties in (("nodes", self.nodes), ("consumers", self.consumers)):
            lines.append(f"[{name}]")
            lines += [
                f"{_quoted(party)} = {_listed(map(encoded, raw))}" for party, raw in sorted(parties.items())
            ]
        return "".join(f"{line}\n" for line in lines)


def encoded(key: bytes) -> str:
    """A raw key as a trust file has it."""
    return b64encode(key).decode("ascii")


def raw_key(name: str, text: object) -> bytes:
    """The raw Ed25519 key that a text encodes; `CONFIGURATION_INVALID` with that name."""
    try:
        key = from_base64("it", text) if isinstance(text, str) else b""
    except NoteInvalid:
        key = b""
    if len(key) != _KEY_BYTES:
        raise _invalid(name, f"is not the Base64 of a key of {_KEY_BYTES} bytes")
    return key


def verifier_key(name: str, text: object) -> VerifierKey:
    """The verifier key of that text; `CONFIGURATION_INVALID` with that name."""
    if not isinstance(text, str):
        raise _invalid(name, "is missing, or is not the text of a verifier key")
    try:
        return VerifierKey.parse(text)
    except NoteInvalid as error:
        raise _invalid(name, str(error)) from None


def _parties(name: str, table: object) -> Keys:
    if not isinstance(table, dict):
        raise _invalid(name, "is not a table of parties")
    return {
        party: tuple(raw_key(f"{name}.{party}", one) for one in _list(f"{name}.{party}", keys))
        for party, keys in table.items()
    }


def _list(name: str, value: object) -> list[object]:
    if not isinstance(value, list):
        raise _invalid(name, "is not a list")
    return value


def _quoted(text: str) -> str:
    """A basic string of TOML."""
    plain = (c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08X}" for c in text)
    return f'"{"".join(plain)}"'


def _listed(texts: Iterable[str]) -> str:
    return "[" + ", ".join(map(_quoted, texts)) + "]"


def _invalid(name: str, problem: str) -> StayputError:
    return StayputError(
        ErrorReason.ERROR_REASON_CONFIGURATION_INVALID,
        f"trust file: {name}: {problem}",
        field=name,
        remedy="correct the trust file; keys are handed over by the parties that own them",
    )
