#!/usr/bin/env python3
"""A second verifier of election bundles, written from docs/SPEC.md; Python 3.9 or newer, standard library only.

    verify_bundle.py BUNDLE [--genesis HEX] [--known HEIGHT:HASH]...

Prints what became of each check and exits with 0 if all hold, otherwise with 1. Sealed elections it does not verify: it says so
and exits with 2. It is the cross-check of
`voting verify`: two programs that share no code must reach the same verdict and name the same first failure.
"""

import argparse
import sys

import ed25519
from encoding import (
    BUNDLE_BLOCK, CHALLENGE, CLOSING, ENTRY, ENTRY_LIMIT, EPOCH, GENESIS, HEADER, OFFICER_ACT, BALLOT, CERTIFICATION, OPENING,
    TRUSTEE_ACT, Malformed, U16, decode, digest, leaf, merkle_root, node, parts, tagged,
)
from epochs import Epochs, NoHandover, certificate_fault, finalizes, follows
from rules import SUM_MAX, Election, NotJudged, Refused, change_tally, empty_tally, genesis_is_usable, make_report

CHECKS = [
    (1, "format"), (1, "genesis"), (2, "ceremony"), (3, "election_key"), (4, "election_hash"), (5, "parents"), (5, "certificates"),
    (5, "entries"), (5, "life_cycle"), (6, "unique_ballots"), (7, "voter_keys"), (7, "signatures"), (7, "window"), (7, "sequence"),
    (7, "selections"), (8, "ranges"), (9, "limits"), (10, "codes"), (11, "last_vote"), (12, "aggregates"), (13, "decryptions"),
    (14, "labels"), (14, "totals"), (15, "challenges"), (16, "counts"), (17, "complete"), (17, "extends"), (18, "recount"),
]
OF_SEALED_BALLOTS = ("ceremony", "election_key", "election_hash", "ranges", "limits", "aggregates", "decryptions", "challenges")
CONTENTS = {"act": (OFFICER_ACT, "officer"), "certify": (CERTIFICATION, "registrar"), "cast": (BALLOT, "voter"),
            "trustee": (TRUSTEE_ACT, "trustee"), "challenge": (CHALLENGE, "voter")}
CODE_BYTES = 20
BLOCK_ENTRIES_MAX = 4096
GENESIS_HASH = bytes(32)


class Failed(Exception):
    def __init__(self, check, reason):
        super().__init__(reason)
        self.check = check


def require(condition, check, reason):
    if not condition:
        raise Failed(check, reason)


class Frames:
    """The frames of a bundle, one after the other."""

    def __init__(self, file):
        self.file = file
        start = self.take(16)
        require(start[:14] == b"voting/bundle/", "format", "this is not a bundle")
        require(start[14:] == b"v1", "format", "a bundle of another version")

    def take(self, length):
        data = self.file.read(length)
        require(len(data) == length, "format", "the bundle is cut off")
        return data

    def content(self, kind):
        length = int.from_bytes(self.take(4), "little")
        require(length <= kind.limit, "format", f"a frame of {length} bytes, at most {kind.limit} are allowed")
        try:
            return decode(kind, self.take(length))
        except Malformed as error:
            raise Failed("format", str(error)) from None

    def opening(self):
        require(self.take(1) == b"\0", "format", "the first frame is no opening")
        return self.content(OPENING)

    def next(self):
        """A block and False, or the closing and True."""
        kind = self.take(1)[0]
        require(kind in (1, 2), "format", f"a frame of kind {kind} cannot stand here")
        content = self.content(BUNDLE_BLOCK if kind == 1 else CLOSING)
        if kind == 2:
            require(self.file.read(1) == b"", "format", "bytes follow the end of the bundle")
        return content, kind == 2


