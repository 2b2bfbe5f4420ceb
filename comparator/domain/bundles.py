"""Bundles: one entry with everything that proves it."""

from typing import Final

from comparator.domain import checkpoints, fields
from comparator.domain.policy import Call
from comparator.store.log_models import LeafRow
from comparator.store.models import Role
from stayput.errors import field_invalid
from stayput.identity import CODE, Kind, Party
from stayput.notes import NoteSigner
from stayput.v1.log_pb2 import GetBundleRequest, LogBundle, LogEntry

_OVERSEERS: Final = frozenset({Role.AUDITOR, Role.OPERATOR})


def bundle(call: Call, asked: GetBundleRequest, signer: NoteSigner) -> LogBundle:
    """The entry, its proof, and the newest cosigned checkpoint that holds it, else the present one.

    Raises `LOG_ENTRY_UNKNOWN`, also for an entry that the caller may not see, or `FIELD_INVALID`.
    """
    row = _wanted(call, asked)
    if row is None or not _visible(call, row):
        raise checkpoints.unknown("which", "search the log for its entries")
    leaves = call.store.leaves
    size = leaves.cosigned_beyond(row.place) or leaves.size()
    return LogBundle(
        entry=LogEntry(leaf=row.leaf, salt=row.salt or b"", payload=row.payload or b""),
        inclusion_proof=leaves.inclusion(row.place, size),
        checkpoint=checkpoints.at(leaves, signer, size),
    )


def _wanted(call: Call, asked: GetBundleRequest) -> LeafRow | None:
    match asked.WhichOneof("which"):
        case "index":
            return call.store.leaves.at(fields.number("index", asked.index, 0, fields.LARGEST_NUMBER))
        case "receipt":
            named = asked.receipt
            if not CODE.fullmatch(named.node_id):
                raise field_invalid("node_id", "is not the id of a node", "search the log for its receipts")
            return call.store.leaves.of_receipt(Party(Kind.NODE, named.node_id), named.node_sequence)
        case _:
            raise field_invalid("which", "is missing", "name an entry by its place or by its receipt")


def _visible(call: Call, row: LeafRow) -> bool:
    """To a consumer and a node, what names them; of another node of its department, no receipts."""
    if call.roles & _OVERSEERS:
        return True
    if call.party.kind is Kind.NODE:
        return row.provider == call.department.id and row.node_id in {None, call.party.id}
    return row.consumer == call.department.id
