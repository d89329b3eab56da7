"""Canonical encodings and hashes of docs/SPEC.md, sections 1, 2, 6 and the tables of the structures.

A structure is described by a list of (field, type); a type has `read(reader)` and `write(value)`. Values are
dicts, lists, ints, bytes and str; an enumeration is a tuple (variant, value).
"""

import hashlib

from ed25519 import L


class Malformed(Exception):
    """Bytes that are not the canonical encoding of anything."""


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, length):
        if length > len(self.data) - self.at:
            raise Malformed(f"{length} bytes are claimed, {len(self.data) - self.at} are left")
        self.at += length
        return self.data[self.at - length:self.at]


class Int:
    def __init__(self, size):
        self.size = size

    def read(self, reader):
        return int.from_bytes(reader.take(self.size), "little")

    def write(self, value):
        return value.to_bytes(self.size, "little")


class Fixed:
    def __init__(self, size):
        self.size = size

    def read(self, reader):
        return reader.take(self.size)

    def write(self, value):
        assert len(value) == self.size
        return value


class Scalar(Fixed):
    """An integer below the order of the group (section 20)."""

    def read(self, reader):
        value = super().read(reader)
        if int.from_bytes(value, "little") >= L:
            raise Malformed("a scalar is not below the order of the group")
        return value


class Bytes:
    """`u32` length and bytes, at most `limit`."""

    def __init__(self, limit):
        self.limit = limit

    def read(self, reader):
        length = U32.read(reader)
        if length > self.limit:
            raise Malformed(f"{length} bytes, at most {self.limit} are allowed")
        return reader.take(length)

    def write(self, value):
        return U32.write(len(value)) + value


class Text:
    def read(self, reader):
        try:
            return reader.take(U32.read(reader)).decode("utf-8")
        except UnicodeDecodeError as error:
            raise Malformed(str(error)) from None

    def write(self, value):
        encoded = value.encode("utf-8")
        return U32.write(len(encoded)) + encoded


class Bool:
    def read(self, reader):
        byte = reader.take(1)[0]
        if byte > 1:
            raise Malformed(f"{byte} is no truth value")
        return byte == 1

    def write(self, value):
        return b"\1" if value else b"\0"


class Vec:
    def __init__(self, item):
        self.item = item

    def read(self, reader):
        return [self.item.read(reader) for _ in range(U32.read(reader))]

    def write(self, value):
        return U32.write(len(value)) + b"".join(map(self.item.write, value))


class Opt:
    def __init__(self, item):
        self.item = item

    def read(self, reader):
        return self.item.read(reader) if BOOL.read(reader) else None

    def write(self, value):
        return b"\0" if value is None else b"\1" + self.item.write(value)


class Struct:
    def __init__(self, fields, tag=None, limit=None):
        self.fields, self.tag, self.limit = fields, tag, limit

    def read(self, reader):
        return {name: kind.read(reader) for name, kind in self.fields}

    def write(self, value):
        return b"".join(kind.write(value[name]) for name, kind in self.fields)


class Enum:
    """Variants are (name, type), the type None for a variant without fields."""

    def __init__(self, variants, tag=None, limit=None):
        self.variants, self.tag, self.limit = variants, tag, limit

    def read(self, reader):
        number = reader.take(1)[0]
        if number >= len(self.variants):
            raise Malformed(f"there is no variant {number}")
        name, kind = self.variants[number]
        return (name, None if kind is None else kind.read(reader))

    def write(self, value):
        number = [name for name, _ in self.variants].index(value[0])
        kind = self.variants[number][1]
        return bytes([number]) + (b"" if kind is None else kind.write(value[1]))


def names(*variants):
    return Enum([(name, None) for name in variants])


def decode(kind, data):
    """Strict decoding (section 1)."""
    if kind.limit is not None and len(data) > kind.limit:
        raise Malformed(f"{len(data)} bytes, at most {kind.limit} are allowed")
    reader = Reader(data)
    value = kind.read(reader)
    if reader.at != len(data):
        raise Malformed(f"{len(data) - reader.at} bytes follow the value")
    if kind.write(value) != data:
        raise Malformed("not canonical")
    return value


def sealed_hash(tag, *inputs):
    """H of section 20: SHA-512 of a tag and inputs, each with its length before it."""
    return hashlib.sha512(prefix(tag) + b"".join(U32.write(len(one)) + one for one in inputs)).digest()