class Verifier:
    def __init__(self, pinned, known):
        self.pinned, self.known = pinned, known
        self.outcomes = dict.fromkeys(OF_SEALED_BALLOTS, "not applicable")
        self.counts = dict.fromkeys(("blocks", "certificates", "foreign", "acts", "certifications", "ballots"), 0)
        self.first = self.last = None
        self.last_is_certified = False
        self.one_per_voter = {}

    def run(self, file):
        frames = Frames(file)
        self.open(frames.opening())
        while True:
            frame, is_closing = frames.next()
            if is_closing:
                break
            self.block(frame)
        self.finish(frame)

    def open(self, opening):
        self.genesis, self.election_id = opening["genesis"], opening["election"]
        genesis_digest = digest(GENESIS, self.genesis)
        require(self.pinned in (None, genesis_digest), "genesis", f"the genesis has digest {genesis_digest.hex()}")
        require(genesis_is_usable(self.genesis), "genesis", "the genesis is not usable")
        require(opening["partition"] < self.genesis["partitions"], "genesis", "there is no such partition")
        self.chain = parts("voting/chain/v1", genesis_digest, U16.write(opening["partition"]))
        try:
            self.epochs = Epochs(self.genesis, opening["partition"])
            for handover in opening["handovers"]:
                self.epochs.extend(handover)
        except NoHandover as error:
            raise Failed("genesis", str(error)) from None
        self.state = Election(self.genesis, self.chain, opening["partition"], self.election_id)

    def block(self, block):
        header = block["header"]
        block_hash = digest(HEADER, header)
        self.place(header, block_hash)
        own = self.items(block["items"], header)
        self.certificate(block["certificate"], header, block["tail"])
        if self.first is None:
            require(header["timestamp"] > self.genesis["founded_at"], "parents", "the block is older than the network")
            self.first = header
        self.state.begin(header["height"], header["timestamp"], header["parent_hash"])
        for index, encoded in own:
            self.entry(encoded, f"entry {index} of block {header['height']}")
        self.counts["blocks"] += 1
        self.counts["foreign"] += len(block["items"]) - len(own)
        self.last, self.last_hash, self.last_is_certified = header, block_hash, block["certificate"] is not None

    def place(self, header, block_hash):
        at = f"block {header['height']}"
        require(header["chain"] == self.chain, "parents", f"{at} is of another chain")
        require(header["epoch"] == self.epochs.at(header["height"])["number"], "parents", f"{at} is of another epoch")
        after = self.epochs.at(header["height"] + 1)
        successor = digest(EPOCH, after) if after["number"] != header["epoch"] else None
        require(header["successor"] == successor, "parents", f"{at} and the changes listed do not agree on where an epoch ends")
        if self.last is None:
            from_genesis = header["parent_view"] == 0 and header["parent_hash"] == GENESIS_HASH
            require(header["height"] >= 1, "parents", "a block has height 0")
            require((header["height"] == 1) == from_genesis, "parents", "height and parent contradict each other")
        else:
            require(follows(header, self.last), "parents", f"{at} does not follow the one before it")
        for height, expected in self.known:
            require(height != header["height"] or expected == block_hash, "extends", f"{at} is not the known one")

    def items(self, items, header):
        at = f"block {header['height']}"
        if not items:
            require(self.first is not None, "entries", "the first block has no entry of the election")
            return []
        require(len(items) <= BLOCK_ENTRIES_MAX and len(items) == header["entries"], "entries", f"{at} has another number of entries")
        hashes = [value if kind == "foreign" else parts(ENTRY.tag, value) for kind, value in items]
        root = merkle_root([leaf(entry_hash) for entry_hash in hashes])
        require(root == header["payload_root"], "entries", f"{at} has other entries than its header says")
        own = [(index, value) for index, (kind, value) in enumerate(items) if kind == "own"]
        require(own, "entries", f"{at} lists entries although none is of the election")
        return own

    def certificate(self, certificate, header, tail):
        at, ends = f"the certificate of block {header['height']}", header["successor"] is not None
        if certificate is None:
            require(not ends and not tail, "certificates", f"{at} is missing, and it ends an epoch")
            return
        require(finalizes(certificate, header, tail), "certificates", f"{at} is for something else")
        fault = certificate_fault(certificate, self.chain, self.epochs.at(header["height"]))
        require(fault is None, "certificates", f"{at} {fault}")
        self.counts["certificates"] += 1

    def entry(self, encoded, at):
        try:
            assert len(encoded) <= ENTRY_LIMIT
            kind, signed = decode(ENTRY, encoded)
        except Malformed as error:
            raise Failed("entries", f"{at}: {error}") from None
        content = signed["content"]
        structure, signer = CONTENTS[kind]
        said = content["ballot"] if kind == "challenge" else content
        require(kind in ("cast", "challenge") or content["chain"] == self.chain, "signatures", f"{at} is for another chain")
        valid = ed25519.verify(said[signer], tagged(structure, content), signed["signature"])
        require(valid, "signatures", f"{at} has a bad signature")
        require(said["election"] == self.election_id, "entries", f"{at} is of another election")
        try:
            self.state.apply((kind, signed), parts(ENTRY.tag, encoded))
        except Refused as refused:
            raise Failed(check_of(kind, refused.code), f"{at}: {refused.code}") from None
        self.counts[{"act": "acts", "certify": "certifications", "cast": "ballots"}[kind]] += 1
        if kind == "cast":
            self.one_per_voter[content["voter"]] = content["selections"]

    def finish(self, closing):
        require(self.last is not None, "format", "the bundle has no block")
        require(self.last_is_certified, "certificates", "the last block has no certificate")
        self.complete(closing["path"])
        self.extends()
        self.manifest(closing["manifest"])
        self.codes()
        recount = self.recount()
        self.report(closing["report"], recount)

    def complete(self, path):
        root = leaf(self.election_id + self.state.digest())
        for side, sibling in path:
            root = node(sibling, root) if side == "left" else node(root, sibling)
        require(root == self.last["state_root"], "complete", "an entry is missing, hidden, or in another order")

    def extends(self):
        compared = False
        for height, expected in self.known:
            require(height <= self.last["height"], "extends", f"the bundle ends before the known block {height}")
            below = height + 1 == self.first["height"]
            require(not below or self.first["parent_hash"] == expected, "extends", "the first parent is not the known one")
            compared = compared or height + 1 >= self.first["height"]
        if not compared:
            self.outcomes["extends"] = "not applicable"

    def manifest(self, manifest):
        state = self.state
        voted = sum(voter["counted"] is not None for voter in state.voters.values())
        found = {**self.counts, "roll_size": state.roll_size, "certified": len(state.voters), "voted": voted,
                 "phase": (state.phase, None)}
        for name, value in manifest.items():
            require(value == found[name], "counts", f"claimed are {value} {name}, found {found[name]}")
        counted = state.tally[0]["ballots"]
        require(counted == voted <= len(state.voters) <= state.roll_size, "counts", "turnout, certified and roll contradict")

    def codes(self):
        of_code = {}
        for ballot in sorted(self.state.ballots, reverse=True):
            of_code[ballot[:CODE_BYTES]] = ballot
        for voter in self.state.voters.values():
            if voter["counted"] is not None:
                ballot = digest(BALLOT, voter["counted"])
                require(of_code[ballot[:CODE_BYTES]] == ballot, "codes", "a code leads to another ballot than the one that counts")

    def recount(self):
        tally = empty_tally(self.state.definition)
        for key, selections in self.one_per_voter.items():
            change_tally(tally, self.state.definition, selections, self.state.voters[key]["weight"], 1)
        require(tally == self.state.tally, "last_vote", "counting again differs from the running count")
        return tally

    def report(self, claimed, recount):
        definition = self.state.definition
        is_tallied = self.state.report is not None
        require(claimed is None or is_tallied, "recount", "a result is claimed before the count")
        require(claimed is not None or not is_tallied, "recount", "the result is missing")
        if claimed is None:
            self.outcomes.update(dict.fromkeys(("labels", "totals", "recount"), "not applicable"))
            return
        self.labels(claimed, definition)
        for result, sums, contest in zip(claimed["contests"], recount, definition["contests"]):
            counts = result["counts"]
            most = sums["weight"] * max(contest["max_score"], 1)
            require(all(line["votes"] <= most for line in result["options"]), "totals", "a total exceeds what those who voted can give")
            claims = [counts[name] for name in ("weight", "blank", "undervotes", "overvotes")]
            require(max(claims) <= min(sums["weight"], SUM_MAX), "totals", "a total exceeds the weight of those who voted")
            require(counts["ballots"] <= sums["ballots"], "totals", "more ballots than were counted")
        require(claimed == make_report(definition, recount, self.state.seed, self.state.roll_size), "recount", "counting again gives another result")

    def labels(self, claimed, definition):
        require(claimed["election"] == definition["id"], "labels", "a result of another election")
        require(len(claimed["contests"]) == len(definition["contests"]), "labels", "another number of contests")
        for result, contest in zip(claimed["contests"], definition["contests"]):
            same = all(result[name] == contest[name] for name in ("title", "method", "seats"))
            require(same, "labels", "a contest is called or counted otherwise")
            options = len(contest["options"])
            require(len(result["options"]) == options, "labels", "another number of options")
            for line in result["options"]:
                named = line["option"] < options and contest["options"][line["option"]]["name"] == line["name"]
                require(named, "labels", "an option is called otherwise")


