"""Archives: a range of the log in one file, as ArchiveHeader specifies. Memory does not grow with it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import BinaryIO, Final, TypeVar

from google.protobuf.message import DecodeError, Message

from stayput.errors import StayputError
from stayput.evidence.checkpoint import open_checkpoint
from stayput.evidence.entry import OpenedEntry, Signed, open_entry
from stayput.evidence.failures import Part, evidence_invalid
from stayput.evidence.trust import Trust
from stayput.merkle import Frontier, leaf_hash
from stayput.notes import SignedCheckpoint
from stayput.v1.log_pb2 import ArchiveHeader, LogEntry

ARCHIVE_FORMAT: Final = "stayput/v1/log-archive"
_LENGTH_SIZE: Final = 4
# What gRPC carries in one message by default; no entry or header is near it.
_MAX_MESSAGE: Final = 4 << 20
# Leaves appended at once: fewer calls, and no more memory than one message may take.
_BATCH: Final = 1_024
# More is only counted: what is reported has to be bounded too.
_MOST_REPORTED: Final = 1_000
_M = TypeVar("_M", bound=Message)


@dataclass(frozen=True)
class VerifiedArchive:
    """A range of the log that is complete and in order up to its checkpoint.

    `without_payload` counts entries whose payload had been removed before, `removed` are their ranges;
    `without_key` counts receipts of nodes of which no key is trusted, `unknown_nodes` are their ids. Of
    ranges and ids only the first 1,000 are kept. `statements` counts the verified statements of consumers.
    """

    first: int
    end: int
    checkpoint: SignedCheckpoint
    receipts: int
    events: int
    statements: int
    without_payload: int
    removed: tuple[range, ...]
    without_key: int
    unknown_nodes: tuple[str, ...]


def write_archive(file: BinaryIO, header: ArchiveHeader, entries: Iterable[LogEntry]) -> None:
    """Writes an archive; `ValueError` if there are not as many entries as the header says."""
    _write(file, header)
    written = 0
    for entry in entries:
        _write(file, entry)
        written += 1
    if written != header.end - header.first:
        raise ValueError("an archive has an entry for each place of its range")


def _write(file: BinaryIO, message: Message) -> None:
    data = message.SerializeToString(deterministic=True)
    if len(data) > _MAX_MESSAGE:
        raise ValueError("a message of an archive is too long")
    file.write(len(data).to_bytes(_LENGTH_SIZE, "big") + data)


@dataclass
class _Report:
    receipts: int = 0
    events: int = 0
    statements: int = 0
    without_payload: int = 0
    without_key: int = 0
    removed: list[range] = field(default_factory=list)
    unknown_nodes: dict[str, None] = field(default_factory=dict)

    def add(self, opened: OpenedEntry) -> None:
        self.statements += opened.by_consumer is Signed.VERIFIED
        if opened.receipt is not None:
            self.receipts += 1
            if opened.by_node is Signed.KEY_UNKNOWN:
                self.without_key += 1
                if len(self.unknown_nodes) < _MOST_REPORTED:
                    self.unknown_nodes[opened.leaf.node_id] = None
        elif opened.event is not None:
            self.events += 1
        else:
            self.without_payload += 1
            self._add_removed(opened.leaf.index)

    def _add_removed(self, place: int) -> None:
        if self.removed and self.removed[-1].stop == place:
            self.removed[-1] = range(self.removed[-1].start, place + 1)
        elif len(self.removed) < _MOST_REPORTED:
            self.removed.append(range(place, place + 1))


def verify_archive(file: BinaryIO, trust: Trust) -> VerifiedArchive:
    """What an archive proves, read once from where the file stands to its end; else `EVIDENCE_INVALID`.

    Receipts of nodes and statements of consumers of which no key is trusted are counted, not refused.
    """
    header = _read(file, ArchiveHeader(), Part.HEADER)
    if header.format != ARCHIVE_FORMAT:
        raise evidence_invalid(Part.HEADER, "the file is not an archive of the log")
    signed = open_checkpoint(header.checkpoint, trust)
    if not 0 <= header.first < header.end or header.end != signed.checkpoint.head.size:
        raise evidence_invalid(Part.HEADER, "the range is not one that ends with the checkpoint's tree")
    try:
        frontier = Frontier(header.first, tuple(header.peaks))
    except ValueError:
        raise evidence_invalid(Part.HEADER, "the peaks are not those of a tree") from None
    report = _Report()
    frontier = _read_entries(file, range(header.first, header.end), frontier, trust, report)
    if file.read(1):
        raise evidence_invalid(Part.FILE, "something follows the last entry")
    if frontier.head != signed.checkpoint.head:
        raise evidence_invalid(Part.LEAVES, "peaks and leaves do not give the checkpoint's root")
    return VerifiedArchive(
        first=header.first,
        end=header.end,
        checkpoint=signed,
        receipts=report.receipts,
        events=report.events,
        statements=report.statements,
        without_payload=report.without_payload,
        removed=tuple(report.removed),
        without_key=report.without_key,
        unknown_nodes=tuple(report.unknown_nodes),
    )


def _read_entries(
    file: BinaryIO, places: range, frontier: Frontier, trust: Trust, report: _Report
) -> Frontier:
    leaves: list[bytes] = []
    for place in places:
        entry = _read(file, LogEntry(), Part.FILE)
        try:
            opened = open_entry(entry, trust)
        except StayputError as error:
            raise evidence_invalid(Part(error.field), f"entry {place}: {error.message}") from None
        if opened.leaf.index != place:
            raise evidence_invalid(Part.PLACE, f"entry {place}: the leaf is of another place")
        report.add(opened)
        leaves.append(leaf_hash(entry.leaf))
        if len(leaves) == _BATCH:
            frontier, _ = frontier.append(leaves)
            leaves.clear()
    return frontier.append(leaves)[0]


def _read(file: BinaryIO, message: _M, part: Part) -> _M:
    length = int.from_bytes(_exactly(file, _LENGTH_SIZE), "big")
    if length > _MAX_MESSAGE:
        raise evidence_invalid(Part.FILE, "a length is beyond what an archive may hold")
    data = _exactly(file, length)
    try:
        message.ParseFromString(data)
    except DecodeError:
        raise evidence_invalid(part, "a message cannot be decoded") from None
    # One statement has one form: fields that nobody knows, or another order, are not passed over.
    message.DiscardUnknownFields()
    if message.SerializeToString(deterministic=True) != data:
        raise evidence_invalid(part, "a message is not in its only form")
    return message


def _exactly(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) != size:
        raise evidence_invalid(Part.FILE, "it is cut off")
    return data