def sha256(data):
    return hashlib.sha256(data).digest()


def prefix(tag):
    return bytes([len(tag)]) + tag.encode("ascii")


def tagged(kind, value):
    return prefix(kind.tag) + kind.write(value)


def digest(kind, value):
    return sha256(tagged(kind, value))


def parts(tag, *pieces):
    return sha256(prefix(tag) + b"".join(pieces))


def leaf(data):
    return sha256(b"\0" + data)


def node(left, right):
    return sha256(b"\1" + left + right)


def merkle_root(leaves):
    if not leaves:
        return sha256(b"")
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node(merkle_root(leaves[:split]), merkle_root(leaves[split:]))


U8, U16, U32, U64, U128 = Int(1), Int(2), Int(4), Int(8), Int(16)
BOOL, TEXT, ID, HASH, KEY, SIGNATURE = Bool(), Text(), Fixed(16), Fixed(32), Fixed(32), Fixed(64)
TIME = U64

# Section 7
NAMED_KEY = Struct([("name", TEXT), ("key", KEY)])
LEADER = Enum([("fixed", None), ("round robin", U32), ("elected", None)])
TIMERS = Struct([("leader_timeout", U32), ("view_timeout", U32), ("timeout_max", U32), ("standstill", U32)])
EPOCH = Struct([("number", U32), ("authorities", Vec(NAMED_KEY)), ("quorum", U16), ("leader", LEADER), ("timers", TIMERS)],
               "voting/epoch/v1", 13_664)
GENESIS = Struct(
    [("network", TEXT), ("founded_at", TIME), ("epoch", EPOCH), ("officers", Vec(NAMED_KEY)), ("partitions", U16)],
    "voting/genesis/v1", 65_536)

# Section 20, as far as bytes go. Before the tables that it is part of.
POINT, SCALAR, SEALED_HASH = Fixed(32), Scalar(32), Fixed(64)
BRANCH = Struct([("a", POINT), ("b", POINT), ("challenge", SCALAR), ("response", SCALAR)])
SEALED_OPTION = Struct([("alpha", POINT), ("beta", POINT), ("range", Vec(BRANCH))])
SEALED_SELECTION = Struct([("options", Vec(SEALED_OPTION)), ("limit", Opt(Vec(BRANCH)))])
BALLOT_OPENING = Struct([("contests", Vec(Vec(Struct([("value", U16), ("randomness", SCALAR)]))))], "voting/sealed-opening/v1", 55_296)
PROVEN = Struct([("point", POINT), ("commitment", POINT), ("response", SCALAR)])
CEREMONY_STEP = Enum([
    ("commit", SEALED_HASH), ("reveal", Struct([("coefficients", Vec(PROVEN)), ("transport", PROVEN)])),
    ("deal", Vec(Struct([("recipient", U16), ("ephemeral", POINT), ("sealed", Fixed(48))]))), ("check", Vec(U16)),
    ("open", Vec(Struct([("recipient", U16), ("share", SCALAR)]))), ("sign", SEALED_HASH)])
CEREMONY_MESSAGE = Struct([("ceremony", SEALED_HASH), ("trustee", U16), ("step", CEREMONY_STEP)], "voting/sealed-ceremony/v1", 8_192)
SIGNED_MESSAGE = Struct([("message", CEREMONY_MESSAGE), ("signature", SIGNATURE)], "voting/signed-sealed-ceremony/v1", 8_256)
CEREMONY_SETUP = Struct([("trustees", U16), ("threshold", U16), ("context", HASH), ("attempt", U32), ("keys", Vec(KEY))])
CEREMONY_RECORD = Struct([("setup", CEREMONY_SETUP), ("events", Vec(Enum([("message", SIGNED_MESSAGE), ("close", None)])))],
                         "voting/sealed-ceremony-record/v1", 1_048_576)
DECRYPTION_SHARE = Struct([("share", POINT), ("a", POINT), ("b", POINT), ("response", SCALAR)])
PARTIAL_DECRYPTION = Struct([("aggregate", SEALED_HASH), ("trustee", U16), ("contests", Vec(Vec(DECRYPTION_SHARE)))],
                            "voting/sealed-decryption/v1", 61_440)