def check_of(kind, code):
    if code == "wrong_report":
        return "recount"
    if kind == "challenge":
        return "challenges"
    if kind == "act" or code == "not_sealed":
        return "life_cycle"
    if kind == "certify" or code == "key_not_certified":
        return "voter_keys"
    return {
        "duplicate_ballot": "unique_ballots", "wrong_phase": "window", "unknown_election": "window", "already_voted": "sequence",
        "stale_sequence": "sequence", "tally_overflow": "totals",
    }.get(code, "selections")


def known_block(text):
    height, block_hash = text.split(":")
    return int(height), bytes.fromhex(block_hash)


def main():
    arguments = argparse.ArgumentParser(description="Verify an election's bundle without any server.")
    arguments.add_argument("bundle")
    arguments.add_argument("--genesis", type=bytes.fromhex, metavar="HEX", help="digest of the genesis to rely on")
    arguments.add_argument("--known", type=known_block, action="append", default=[], metavar="HEIGHT:HASH")
    options = arguments.parse_args()
    verifier, failure = Verifier(options.genesis, options.known), None
    with open(options.bundle, "rb") as file:
        try:
            verifier.run(file)
        except Failed as failed:
            failure = failed
        except NotJudged as reason:
            print(f"Not verified: {reason}.")
            return 2
    for number, code in CHECKS:
        if failure is None:
            print(f"{number:2} {code:15} {verifier.outcomes.get(code, 'passed')}")
        elif code == failure.check:
            print(f"{number:2} {code:15} failed: {failure}")
    if failure is None:
        print(f"The bundle holds: {verifier.state.voted} voted, the election is {verifier.state.phase}.")
    return 0 if failure is None else 1


if __name__ == "__main__":
    sys.exit(main())
