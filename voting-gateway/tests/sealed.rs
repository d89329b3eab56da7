//! Sealed elections over HTTP: the life cycle with its trustees, and what is refused before anything reaches the authorities.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use voting_core::ballot::{Ballot, Selection};
use voting_core::codec::Canonical;
use voting_core::crypto::{HashRng, SigningKey};
use voting_core::election::{Trustee, Trustees};
use voting_core::entry::{Challenge, Entry, TrusteeAct, TrusteeStep};
use voting_core::epoch::change::Epochs;
use voting_core::ids::{ElectionId, PartitionId};
use voting_core::receipt::ElectionProof;
use voting_core::sealed::ceremony::{Ceremony, CeremonyRecord, Dealer};
use voting_core::sealed::{SealedContest, Sealer};
use voting_gateway::Config;

use crate::support::{Gateway, key_of, new_election, roomy};

fn trustee(number: u64) -> SigningKey {
    key_of(900 + number)
}

fn sealing(threshold: u16, number: u64) -> Value {
    let named = (1..=number).map(|n| json!({"name": format!("Trustee {n}"), "key": trustee(n).public()}));
    json!({"threshold": threshold, "min_ballots": 1, "trustees": named.collect::<Vec<_>>()})
}

fn body(entry: &Entry) -> Value {
    json!({ "entry": BASE64.encode(entry.to_canonical()) })
}

/// A sealed election with alice and bob on its roll.
async fn draft(gateway: &Gateway, admin: &str, sealing: Value) -> String {
    let id = gateway
        .draft(admin, |election| {
            election.as_object_mut().unwrap().remove("secrecy");
            election["sealing"] = sealing;
        })
        .await;
    let voters = json!({"voters": [{"email": "alice@example.com"}, {"email": "bob@example.com"}]});
    assert_eq!(gateway.post(&format!("/elections/{id}/voters"), Some(admin), voters).await.0, 200);
    id
}

/// An election on its way.
struct Sealed<'g> {
    gateway: &'g Gateway,
    id: String,
}

