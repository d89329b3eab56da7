//! Sealed ballots, pinned byte for byte: `tests/vectors/sealed.json` has everything that another implementation needs to make the
//! same hashes, ceremonies, ballots, sums and decryptions, and ballots that it must refuse, with the codes.
//!
//! `VOTING_BLESS=1 cargo test -p voting-core --all-features --test it sealed_vectors::` writes the file anew, on purpose only.

use std::path::PathBuf;
use std::sync::OnceLock;

use curve25519_dalek::scalar::Scalar as Exponent;
use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use voting_core::ballot::{Ballot, Selection};
use voting_core::codec::Canonical;
use voting_core::election::{ElectionDefinition, Secrecy};
use voting_core::entry::{Act, Challenge, Entry, OfficerAct, TrusteeAct, TrusteeStep};
use voting_core::epoch::Genesis;
use voting_core::epoch::change::Epochs;
use voting_core::ids::{ChainId, Digest, ElectionId, PartitionId};
use voting_core::receipt::ElectionProof;
use voting_core::sealed::ceremony::{
    Ceremony, CeremonyMessage, CeremonyPhase, CeremonyRecord, Dealer, RecordEvent, SignedMessage, Step,
};
use voting_core::sealed::{
    Aggregate, BallotOpening, PartialDecryption, Point, SUITE, SealVerifier, SealedContest, SealedElection, SealedHash, Sealer,
    ShareOfKey, combine, proof_hash,
};
use voting_core::testing::sealed::{SealedChain, TestSeal, carry_through, dealers, honest, trustee_key, trustees};
use voting_core::testing::{Draws, Numbers, TestChain, definition, key};

use crate::common::sealed::{Contests as _, Place, decode, encode, exponent, hash, scalar};

/// The election of all ballots here.
const ID: ElectionId = ElectionId([6; 16]);

fn hex(bytes: impl AsRef<[u8]>) -> String {
    HEXLOWER.encode(bytes.as_ref())
}

fn unhex(value: &Value) -> Vec<u8> {
    HEXLOWER.decode(value.as_str().unwrap().as_bytes()).unwrap()
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/sealed.json")
}

/// What the library makes now.
fn made() -> &'static [Value] {
    static MADE: OnceLock<Vec<Value>> = OnceLock::new();
    MADE.get_or_init(|| {
        let made = [hashes(), ceremonies(), ballots(), invalid(), vec![decryption(), election_proof()], encodings()].concat();
        if std::env::var_os("VOTING_BLESS").is_some_and(|value| value == "1") {
            let lines: Vec<String> = made.iter().map(|vector| serde_json::to_string(vector).unwrap()).collect();
            std::fs::write(path(), format!("[\n{}\n]\n", lines.join(",\n"))).unwrap();
        }
        made
    })
}

fn committed() -> Value {
    made();
    serde_json::from_slice(&std::fs::read(path()).unwrap()).unwrap()
}

/// The rules of a contest as they stand in the file.
#[derive(Clone)]
struct Shape {
    scores: bool,
    options: u16,
    highest: u16,
    min: u16,
    max: u16,
    blank: bool,
    withdrawn: Vec<u16>,
}

const fn marks(options: u16, min: u16, max: u16, blank: bool) -> Shape {
    Shape { scores: false, options, highest: 1, min, max, blank, withdrawn: Vec::new() }
}

const fn scores(options: u16, highest: u16, blank: bool) -> Shape {
    Shape { scores: true, options, highest, min: 0, max: options * highest, blank, withdrawn: Vec::new() }
}

impl Shape {
    fn contest(&self) -> SealedContest {
        let contest = match self.scores {
            true => SealedContest::scores(self.options, self.highest, self.blank),
            false => SealedContest::marks(self.options, self.min, self.max, self.blank),
        };
        contest.unwrap().without(self.withdrawn.clone()).unwrap()
    }

    fn json(&self) -> Value {
        json!({ "form": if self.scores { "scores" } else { "marks" }, "options": self.options, "max_value": self.highest,
            "min": self.min, "max": self.max, "allow_blank": self.blank, "withdrawn": self.withdrawn })
    }

    fn of(value: &Value) -> Self {
        let number = |field: &str| value[field].as_u64().unwrap() as u16;
        Self {
            scores: value["form"] == "scores",
            options: number("options"),
            highest: number("max_value"),
            min: number("min"),
            max: number("max"),
            blank: value["allow_blank"].as_bool().unwrap(),
            withdrawn: value["withdrawn"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as u16).collect(),
        }
    }

