"""Bundles: one entry with all that proves it. The file is LogBundle in protobuf's JSON."""

import json
from dataclasses import dataclass
from typing import Final

from google.protobuf import json_format

from stayput.errors import StayputError
from stayput.evidence.checkpoint import open_checkpoint
from stayput.evidence.entry import OpenedEntry, Signed, open_entry
from stayput.evidence.failures import Part, evidence_invalid
from stayput.evidence.trust import Trust
from stayput.merkle import ProofInvalid, leaf_hash, verify_inclusion
from stayput.notes import SignedCheckpoint
from stayput.v1.log_pb2 import LogBundle

BUNDLE_SUFFIX: Final = ".stayput-bundle.json"
MAX_BUNDLE_SIZE: Final = 16 << 20
"""Bytes of a bundle file. A receipt has a few kilobytes, a checkpoint at most 1 MiB."""
MAX_WITNESSES_DEMANDED: Final = 16
"""So many witnesses may be named to the log for one bundle."""


@dataclass(frozen=True)
class VerifiedEntry:
    """An entry that is in the log, and the checkpoint that proves it with its cosignatures."""

    entry: OpenedEntry
    checkpoint: SignedCheckpoint


def bundle_to_file(bundle: LogBundle) -> str:
    """The text of a bundle file."""
    return json_format.MessageToJson(bundle) + "\n"


def bundle_from_file(data: bytes) -> LogBundle:
    """The bundle of a file, not verified; `EVIDENCE_INVALID`: FILE if it is none."""
    if len(data) > MAX_BUNDLE_SIZE:
        raise evidence_invalid(Part.FILE, "it is too long for a bundle")
    try:
        text = data.decode()
        bundle = json_format.Parse(text, LogBundle())
        # Protobuf takes more than one form of a value; here a statement has one form.
        exact = json.loads(text) == json_format.MessageToDict(bundle)
    except (ValueError, json_format.ParseError, RecursionError):
        raise _no_bundle() from None
    if not exact:
        raise _no_bundle()
    return bundle


def verify_bundle(data: bytes | LogBundle, trust: Trust) -> VerifiedEntry:
    """What a bundle (its file's bytes, or the message) proves; else `EVIDENCE_INVALID`.

    A receipt is proven only with a trusted key of its node: RECEIPT_SIGNATURE. A consumer's statement is
    verified if a key of the consumer is trusted.
    """
    bundle = data if isinstance(data, LogBundle) else bundle_from_file(data)
    signed = open_checkpoint(bundle.checkpoint, trust)
    # Size and root are the checkpoint's and the place is the leaf's own: a proof does not bind sizes.
    opened = open_entry(bundle.entry, trust)
    head = signed.checkpoint.head
    if opened.leaf.index >= head.size:
        raise evidence_invalid(Part.PLACE, "the checkpoint's tree has no such place")
    try:
        verify_inclusion(leaf_hash(bundle.entry.leaf), opened.leaf.index, head, bundle.inclusion_proof)
    except ProofInvalid as error:
        raise evidence_invalid(Part.INCLUSION_PROOF, str(error).removeprefix("inclusion: ")) from None
    if opened.by_node is Signed.KEY_UNKNOWN:
        raise evidence_invalid(Part.RECEIPT_SIGNATURE, "no key of its node is trusted")
    return VerifiedEntry(opened, signed)


def _no_bundle() -> StayputError:
    return evidence_invalid(Part.FILE, "it is not a bundle as Stayput writes it")
