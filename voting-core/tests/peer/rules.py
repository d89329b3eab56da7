"""Text, genesis, definitions, the state machine and the count: docs/SPEC.md, sections 4, 7, 8, 10, 13, 14 and 15."""

import unicodedata

import ed25519
from count import contest_report
from encoding import BALLOT, DEFINITION, PHASES, REPORT, SUMMARY, digest, parts

WHITE_SPACE = frozenset(
    map(chr, [*range(0x09, 0x0E), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000]))
HIDDEN = [(0x00, 0x1F), (0x7F, 0x9F), (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5),
          (0x180B, 0x180F), (0x200B, 0x200F), (0x2028, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFEFF, 0xFEFF),
          (0xFFA0, 0xFFA0), (0xFFF0, 0xFFFB), (0xFFFE, 0xFFFF), (0xE0000, 0xE0FFF)]
WEIGHT_MAX = 1_000_000_000
SUM_MAX = 2**64 - 1
SKIPPED = 0x7FFF


class NotJudged(Exception):
    """Something that this verifier does not verify, whether or not it holds."""


class Refused(Exception):
    """The state machine does not accept an entry; `code` is that of the specification."""

    def __init__(self, code):
        super().__init__(code)
        self.code = code


def is_paragraph(text, limit, line_feeds=True):
    if len(text.encode("utf-8")) > limit:
        return False
    if text and (text[0] in WHITE_SPACE or text[-1] in WHITE_SPACE):
        return False
    for character in text:
        if not (line_feeds and character == "\n") and any(low <= ord(character) <= high for low, high in HIDDEN):
            return False
    return unicodedata.is_normalized("NFC", text)


def is_line(text, limit):
    return text != "" and is_paragraph(text, limit, line_feeds=False)


def epoch_is_usable(epoch):
    authorities, timers = epoch["authorities"], epoch["timers"]
    return (
        1 <= len(authorities) <= 100
        and len(authorities) // 2 < epoch["quorum"] <= len(authorities)
        and len({one["name"] for one in authorities}) == len(authorities)
        and len({one["key"] for one in authorities}) == len(authorities)
        and all(map(is_named_key, authorities))
        and epoch["leader"] != ("round robin", 0)
        and 0 < timers["leader_timeout"] <= timers["view_timeout"] <= timers["timeout_max"]
        and timers["standstill"] > 0
    )


def is_named_key(one):
    return is_line(one["name"], 100) and ed25519.usable_key(one["key"]) is not None


def genesis_is_usable(genesis):
    return (
        is_line(genesis["network"], 100)
        and epoch_is_usable(genesis["epoch"])
        and genesis["epoch"]["number"] == 0
        and genesis["partitions"] >= 1
        and 1 <= len(genesis["officers"]) <= 64
        and all(map(is_named_key, genesis["officers"]))
    )


RANKED = ("instant-runoff", "scottish-stv", "wigm-stv", "meek-stv", "schulze", "ranked-pairs", "borda")
TAKE_EQUALS = ("schulze", "ranked-pairs", "borda")
OF_LISTS = ("dhondt", "sainte-lague")
NOTHING_DEMANDED = {"majority": ("most-votes", None), "quorum_percent": 0}


def form_of(contest):
    method = contest["method"][0]
    return "ranking" if method in RANKED else "scores" if method == "score" else "marks"


def contest_is_acceptable(contest):
    options, form, method = contest["options"], form_of(contest), contest["method"][0]
    withdrawn, thresholds = contest["withdrawn"], contest["thresholds"]
    return (
        is_line(contest["title"], 300)
        and 1 <= len(options) <= (200 if form == "ranking" else 1000)
        and all(is_line(option["name"], 300) and is_paragraph(option["description"], 4000) for option in options)
        and len({option["name"] for option in options}) == len(options)
        and 1 <= contest["min"] <= contest["max"] <= len(options)
        and 1 <= contest["seats"] <= (1000 if method in OF_LISTS else len(options))
        and (method != "instant-runoff" or contest["seats"] == 1)
        and (method not in OF_LISTS or contest["max"] == 1)
        and (1 <= contest["max_score"] <= 100 if form == "scores" else contest["max_score"] == 0)
        and (thresholds == NOTHING_DEMANDED or method in ("plurality", "approval", "score"))
        and thresholds["quorum_percent"] <= 100
        and all(left < right for left, right in zip(withdrawn, withdrawn[1:]))
        and all(place < len(options) for place in withdrawn)
        and len(withdrawn) < len(options)
    )


