"""Bundles: one entry with everything that proves it."""

from collections.abc import Sequence
from typing import Final

from comparator.domain import checkpoints, fields
from comparator.domain.policy import Call
from comparator.store.leaves import Leaves
from comparator.store.log_models import LeafRow
from comparator.store.models import Role
from stayput.errors import field_invalid
from stayput.evidence import MAX_WITNESSES_DEMANDED
from stayput.identity import CODE, Kind, Party
from stayput.notes import NoteSigner
from stayput.v1.log_pb2 import GetBundleRequest, LogBundle, LogEntry

_OVERSEERS: Final = frozenset({Role.AUDITOR, Role.OPERATOR})


def bundle(call: Call, asked: GetBundleRequest, signer: NoteSigner) -> LogBundle:
    """The entry, its proof, and the newest checkpoint that holds it and is cosigned as demanded.

    If none is, the newest that most of the witnesses demanded have cosigned; if none of them has cosigned
    any, the newest that anybody has, else the present one.

    Raises `LOG_ENTRY_UNKNOWN`, also for an entry that the caller may not see, or `FIELD_INVALID`.
    """
    witnesses = _checked_witnesses(asked)
    row = _wanted(call, asked)
    if row is None or not _visible(call, row):
        raise checkpoints.unknown("which", "search the log for its entries")
    leaves = call.store.leaves
    size = _size(leaves, row.place, witnesses, asked.least_witnesses)
    return LogBundle(
        entry=LogEntry(leaf=row.leaf, salt=row.salt or b"", payload=row.payload or b""),
        inclusion_proof=leaves.inclusion(row.place, size),
        checkpoint=checkpoints.at(leaves, signer, size, witnesses),
    )


def _size(leaves: Leaves, place: int, witnesses: Sequence[str], least: int) -> int:
    """The size of the tree in which the entry is proven; it is beyond the place."""
    demanded = leaves.cosigned_by(place, witnesses, least) if least else None
    return demanded or leaves.cosigned_beyond(place) or leaves.size()


def _checked_witnesses(asked: GetBundleRequest) -> Sequence[str]:
    """Their names, if each is a party's URN, none comes twice, and there are as many as are demanded."""
    names = tuple(asked.witnesses)
    if len(names) > MAX_WITNESSES_DEMANDED:
        raise field_invalid(
            "witnesses",
            f"must hold at most {MAX_WITNESSES_DEMANDED}",
            "name those that the trust file demands",
        )
    for name in names:
        try:
            Party.from_urn(name)
        except ValueError:
            raise field_invalid(
                "witnesses", "must hold URNs of parties", "for example urn:stayput:department:audit-office"
            ) from None
    fields.distinct("witnesses", names)
    if asked.least_witnesses > len(names):
        raise field_invalid(
            "least_witnesses", "must be at most the number of witnesses", "name more of them, or demand fewer"
        )
    return names


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
