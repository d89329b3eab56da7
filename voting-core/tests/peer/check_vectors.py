#!/usr/bin/env python3
"""Checks the files of tests/vectors against docs/SPEC.md, with code that was written from it alone.

    check_vectors.py DIRECTORY

Exits with 1 and a trace at the first vector that is not what the specification says.
"""

import json
import sys
from pathlib import Path

import ed25519
import encoding as e
import rules
from epochs import Epochs, certificate_fault, follows

TYPES = {kind.tag: kind for kind in vars(e).values() if getattr(kind, "tag", None)}
SIGNED_BALLOT = e.Struct([("ballot", e.BALLOT), ("signature", e.SIGNATURE)], "voting/signed-ballot/v1", 61_504)
BLOCK = e.Struct([("header", e.HEADER), ("entries", e.Vec(e.Bytes(e.ENTRY_LIMIT)))], "voting/block/v1", 4_211_200)
FINALIZED = e.Struct([("block", BLOCK), ("certificate", e.Opt(e.CERTIFICATE)), ("tail", e.Vec(e.HEADER))],
                     "voting/finalized-block/v1", 4_250_637)
PROOF = e.Struct([("index", e.U64), ("size", e.U64), ("hashes", e.Vec(e.HASH))])
POSITION = e.Struct([("height", e.U64), ("index", e.U32)])
RECEIPT = e.Struct(
    [("election", e.ID), ("ballot", e.HASH), ("entry", e.HASH), ("position", POSITION), ("proof", PROOF),
     ("headers", e.Vec(e.HEADER)), ("certificate", e.CERTIFICATE)],
    "voting/receipt/v1", 76_296)
TYPES.update({kind.tag: kind for kind in (SIGNED_BALLOT, BLOCK, FINALIZED, RECEIPT)})
VOTE = e.VOTE
SUITE = b"ristretto255-sha512-exponential-elgamal-v1"
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
unhex = bytes.fromhex


def proof_root(proof, leaf_hash):
    """Section 6, or None."""
    if proof["index"] >= proof["size"] or len(proof["hashes"]) > 64:
        return None
    at, last, root = proof["index"], proof["size"] - 1, leaf_hash
    for sibling in proof["hashes"]:
        if last == 0:
            return None
        if at & 1 or at == last:
            root = e.node(sibling, root)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            root = e.node(root, sibling)
        at, last = at >> 1, last >> 1
    return root if last == 0 else None


def code_of(ballot):
    digits = ""
    for at in range(0, 20, 5):
        number = int.from_bytes(ballot[at:at + 5], "big")
        digits += "".join(CROCKFORD[number >> shift & 31] for shift in range(35, -1, -5))
    return "-".join(digits[at:at + 4] for at in range(0, 32, 4))