impl Sealed<'_> {
    fn act(&self, number: u64, step: TrusteeStep) -> Entry {
        let chain = self.gateway.network.identity().genesis.chain_id(PartitionId(0));
        let key = trustee(number);
        let election = self.id.parse().unwrap();
        Entry::trustee(TrusteeAct { chain, election, step, trustee: key.public() }, &key)
    }

    async fn post(&self, entry: &Entry) -> (u16, Value) {
        self.gateway.post(&format!("/elections/{}/trustees", self.id), None, body(entry)).await
    }

    async fn shown(&self) -> Value {
        self.gateway.get(&format!("/elections/{}", self.id), None).await.1
    }

    async fn ceremony(&self) -> Ceremony {
        let (status, answer) = self.gateway.get(&format!("/elections/{}/ceremony", self.id), None).await;
        assert_eq!(status, 200, "{answer}");
        let record = BASE64.decode(answer["record"].as_str().unwrap()).unwrap();
        Ceremony::replay(&CeremonyRecord::from_canonical(&record).unwrap()).unwrap()
    }

    /// What a trustee says now, as an entry.
    async fn step(&self, number: u64) -> Option<Entry> {
        let ceremony = self.ceremony().await;
        let dealer = Dealer::of_key(&ceremony.record().setup, trustee(number)).unwrap();
        let said = dealer.next_step(&ceremony).unwrap()?;
        Some(self.act(number, TrusteeStep::Ceremony(Box::new(said))))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sealed_election_runs_over_http() {
    let gateway = Gateway::start().await;
    let admin = gateway.login("admin").await;
    let id = draft(&gateway, &admin, sealing(2, 3)).await;
    let sealed = Sealed { gateway: &gateway, id: id.clone() };
    let (status, early) = gateway.get(&format!("/elections/{id}/ceremony"), None).await;
    assert_eq!((status, &early["code"]), (409, &json!("wrong_phase")));
    let publish = format!("/elections/{id}/publish");
    let (_, ready) = gateway.post(&publish, Some(&admin), json!({})).await;
    assert_eq!((&ready["phase"], &ready["sealing"]["ceremony"]), (&json!("ready"), &json!("commit")));
    assert_eq!(gateway.post(&publish, Some(&admin), json!({})).await.1["code"], "ceremony_unfinished");

    // The third trustee does not come.
    for number in [1, 2] {
        let step = sealed.step(number).await.unwrap();
        assert_eq!(sealed.post(&step).await.0, 201);
        assert_eq!(sealed.post(&step).await.1["code"], "duplicate_ballot", "once is enough");
    }
    let close = format!("/elections/{id}/ceremony/close");
    let alice = gateway.login("alice").await;
    assert_eq!(gateway.post(&close, None, json!({})).await.0, 401);
    assert_eq!(gateway.post(&close, Some(&alice), json!({})).await.1["code"], "role_required");
    let (status, closed) = gateway.post(&close, Some(&admin), json!({})).await;
    assert_eq!((status, &closed["phase"], &closed["waits_for"]), (200, &json!("reveal"), &json!([1, 2])));
    while let Some(number) = sealed.ceremony().await.missing().first().copied() {
        let step = sealed.step(number.into()).await.unwrap();
        assert_eq!(sealed.post(&step).await.0, 201);
    }
    gateway.post(&publish, Some(&admin), json!({})).await;
    gateway.post(&format!("/elections/{id}/open"), Some(&admin), json!({})).await;
    assert_eq!(gateway.get("/elections", None).await.1[0]["secrecy"], "sealed");
    let shown = sealed.shown().await;
    assert_eq!((&shown["phase"], &shown["secrecy"]), (&json!("open"), &json!("sealed")));
    let active: Vec<_> = shown["sealing"]["trustees"].as_array().unwrap().iter().map(|trustee| trustee["active"] == true).collect();
    assert_eq!(active, [true, true, false]);

    // What a quorum certifies is what ballots are bound to.
    let (_, answer) = gateway.get(&format!("/elections/{id}/proof"), None).await;
    let proof = ElectionProof::from_canonical(&BASE64.decode(answer["proof"].as_str().unwrap()).unwrap()).unwrap();
    let epochs = Epochs::founded(&gateway.network.identity().genesis, PartitionId(0)).unwrap();
    let (certified, _) = proof.verify(&epochs).unwrap();
    assert_eq!((certified.id.to_string(), json!(certified.context)), (id.clone(), shown["ballot_context"].clone()));
    let mut lie = proof.clone();
    lie.summary.context.0[0] ^= 1;
    assert!(lie.verify(&epochs).is_err(), "another key is not certified");

    let voter = key_of(1);
    gateway.certify(&id, &alice, &voter).await;
    let parse = |field: &str| shown["sealing"][field].as_str().unwrap().to_owned();
    let contest = SealedContest::marks(3, 1, 1, true).unwrap();
    let election: ElectionId = id.parse().unwrap();
    let sealer =
        Sealer::new(election, parse("election_hash").parse().unwrap(), &parse("key").parse().unwrap(), vec![contest]).unwrap();
    let seal = |seed: &[u8]| sealer.seal(voter.public(), 1, &[Selection::Marks(vec![0])], &mut HashRng::new(seed)).unwrap();
    // A forged proof is refused here, with its code; so is a forged signature.
    let mut forged = seal(b"forged").cast(&voter).ballot;
    if let Selection::Sealed(selection) = &mut forged.selections[0] {
        selection.options.swap(0, 1);
    }
    let (status, refused) = gateway.cast(&id, &Ballot::sign(forged, &voter)).await;
    assert_eq!((status, &refused["code"]), (422, &json!("sealed_range")));
    // A test of the seal; the ballot is void.
    let (ballot, opening) = seal(b"tested").challenge();
    let challenge = Entry::challenge(Challenge { ballot: ballot.clone(), opening }, &voter);
    let challenges = format!("/elections/{id}/challenges");
    assert_eq!(gateway.post(&challenges, None, body(&challenge)).await.0, 201);
    let (status, void) = gateway.cast(&id, &ballot.sign(&voter)).await;
    assert_eq!((status, &void["code"]), (409, &json!("ballot_voided")));
    assert_eq!(gateway.cast(&id, &seal(b"cast").cast(&voter)).await.0, 201);
    for token in [None, Some(alice.as_str()), Some(admin.as_str())] {
        let (status, hidden) = gateway.get(&format!("/elections/{id}/results"), token).await;
        assert_eq!((status, &hidden["code"]), (403, &json!("results_hidden")), "nobody knows how it stands");
    }

    let close = format!("/elections/{id}/close");
    assert_eq!(gateway.post(&close, Some(&admin), json!({})).await.1["phase"], "closed");
    let ceremony = sealed.ceremony().await;
    for number in [1, 2] {
        let share = Dealer::of_key(&ceremony.record().setup, trustee(number)).unwrap().finish(&ceremony).unwrap();
        let state = gateway.network.replica().state();
        let sums = state.election(election).unwrap().sealed().unwrap().sums().unwrap().clone();
        let part = share.decrypt(&sums, 1, &mut HashRng::new(b"part")).unwrap();
        let mut wrong = part.clone();
        wrong.contests[0].swap(0, 1);
        assert_eq!(sealed.post(&sealed.act(number, TrusteeStep::Decrypt(wrong))).await.1["code"], "sealed_decryption_proof");
        assert_eq!(sealed.post(&sealed.act(number, TrusteeStep::Decrypt(part))).await.0, 201);
    }
    let (_, published) = gateway.post(&close, Some(&admin), json!({})).await;
    assert_eq!(published["phase"], "published");
    let (status, result) = gateway.get(&format!("/elections/{id}/results"), None).await;
    assert_eq!((status, &result["contests"][0]["options"][0]["votes"], &result["total_votes"]), (200, &json!(1), &json!(1)));
    gateway.stop().await;
}

/// What an election that says nothing of secrecy is set up with, beyond what it says.
async fn unsaid(gateway: &Gateway, admin: &str, more: Value) -> (u16, Value) {
    let mut election = new_election();
    let fields = election.as_object_mut().unwrap();
    fields.remove("secrecy");
    if more.get("contests").is_some() {
        fields.remove("candidates");
    }
    fields.extend(more.as_object().unwrap().clone());
    gateway.post("/elections", Some(admin), election).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn elections_are_sealed_unless_they_say_otherwise() {
    let ranked = json!({"contests": [{"title": "Rank", "method": "schulze", "options": [{"name": "A"}, {"name": "B"}]}]});
    let detail = |problem: &Value| problem["detail"].as_str().unwrap().to_owned();

    let gateway = Gateway::start().await;
    let admin = gateway.login("admin").await;
    let (status, problem) = unsaid(&gateway, &admin, json!({})).await;
    assert_eq!((status, &problem["code"]), (422, &json!("secrecy_unsaid")), "{problem}");
    assert!(detail(&problem).contains("no trustees of its own") && detail(&problem).contains("say `open`"), "{problem}");
    let (status, problem) = unsaid(&gateway, &admin, ranked.clone()).await;
    assert_eq!((status, &problem["code"]), (422, &json!("secrecy_unsaid")), "{problem}");
    assert!(detail(&problem).contains("contests[0]: schulze cannot be sealed"), "{problem}");
    let (status, problem) = unsaid(&gateway, &admin, json!({"candidates": []})).await;
    assert_eq!((status, &problem["code"]), (422, &json!("invalid_definition")), "other faults come first: {problem}");
    assert_eq!(gateway.get("/elections", Some(&admin)).await.1, json!([]), "nothing was set up");
    assert_eq!(gateway.get("/network", None).await.1.get("trustees"), None);
    gateway.stop().await;

    let named = sealing(2, 3);
    let office = Trustees {
        threshold: 2,
        min_ballots: 7,
        trustees: (1..=3).map(|number| Trustee { name: format!("Trustee {number}"), key: key_of(700 + number).public() }).collect(),
    };
    let gateway = Gateway::with(Config { trustees: Some(office), ..roomy() }, |_| {}).await;
    let admin = gateway.login("admin").await;
    let shown = gateway.get("/network", None).await.1["trustees"].clone();
    assert_eq!((&shown["threshold"], &shown["min_ballots"]), (&json!(2), &json!(7)));
    for said in [json!({}), json!({"secrecy": "sealed"}), json!({"sealing": shown})] {
        let (status, election) = unsaid(&gateway, &admin, said).await;
        assert_eq!((status, &election["secrecy"], &election["sealing"]["min_ballots"]), (201, &json!("sealed"), &json!(7)));
        assert_eq!(election["sealing"]["trustees"][2]["key"], shown["trustees"][2]["key"]);
    }
    let (_, others) = unsaid(&gateway, &admin, json!({"sealing": {"trustees": named["trustees"]}})).await;
    let numbers = (&others["sealing"]["threshold"], &others["sealing"]["min_ballots"]);
    assert_eq!(numbers, (&json!(2), &json!(3)), "those of others are the usual ones");
    assert_ne!(others["sealing"]["trustees"][2]["key"], shown["trustees"][2]["key"]);
    let (status, open) = unsaid(&gateway, &admin, json!({"secrecy": "open"})).await;
    assert_eq!((status, &open["secrecy"], open.get("sealing")), (201, &json!("open"), None));
    let (status, problem) = unsaid(&gateway, &admin, ranked).await;
    assert_eq!((status, &problem["code"]), (422, &json!("secrecy_unsaid")), "{problem}");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_input_about_seals_is_named() {
    let gateway = Gateway::start().await;
    let admin = gateway.login("admin").await;
    let create = |change: &dyn Fn(&mut Value)| {
        let mut election = new_election();
        election.as_object_mut().unwrap().remove("secrecy");
        change(&mut election);
        election
    };
    let bad: Vec<(Value, &str)> = vec![
        (create(&|e| e["secrecy"] = json!("sealed")), "sealing: a sealed election needs trustees"),
        (
            create(&|e| {
                e["secrecy"] = json!("open");
                e["sealing"] = sealing(1, 1);
            }),
            "sealing: an open election has no trustees",
        ),
        (create(&|e| e["sealing"] = sealing(4, 3)), "4 of 3 trustees"),
        (
            create(&|e| {
                e["sealing"] = sealing(1, 2);
                e["sealing"]["trustees"][1]["key"] = json!("zz");
            }),
            "sealing.trustees[1].key",
        ),
        (
            create(&|e| {
                e["sealing"] = sealing(1, 2);
                e["sealing"]["trustees"][1]["name"] = json!("Trustee 1");
            }),
            "two trustees are named `Trustee 1`",
        ),
        (
            create(&|e| {
                e["sealing"] = sealing(1, 1);
                e["sealing"]["min_ballots"] = json!(0);
            }),
            "min_ballots must be at least 1",
        ),
        (
            create(&|e| {
                e["sealing"] = sealing(1, 1);
                e.as_object_mut().unwrap().remove("candidates");
                e["contests"] = json!([{"title": "Rank", "method": "schulze", "options": [{"name": "A"}, {"name": "B"}]}]);
            }),
            "rankings cannot be added up under encryption",
        ),
    ];
    for (election, expected) in bad {
        let (status, problem) = gateway.post("/elections", Some(&admin), election).await;
        assert_eq!((status, &problem["code"]), (422, &json!("invalid_definition")), "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(expected), "{problem}");
    }

    let id = draft(&gateway, &admin, sealing(1, 2)).await;
    gateway.post(&format!("/elections/{id}/publish"), Some(&admin), json!({})).await;
    let sealed = Sealed { gateway: &gateway, id: id.clone() };
    let path = format!("/elections/{id}/trustees");
    let malformed = |entry: &str| json!({ "entry": entry });
    let step = sealed.step(1).await.unwrap();
    let bytes = step.to_canonical();
    let mut damaged = bytes.clone();
    damaged[bytes.len() - 70] ^= 1;
    let stranger = {
        let key = key_of(5);
        let Entry::Trustee(signed) = &step else { unreachable!("it is a trustee's") };
        Entry::trustee(TrusteeAct { trustee: key.public(), ..signed.content.clone() }, &key)
    };
    let asked = [
        (malformed("%"), 400, "malformed_entry", "not base64"),
        (malformed("AAAA"), 400, "malformed_entry", ""),
        (malformed(&BASE64.encode([&bytes[..], &[0]].concat())), 400, "malformed_entry", ""),
        (malformed(&BASE64.encode(damaged)), 401, "invalid_signature", "trustee's act"),
        (body(&stranger), 403, "not_a_trustee", ""),
    ];
    let before = gateway.network.replica().state().height();
    for (request, status, code, text) in asked {
        let (actual, problem) = gateway.post(&path, None, request).await;
        assert_eq!((actual, &problem["code"]), (status, &json!(code)), "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(text), "{problem}");
    }
    // A trustee's step is no test of a seal, and belongs to its own election.
    let (status, problem) = gateway.post(&format!("/elections/{id}/challenges"), None, body(&step)).await;
    assert_eq!((status, &problem["code"]), (400, &json!("malformed_entry")), "{problem}");
    let open = gateway.open(&admin, |_| {}).await;
    let (status, problem) = gateway.post(&format!("/elections/{open}/trustees"), None, body(&step)).await;
    assert_eq!((status, &problem["code"]), (422, &json!("wrong_election")), "{problem}");
    assert_eq!(gateway.get(&format!("/elections/{open}/ceremony"), None).await.1["code"], "wrong_phase");
    let frozen = gateway.post(&format!("/elections/{id}/roll/freeze"), Some(&admin), json!({})).await;
    assert_eq!((frozen.0, &frozen.1["code"]), (422, &json!("empty_roll")), "nobody is certified yet");
    assert!(gateway.network.replica().state().height() >= before);
    gateway.stop().await;
}