def definition_is_acceptable(definition):
    return (
        is_line(definition["title"], 300)
        and is_paragraph(definition["description"], 4000)
        and is_line(definition["created_by"], 300)
        and 1 <= len(definition["contests"]) <= 50
        and all(map(contest_is_acceptable, definition["contests"]))
        and definition["opens_at"] < definition["closes_at"] <= 253_402_300_799_999
        and ed25519.usable_key(definition["registrar"]) is not None
        and len(DEFINITION.write(definition)) <= DEFINITION.limit
    )


def tiers_of(ranking):
    """The ranks of a ranking, each a list of options; None if it is not the one form of its preferences."""
    tiers = []
    for entry in ranking:
        option, equal = entry & 0x7FFF, entry >= 0x8000
        if equal and (not tiers or not tiers[-1] or option == SKIPPED or option <= tiers[-1][-1]):
            return None
        if equal:
            tiers[-1].append(option)
        else:
            tiers.append([] if option == SKIPPED else [option])
    return None if tiers and not tiers[-1] else tiers


def check_ranking(ranking, contest):
    tiers = tiers_of(ranking)
    if tiers is None:
        raise Refused("marks_out_of_order")
    if not all(tiers):
        raise Refused("rank_skipped")
    if any(len(tier) > 1 for tier in tiers) and contest["method"][0] not in TAKE_EQUALS:
        raise Refused("ranks_shared")
    named = sorted(option for tier in tiers for option in tier)
    if len(set(named)) < len(named):
        raise Refused("ranked_twice")
    return named


def check_selection(selection, contest):
    kind, said = selection
    if kind == "blank":
        if not contest["allow_blank"]:
            raise Refused("blank_not_allowed")
        return
    if kind == "sealed":
        raise Refused("sealed_ballot")
    if kind != form_of(contest):
        raise Refused("wrong_form")
    if kind == "scores":
        if any(one["score"] > contest["max_score"] for one in said):
            raise Refused("score_too_high")
        named = [one["option"] for one in said]
    else:
        named = check_ranking(said, contest) if kind == "ranking" else said
    if any(left >= right for left, right in zip(named, named[1:])):
        raise Refused("marks_out_of_order")
    if any(option >= len(contest["options"]) for option in named):
        raise Refused("unknown_option")
    if any(option in contest["withdrawn"] for option in named):
        raise Refused("option_withdrawn")
    if len(named) > contest["max"]:
        raise Refused("overvote")
    if len(named) < contest["min"]:
        raise Refused("undervote")


def partition_of(pseudonym, partitions):
    return int.from_bytes(parts("voting/partition/v1", pseudonym)[:8], "big") % partitions


# The count, section 15

COUNTS = ("ballots", "weight", "blank", "undervotes", "overvotes")


def empty_tally(definition):
    return [{"options": [0] * len(contest["options"]), "rankings": {}, **dict.fromkeys(COUNTS, 0)}
            for contest in definition["contests"]]


def points(kind, said):
    """What a ballot of weight 1 adds to options, and how many options it names."""
    if kind == "marks":
        return [(option, 1) for option in said], len(said)
    if kind == "scores":
        return [(one["option"], one["score"]) for one in said], len(said)
    first = tiers_of(said)[0]
    return [(first[0], 1)] if len(first) == 1 else [], len(said)


