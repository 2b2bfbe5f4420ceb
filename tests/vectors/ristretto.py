"""RFC 9496 (ristretto255) and RFC 9497 (VOPRF outputs), written out in integers, to make vectors with.

It shares no line with the package `stayput` and no library with it: slow, not constant-time, and short enough
to be held against the RFCs line by line.
"""

import hashlib

Point = tuple[int, int, int, int]

P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)
_DST = b"OPRFV1-\x01-ristretto255-SHA512"


def sqrt_ratio(u: int, v: int) -> tuple[bool, int]:
    """SQRT_RATIO_M1 (RFC 9496, 4.2)."""
    r = u * v**3 * pow(u * v**7, (P - 5) // 8, P) % P
    check = v * r * r % P
    if check in (-u % P, -u * SQRT_M1 % P):
        r = r * SQRT_M1 % P
    return check in (u % P, -u % P), _even(r)


def _even(r: int) -> int:
    """CT_ABS: of a number and its negative the one that is even."""
    return r if r % 2 == 0 else P - r


_A_MINUS_D = (-1 - D) % P
INVSQRT_A_MINUS_D = sqrt_ratio(1, _A_MINUS_D)[1]
# Of the two roots the one that RFC 9496, 4.1, names.
SQRT_AD_MINUS_ONE = 25063068953384623474111414158702152701244531502492656460079210482610430750235
ONE_MINUS_D_SQ = (1 - D * D) % P
D_MINUS_ONE_SQ = (D - 1) ** 2 % P


def encode(point: Point) -> bytes:
    """RFC 9496, 4.3.2."""
    x0, y0, z0, t0 = point
    u1, u2 = (z0 + y0) * (z0 - y0) % P, x0 * y0 % P
    _, invsqrt = sqrt_ratio(1, u1 * u2 * u2 % P)
    den1, den2 = invsqrt * u1 % P, invsqrt * u2 % P
    z_inv = den1 * den2 * t0 % P
    rotate = t0 * z_inv % P % 2
    x = y0 * SQRT_M1 % P if rotate else x0
    y = x0 * SQRT_M1 % P if rotate else y0
    den_inv = den1 * INVSQRT_A_MINUS_D % P if rotate else den2
    if x * z_inv % P % 2:
        y = -y % P
    return _even(den_inv * (z0 - y) % P).to_bytes(32, "little")


def _mapped(t: int) -> Point:
    """MAP (RFC 9496, 4.3.4)."""
    r = SQRT_M1 * t * t % P
    u = (r + 1) * ONE_MINUS_D_SQ % P
    v = (-1 - r * D) * (r + D) % P
    was_square, s = sqrt_ratio(u, v)
    s, c = (s, -1) if was_square else (-_even(s * t % P) % P, r)
    n = (c * (r - 1) * D_MINUS_ONE_SQ - v) % P
    w0, w1, w2, w3 = 2 * s * v, n * SQRT_AD_MINUS_ONE, 1 - s * s, 1 + s * s
    return w0 * w3 % P, w2 * w1 % P, w1 * w3 % P, w0 * w2 % P


def added(one: Point, other: Point) -> Point:
    """Addition on the twisted Edwards curve with a = -1 (add-2008-hwcd-3)."""
    (x1, y1, z1, t1), (x2, y2, z2, t2) = one, other
    a, b = (y1 - x1) * (y2 - x2), (y1 + x1) * (y2 + x2)
    c, d = 2 * D * t1 * t2, 2 * z1 * z2
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(scalar: int, point: Point) -> Point:
    """Double and add."""
    total: Point = (0, 1, 1, 0)
    while scalar:
        if scalar % 2:
            total = added(total, point)
        point, scalar = added(point, point), scalar // 2
    return total


def _expanded(message: bytes, dst: bytes) -> bytes:
    """expand_message_xmd for 64 bytes (RFC 9380, 5.3.1)."""
    prime = dst + bytes([len(dst)])
    b_0 = hashlib.sha512(bytes(128) + message + b"\x00\x40\x00" + prime).digest()
    return hashlib.sha512(b_0 + b"\x01" + prime).digest()


def hashed_to_group(message: bytes) -> Point:
    """HashToGroup of mode VOPRF (RFC 9497, 4.1)."""
    uniform = _expanded(message, b"HashToGroup-" + _DST)
    halves = [int.from_bytes(part, "little") % 2**255 % P for part in (uniform[:32], uniform[32:])]
    return added(_mapped(halves[0]), _mapped(halves[1]))


def finalized(message: bytes, element: bytes) -> bytes:
    """The output of an input, from its unblinded element (RFC 9497, 3.3.1)."""
    framed = len(message).to_bytes(2, "big") + message + len(element).to_bytes(2, "big") + element
    return hashlib.sha512(framed + b"Finalize").digest()
