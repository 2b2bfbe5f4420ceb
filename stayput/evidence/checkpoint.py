"""Checkpoints, judged by a `Trust`."""

from stayput import notes
from stayput.evidence.failures import Part, evidence_invalid
from stayput.evidence.trust import Trust


def open_checkpoint(data: bytes, trust: Trust) -> notes.SignedCheckpoint:
    """The checkpoint, if the trusted log has signed it and enough trusted witnesses have cosigned it.

    Raises `EVIDENCE_INVALID`: CHECKPOINT or WITNESSES.
    """
    try:
        signed = notes.open_checkpoint(data, trust.log, trust.witnesses)
    except notes.NoteInvalid as error:
        raise evidence_invalid(Part.CHECKPOINT, str(error)) from None
    cosigned = len({one.witness.name for one in signed.cosignatures})
    if cosigned < trust.least_witnesses:
        raise evidence_invalid(
            Part.WITNESSES, f"{cosigned} of them have cosigned, {trust.least_witnesses} are demanded"
        )
    return signed
