"""What of a piece of evidence can fail."""

from enum import StrEnum

from stayput.errors import StayputError
from stayput.v1.errors_pb2 import ErrorReason


class Part(StrEnum):
    """The part that did not verify: `field` of `EVIDENCE_INVALID`."""

    FILE = "file"
    """It is no bundle or archive, or is cut off, or something follows its end."""
    HEADER = "header"
    """What an archive says of its range."""
    CHECKPOINT = "checkpoint"
    """The signed note, the log's signature on it, or a cosignature."""
    WITNESSES = "witnesses"
    """Fewer witnesses have cosigned than are demanded."""
    LEAF = "leaf"
    """The leaf is malformed, or says something else than its payload."""
    PLACE = "place"
    """The leaf is of another place of the tree."""
    COMMITMENT = "commitment"
    """Salt and payload are not those that the leaf commits to."""
    INCLUSION_PROOF = "inclusion_proof"
    """The leaf is not in the checkpoint's tree at its place."""
    LEAVES = "leaves"
    """The leaves of an archive do not make up the checkpoint's tree."""
    CONSISTENCY = "consistency"
    """A tree is not the continuation of the one that was shown before."""
    PAYLOAD = "payload"
    """The payload is not what its kind of entry holds."""
    RECEIPT_SIGNATURE = "receipt_signature"
    """The node's signature on its receipt."""
    RECEIPT = "receipt"
    """The receipt contradicts itself."""
    STATEMENT_SIGNATURE = "statement_signature"
    """The consumer's signature on its statement."""
    STATEMENT = "statement"
    """The consumer's statement says something else than the receipt."""


def evidence_invalid(part: Part, problem: str) -> StayputError:
    """`EVIDENCE_INVALID`: that part does not verify."""
    return StayputError(
        ErrorReason.ERROR_REASON_EVIDENCE_INVALID,
        f"{part}: {problem}",
        field=part,
        remedy="do not rely on it; keep it, and tell the auditor and the platform's operator",
    )
