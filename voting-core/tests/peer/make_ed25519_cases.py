#!/usr/bin/env python3
"""Prints tests/vectors/ed25519.json: RFC 8032, and the cases in which Ed25519 implementations differ.

The cases follow the table of Chalkias, Garillot and Nikolaenko, "Taming the Many EdDSAs" (2020): points of small and of
mixed order, scalars out of range, second spellings. They are made here from fixed seeds; `valid` is what the strict rule of
docs/SPEC.md, section 3 says, reasoned about below and not merely computed.
"""

import json

import ed25519
from ed25519 import BASE, L, NEUTRAL, P, add, challenge, decode, encode, multiply, negate

RFC_8032 = [
    ("TEST 1", "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", "",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"),
    ("TEST 2", "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb", "72",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"),
    ("TEST 3", "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7", "af82",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"),
    ("TEST SHA(abc)", "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
     "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
     "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
     "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704"),
]


def torsion():
    """The eight points of small order, as multiples of one of order eight."""
    y = 2
    while True:
        point = decode(y.to_bytes(32, "little"))
        if point is not None:
            generator = multiply(L, point)  # clears the part of large order
            if encode(multiply(4, generator)) != encode(NEUTRAL):
                return [multiply(n, generator) for n in range(8)]
        y += 1


SMALL = torsion()
SECRET, NONCE = 0x1234567890ABCDEF << 128 | 1, 0xFEDCBA0987654321 << 128 | 3
SECRET, NONCE = SECRET % L, NONCE % L
CLEAN_A, CLEAN_R = multiply(SECRET, BASE), multiply(NONCE, BASE)


def search(key, commitment, holds):
    """The first message of a fixed series whose challenge k makes `holds(k)` true."""
    for counter in range(10_000):
        message = b"case " + str(counter).encode("ascii")
        if holds(challenge(commitment, key, message)):
            return message
    raise AssertionError("no such message")


def scalar(number):
    return number.to_bytes(32, "little")


def case(name, key, commitment, holds, s, valid):
    """`s(k)` is the scalar; `holds(k)` what the small-order parts must do."""
    message = search(key, commitment, holds)
    signature = commitment + scalar(s(challenge(commitment, key, message)))
    assert ed25519.verify(key, message, signature) == valid, name
    return {"name": name, "key": key.hex(), "message": message.hex(), "signature": signature.hex(), "valid": valid}


def signatures():
    eighth, neutral = SMALL[1], encode(NEUTRAL)
    small_key, mixed_key, clean_key = encode(eighth), encode(add(CLEAN_A, eighth)), encode(CLEAN_A)
    mixed_r, clean_r = encode(add(CLEAN_R, SMALL[3])), encode(CLEAN_R)

    def honest(k):
        return (NONCE + k * SECRET) % L

    def cancels(torsion_r, torsion_a):
        """Whether the small-order parts vanish from R + kA, so that the equation without cofactor holds."""
        return lambda k: ed25519.is_neutral(add(SMALL[torsion_r], multiply(k, SMALL[torsion_a])))

    def remains(torsion_r, torsion_a):
        return lambda k: not cancels(torsion_r, torsion_a)(k)

    def anything(_):
        return True

    twice = (P + 1).to_bytes(32, "little")  # the neutral element, y not reduced
    negative_zero = (1 | 1 << 255).to_bytes(32, "little")  # the neutral element, x = 0 called odd
    return [
        case("honest", clean_key, clean_r, anything, honest, True),
        case("0: key and R of small order, S = 0", small_key, encode(SMALL[5]), cancels(5, 1), lambda k: 0, False),
        case("1: key of small order, R mixed", small_key, mixed_r, cancels(3, 1), lambda k: NONCE, False),
        case("2: key mixed, R of small order", mixed_key, encode(SMALL[3]), cancels(3, 1), lambda k: k * SECRET % L, False),
        case("2: key clean, R neutral", clean_key, neutral, anything, lambda k: k * SECRET % L, False),
        case("3: key and R mixed, the small parts cancel out", mixed_key, mixed_r, cancels(3, 1), honest, True),
        case("4: key and R mixed, holds with cofactor only", mixed_key, mixed_r, remains(3, 1), honest, False),
        case("5: key mixed, holds with cofactor only", mixed_key, clean_r, remains(0, 1), honest, False),
        case("5: key mixed, k is a multiple of eight", mixed_key, clean_r, cancels(0, 1), honest, True),
        case("5: R mixed, holds with cofactor only", clean_key, mixed_r, anything, honest, False),
        case("6: S + L", clean_key, clean_r, anything, lambda k: honest(k) + L, False),
        case("6: S = L", clean_key, neutral, anything, lambda k: L, False),
        case("7: S + 8L, beyond 2^255", clean_key, clean_r, anything, lambda k: honest(k) + 8 * L, False),
        case("8: R of small order, y not reduced", mixed_key, twice, cancels(0, 1), lambda k: k * SECRET % L, False),
        case("9: R of small order, y not reduced, key clean", clean_key, twice, anything, lambda k: k * SECRET % L, False),
        case("9: R neutral with x = 0 called odd", clean_key, negative_zero, anything, lambda k: k * SECRET % L, False),
        case("10: key of small order, y not reduced", twice, clean_r, anything, lambda k: NONCE, False),
        case("11: key of small order, x = 0 called odd", negative_zero, clean_r, anything, lambda k: NONCE, False),
        case("R is no point", clean_key, scalar(2), anything, honest, False),
        case("key is no point", scalar(2), clean_r, anything, lambda k: NONCE, False),
        case("S of another nonce", clean_key, clean_r, anything, lambda k: (honest(k) + 1) % L, False),
        case("negated key", encode(negate(CLEAN_A)), clean_r, anything, honest, False),
    ]


def keys():
    def key(name, encoded, usable):
        assert (ed25519.usable_key(encoded) is not None) == usable, name
        return {"name": name, "key": encoded.hex(), "usable": usable}

    listed = [key("clean", encode(CLEAN_A), True), key("base point", encode(BASE), True)]
    listed += [key(f"mixed order, small part {n}", encode(add(CLEAN_A, SMALL[n])), True) for n in range(1, 8)]
    listed += [key(f"small order, multiple {n}", encode(SMALL[n]), False) for n in range(8)]
    listed += [
        key(f"second spelling: y = p + {y}, parity {parity}", (P + y | parity << 255).to_bytes(32, "little"), False)
        for y in range(19) for parity in (0, 1) if ed25519.recover_x(y, parity) is not None
    ]
    for y in (1, P - 1):
        listed.append(key("x = 0 called odd", (y | 1 << 255).to_bytes(32, "little"), False))
    listed += [key(f"y = {y} of the canonical range", scalar(y), ed25519.usable_key(scalar(y)) is not None) for y in range(2, 12)]
    listed.append(key("all ones", b"\xff" * 32, False))
    return listed


def rfc_8032():
    for name, seed, message, public, signature in RFC_8032:
        assert ed25519.public(bytes.fromhex(seed)).hex() == public, name
        assert ed25519.sign(bytes.fromhex(seed), bytes.fromhex(message)).hex() == signature, name
    fields = ("name", "seed", "message", "key", "signature")
    return [dict(zip(fields, vector)) for vector in RFC_8032]


print(json.dumps({"rfc8032": rfc_8032(), "keys": keys(), "signatures": signatures()}, indent=2))