    fn choose(&self, numbers: &mut Numbers) -> Selection {
        if self.blank && numbers.below(4) == 0 {
            return Selection::Blank;
        }
        let standing: Vec<u16> = (0..self.options).filter(|option| !self.withdrawn.contains(option)).collect();
        if self.scores {
            let score = |option| (option, numbers.below(u64::from(self.highest) + 1) as u16);
            return Selection::Scores(standing.into_iter().map(score).filter(|(_, score)| *score > 0).collect());
        }
        let count = u64::from(self.min) + numbers.below(u64::from(self.max - self.min) + 1);
        let mut marked = numbers.order(standing);
        marked.truncate(count as usize);
        marked.sort_unstable();
        Selection::Marks(marked)
    }
}

/// What ballots are made for: every kind of contest and its edges.
fn shapes() -> Vec<Vec<Shape>> {
    vec![
        vec![marks(1, 1, 1, false)],
        vec![marks(1, 0, 1, false)],
        vec![marks(1, 1, 1, true)],
        vec![marks(2, 1, 1, false)],
        vec![marks(2, 1, 1, true)],
        vec![marks(2, 0, 2, false)],
        vec![marks(2, 2, 2, false)],
        vec![Shape { withdrawn: vec![1], ..marks(3, 1, 2, true) }],
        vec![marks(5, 2, 3, false)],
        vec![marks(5, 0, 3, true)],
        vec![marks(10, 1, 1, false)],
        vec![marks(10, 1, 10, true)],
        vec![scores(1, 5, false)],
        vec![scores(2, 5, true)],
        vec![scores(3, 1, false)],
        vec![marks(2, 1, 1, true), scores(1, 5, false)],
    ]
}

/// Ballots of each.
const BALLOTS: u64 = 7;

fn seal() -> TestSeal {
    TestSeal::new(2, 3, vec![marks(2, 1, 1, true).contest(), scores(1, 5, false).contest()])
}

fn hashes() -> Vec<Value> {
    let seal = seal();
    let inputs: [&[u8]; 3] = [b"", b"a", b"bc"];
    let h = hash("voting/sealed-parameters/v1", &inputs);
    let election = &seal.election;
    vec![
        json!({ "kind": "hash", "name": "H and H_q", "tag": "voting/sealed-parameters/v1", "inputs": inputs.map(hex),
            "hash": hex(h), "challenge": scalar(&Exponent::from_bytes_mod_order_wide(&h)) }),
        json!({ "kind": "draws", "name": "random bytes of a seed", "seed": "draws", "bytes": hex(Draws::new("draws").bytes::<200>()) }),
        json!({ "kind": "election", "name": "H_P, H_B, H_E, H_I, context of ballots", "suite": SUITE, "value": election,
            "parameters_hash": election.parameters.hash(), "base_hash": election.parameters.base_hash(&election.context),
            "election_hash": election.hash(), "ballot_context": election.hash().context(),
            "proof_hash": proof_hash(&election.hash(), &key(1).public(), 7), "voter": key(1).public(), "sequence": 7 }),
    ]
}

/// A ceremony without incident; one where trustee 1 deals badly to 2 and opens, trustee 3 commits and is silent, 4 is absent; one of
/// dealers who draw everything from the key that they sign with.
fn ceremonies() -> Vec<Value> {
    let mut draws = Draws::new("dealers 1");
    let drawn: Vec<[u8; 32]> = (0..4).map(|_| draws.bytes::<32>()).collect();
    let (setup, honest_dealers) = dealers(2, 3, 1);
    let mut plain = Ceremony::new(setup).unwrap();
    carry_through(&mut plain, &honest_dealers);

    let (setup, dealers) = dealers(2, 4, 1);
    let mut troubled = Ceremony::new(setup).unwrap();
    for dealer in &dealers[..3] {
        troubled.apply(&dealer.commit()).unwrap();
    }
    troubled.close().unwrap();
    for dealer in &dealers[..2] {
        troubled.apply(&dealer.reveal(&troubled).unwrap()).unwrap();
    }
    troubled.close().unwrap();
    let mut bad = dealers[0].deal(&troubled).unwrap().message;
    if let Step::Deal(shares) = &mut bad.step {
        shares[0].sealed[3] ^= 1;
    }
    troubled.apply(&bad.sign(&trustee_key(1))).unwrap();
    while troubled.phase() != CeremonyPhase::Done {
        let next = dealers.iter().find(|dealer| troubled.missing().contains(&dealer.index())).unwrap();
        troubled.apply(&honest(&troubled, next).unwrap()).unwrap();
    }

    let setup = plain.record().setup;
    let of_keys: Vec<_> = (1..=3).map(|index| Dealer::of_key(&setup, trustee_key(index)).unwrap()).collect();
    let mut kept = Ceremony::new(setup).unwrap();
    carry_through(&mut kept, &of_keys);
    let of_key = |index| Digest::of_parts("voting/sealed-dealer-seed/v1", &[&trustee_key(index).to_seed()]).0;
    vec![
        ceremony("no incident", &plain, &honest_dealers, &drawn[..3]),
        ceremony("complaint, silence, absence", &troubled, &dealers, &drawn),
        ceremony("dealers of their keys", &kept, &of_keys, &[1, 2, 3].map(of_key)),
    ]
}

