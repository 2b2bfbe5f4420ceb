"""Making one piece of a build."""

import hashlib
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from provider_node.config import ResourceConfig, contract_of
from provider_node.domain.build.builder import Builder, recipe_of, storage_faults
from provider_node.domain.build.making import Making
from provider_node.domain.build.pieces import (
    PIECE,
    PieceManifest,
    Share,
    check_keyed_only,
    contract_hash,
    enciphered,
    is_hidden,
)
from provider_node.domain.build.progress import Progress, Reporter
from provider_node.domain.tokens import IndexKey
from provider_node.sources import source_of
from provider_node.store.directory import ResourceDirectory
from provider_node.store.files import sync_directory, write_durably
from stayput.errors import StayputError
from stayput.v1.contract_pb2 import Contract
from stayput.v1.errors_pb2 import ErrorReason


def make_piece(
    builder: Builder,
    resource: ResourceConfig,
    now: datetime,
    share: Share,
    into: Path,
    progress: Callable[[Progress], None],
) -> PieceManifest:
    """Makes a piece in a new directory, which is there once the piece is whole, for its owner alone.

    Nothing is left of one that fails. One that is killed leaves a directory beside it, which the next call
    removes.

    Raises as a build does; `CONFIGURATION_INVALID` if the directory is there already, or for a resource that
    offers oblivious mode, of which a piece would have to hold more than tokens.
    """
    check_keyed_only(resource)
    _check_new(into)
    making_in = into.with_name(f"{into.name}.building")
    with storage_faults(resource.code):
        contract = contract_of(resource, _salt(builder, resource.code))
        # A piece that was cut short is made anew.
        shutil.rmtree(making_in, ignore_errors=True)
        making_in.mkdir(mode=0o700, parents=True)
        try:
            manifest = _made(builder, resource, contract, now, share, making_in, progress)
            making_in.rename(into)
        except BaseException:
            # Until it is whole, it holds subjects' numbers in the clear.
            shutil.rmtree(making_in, ignore_errors=True)
            raise
        sync_directory(into.parent)
    return manifest


def _made(
    builder: Builder,
    resource: ResourceConfig,
    contract: Contract,
    now: datetime,
    share: Share,
    directory: Path,
    progress: Callable[[Progress], None],
) -> PieceManifest:
    source = source_of(resource)
    reporter = Reporter(progress, source.bytes_total)
    recipe = recipe_of(resource, contract, builder.index_key, now)
    making = Making(recipe, directory, builder.limits, reporter, rows_by_one=builder.rows_by_one)
    rejects = making.record(share.of(source))
    nonce = builder.random(16)
    manifest = PieceManifest(
        contract_sha256=contract_hash(contract),
        index_key_id=builder.index_key.id,
        number=share.number,
        pieces=share.pieces,
        as_of=source.modified_at or now,
        source_rows=share.rows,
        source_sha256=share.sha256,
        rows=reporter.rows,
        rows_left_out=reporter.rows_left_out,
        rejects=rejects,
        nonce=nonce.hex(),
        files=_sealed(directory, builder.index_key, nonce),
    )
    write_durably(directory / PIECE, manifest.model_dump_json(indent=2).encode())
    return manifest


def _check_new(into: Path) -> None:
    if into.exists():
        raise StayputError(
            ErrorReason.ERROR_REASON_CONFIGURATION_INVALID,
            f"{into} exists already",
            field="out",
            remedy="name a directory that is not there yet",
        )


def _salt(builder: Builder, code: str) -> bytes:
    """The resource's salt: pieces may be made at the same time, but only one of them may make the salt."""

    def missing(_: int) -> bytes:
        raise LookupError

    directory = ResourceDirectory(builder.data, code)
    try:
        return directory.salt(missing)
    except LookupError:
        with directory.locked():
            return directory.salt(builder.random)


def _sealed(directory: Path, index_key: IndexKey, nonce: bytes) -> dict[str, str]:
    """The hash of each file of a piece, in hex, once what tells numbers is enciphered."""
    key, hashes = index_key.piece_key(nonce), {}
    for path in sorted(path for path in directory.rglob("*") if path.is_file()):
        name = str(path.relative_to(directory))
        content = path.read_bytes()
        if is_hidden(path):
            content = enciphered(content, key, name)
            path.write_bytes(content)
        hashes[name] = hashlib.sha256(content).hexdigest()
    return hashes