# Section 8
METHODS = ("plurality", "approval", "score", "instant-runoff", "scottish-stv", "wigm-stv", "meek-stv", "schulze", "ranked-pairs",
           "borda", "dhondt", "sainte-lague")
METHOD = names(*METHODS)
MAJORITY = names("most-votes", "simple", "two-thirds", "absolute")
THRESHOLDS = Struct([("majority", MAJORITY), ("quorum_percent", U8)])
TRUSTEES = Struct([("threshold", U16), ("min_ballots", U64), ("trustees", Vec(NAMED_KEY))])
SECRECY = Enum([("open", None), ("sealed", TRUSTEES)])
OPTION = Struct([("name", TEXT), ("description", TEXT)])
CONTEST = Struct([("title", TEXT), ("method", METHOD), ("seats", U16), ("min", U16), ("max", U16), ("allow_blank", BOOL),
                  ("max_score", U16), ("thresholds", THRESHOLDS), ("withdrawn", Vec(U16)), ("options", Vec(OPTION))])
DEFINITION = Struct(
    [("id", ID), ("title", TEXT), ("description", TEXT), ("contests", Vec(CONTEST)), ("opens_at", TIME), ("closes_at", TIME),
     ("timing", names("fixed", "officer")), ("revote", names("first", "last")), ("secrecy", SECRECY),
     ("results", names("voters", "public")), ("registrar", KEY), ("created_by", TEXT)],
    "voting/election/v1", 61_440)

# Section 9
PHASES = ("draft", "ready", "scheduled", "open", "closed", "tallied", "published", "cancelled")
PHASE = names(*PHASES)
ACT = Enum([("define", DEFINITION), ("set roll", U64), ("advance", PHASE), ("tally", HASH), ("cancel", TEXT),
            ("close ceremony phase", None), ("freeze roll", None)])
OFFICER_ACT = Struct([("chain", HASH), ("election", ID), ("sequence", U32), ("act", ACT), ("officer", KEY)],
                     "voting/officer-act/v1", 65_470)
VOTER = Struct([("pseudonym", HASH), ("key", KEY), ("weight", U64)])
CERTIFICATION = Struct([("chain", HASH), ("election", ID), ("voters", Vec(VOTER)), ("registrar", KEY)],
                       "voting/certification/v1", 65_470)

TRUSTEE_STEP = Enum([("ceremony", SIGNED_MESSAGE), ("decrypt", PARTIAL_DECRYPTION)])
TRUSTEE_ACT = Struct([("chain", HASH), ("election", ID), ("step", TRUSTEE_STEP), ("trustee", KEY)], "voting/trustee-act/v1", 65_470)

PREFER_LEADER = Struct([("chain", HASH), ("term", U32), ("views", U32), ("authority", KEY)], "voting/prefer-leader/v1", 128)
EPOCH_CHANGE = Struct([("chain", HASH), ("epoch", EPOCH)], "voting/epoch-change/v1", 13_696)
APPROVED_CHANGE = Struct([("content", EPOCH_CHANGE), ("approvals", Vec(Struct([("key", KEY), ("signature", SIGNATURE)])))])

# Section 10
SCORE = Struct([("option", U16), ("score", U16)])
SELECTION = Enum([("blank", None), ("marks", Vec(U16)), ("scores", Vec(SCORE)), ("ranking", Vec(U16)), ("sealed", SEALED_SELECTION)])
BALLOT = Struct([("election", ID), ("context", HASH), ("voter", KEY), ("sequence", U32), ("selections", Vec(SELECTION))],
                "voting/ballot/v1", 61_440)
CHALLENGE = Struct([("ballot", BALLOT), ("opening", BALLOT_OPENING)], "voting/challenge/v1", 65_470)


def signed(kind):
    return Struct([("content", kind), ("signature", SIGNATURE)])


VIEW_AND_BLOCK = Struct([("view", U64), ("block", HASH)])
STATEMENT = Enum([("notarize", VIEW_AND_BLOCK), ("skip", U64), ("finalize", VIEW_AND_BLOCK)])
VOTE = Struct([("statement", STATEMENT), ("authority", U16), ("signature", SIGNATURE)])
ACCUSATION = Struct([("chain", HASH), ("epoch", U32), ("key", KEY), ("first", VOTE), ("second", VOTE)],
                    "voting/accusation/v1", 512)