fn ceremony(name: &str, ceremony: &Ceremony, dealers: &[Dealer], seeds: &[[u8; 32]]) -> Value {
    let record = ceremony.record();
    let seeds: Vec<Value> = (1..)
        .zip(seeds)
        .map(|(index, seed)| json!({ "index": index, "signing_seed": hex(trustee_key(index).to_seed()), "seed": hex(seed) }))
        .collect();
    let event = |event: &RecordEvent| match event {
        RecordEvent::Message(message) => json!(hex(message.to_canonical())),
        RecordEvent::Close => json!("close"),
    };
    let shares: Vec<_> =
        dealers.iter().filter_map(|dealer| dealer.finish(ceremony).ok()).map(|share| hex(share.to_canonical())).collect();
    json!({ "kind": "ceremony", "name": name, "setup": record.setup, "ceremony_hash": ceremony.hash(), "dealers": seeds,
        "events": record.events.iter().map(event).collect::<Vec<_>>(), "record": hex(record.to_canonical()),
        "outcome": ceremony.outcome(), "shares": shares })
}

fn ballots() -> Vec<Value> {
    let seal = seal();
    let mut numbers = Numbers::new(5);
    let mut made = Vec::new();
    for (at, shapes) in shapes().iter().enumerate() {
        let contests: Vec<_> = shapes.iter().map(Shape::contest).collect();
        let sealer = Sealer::new(ID, seal.hash(), &seal.election.key, contests).unwrap();
        for number in 0..BALLOTS {
            let (voter, seed) = (key(number), format!("ballot {at}/{number}"));
            let selections: Vec<_> = shapes.iter().map(|shape| shape.choose(&mut numbers)).collect();
            let sequence = 1 + numbers.below(3) as u32;
            let prepared = sealer.seal(voter.public(), sequence, &selections, &mut Draws::new(&seed)).unwrap();
            let (ballot, opening) = prepared.challenge();
            let signed = ballot.clone().sign(&voter);
            made.push(json!({ "kind": "ballot", "name": seed, "contests": shapes.iter().map(Shape::json).collect::<Vec<_>>(),
                "key": seal.election.key, "election": seal.hash(), "id": ballot.election, "context": ballot.context, "draws": seed,
                "voter_seed": hex(voter.to_seed()), "voter": voter.public(), "sequence": sequence, "selections": selections,
                "proof_hash": proof_hash(&seal.hash(), &ballot.voter, sequence), "hex": hex(ballot.to_canonical()),
                "hash": ballot.hash(), "code": ballot.hash().code(), "signature": signed.signature,
                "opening": hex(opening.to_canonical()) }));
        }
    }
    made
}

type Change<'a> = Box<dyn Fn(&mut Ballot) + 'a>;

