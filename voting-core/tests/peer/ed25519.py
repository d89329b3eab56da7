"""Ed25519 (RFC 8032) under the strict rule of docs/SPEC.md, section 3. Slow, small, for checking."""

import hashlib

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)

# Points are (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z.
NEUTRAL = (0, 1, 1, 0)


def add(a, b):
    """Complete addition on the twisted Edwards curve with a = -1 (RFC 8032, section 5.1.4)."""
    e = (a[1] - a[0]) * (b[1] - b[0]) % P
    f = (a[1] + a[0]) * (b[1] + b[0]) % P
    g = 2 * a[3] * b[3] * D % P
    h = 2 * a[2] * b[2] % P
    return _from_efgh(f - e, h - g, h + g, f + e)


def double(a):
    """Doubling (RFC 8032, section 5.1.4)."""
    x2, y2 = a[0] * a[0] % P, a[1] * a[1] % P
    h = x2 + y2
    g = x2 - y2
    f = 2 * a[2] * a[2] + g
    e = h - (a[0] + a[1]) ** 2
    return _from_efgh(e % P, f % P, g, h)


def _from_efgh(e, f, g, h):
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def negate(a):
    return (P - a[0], a[1], a[2], P - a[3])


def multiply(scalar, point):
    """Scalars are taken as they are, not mod L: that matters for points of mixed order."""
    result = NEUTRAL
    for bit in bin(scalar)[2:]:
        result = double(result)
        if bit == "1":
            result = add(result, point)
    return result


def combine(s, a, k, b):
    """[s]a + [k]b in one pass."""
    both = add(a, b)
    result = NEUTRAL
    for at in range(max(s.bit_length(), k.bit_length()) - 1, -1, -1):
        result = double(result)
        s_bit, k_bit = s >> at & 1, k >> at & 1
        if s_bit and k_bit:
            result = add(result, both)
        elif s_bit:
            result = add(result, a)
        elif k_bit:
            result = add(result, b)
    return result


def is_neutral(a):
    return a[0] % P == 0 and (a[1] - a[2]) % P == 0


def has_small_order(a):
    return is_neutral(double(double(double(a))))


def encode(a):
    inverse = pow(a[2], P - 2, P)
    x, y = a[0] * inverse % P, a[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def recover_x(y, parity):
    """The x of this parity belonging to y, or None."""
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P != 0:
        x = x * ROOT_OF_MINUS_ONE % P
    if (x * x - square) % P != 0:
        return None
    if x == 0 and parity:
        return None
    return P - x if x & 1 != parity else x


def decode(encoded):
    """The point, or None if these bytes are not the canonical encoding of one."""
    number = int.from_bytes(encoded, "little")
    y, parity = number & (1 << 255) - 1, number >> 255
    if len(encoded) != 32 or y >= P:
        return None
    x = recover_x(y, parity)
    return None if x is None else (x, y, 1, x * y % P)


BASE = decode((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def usable_key(key):
    """The key's point, or None if the key is no canonical point or of small order."""
    point = decode(key)
    return None if point is None or has_small_order(point) else point


def challenge(commitment, key, message):
    return int.from_bytes(hashlib.sha512(commitment + key + message).digest(), "little") % L


def verify(key, message, signature):
    a = usable_key(key)
    commitment, s = signature[:32], int.from_bytes(signature[32:], "little")
    if a is None or len(signature) != 64 or s >= L or usable_key(commitment) is None:
        return False
    k = challenge(commitment, key, message)
    return encode(combine(s, BASE, k, negate(a))) == commitment


def expand(seed):
    """The secret scalar and the prefix of a 32-byte seed (RFC 8032, section 5.1.5)."""
    digest = hashlib.sha512(seed).digest()
    scalar = int.from_bytes(digest[:32], "little") & (1 << 254) - 8 | 1 << 254
    return scalar, digest[32:]


def public(seed):
    return encode(multiply(expand(seed)[0], BASE))


def sign(seed, message):
    scalar, prefix = expand(seed)
    r = int.from_bytes(hashlib.sha512(prefix + message).digest(), "little") % L
    commitment = encode(multiply(r, BASE))
    s = (r + challenge(commitment, public(seed), message) * scalar) % L
    return commitment + s.to_bytes(32, "little")