def change_tally(tally, definition, selections, weight, sign):
    """Adds (sign 1) or takes back (sign -1) a ballot."""
    for sums, contest, (kind, said) in zip(tally, definition["contests"], selections):
        if sums["weight"] + sign * weight > SUM_MAX:
            raise Refused("tally_overflow")
        sums["ballots"] += sign
        sums["weight"] += sign * weight
        if kind == "blank":
            sums["blank"] += sign * weight
            continue
        added, named = points(kind, said)
        if named < contest["max"]:
            sums["undervotes"] += sign * weight
        for option, more in added:
            sums["options"][option] += sign * weight * more
            if sums["options"][option] > SUM_MAX:
                raise Refused("tally_overflow")
        if kind == "ranking":
            key = tuple(said)
            left = sums["rankings"].get(key, 0) + sign * weight
            sums["rankings"] = {**sums["rankings"], key: left}
            if left == 0:
                del sums["rankings"][key]


def make_report(definition, tally, seed, roll):
    contests = enumerate(zip(definition["contests"], tally))
    return {"election": definition["id"], "seed": seed,
            "contests": [contest_report(at, contest, sums, seed, roll) for at, (contest, sums) in contests]}


# The state machine of one election, sections 13 and 14

class Election:
    """One election of a chain; before its definition, `definition` is None."""

    def __init__(self, genesis, chain, partition, election_id):
        self.officers = {officer["key"] for officer in genesis["officers"]}
        self.partition, self.partitions = partition, genesis["partitions"]
        self.chain, self.id = chain, election_id
        self.definition = self.context = self.closed_height = self.seed = self.report = None
        self.phase, self.acts, self.roll_size, self.voted, self.frozen = "draft", 0, 0, 0, False
        self.voters, self.pseudonyms, self.ballots = {}, set(), set()
        self.tally, self.log = [], bytes(32)

    def begin(self, height, time, parent_hash):
        self.height, self.time = height, time
        if self.closed_height is not None and self.closed_height == height - 1 and self.seed is None:
            self.seed = parent_hash

    def apply(self, entry, entry_hash):
        kind, signed = entry
        {"act": self.act, "certify": self.certify, "cast": self.cast, "trustee": self.trustee, "challenge": self.challenge}[kind](
            signed["content"])
        self.log = parts("voting/election-log/v1", self.log, entry_hash)

    def act(self, act):
        kind, value = act["act"]
        if act["officer"] not in self.officers:
            raise Refused("not_an_officer")
        if self.definition is None and kind != "define":
            raise Refused("unknown_election")
        if act["sequence"] != self.acts + 1:
            raise Refused("act_sequence")
        if kind == "define":
            self.define(value, act["election"])
        elif kind == "set roll":
            self.set_roll(value)
        elif kind == "advance":
            self.advance(value[0])
        elif kind == "tally":
            self.state_count(value)
        elif kind == "freeze roll":
            self.freeze_roll()
        elif kind == "close ceremony phase":
            raise Refused("not_sealed" if self.phase == "ready" else "wrong_phase")
        else:
            if self.phase not in ("draft", "ready", "scheduled", "open", "closed"):
                raise Refused("wrong_phase")
            if not is_line(value, 1000):
                raise Refused("invalid_reason")
            self.phase = "cancelled"
        self.acts += 1

    def define(self, definition, acted_on):
        if self.phase not in ("draft", "ready"):
            raise Refused("wrong_phase")
        if definition["secrecy"][0] == "sealed":
            raise NotJudged("sealed ballots are not verified here: the curve of section 20 is left to others")
        if definition["id"] != acted_on or not definition_is_acceptable(definition):
            raise Refused("invalid_definition")
        if self.voters and definition["registrar"] != self.definition["registrar"]:
            raise Refused("wrong_phase")
        self.definition, self.phase = definition, "draft"
        self.context = parts("voting/election-context/v1", self.chain, digest(DEFINITION, definition))
        self.tally = empty_tally(definition)

    def set_roll(self, size):
        if self.phase not in ("draft", "ready", "scheduled"):
            raise Refused("wrong_phase")
        if self.frozen:
            raise Refused("roll_frozen")
        if size < len(self.voters):
            raise Refused("roll_below_certified")
        if size == 0 and self.phase != "draft":
            raise Refused("empty_roll")
        self.roll_size = size

    def freeze_roll(self):
        if self.phase not in ("draft", "ready", "scheduled"):
            raise Refused("wrong_phase")
        if self.frozen:
            raise Refused("roll_frozen")
        if not self.voters:
            raise Refused("empty_roll")
        self.roll_size, self.frozen = len(self.voters), True

    def advance(self, to):
        following = dict(zip(PHASES[:6], PHASES[1:7]))
        if following.get(self.phase) != to or to == "tallied":
            raise Refused("wrong_phase")
        if to == "ready" and self.roll_size == 0:
            raise Refused("empty_roll")
        if self.definition["timing"][0] == "fixed":
            if to == "open" and self.time < self.definition["opens_at"]:
                raise Refused("too_early")
            if to == "closed" and self.time < self.definition["closes_at"]:
                raise Refused("too_early")
        self.phase = to
        if to == "closed":
            self.closed_height = self.height

    def state_count(self, claimed):
        if self.phase != "closed":
            raise Refused("wrong_phase")
        if self.seed is None:
            raise Refused("just_closed")
        report = make_report(self.definition, self.tally, self.seed, self.roll_size)
        if digest(REPORT, report) != claimed:
            raise Refused("wrong_report")
        self.report, self.phase = report, "tallied"

    def certify(self, certification):
        voters = certification["voters"]
        if self.definition is None:
            raise Refused("unknown_election")
        if any(partition_of(voter["pseudonym"], self.partitions) != self.partition for voter in voters):
            raise Refused("other_partition")
        if self.phase not in ("draft", "ready", "scheduled", "open"):
            raise Refused("wrong_phase")
        if certification["registrar"] != self.definition["registrar"]:
            raise Refused("not_the_registrar")
        if self.frozen:
            raise Refused("roll_frozen")
        if not 1 <= len(voters) <= 800:
            raise Refused("certification_size")
        if len(self.voters) + len(voters) > self.roll_size:
            raise Refused("roll_full")
        for voter in voters:
            if not 1 <= voter["weight"] <= WEIGHT_MAX:
                raise Refused("invalid_weight")
            if ed25519.usable_key(voter["key"]) is None:
                raise Refused("invalid_key")
            if voter["pseudonym"] in self.pseudonyms:
                raise Refused("already_certified")
            if voter["key"] in self.voters:
                raise Refused("key_in_use")
            self.pseudonyms.add(voter["pseudonym"])
            self.voters[voter["key"]] = {"weight": voter["weight"], "counted": None}

    def trustee(self, act):
        raise Refused("unknown_election" if self.definition is None else "not_sealed")

    def challenge(self, challenge):
        if self.definition is None:
            raise Refused("unknown_election")
        if self.phase != "open":
            raise Refused("wrong_phase")
        raise Refused("not_sealed" if challenge["ballot"]["voter"] in self.voters else "key_not_certified")

    def cast(self, ballot):
        ballot_hash = digest(BALLOT, ballot)
        if self.definition is None:
            raise Refused("unknown_election")
        if ballot_hash in self.ballots:
            raise Refused("duplicate_ballot")
        if self.phase != "open":
            raise Refused("wrong_phase")
        if ballot["context"] != self.context:
            raise Refused("wrong_context")
        voter = self.voters.get(ballot["voter"])
        if voter is None:
            raise Refused("key_not_certified")
        if ballot["sequence"] == 0:
            raise Refused("stale_sequence")
        before = voter["counted"]
        if before is not None:
            if self.definition["revote"][0] == "first":
                raise Refused("already_voted")
            if ballot["sequence"] <= before["sequence"]:
                raise Refused("stale_sequence")
        if len(ballot["selections"]) != len(self.definition["contests"]):
            raise Refused("wrong_contests")
        for selection, contest in zip(ballot["selections"], self.definition["contests"]):
            check_selection(selection, contest)
        if before is not None:
            change_tally(self.tally, self.definition, before["selections"], voter["weight"], -1)
        change_tally(self.tally, self.definition, ballot["selections"], voter["weight"], 1)
        voter["counted"] = ballot
        self.ballots.add(ballot_hash)
        self.voted += before is None

    def digest(self):
        return digest(SUMMARY, {
            "id": self.id, "context": self.context, "phase": (self.phase, None), "acts": self.acts, "roll_size": self.roll_size,
            "certified": len(self.voters), "ballots": len(self.ballots), "voted": self.voted, "log": self.log,
        })
