"""Who a node is: its names and the keys it signs and opens with."""

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from provider_node.domain.key_rings import SealingKeys
from stayput.signing import PayloadType, sign
from stayput.v1.access_pb2 import GrantChange
from stayput.v1.log_pb2 import Receipt
from stayput.v1.signing_pb2 import Envelope


@dataclass(frozen=True, slots=True)
class NodeNames:
    """What a node is called, and the keys it opens with. The keys' own reprs show nothing secret."""

    node_id: str
    department: str
    software_version: str
    sealing_keys: SealingKeys


@dataclass(frozen=True, slots=True)
class NodeIdentity(NodeNames):
    """A node that can sign: it alone, none of its replicas."""

    signing_key: Ed25519PrivateKey

    def sign_change(self, change: GrantChange) -> Envelope:
        """The change of a grant's state, signed."""
        return sign(PayloadType.GRANT_CHANGE, change, self.signing_key)

    def sign_receipt(self, receipt: Receipt) -> Envelope:
        """The receipt, signed."""
        return sign(PayloadType.RECEIPT, receipt, self.signing_key)