fn invalid() -> Vec<Value> {
    let seal = seal();
    let shapes = [marks(2, 1, 1, true), scores(1, 5, false)];
    let chosen = [Selection::Marks(vec![0]), Selection::Scores(vec![(0, 3)])];
    let (good, _) = seal.sealer().seal(key(1).public(), 1, &chosen, &mut Draws::new("invalid")).unwrap().challenge();
    let next = |point: &Point| encode(&(decode(point) + curve25519_dalek::constants::RISTRETTO_BASEPOINT_POINT));
    let place = Place {
        key: &seal.election.key,
        ballot: proof_hash(&seal.hash(), &good.voter, good.sequence),
        contest: 0,
        option: 1,
        high: 1,
    };
    let scored = Place { contest: 1, option: 0, high: 5, ..place };
    let draws = || Draws::new("forger");
    let plus = |value: &mut voting_core::sealed::Scalar| *value = scalar(&(exponent(value) + Exponent::ONE));
    let changes: Vec<(&str, Change<'_>, &str)> = vec![
        ("another context", Box::new(|b| b.context.0[0] ^= 1), "sealed_election"),
        ("the context of open ballots", Box::new(|b| b.context = seal.election.context), "sealed_election"),
        ("another voter", Box::new(|b| b.voter = key(2).public()), "sealed_range"),
        ("another sequence number", Box::new(|b| b.sequence = 2), "sealed_range"),
        ("a contest missing", Box::new(|b| b.selections.truncate(1)), "sealed_contests"),
        ("a contest left blank in clear", Box::new(|b| b.selections[0] = Selection::Blank), "sealed_open"),
        ("a contest scored in clear", Box::new(|b| b.selections[1] = chosen[1].clone()), "sealed_open"),
        ("contests exchanged", Box::new(|b| b.selections.swap(0, 1)), "sealed_options"),
        ("an option missing", Box::new(|b| b.contest_mut(0).options.truncate(2)), "sealed_options"),
        ("options exchanged", Box::new(|b| b.contest_mut(0).options.swap(0, 1)), "sealed_range"),
        ("a branch missing", Box::new(|b| b.contest_mut(0).options[0].range.branches.truncate(1)), "sealed_form"),
        ("no limit", Box::new(|b| b.contest_mut(0).limit = None), "sealed_form"),
        ("a limit where there is none", Box::new(|b| b.contest_mut(1).limit = b.contest(0).limit.clone()), "sealed_form"),
        ("α is the identity", Box::new(|b| b.contest_mut(0).options[0].ciphertext.alpha = Point([0; 32])), "sealed_identity"),
        ("β is the identity", Box::new(|b| b.contest_mut(0).options[2].ciphertext.beta = Point([0; 32])), "sealed_identity"),
        ("α is negative", Box::new(|b| b.contest_mut(0).options[0].ciphertext.alpha = Point([1; 32])), "sealed_point"),
        ("β is not below p", Box::new(|b| b.contest_mut(0).options[0].ciphertext.beta = Point([0xff; 32])), "sealed_point"),
        ("a is no point", Box::new(|b| b.contest_mut(1).options[0].range.branches[5].a = Point([1; 32])), "sealed_point"),
        (
            "α is another",
            Box::new(|b| {
                let c = &mut b.contest_mut(0).options[0].ciphertext;
                c.alpha = next(&c.alpha);
            }),
            "sealed_range",
        ),
        (
            "β is one more",
            Box::new(|b| {
                let c = &mut b.contest_mut(0).options[0].ciphertext;
                c.beta = next(&c.beta);
            }),
            "sealed_range",
        ),
        (
            "a is another",
            Box::new(|b| {
                let x = &mut b.contest_mut(1).options[0].range.branches[3];
                x.a = next(&x.a);
            }),
            "sealed_range",
        ),
        (
            "b is another",
            Box::new(|b| {
                let x = &mut b.contest_mut(1).options[0].range.branches[3];
                x.b = next(&x.b);
            }),
            "sealed_range",
        ),
        ("c is another", Box::new(|b| plus(&mut b.contest_mut(0).options[2].range.branches[1].challenge)), "sealed_range"),
        ("v is another", Box::new(|b| plus(&mut b.contest_mut(0).options[2].range.branches[1].response)), "sealed_range"),
        (
            "v of the limit is another",
            Box::new(|b| plus(&mut b.contest_mut(0).limit.as_mut().unwrap().branches[0].response)),
            "sealed_limit",
        ),
        ("two marks", Box::new(|b| b.contest_mut(0).options[1] = place.prove(1, &mut draws())), "sealed_limit"),
        ("a simulated proof of 2", Box::new(|b| b.contest_mut(0).options[1] = place.simulate_all(2, &mut draws())), "sealed_range"),
        ("a score of 6", Box::new(|b| b.contest_mut(1).options[0] = scored.simulate_all_but_one(6, &mut draws())), "sealed_range"),
    ];
    let contests: Vec<_> = shapes.iter().map(Shape::json).collect();
    let vector = |name: &str, bytes: Vec<u8>, code: &str| {
        json!({ "kind": "invalid", "name": name, "contests": contests, "key": seal.election.key, "election": seal.hash(),
            "id": ID, "context": seal.hash().context(), "hex": hex(bytes), "refusal": code })
    };
    let mut made: Vec<_> = changes
        .into_iter()
        .map(|(name, change, code)| {
            let mut forged = good.clone();
            change(&mut forged);
            vector(name, forged.to_canonical(), code)
        })
        .collect();
    let bytes = good.to_canonical();
    let mut scalar_too_large = bytes.clone();
    let first_branch = 88 + 1 + 4 + 64 + 4;
    scalar_too_large[first_branch + 64..first_branch + 96].fill(0xff);
    made.push(vector("a scalar is not below ℓ", scalar_too_large, "encoding"));
    made.push(vector("a byte more", [&bytes[..], &[0]].concat(), "encoding"));
    made.push(vector("a byte less", bytes[..bytes.len() - 1].to_vec(), "encoding"));
    made
}

