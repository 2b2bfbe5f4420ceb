"""A log in memory, through the real tree and notes, with the keys of all who sign in it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from stayput import requests, signing
from stayput.evidence import ARCHIVE_FORMAT, Trust
from stayput.merkle import Frontier, Position, TreeHead, consistency_proof, inclusion_proof, leaf_hash, root
from stayput.notes import Checkpoint, Cosigner, Note, NoteSigner, sign_checkpoint
from stayput.v1.comparison_pb2 import RequestStatement
from stayput.v1.contract_pb2 import GRANULARITY_RECORD, MODE_KEYED, OUTCOME_CODE_MATCH, OUTCOME_CODE_NOT_FOUND
from stayput.v1.log_pb2 import (
    ENTRY_KIND_EVENT,
    ENTRY_KIND_RECEIPT,
    EVENT_TYPE_GRANT_REVOKED,
    SESSION_END_COMPLETE,
    ArchiveHeader,
    Event,
    LogBundle,
    LogEntry,
    LogLeaf,
    OutcomeCount,
    Receipt,
    Tally,
)
from stayput.v1.signing_pb2 import Envelope

ORIGIN = "stayput.example/log"
NODE, CONSUMER = "vehicles-1", "civil-affairs"
WITNESSES = ("urn:stayput:department:audit-office", "urn:stayput:department:traffic-police")
BEGIN = datetime(2026, 11, 23, 1, tzinfo=UTC)
COSIGNED = int(datetime(2026, 11, 23, 2, tzinfo=UTC).timestamp())


def raw(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


@dataclass
class MadeLog:
    """Entries can be changed as a dishonest log would: what is signed is what is stored."""

    origin: str = ORIGIN
    log_key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    node_key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    consumer_key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    witness_keys: tuple[Ed25519PrivateKey, ...] = field(
        default_factory=lambda: tuple(Ed25519PrivateKey.generate() for _ in WITNESSES)
    )
    entries: list[LogEntry] = field(default_factory=list)
    nodes: dict[Position, bytes] = field(default_factory=dict)
    frontier: Frontier = field(default_factory=Frontier)
    sequence: int = 0
    previous: bytes = bytes(32)

    @property
    def signer(self) -> NoteSigner:
        return NoteSigner(self.origin, self.log_key)

    @property
    def witnesses(self) -> list[Cosigner]:
        return [Cosigner(name, key) for name, key in zip(WITNESSES, self.witness_keys, strict=True)]

    @property
    def trust(self) -> Trust:
        """Everybody is known, and both witnesses are demanded."""
        return Trust(
            self.signer.verifier,
            tuple(witness.verifier for witness in self.witnesses),
            len(WITNESSES),
            {NODE: (raw(self.node_key),)},
            {CONSUMER: (raw(self.consumer_key),)},
        )

    def add(self, leaf: LogLeaf, payload: bytes) -> LogEntry:
        """Appends an entry; place, time and commitment are filled in."""
        salt = sha256(b"salt %d" % len(self.entries)).digest()[:16]
        leaf.index = len(self.entries)
        leaf.logged_at.FromDatetime(BEGIN + timedelta(minutes=leaf.index))
        leaf.commitment = sha256(salt + payload).digest()
        entry = LogEntry(leaf=leaf.SerializeToString(deterministic=True), salt=salt, payload=payload)
        self.frontier, complete = self.frontier.append([leaf_hash(entry.leaf)])
        self.nodes.update({(level, place): node for level, place, node in complete})
        self.entries.append(entry)
        return entry

    def event(self, **changes: object) -> LogEntry:
        values: dict[str, object] = {
            "number": len(self.entries) + 1,
            "type": EVENT_TYPE_GRANT_REVOKED,
            "actor": "urn:stayput:node:vehicles-1",
            "grant_id": "G-1",
            "detail": "no longer needed",
            **changes,
        }
        event = Event(**values)  # type: ignore[arg-type]
        event.at.FromDatetime(BEGIN)
        leaf = LogLeaf(kind=ENTRY_KIND_EVENT, event_type=event.type)
        return self.add(leaf, event.SerializeToString(deterministic=True))

    def receipt(self, **changes: object) -> LogEntry:
        """A receipt of two records of a complete session."""
        self.sequence += 1
        return self.signed_receipt(self.draft(**changes))

    def draft(self, **changes: object) -> Receipt:
        """A receipt with its consumer's statement, before the node signs it."""
        values: dict[str, object] = {
            "session_id": sha256(b"session %d" % self.sequence).digest()[:16],
            "grant_id": "G-1",
            "ticket_id": "T-1",
            "consumer": CONSUMER,
            "operator": "经办人甲",
            "purpose": "低收入家庭核对",
            "provider": "traffic-police",
            "node_id": NODE,
            "resource": "vehicle-owners",
            "generation": "20261120T000000Z",
            "mode": MODE_KEYED,
            "granularity": GRANULARITY_RECORD,
            "key": "resident_id",
            "checks": ["name"],
            "records": 2,
            "tallies": [
                Tally(
                    counts=[
                        OutcomeCount(outcome=OUTCOME_CODE_MATCH, count=1),
                        OutcomeCount(outcome=OUTCOME_CODE_NOT_FOUND, count=1),
                    ]
                )
            ]
            * 2,
            "outcome_bytes": 4,
            "request_commitment": sha256(b"asked").digest(),
            "response_commitment": sha256(b"answered").digest(),
            "end": SESSION_END_COMPLETE,
            "sequence": max(self.sequence, 1),
            "previous_hash": self.previous,
            "software_version": "0.1.0",
            "leakage": "keyed-record/1",
            **changes,
        }
        receipt = Receipt(**values)  # type: ignore[arg-type]
        for moment in (receipt.as_of, receipt.started_at, receipt.finished_at):
            moment.FromDatetime(BEGIN)
        if receipt.end == SESSION_END_COMPLETE and not receipt.HasField("request"):
            receipt.request.CopyFrom(self.statement(receipt))
        return receipt

    def statement(self, receipt: Receipt, **changes: object) -> Envelope:
        values: dict[str, object] = {name: getattr(receipt, name) for name in requests.SHARED}
        values["session_key_hash"] = sha256(b"sealed").digest()
        statement = RequestStatement(**{**values, **changes})  # type: ignore[arg-type]
        statement.signed_at.FromDatetime(BEGIN)
        return requests.sign(statement, self.consumer_key)

    def signed_receipt(self, receipt: Receipt, key: Ed25519PrivateKey | None = None) -> LogEntry:
        envelope = signing.sign(signing.PayloadType.RECEIPT, receipt, key or self.node_key)
        self.previous = sha256(envelope.payload).digest()
        leaf = LogLeaf(
            kind=ENTRY_KIND_RECEIPT,
            node_id=receipt.node_id,
            node_sequence=receipt.sequence,
            records=receipt.records,
        )
        return self.add(leaf, envelope.SerializeToString(deterministic=True))

    def forked(self) -> "MadeLog":
        """A log of the same keys that is the same so far."""
        return replace(self, entries=list(self.entries), nodes=dict(self.nodes))

    def head(self, size: int) -> TreeHead:
        return TreeHead(size, root(size, self.fetch))

    def checkpoint(self, size: int | None = None, *, by: list[Cosigner] | None = None) -> bytes:
        """Signed by the log, and cosigned by both witnesses unless said otherwise."""
        head = self.head(len(self.entries) if size is None else size)
        note = Note.parse(sign_checkpoint(Checkpoint(self.origin, head), self.signer))
        for witness in self.witnesses if by is None else by:
            note = note.with_signature(witness.cosign(note.body, COSIGNED))
        return bytes(note)

    def bundle(self, place: int, checkpoint: bytes | None = None, size: int | None = None) -> LogBundle:
        size = len(self.entries) if size is None else size
        return LogBundle(
            entry=self.entries[place],
            inclusion_proof=inclusion_proof(place, size, self.fetch),
            checkpoint=checkpoint or self.checkpoint(size),
        )

    def header(self, first: int, end: int | None = None) -> ArchiveHeader:
        end = len(self.entries) if end is None else end
        peaks = Frontier.load(first, self.fetch).peaks
        return ArchiveHeader(
            format=ARCHIVE_FORMAT, first=first, end=end, peaks=peaks, checkpoint=self.checkpoint(end)
        )

    def consistency(self, old: int, new: int) -> list[bytes]:
        return consistency_proof(old, new, self.fetch)

    def fetch(self, positions: Sequence[Position]) -> list[bytes]:
        return [self.nodes[position] for position in positions]


def filled(entries: int = 7) -> MadeLog:
    """A log in which receipts and events take turns."""
    log = MadeLog()
    for place in range(entries):
        if place % 2:
            log.event()
        else:
            log.receipt()
    return log
