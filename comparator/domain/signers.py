"""By which key of the calling node a statement may be signed."""

from comparator.domain.policy import Call
from stayput import signing
from stayput.v1.signing_pb2 import Envelope


class SigningKeys:
    """Every key that the calling node was ever enrolled with.

    A statement may have waited at the node while its signing key was replaced. That the node itself delivers
    it is known from the connection.
    """

    def __init__(self, call: Call) -> None:
        self._known = {signing.key_id(key): key for key in call.store.parties.signing_keys(call.party)}
        self._present = call.signing_key

    def named_by(self, envelope: Envelope) -> bytes:
        """The one that the envelope names, else the present one."""
        named = (self._known[each.key_id] for each in envelope.signatures if each.key_id in self._known)
        return next(named, self._present)