fn decryption() -> Value {
    let seal = seal();
    let (sealer, verifier) = (seal.sealer(), seal.verifier());
    let mut aggregate = Aggregate::new(seal.hash(), &seal.contests);
    let mut ballots = Vec::new();
    for (voter, (selection, score)) in
        [(Selection::Marks(vec![0]), 5), (Selection::Marks(vec![1]), 0), (Selection::Blank, 3)].into_iter().enumerate()
    {
        let mut draws = Draws::new(&format!("decryption {voter}"));
        let scores = Selection::Scores(if score > 0 { vec![(0, score)] } else { vec![] });
        let (ballot, _) = sealer.seal(key(voter as u64).public(), 1, &[selection, scores], &mut draws).unwrap().challenge();
        let weight = 1 + 2 * voter as u64;
        aggregate.add(&verifier.verify(&ballot).unwrap(), weight).unwrap();
        ballots.push(json!({ "hex": hex(ballot.to_canonical()), "weight": weight }));
    }
    let mut draws = Draws::new("decrypting");
    let parts: Vec<PartialDecryption> = [0, 2].map(|at| seal.shares[at].decrypt(&aggregate, 1, &mut draws).unwrap()).to_vec();
    let opened = combine(&seal.outcome.parameters, &seal.outcome.trustees, &seal.contests, &aggregate, &parts, 1).unwrap();
    assert_eq!(opened.totals, [vec![1, 3, 5], vec![20]]);
    json!({ "kind": "decryption", "name": "three ballots, trustees 1 and 3", "contests": [marks(2, 1, 1, true).json(), scores(1, 5, false).json()],
        "election": seal.hash(), "trustees": seal.outcome.trustees, "ballots": ballots, "sums": aggregate.ciphertexts(),
        "aggregate": aggregate.hash(), "draws": "decrypting", "parts": parts.iter().map(|part| hex(part.to_canonical())).collect::<Vec<_>>(),
        "totals": opened.totals })
}

/// What a quorum has certified of a sealed election whose key is fixed: its ballots' context stands under the state root.
fn election_proof() -> Value {
    let election = definition(6, &["Ada", "Bob"]);
    let mut sealed = SealedChain::open(&election, 2, 3, 3).unwrap();
    // Another election beside it, so that there is a path.
    let other = definition(9, &["Cyd"]);
    let entry = sealed.chain.act(other.id, Act::Define(other.clone()));
    sealed.chain.append(&[entry]).unwrap();
    let (chain, seal) = (&sealed.chain, sealed.sealed().seal().unwrap());
    let proof = ElectionProof::build(chain.blocks.last().unwrap(), &chain.state, sealed.id).unwrap();
    proof.verify(&chain.epochs()).unwrap();
    json!({ "kind": "election_proof", "name": "an election that is open, certified by three of four", "genesis": hex(chain.genesis.to_canonical()),
        "hex": hex(proof.to_canonical()), "summary": proof.summary, "definition": hex(sealed.election().definition().to_canonical()),
        "sealed_election": seal.election(), "election": seal.election().hash(), "chain": chain.chain() })
}

