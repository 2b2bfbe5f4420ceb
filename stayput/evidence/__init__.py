"""Verify what the log hands out, alone: no network, no storage, nothing but public keys.

A bundle proves one entry: its leaf is in the tree of a checkpoint that the log has signed and witnesses have
cosigned, the leaf commits to the entry's payload, the node has signed the receipt in it, and the consumer the
statement in that. An archive proves a whole range the same way. `verify_bundle` and `verify_archive` return
what they have verified or raise `EVIDENCE_INVALID`, whose `field` is the `Part` that failed. What is believed
beforehand is a `Trust`, parsed from one file.
"""

from stayput.evidence.archive import ARCHIVE_FORMAT, VerifiedArchive, verify_archive, write_archive
from stayput.evidence.bundle import (
    BUNDLE_SUFFIX,
    MAX_BUNDLE_SIZE,
    MAX_WITNESSES_DEMANDED,
    VerifiedEntry,
    bundle_from_file,
    bundle_to_file,
    verify_bundle,
)
from stayput.evidence.checkpoint import open_checkpoint
from stayput.evidence.entry import OpenedEntry, Signed, open_entry
from stayput.evidence.failures import Part, evidence_invalid
from stayput.evidence.receipt import check_receipt, check_statement
from stayput.evidence.trust import Trust

__all__ = [
    "ARCHIVE_FORMAT",
    "BUNDLE_SUFFIX",
    "MAX_BUNDLE_SIZE",
    "MAX_WITNESSES_DEMANDED",
    "OpenedEntry",
    "Part",
    "Signed",
    "Trust",
    "VerifiedArchive",
    "VerifiedEntry",
    "bundle_from_file",
    "bundle_to_file",
    "check_receipt",
    "check_statement",
    "evidence_invalid",
    "open_checkpoint",
    "open_entry",
    "verify_archive",
    "verify_bundle",
    "write_archive",
]
