"""Verifying Ed25519 signatures (RFC 8032), by libsodium.

Signing is done with `cryptography`, where the private keys are. Its verification holds the interpreter's
lock, libsodium's does not, so that several threads verify on several processors.
"""

from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey


def verifies(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether the 64-byte `signature` of `message` is one by the raw 32-byte `public_key`.

    The RFC is read strictly. What is no canonical encoding is refused, and so is a key of small order, by
    which one signature can be that of any message.
    """
    try:
        VerifyKey(public_key).verify(message, signature)
    except (BadSignatureError, ValueError):
        return False
    return True
