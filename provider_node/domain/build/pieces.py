"""A build in pieces, each made by a process of its own, perhaps on another machine.

Piece i of n takes every n-th batch of the source, from the i-th on, and writes what a build keeps on disk
until all is read: its heaps, its quarantine, and `piece.json`. All pieces together are as good as one
reading. A piece holds nothing that is of use without the index key: tokens, and positions enciphered.
"""

import csv
import hashlib
import heapq
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Annotated, Final, Literal

import numpy as np
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from provider_node.config import ResourceConfig
from provider_node.domain.build.quarantine import MOST_LINES
from provider_node.domain.build.runs import POSITIONS_SUFFIX
from provider_node.domain.tokens import IndexKey, TokenKey
from provider_node.sources import Batch, Source
from provider_node.store.directory import QUARANTINE
from provider_node.store.files import PRIVATE
from provider_node.store.manifest import Rejects
from stayput.errors import StayputError
from stayput.v1.contract_pb2 import Contract
from stayput.v1.errors_pb2 import ErrorReason

PIECE: Final = "piece.json"
HEAPS: Final = "heaps"
_AGAIN: Final = "make the piece again, of the same source as the others and with this node's keys and salt"
_ONE_EXPORT: Final = (
    "make all pieces of the same files; a database may give its rows in another order each time, whatever "
    "ORDER BY says: export it to a file once"
)
_FILE: Final = re.compile(
    rf"{QUARANTINE}|{HEAPS}/\d{{3}}/(tokens/[0-9a-f]{{2}}|key-\d{{1,3}}/\d{{6}}\.(positions|entries))"
)


def _file(name: str) -> str:
    if not _FILE.fullmatch(name):
        raise ValueError("not a file of a piece")
    return name