/// One value of every canonical type and of everything that sealed elections add to one, for whoever wants bytes to damage.
fn encodings() -> Vec<Value> {
    fn encoding<T: Canonical>(value: &T) -> Value {
        json!({ "kind": "encoding", "name": T::TAG, "type": T::TAG, "hex": hex(value.to_canonical()) })
    }
    fn named<T: Canonical>(name: &str, value: &T) -> Value {
        let digest = value.digest();
        json!({ "kind": "encoding", "name": name, "type": T::TAG, "hex": hex(value.to_canonical()), "digest": digest })
    }
    let seal = TestSeal::new(1, 2, vec![marks(1, 1, 1, true).contest()]);
    let mut draws = Draws::new("encodings");
    let (ballot, opening) = seal.sealer().seal(key(0).public(), 1, &[Selection::Blank], &mut draws).unwrap().challenge();
    let mut aggregate = Aggregate::new(seal.hash(), &seal.contests);
    aggregate.add(&seal.verifier().verify(&ballot).unwrap(), 1).unwrap();
    let part = seal.shares[0].decrypt(&aggregate, 1, &mut draws).unwrap();
    let record = seal.ceremony.record();
    let (chain, officer, trustee) = (ChainId([1; 32]), TestChain::new(1).officer, trustee_key(1));
    let acts = |step| TrusteeAct { chain, election: ID, step, trustee: trustee.public() };
    let messages = record.events.iter().filter_map(|event| match event {
        RecordEvent::Message(message) if message.message.trustee == 1 => Some(message),
        _ => None,
    });
    let messages: Vec<_> = messages.collect();
    let step = acts(TrusteeStep::Ceremony(messages[0].clone()));
    let decrypts = acts(TrusteeStep::Decrypt(part.clone()));
    let challenge = Challenge { ballot: ballot.clone(), opening: opening.clone() };
    let sealed = ElectionDefinition { id: ID, secrecy: Secrecy::Sealed(trustees(1, 2, 3)), ..definition(6, &["Ada"]) };
    let close = OfficerAct { chain, election: ID, sequence: 4, act: Act::CloseCeremonyPhase, officer: officer.public() };
    let freeze = OfficerAct { sequence: 5, act: Act::FreezeRoll, ..close.clone() };
    let signed = ballot.clone().sign(&key(0));
    let others = [
        encoding(&opening),
        encoding(&ballot),
        encoding(&signed),
        encoding(&part),
        encoding(&record),
        named("definition of a sealed election", &sealed),
        named("signed content that closes a phase of the ceremony", &close),
        named("signed content of a step of the ceremony", &step),
        named("signed content of a decryption", &decrypts),
        named("signed content of a challenge", &challenge),
        named("signed content that freezes the roll", &freeze),
        named("entry that freezes the roll", &Entry::act(freeze.clone(), &officer)),
        named("entry that closes a phase of the ceremony", &Entry::act(close.clone(), &officer)),
        named("entry with a step of the ceremony", &Entry::trustee(step.clone(), &trustee)),
        named("entry with a decryption", &Entry::trustee(decrypts.clone(), &trustee)),
        named("entry that opens a ballot", &Entry::challenge(challenge.clone(), &key(0))),
        named("entry that casts a sealed ballot", &Entry::Cast(signed.clone())),
    ];
    messages.into_iter().map(|message| encoding::<SignedMessage>(message)).chain(others).collect()
}

#[test]
fn every_byte_is_pinned() {
    let pinned = committed();
    let pinned = pinned.as_array().unwrap();
    for (pinned, made) in pinned.iter().zip(made()) {
        assert_eq!(pinned, made, "other bytes than those of version 1");
    }
    assert_eq!(pinned.len(), made().len(), "vectors missing or too many");
}

/// The proof holds for the network that it is of, and the context is that of the election described.
fn proved(vector: &Value) {
    let genesis = Genesis::from_canonical(&unhex(&vector["genesis"])).unwrap();
    let epochs = Epochs::founded(&genesis, PartitionId(0)).unwrap();
    assert_eq!(json!(epochs.chain()), vector["chain"]);
    let proof = ElectionProof::from_canonical(&unhex(&vector["hex"])).unwrap();
    let (summary, _) = proof.verify(&epochs).unwrap();
    assert_eq!(serde_json::to_value(summary).unwrap(), vector["summary"]);
    let election: SealedElection = serde_json::from_value(vector["sealed_election"].clone()).unwrap();
    let definition = ElectionDefinition::from_canonical(&unhex(&vector["definition"])).unwrap();
    assert_eq!(election.context, definition.context(epochs.chain()));
    assert_eq!((json!(election.hash()), summary.context), (vector["election"].clone(), election.hash().context()));
    let mut other = proof.clone();
    other.summary.context = election.context;
    assert_eq!(other.verify(&epochs).unwrap_err().code(), "not_included");
    let mut foreign = genesis;
    foreign.network.push('x');
    let foreign = Epochs::founded(&foreign, PartitionId(0)).unwrap();
    assert_eq!(proof.verify(&foreign).unwrap_err().code(), "other_chain");
}

