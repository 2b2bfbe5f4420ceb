"""OPRF keys: everything that the oblivious mode evaluates with, derived from one root of 32 random bytes.

A *key epoch* is a resource, or one generation of it if each is to have keys of its own. Within an epoch every
key and every check under a key has a key pair in each granularity, so that what is evaluated for one is of no
use in another's fingerprints. HKDF (RFC 5869) makes of the root, for an epoch, its name and a seed; of seed,
granularity and the element's context DeriveKeyPair (RFC 9497, 3.2.1) makes the pair. A new root makes new
epochs, which the next build of each resource uses; until then what serves is evaluated under its own.
"""

from typing import TYPE_CHECKING, Final, Self

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from stayput.oblivious import input_context
from stayput.v1.contract_pb2 import Contract, Granularity

if TYPE_CHECKING:
    from stayput.oprf import PrivateKey

ROOT_BYTES: Final = 32
_SEED_BYTES: Final = 32
_NAME_BYTES: Final = 8


class KeyEpoch:
    """The OPRF keys of one epoch. Hides itself in `repr`.

    `id` names the epoch to everybody without telling anything about its keys: 16 characters of hex.
    `of_generation` tells whether it ends with a generation.
    """

    __slots__ = ("_seed", "id", "of_generation")

    def __init__(self, name: str, seed: bytes, *, of_generation: bool) -> None:
        self.id = name
        self.of_generation = of_generation
        self._seed = seed

    def __repr__(self) -> str:
        return f"KeyEpoch({self.id})"

    def key(
        self, contract: Contract, key: str, check: str | None, granularity: "Granularity.ValueType"
    ) -> "PrivateKey":
        """The key of one set: of a key, or of a check under it.

        Raises `FIELD_INVALID` if the contract has no such key or check.
        """
        # Loading libsodium takes a third of a second: nobody waits for it who offers no oblivious mode.
        from stayput.oprf import Mode, PrivateKey  # noqa: PLC0415 (as said above)

        info = bytes((granularity,)) + input_context(contract, key, check)
        return PrivateKey.derive(Mode.VOPRF, self._seed, info)


class OprfKeys:
    """The node's OPRF keys, by epoch: those of its root, and of roots before it. Hides itself in `repr`."""

    __slots__ = ("_roots",)

    def __init__(self, *roots: bytes) -> None:
        """The current root last."""
        if not roots or any(len(root) != ROOT_BYTES for root in roots):
            raise ValueError(f"the root of OPRF keys has {ROOT_BYTES} bytes")
        self._roots = roots

    def __repr__(self) -> str:
        return "OprfKeys(…)"

    @property
    def id(self) -> str:
        """Names the current root without telling anything about it: 8 bytes derived from it, in hex."""
        return _derived(self._roots[-1], b"stayput/v1 oprf root id", _NAME_BYTES).hex()

    def secrets(self) -> tuple[bytes, ...]:
        """What they are derived from, for a replica: the current root last."""
        return self._roots

    def epoch(self, resource: str, generation: str | None = None) -> KeyEpoch:
        """The epoch of a resource, or of one generation of a resource that has new keys in each."""
        return _epoch(self._roots[-1], resource, generation)

    def epoch_named(self, name: str, resource: str, generation: str | None = None) -> KeyEpoch:
        """As `epoch`, of the root that makes an epoch of that name, or of the current one if none does."""
        for root in self._roots:
            epoch = _epoch(root, resource, generation)
            if epoch.id == name:
                return epoch
        return epoch

    def replace(self, others: Self) -> None:
        """Has the roots of `others` from now on."""
        self._roots = others._roots


def _epoch(root: bytes, resource: str, generation: str | None) -> KeyEpoch:
    salt = resource.encode() if generation is None else f"{resource}/{generation}".encode()
    name = _derived(root, b"stayput/v1 oprf epoch" + salt, _NAME_BYTES)
    seed = _derived(root, b"stayput/v1 oprf seed" + salt, _SEED_BYTES)
    return KeyEpoch(name.hex(), seed, of_generation=generation is not None)


def _derived(root: bytes, info: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt=None, info=info).derive(root)