class PieceManifest(BaseModel):
    """What a piece is: number `number` of `pieces`, from 1; `source_rows` were read, not all of them taken.

    `source_sha256` (in hex) is `Share.sha256` of all rows read. `files` has the hash of each file in hex,
    `nonce` (in hex) is what positions are enciphered with.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[2] = 2
    contract_sha256: str
    index_key_id: str
    number: Annotated[int, Field(ge=1)]
    pieces: Annotated[int, Field(ge=1)]
    as_of: AwareDatetime
    source_rows: int
    source_sha256: str
    rows: int
    rows_left_out: int
    rejects: tuple[Rejects, ...]
    nonce: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    files: dict[Annotated[str, AfterValidator(_file)], str]


class Share:
    """Every n-th of the batches of a source; counts and hashes the rows of all of them."""

    def __init__(self, number: int, pieces: int) -> None:
        """Raises `FIELD_INVALID` unless `number` is from 1 to `pieces`."""
        if not 1 <= number <= pieces:
            raise StayputError(
                ErrorReason.ERROR_REASON_FIELD_INVALID,
                f"shard: there is no piece {number} of {pieces}",
                field="shard",
                remedy="number the pieces from 1",
            )
        self.number = number
        self.pieces = pieces
        self.rows = 0
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """Hash, in hex, of the source, and of which rows are in which batch; once all of it was read."""
        return self._digest.hexdigest()

    def of(self, source: Source) -> Iterator[Batch]:
        """The batches of this piece."""
        for place, batch in enumerate(source.batches(self._digest.update)):
            self.rows += len(batch.lines) + len(batch.faults)
            self._digest.update(f"{len(batch.lines)} {len(batch.faults)}\n".encode())
            if place % self.pieces == self.number - 1:
                yield batch


@dataclass(frozen=True, slots=True)
class Pieces:
    """All pieces of one source, each with its directory, in the order of their numbers."""

    manifests: Sequence[PieceManifest]
    directories: Sequence[Path]
    index_key: IndexKey

    @property
    def bytes_total(self) -> int:
        """Nothing is read of a source."""
        return 0

    @property
    def modified_at(self) -> datetime:
        """That of the eldest copy of the source."""
        return min(manifest.as_of for manifest in self.manifests)

    @property
    def rejects(self) -> tuple[Rejects, ...]:
        """How many values were left out of all of them."""
        counts: Counter[tuple[str, str]] = Counter()
        for one in (one for manifest in self.manifests for one in manifest.rejects):
            counts[one.field, one.reason] += one.count
        return tuple(Rejects(field=f, reason=r, count=count) for (f, r), count in sorted(counts.items()))

    def copy(self, manifest: PieceManifest, heaps: Path) -> None:
        """Copies the heaps of one piece, deciphered; raises `SOURCE_INVALID` if a file is damaged."""
        directory = self.directories[self.manifests.index(manifest)]
        key = self.index_key.piece_key(bytes.fromhex(manifest.nonce))
        for name in manifest.files:
            content = _content(directory, name, manifest)
            if name != QUARANTINE:
                path = heaps / f"piece-{manifest.number}" / name
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                path.touch(PRIVATE, exist_ok=False)
                path.write_bytes(enciphered(content, key, name) if is_hidden(path) else content)

    def write_quarantine(self, path: Path) -> None:
        """Writes the first rejections of all, in the order of the source."""
        with ExitStack() as stack:
            files = [
                stack.enter_context((one / QUARANTINE).open(encoding="utf-8", newline=""))
                for one in self.directories
            ]
            parts = [csv.reader(file) for file in files]
            # A piece of no batch does not know whether there are several files.
            header = max((next(part) for part in parts), key=len)
            merged = heapq.merge(*parts, key=lambda row: (row[:-3], int(row[-3])))
            path.touch(PRIVATE, exist_ok=False)
            file = stack.enter_context(path.open("w", encoding="utf-8", newline=""))
            into = csv.writer(file, lineterminator="\n")
            into.writerow(header)
            into.writerows(islice(merged, MOST_LINES))


def check_keyed_only(resource: ResourceConfig) -> None:
    """Passes unless the resource offers oblivious mode, for which pieces would have to hold more than tokens.

    Raises `CONFIGURATION_INVALID`.
    """
    if resource.oblivious is not None:
        raise StayputError(
            ErrorReason.ERROR_REASON_CONFIGURATION_INVALID,
            f"{resource.code}: a resource that offers oblivious mode is not built in pieces",
            field="modes",
            remedy="build it on one machine, with as many workers as it has cores",
        )


def pieces_of(directories: Sequence[Path], contract: Contract, index_key: IndexKey) -> Pieces:
    """The pieces in those directories; `SOURCE_INVALID` unless they are all, of one source and contract."""
    found = sorted(((_manifest(one), one) for one in directories), key=lambda one: one[0].number)
    manifests = [manifest for manifest, _ in found]
    for manifest, directory in found:
        if manifest.contract_sha256 != contract_hash(contract):
            raise _unfit(directory, "was made for another definition of the resource, or another salt")
        if manifest.index_key_id != index_key.id:
            raise _unfit(directory, "was made under another index key")
        if manifest.pieces != manifests[0].pieces:
            raise _unfit(directory, f"is one of another number of pieces than that in {found[0][1]}")
        if _source(manifest) != _source(manifests[0]):
            problem = f"was made of another source, or export of it, than that in {found[0][1]}"
            raise _unfit(directory, problem, _ONE_EXPORT)
    numbers = Counter(manifest.number for manifest in manifests)
    wanted = range(1, manifests[0].pieces + 1) if manifests else range(1, 2)
    missing = [str(number) for number in wanted if numbers[number] != 1]
    if missing or len(manifests) != len(wanted):
        raise StayputError(
            ErrorReason.ERROR_REASON_SOURCE_INVALID,
            f"not each piece is there once; see number {', '.join(missing[:10])}",
            field="pieces",
            remedy="name the directory of every piece, from 1 to the last",
        )
    return Pieces(manifests, [directory for _, directory in found], index_key)


def contract_hash(contract: Contract) -> str:
    """The SHA-256 of a contract, in hex."""
    return hashlib.sha256(contract.SerializeToString(deterministic=True)).hexdigest()


def is_hidden(path: Path) -> bool:
    """Whether a file's content is enciphered in a piece."""
    return path.suffix == POSITIONS_SUFFIX


def enciphered(content: bytes, key: TokenKey, name: str) -> bytes:
    """A file's content combined with a stream of its own; the same again gives it back (CTR mode)."""
    blocks = np.zeros((-(-len(content) // 16), 2), np.uint64)
    blocks[:, 0] = np.frombuffer(hashlib.sha256(name.encode()).digest()[:8], np.uint64)
    blocks[:, 1] = np.arange(len(blocks))
    stream = np.frombuffer(key.tokens(blocks.tobytes()), np.uint8)[: len(content)]
    return (np.frombuffer(content, np.uint8) ^ stream).tobytes()


def _source(manifest: PieceManifest) -> tuple[int, str]:
    return manifest.source_rows, manifest.source_sha256


def _manifest(directory: Path) -> PieceManifest:
    try:
        return PieceManifest.model_validate_json((directory / PIECE).read_bytes())
    except OSError:
        raise _unfit(directory, f"has no {PIECE} that can be read") from None
    except ValidationError:
        raise _unfit(directory, f"has a {PIECE} that is damaged or of another release") from None


def _content(directory: Path, name: str, manifest: PieceManifest) -> bytes:
    try:
        content = (directory / name).read_bytes()
    except FileNotFoundError:
        raise _unfit(directory, f"lacks {name}") from None
    if hashlib.sha256(content).hexdigest() != manifest.files[name]:
        raise _unfit(directory, f"is damaged: {name}")
    return content


def _unfit(directory: Path, problem: str, remedy: str = _AGAIN) -> StayputError:
    return StayputError(
        ErrorReason.ERROR_REASON_SOURCE_INVALID,
        f"the piece in {directory} {problem}",
        field="pieces",
        remedy=remedy,
    )