/// What a sealed ballot's vector says beside its bytes.
fn shown(vector: &Value, verifier: &SealVerifier, ballot: &Ballot) {
    let said = |value: Value, field: &str| assert_eq!(value, vector[field], "{field} of {}", vector["name"]);
    said(json!(ballot.election), "id");
    said(json!(ballot.context), "context");
    said(json!(ballot.voter), "voter");
    said(json!(ballot.hash()), "hash");
    said(json!(ballot.hash().code()), "code");
    said(json!(proof_hash(verifier.election(), &ballot.voter, ballot.sequence)), "proof_hash");
    let opening = BallotOpening::from_canonical(&unhex(&vector["opening"])).unwrap();
    said(json!(verifier.open(ballot, &opening).unwrap()), "selections");
    let signature = serde_json::from_value(vector["signature"].clone()).unwrap();
    assert!(voting_core::ballot::SignedBallot { ballot: ballot.clone(), signature }.verify());
}

#[test]
fn the_committed_vectors_are_judged_as_they_say() {
    let (mut good, mut bad) = (0, 0);
    for vector in committed().as_array().unwrap() {
        match vector["kind"].as_str().unwrap() {
            "ballot" | "invalid" => {}
            "ceremony" => {
                let record = CeremonyRecord::from_canonical(&unhex(&vector["record"])).unwrap();
                let outcome = Ceremony::replay(&record).unwrap().outcome();
                assert_eq!(serde_json::to_value(outcome).unwrap(), vector["outcome"]);
                continue;
            }
            "election_proof" => {
                proved(vector);
                continue;
            }
            _ => continue,
        }
        let shapes = vector["contests"].as_array().unwrap().iter().map(|shape| Shape::of(shape).contest()).collect();
        let election: SealedHash = vector["election"].as_str().unwrap().parse().unwrap();
        let key: Point = vector["key"].as_str().unwrap().parse().unwrap();
        let verifier = SealVerifier::new(election, &key, shapes).unwrap();
        let refusal = match Ballot::from_canonical(&unhex(&vector["hex"])) {
            Ok(ballot) => {
                assert_eq!(serde_json::to_value(verifier.context()).unwrap(), vector["context"]);
                let alone = verifier.verify(&ballot).map(|_| ()).map_err(|refusal| refusal.code());
                let batch = verifier.verify_batch(&[&ballot], &mut Draws::new("batch")).remove(0);
                assert_eq!(batch.map(|_| ()).map_err(|refusal| refusal.code()), alone);
                if vector["kind"] == "ballot" {
                    shown(vector, &verifier, &ballot);
                }
                alone.err()
            }
            Err(_) => Some("encoding"),
        };
        assert_eq!(refusal, vector["refusal"].as_str(), "{}", vector["name"]);
        *if refusal.is_none() { &mut good } else { &mut bad } += 1;
    }
    assert!(good >= 100 && bad >= 20, "{good} good and {bad} bad ballots");
}

#[test]
fn the_specification_lists_every_type() {
    let text = std::fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/SPEC.md")).unwrap();
    let listed = |tag: &str, max: usize| {
        let digits = max.to_string();
        let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap()).collect();
        let max = groups.join(" ");
        let row = |line: &str| line.starts_with(&format!("| `{tag}` |")) && line.ends_with(&format!("| {max} |"));
        assert!(text.lines().any(row), "{tag} of at most {max} bytes");
    };
    listed(BallotOpening::TAG, BallotOpening::MAX_BYTES);
    listed(CeremonyMessage::TAG, CeremonyMessage::MAX_BYTES);
    listed(SignedMessage::TAG, SignedMessage::MAX_BYTES);
    listed(CeremonyRecord::TAG, CeremonyRecord::MAX_BYTES);
    listed(PartialDecryption::TAG, PartialDecryption::MAX_BYTES);
    listed(ShareOfKey::TAG, ShareOfKey::MAX_BYTES);
}