ENTRY_LIMIT = 65_535
ENTRY = Enum([("act", signed(OFFICER_ACT)), ("certify", signed(CERTIFICATION)), ("cast", signed(BALLOT)), ("prefer", signed(PREFER_LEADER)),
              ("change", APPROVED_CHANGE), ("accuse", ACCUSATION), ("trustee", signed(TRUSTEE_ACT)), ("challenge", signed(CHALLENGE))],
             "voting/entry/v1", ENTRY_LIMIT)

# Section 11
PREFERENCE = Struct([("term", U32), ("leader", U16), ("since", U64), ("height", U64), ("at", TIME), ("until", U64)])
HEADER = Struct(
    [("chain", HASH), ("epoch", U32), ("view", U64), ("height", U64), ("parent_view", U64), ("parent_hash", HASH),
     ("payload_root", HASH), ("entries", U32), ("state_root", HASH), ("timestamp", TIME), ("preference", Opt(PREFERENCE)),
     ("successor", Opt(HASH))],
    "voting/header/v1", 256)

# Section 12
SIGNED_STATEMENT = Struct([("chain", HASH), ("epoch", U32), ("statement", STATEMENT)], "voting/vote/v1", 128)
CERTIFICATE = Struct([("statement", STATEMENT), ("signatures", Vec(Struct([("authority", U16), ("signature", SIGNATURE)])))],
                     "voting/certificate/v1", 6_664)

TAIL_MAX = 128
HANDOVER = Struct([("epoch", EPOCH), ("headers", Vec(HEADER)), ("certificate", CERTIFICATE)], "voting/handover/v1", 53_356)

# Section 14
SUMMARY = Struct(
    [("id", ID), ("context", HASH), ("phase", PHASE), ("acts", U32), ("roll_size", U64), ("certified", U64), ("ballots", U64),
     ("voted", U64), ("log", HASH)],
    "voting/election-summary/v1", 256)

# Section 15
COUNTS = Struct([("ballots", U64), ("weight", U64), ("blank", U64), ("undervotes", U64), ("overvotes", U64), ("rankings", U64)])
VERDICT = Struct([("needed", Opt(U128)), ("quorum", U64), ("ballots", U64)])
AMOUNT = Struct([("units", U128), ("decimals", U8)])
OPTION_RESULT = Struct([("option", U16), ("name", TEXT), ("votes", U64), ("total", AMOUNT), ("seats", U16)])
CONTEST_REPORT = Struct([("title", TEXT), ("method", METHOD), ("seats", U16), ("options", Vec(OPTION_RESULT)), ("counts", COUNTS),
                         ("decided_by_lot", Vec(U16)), ("verdict", Opt(VERDICT))])
REPORT = Struct([("election", ID), ("seed", HASH), ("contests", Vec(CONTEST_REPORT))], "voting/report/v1", 4_194_304)

# Section 16
STATE_PATH = Vec(Enum([("left", HASH), ("right", HASH)]))
ELECTION_PROOF = Struct([("summary", SUMMARY), ("path", STATE_PATH), ("headers", Vec(HEADER)), ("certificate", CERTIFICATE)],
                        "voting/election-proof/v1", 76_296)

# Section 17
OPENING = Struct([("genesis", GENESIS), ("partition", U16), ("handovers", Vec(HANDOVER)), ("election", ID)],
                 "voting/bundle-opening/v1", 4_259_862)
ITEM = Enum([("foreign", HASH), ("own", Bytes(ENTRY_LIMIT))])
BUNDLE_BLOCK = Struct([("header", HEADER), ("certificate", Opt(CERTIFICATE)), ("tail", Vec(HEADER)), ("items", Vec(ITEM))],
                      "voting/bundle-block/v1", 4_385_805)
MANIFEST = Struct([("blocks", U64), ("certificates", U64), ("foreign", U64), ("acts", U64), ("certifications", U64),
                   ("ballots", U64), ("roll_size", U64), ("certified", U64), ("voted", U64), ("phase", PHASE)])
CLOSING = Struct([("manifest", MANIFEST), ("path", STATE_PATH), ("report", Opt(REPORT))], "voting/bundle-closing/v1", 4_198_400)
