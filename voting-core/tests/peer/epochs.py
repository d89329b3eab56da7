"""Sections 11 and 12 of docs/SPEC.md: which header follows which, certificates, and authorities that hand over to others."""

import ed25519
from encoding import EPOCH, GENESIS, HEADER, SIGNED_STATEMENT, TAIL_MAX, U16, digest, parts, tagged
from rules import epoch_is_usable, genesis_is_usable

CHANGES_MAX = 1_024


class NoHandover(Exception):
    """A handover that proves nothing."""


def preference_follows(child, parent):
    before, now = parent["preference"], child["preference"]
    if now == before:
        return True
    place = ("view", "since"), ("height", "height"), ("timestamp", "at")
    return (
        now is not None
        and all(child[of_header] == now[of_preference] for of_header, of_preference in place)
        and now["term"] == (before["term"] if before else 0) + 1
    )


def is_tail_of(child, parent):
    same = ("epoch", "successor", "state_root", "preference")
    return child["entries"] == 0 and all(child[field] == parent[field] for field in same)


def epoch_follows(child, parent):
    if parent["successor"] is None:
        return child["epoch"] == parent["epoch"]
    begins = child["epoch"] == parent["epoch"] + 1 and parent["entries"] > 0
    return begins or is_tail_of(child, parent)


def follows(child, parent):
    return (
        (child["parent_view"], child["parent_hash"]) == (parent["view"], digest(HEADER, parent))
        and child["height"] == parent["height"] + 1
        and child["view"] > parent["view"]
        and child["timestamp"] > parent["timestamp"]
        and preference_follows(child, parent)
        and epoch_follows(child, parent)
    )


def finalizes(certificate, header, tail):
    """Whether a certificate speaks of this block, or of the end of its tail."""
    if tail and header["successor"] is None or len(tail) > TAIL_MAX:
        return False
    for parent, child in zip([header, *tail], tail):
        if not (follows(child, parent) and is_tail_of(child, parent)):
            return False
    last = tail[-1] if tail else header
    return certificate["statement"] == ("finalize", {"view": last["view"], "block": digest(HEADER, last)})


def certificate_fault(certificate, chain, epoch):
    """What is wrong with the signatures, or None."""
    signatures = certificate["signatures"]
    authorities = [one["authority"] for one in signatures]
    if not all(a < b for a, b in zip(authorities, authorities[1:])):
        return "is not in order"
    if len(authorities) < epoch["quorum"]:
        return "has too few signatures"
    said = {"chain": chain, "epoch": epoch["number"], "statement": certificate["statement"]}
    message = tagged(SIGNED_STATEMENT, said)
    for one in signatures:
        if one["authority"] >= len(epoch["authorities"]):
            return "is by a stranger"
        if not ed25519.verify(epoch["authorities"][one["authority"]]["key"], message, one["signature"]):
            return "has a bad signature"
    return None


class Epochs:
    """The epochs of a chain by their first heights."""

    def __init__(self, genesis, partition):
        if not genesis_is_usable(genesis):
            raise NoHandover("the genesis is not usable")
        self.chain = parts("voting/chain/v1", digest(GENESIS, genesis), U16.write(partition))
        self.known = [(1, genesis["epoch"])]

    def extend(self, handover):
        first, before = self.known[-1]
        epoch, headers = handover["epoch"], handover["headers"]
        acceptable = (
            epoch["number"] == before["number"] + 1
            and len(self.known) <= CHANGES_MAX
            and epoch_is_usable(epoch)
            and headers
            and headers[0]["chain"] == self.chain
            and headers[0]["epoch"] == before["number"]
            and headers[0]["height"] >= first
            and headers[0]["successor"] == digest(EPOCH, epoch)
            and finalizes(handover["certificate"], headers[0], headers[1:])
            and certificate_fault(handover["certificate"], self.chain, before) is None
        )
        if not acceptable:
            raise NoHandover(f"the change to epoch {epoch['number']} is not proved")
        self.known.append((headers[0]["height"] + 1, epoch))

    def at(self, height):
        return [epoch for first, epoch in self.known if first <= height][-1]