def check_id(vector):
    name = vector["name"]
    if name.startswith("key "):
        assert ed25519.public(unhex(vector["seed"])).hex() == vector["public"]
        assert ed25519.sign(unhex(vector["seed"]), unhex(vector["message"])).hex() == vector["signature"]
        assert e.parts("voting/fingerprint/v1", unhex(vector["public"])).hex()[:16] == vector["fingerprint"]
    elif name.startswith("chain id"):
        chain = e.parts("voting/chain/v1", unhex(vector["genesis"]), e.U16.write(vector["partition"]))
        assert chain.hex() == vector["chain"]
    elif name == "context":
        context = e.parts("voting/election-context/v1", unhex(vector["chain"]), unhex(vector["definition"]))
        assert context.hex() == vector["context"]
    elif name.startswith("partition of"):
        for partitions, partition in vector["partitions"]:
            assert rules.partition_of(unhex(vector["pseudonym"]), partitions) == partition
    elif name == "code of a ballot":
        assert code_of(unhex(vector["ballot"])) == vector["code"]
    elif name == "rank in a lot":
        contest, option = e.U16.write(vector["contest"]), e.U16.write(vector["option"])
        assert e.parts("voting/lot/v1", unhex(vector["seed"]), contest, option).hex() == vector["rank"]
    elif name == "quorum":
        n = vector["authorities"]
        assert vector["majority"] == n // 2 + 1
        assert vector["byzantine"] == (n + (n - 1) // 3) // 2 + 1
    else:
        raise AssertionError(f"unknown vector {name}")


def check_text(vector):
    assert vector["text"].encode("utf-8").hex() == vector["utf8"]
    assert rules.is_line(vector["text"], 20) == vector["line_of_20"]
    assert rules.is_paragraph(vector["text"], 20) == vector["paragraph_of_20"]


def check_merkle(vector):
    leaves = list(map(unhex, vector["leaves"]))
    assert leaves == [e.leaf(bytes([n])) for n in range(len(leaves))]
    assert e.merkle_root(leaves).hex() == vector["root"]
    for leaf_hash, encoded in zip(leaves, vector.get("proofs_hex", [])):
        proof = PROOF.read(e.Reader(unhex(encoded)))
        assert PROOF.write(proof).hex() == encoded
        assert proof_root(proof, leaf_hash).hex() == vector["root"]


def check_state(vector, root):
    if vector["name"] != "election":
        return
    summary = e.decode(e.SUMMARY, unhex(vector["summary"]))
    assert summary["id"].hex() == vector["id"]
    assert e.digest(e.SUMMARY, summary).hex() == vector["digest"]
    leaf_hash = e.leaf(summary["id"] + unhex(vector["digest"]))
    assert leaf_hash.hex() == vector["leaf"]
    proof = {**vector["proof"], "hashes": list(map(unhex, vector["proof"]["hashes"]))}
    assert proof_root(proof, leaf_hash).hex() == root


def check_typed(vector):
    """The bytes decode, and hash to the digest beside them."""
    kind = TYPES[vector["type"]]
    value = e.decode(kind, unhex(vector["hex"]))
    assert e.digest(kind, value).hex() == vector["digest"]
    return value


def contradict(first, second):
    """Section 12: two votes that no honest authority makes both."""
    (kind, said), (other_kind, other) = first["statement"], second["statement"]
    view_of = lambda kind, said: said if kind == "skip" else said["view"]
    if first["authority"] != second["authority"] or view_of(kind, said) != view_of(other_kind, other):
        return False
    if kind == other_kind:
        return kind != "skip" and said["block"] != other["block"]
    return {kind, other_kind} == {"skip", "finalize"}


def check_sealed(vector):
    """Section 20 as far as hashes and bytes go; nothing is computed on the curve."""
    kind = vector["kind"]
    if kind == "hash":
        made = e.sealed_hash(vector["tag"], *map(unhex, vector["inputs"]))
        assert made.hex() == vector["hash"]
        assert (int.from_bytes(made, "little") % ed25519.L).to_bytes(32, "little").hex() == vector["challenge"]
    elif kind == "election":
        election, parameters = vector["value"], vector["value"]["parameters"]
        numbers = [e.U16.write(parameters[name]) for name in ("trustees", "threshold")]
        made = e.sealed_hash("voting/sealed-parameters/v1", vector["suite"].encode(), *numbers)
        assert made.hex() == vector["parameters_hash"]
        made = e.sealed_hash("voting/sealed-base/v1", made, unhex(election["context"]))
        assert made.hex() == vector["base_hash"]
        bound = [unhex(election[name]) for name in ("key", "ceremony", "roll_root", "authorities")]
        made = e.sealed_hash("voting/sealed-election/v1", made, *bound)
        assert made.hex() == vector["election_hash"]
        assert e.parts("voting/sealed-context/v1", made).hex() == vector["ballot_context"]
        made = e.sealed_hash("voting/sealed-ballot-proofs/v1", made, unhex(vector["voter"]), e.U32.write(vector["sequence"]))
        assert made.hex() == vector["proof_hash"]
    elif kind == "ballot":
        ballot = e.decode(e.BALLOT, unhex(vector["hex"]))
        assert all(form == "sealed" for form, _ in ballot["selections"])
        assert ballot["election"].hex() == vector["id"]
        assert ballot["context"] == e.parts("voting/sealed-context/v1", unhex(vector["election"])) == unhex(vector["context"])
        assert e.digest(e.BALLOT, ballot).hex() == vector["hash"]
        assert code_of(unhex(vector["hash"])) == vector["code"]
        assert ed25519.sign(unhex(vector["voter_seed"]), e.tagged(e.BALLOT, ballot)).hex() == vector["signature"]
        opening = e.decode(e.BALLOT_OPENING, unhex(vector["opening"]))
        ciphertexts = [len(sealed["options"]) for _, sealed in ballot["selections"]]
        assert [len(contest) for contest in opening["contests"]] == ciphertexts
    elif kind == "invalid" and vector["refusal"] == "encoding":
        try:
            e.decode(e.BALLOT, unhex(vector["hex"]))
        except e.Malformed:
            return
        raise AssertionError(f"{vector['name']} decodes")
    elif kind == "invalid":
        e.decode(e.BALLOT, unhex(vector["hex"]))
    elif kind == "ceremony":
        check_ceremony(e.decode(e.CEREMONY_RECORD, unhex(vector["record"])), vector)
    elif kind == "decryption":
        for part in vector["parts"]:
            assert e.decode(e.PARTIAL_DECRYPTION, unhex(part))["aggregate"].hex() == vector["aggregate"]
    elif kind == "election_proof":
        check_election_proof(vector)
    elif kind == "encoding":
        value = e.decode(TYPES[vector["type"]], unhex(vector["hex"]))
        assert vector.get("digest") in (None, e.digest(TYPES[vector["type"]], value).hex())
        if vector["type"] == e.ENTRY.tag:
            check_signed_entry(value)


def sealed_context(election):
    """From what H_E is made of to what ballots name."""
    parameters = [e.U16.write(election["parameters"][name]) for name in ("trustees", "threshold")]
    made = e.sealed_hash("voting/sealed-base/v1", e.sealed_hash("voting/sealed-parameters/v1", SUITE, *parameters), unhex(election["context"]))
    bound = [unhex(election[name]) for name in ("key", "ceremony", "roll_root", "authorities")]
    return e.parts("voting/sealed-context/v1", e.sealed_hash("voting/sealed-election/v1", made, *bound))


def check_election_proof(vector):
    """Section 16."""
    epochs = Epochs(e.decode(e.GENESIS, unhex(vector["genesis"])), 0)
    proof = e.decode(e.ELECTION_PROOF, unhex(vector["hex"]))
    summary, headers = proof["summary"], proof["headers"]
    first, last = headers[0], headers[-1]
    epoch = epochs.at(first["height"])
    assert all(header["chain"] == epochs.chain and header["epoch"] == epoch["number"] for header in headers)
    assert all(follows(child, parent) for parent, child in zip(headers, headers[1:]))
    root = e.leaf(summary["id"] + e.digest(e.SUMMARY, summary))
    for side, sibling in proof["path"]:
        root = e.node(sibling, root) if side == "left" else e.node(root, sibling)
    assert root == first["state_root"]
    assert proof["certificate"]["statement"] == ("finalize", {"view": last["view"], "block": e.digest(e.HEADER, last)})
    assert certificate_fault(proof["certificate"], epochs.chain, epoch) is None
    definition = e.digest(e.DEFINITION, e.decode(e.DEFINITION, unhex(vector["definition"])))
    election = vector["sealed_election"]
    assert e.parts("voting/election-context/v1", epochs.chain, definition).hex() == election["context"]
    assert election["authorities"] == e.digest(e.EPOCH, epoch).hex()
    assert sealed_context(election) == summary["context"]


def check_ceremony(record, vector):
    setup = record["setup"]
    numbers = [e.U16.write(setup[name]) for name in ("trustees", "threshold")]
    parameters = e.sealed_hash("voting/sealed-parameters/v1", SUITE, *numbers)
    bound = [setup["context"], e.U32.write(setup["attempt"]), *setup["keys"]]
    ceremony = e.sealed_hash("voting/sealed-ceremony-setup/v1", parameters, *bound)
    assert ceremony.hex() == vector["ceremony_hash"]
    for kind, said in record["events"]:
        if kind == "message":
            message = said["message"]
            assert message["ceremony"] == ceremony
            assert ed25519.verify(setup["keys"][message["trustee"] - 1], e.tagged(e.CEREMONY_MESSAGE, message), said["signature"])


def check_signed_entry(entry):
    kind, signed = entry
    if kind == "change":
        keys = [one["key"] for one in signed["approvals"]]
        assert keys and all(a < b for a, b in zip(keys, keys[1:]))
        for one in signed["approvals"]:
            assert ed25519.verify(one["key"], e.tagged(e.EPOCH_CHANGE, signed["content"]), one["signature"])
        return
    if kind == "accuse":
        votes = [signed["first"], signed["second"]]
        assert contradict(*votes)
        for vote in votes:
            said = {"chain": signed["chain"], "epoch": signed["epoch"], "statement": vote["statement"]}
            assert ed25519.verify(signed["key"], e.tagged(e.SIGNED_STATEMENT, said), vote["signature"])
        return
    structure, signer = {"act": (e.OFFICER_ACT, "officer"), "certify": (e.CERTIFICATION, "registrar"), "cast": (e.BALLOT, "voter"),
                         "prefer": (e.PREFER_LEADER, "authority"), "trustee": (e.TRUSTEE_ACT, "trustee"),
                         "challenge": (e.CHALLENGE, "voter")}[kind]
    said = signed["content"]["ballot"] if kind == "challenge" else signed["content"]
    assert ed25519.verify(said[signer], e.tagged(structure, signed["content"]), signed["signature"])


def check_ballot(vector):
    signed = e.decode(SIGNED_BALLOT, unhex(vector["hex"]))
    ballot = signed["ballot"]
    assert ed25519.public(unhex(vector["seed"])) == ballot["voter"]
    assert ed25519.sign(unhex(vector["seed"]), e.tagged(e.BALLOT, ballot)) == signed["signature"]
    assert e.digest(e.BALLOT, ballot).hex() == vector["hash"]
    assert code_of(unhex(vector["hash"])) == vector["code"]


def check_vote(vector):
    vote = VOTE.read(e.Reader(unhex(vector["hex"])))
    assert VOTE.write(vote).hex() == vector["hex"]
    said = {"chain": unhex(vector["chain"]), "epoch": vector["epoch"], "statement": vote["statement"]}
    assert e.tagged(e.SIGNED_STATEMENT, said).hex() == vector["signed_bytes"]
    assert ed25519.verify(unhex(vector["key"]), unhex(vector["signed_bytes"]), vote["signature"])


def check_receipt(receipt, epochs):
    """Section 16 without the ballot."""
    headers = receipt["headers"]
    assert 1 <= len(headers) <= 256
    first, last = headers[0], headers[-1]
    epoch = epochs.at(first["height"])
    assert all(header["chain"] == epochs.chain and header["epoch"] == epoch["number"] for header in headers)
    for parent, child in zip(headers, headers[1:]):
        assert follows(child, parent)
    assert receipt["position"]["height"] == first["height"]
    assert receipt["proof"]["index"] == receipt["position"]["index"]
    assert receipt["proof"]["size"] == first["entries"]
    assert proof_root(receipt["proof"], e.leaf(receipt["entry"])) == first["payload_root"]
    statement = receipt["certificate"]["statement"]
    assert statement == ("finalize", {"view": last["view"], "block": e.digest(e.HEADER, last)})
    assert certificate_fault(receipt["certificate"], epochs.chain, epoch) is None


def main():
    directory = Path(sys.argv[1])

    def load(name):
        return json.loads((directory / name).read_text(encoding="utf-8"))

    for vector in load("ids.json"):
        check_id(vector)
    for vector in load("text.json"):
        check_text(vector)
    for vector in load("merkle.json"):
        check_merkle(vector)
    state = load("state.json")
    for vector in state:
        check_state(vector, state[-1]["root"])
    for vector in load("ballots.json"):
        check_typed(vector)
        check_ballot(vector)
    genesis = None
    for name in ("entries.json", "blocks.json", "votes.json", "bundle.json", "receipts.json"):
        for vector in load(name):
            if "type" in vector:
                value = check_typed(vector)
                if vector["type"] == e.GENESIS.tag:
                    genesis = genesis or value
                elif vector["type"] == e.ENTRY.tag:
                    check_signed_entry(value)
                elif vector["type"] == RECEIPT.tag:
                    check_receipt(value, Epochs(genesis, 0))
            elif vector["name"] == "vote":
                check_vote(vector)
    chain = load("epochs.json")
    values = [(vector, check_typed(vector)) for vector in chain if "type" in vector]
    epochs = Epochs(next(value for vector, value in values if vector["type"] == e.GENESIS.tag), 0)
    for vector, value in values:
        if vector["type"] == e.HANDOVER.tag:
            epochs.extend(value)
        elif vector["type"] == e.ENTRY.tag:
            check_signed_entry(value)
        elif vector["type"] == RECEIPT.tag:
            check_receipt(value, epochs)
    known = [[first, epoch["number"]] for first, epoch in epochs.known]
    assert known == next(vector["epochs"] for vector in chain if vector["name"] == "first heights")
    for vector in load("sealed.json"):
        check_sealed(vector)
    print("every vector is as specified")


if __name__ == "__main__":
    main()
