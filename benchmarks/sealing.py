"""What the hybrid encapsulation costs beside X25519 alone, side by side in one run.

`python -m benchmarks.sealing` prints microseconds for one session key at each end, and the sealed size.
"""

import secrets
import time
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from stayput.sealing import SealingKey, seal_session_key

ROUNDS = 2_000


def microseconds(step: Callable[[], object]) -> float:
    """Mean time of a step."""
    started = time.perf_counter()
    for _ in range(ROUNDS):
        step()
    return (time.perf_counter() - started) / ROUNDS * 1e6


def main() -> None:
    """Measures and prints."""
    session_key, info = secrets.token_bytes(32), secrets.token_bytes(32)
    plain = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
    plain_key = X25519PrivateKey.generate()
    plain_sealed = plain.encrypt(session_key, plain_key.public_key(), info=info)
    hybrid_key = SealingKey.generate()
    public = hybrid_key.public_bytes()
    hybrid_sealed = seal_session_key(public, session_key, info)
    for name, seal, opened, size in (
        (
            "X25519",
            lambda: plain.encrypt(session_key, plain_key.public_key(), info=info),
            lambda: plain.decrypt(plain_sealed, plain_key, info=info),
            len(plain_sealed),
        ),
        (
            "MLKEM768-X25519",
            lambda: seal_session_key(public, session_key, info),
            lambda: hybrid_key.open_session_key(hybrid_sealed, info),
            len(hybrid_sealed),
        ),
    ):
        print(f"{name}: seal {microseconds(seal):.0f} µs, open {microseconds(opened):.0f} µs, {size:,} bytes")


if __name__ == "__main__":
    main()
