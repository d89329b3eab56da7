//! Four authorities and two gateways as processes on a Redis Cluster of six servers, while all of them are killed.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;
use voting_cluster::testing::history::{Notes, Record, check};
use voting_cluster::testing::http::{Answer, get, request};
use voting_cluster::testing::schedule::{Kind, Schedule, seed_of_run};
use voting_cluster::testing::{Deployment, Part, Process, Spawn};
use voting_core::ballot::SignedBallot;
use voting_core::{Canonical as _, PartitionId};

use crate::support::Person;
use crate::support::deployment::{person, voting};
use crate::support::history::{acknowledged, holds, proved, wait_until};
use crate::support::running::Running;

/// Ballots of each of the two imports; more where everything is compiled for speed.
const BALLOTS: usize = if cfg!(debug_assertions) { 900 } else { 6_000 };
/// Longest that anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);
/// Faults of a round.
const FAULTS: [Kind; 6] =
    [Kind::KillAuthority, Kind::KillGateway, Kind::KillMaster, Kind::KillAuthority, Kind::KillGateway, Kind::PauseMaster];
/// All faults of a round begin before this share of the first import is done, and none sees more than a little of the rest.
const SHARE: f64 = 0.7;

/// Authorities, gateways and masters of Redis are killed one at a time while two imports go through both gateways at
/// once: both end with the right result, every receipt holds, and the authorities have the same on disk.
#[test]
fn an_election_survives_the_death_of_any_process() {
    let seed = seed_of_run("VOTING_KILL_SEED");
    let rounds = std::env::var("VOTING_CHAOS_ROUNDS").ok().map_or(1, |rounds| rounds.parse().unwrap());
    let mut network = Deployment::start_with(voting(), 4, 2, &["--leader", "elected"]);
    network.until("the coordinator to lead", coordinator_leads);
    let mut noted = Notes::new();
    for round in 0..rounds {
        let schedule = Schedule::within(seed + round, network.targets(), &FAULTS, SHARE);
        println!("VOTING_KILL_SEED={} shows this round again\n{schedule}", schedule.seed());
        one_round(&mut network, &schedule, &mut noted);
    }
    let records = network.records().unwrap_or_else(|violation| panic!("{violation}\n{}", network.logs()));
    let summary = check(network.genesis(), PartitionId(0), &records, &noted);
    let summary = summary.unwrap_or_else(|violation| panic!("{violation}\n{}", network.logs()));
    let preferred = |record: &Record| record.blocks.last().and_then(|last| last.block.header.preference);
    println!("the lead was given {} times", preferred(&records[0]).map_or(0, |preference| preference.term));
    println!("{} blocks with {} entries on four disks; {} receipts hold", summary.height, summary.entries, summary.acknowledged);
    assert_eq!(summary.acknowledged, 2 * BALLOTS * rounds as usize);
}

/// Somebody coordinates, and is whom all authorities take for the leader.
fn coordinator_leads(network: &Deployment) -> bool {
    let status = network.status();
    let rows = status["authorities"].as_array().cloned().unwrap_or_default();
    let coordinator = rows.iter().find(|row| row["coordinates"] == true);
    coordinator.is_some_and(|coordinator| rows.len() == 4 && rows.iter().all(|row| row["leader"] == coordinator["name"]))
}

/// Lets imports go on while something happens, but not beyond so many ballots: what comes next is to find them under way.
/// They go on as if nothing had been when it is over.
fn held_back(imports: &[Running], admins: &[Person], most: usize, meanwhile: impl FnOnce()) {
    struct Over<'a>(&'a AtomicBool);
    impl Drop for Over<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for (import, admin) in imports.iter().zip(admins) {
            let over = &over;
            scope.spawn(move || {
                let pause = || std::thread::sleep(Duration::from_millis(5)); // between two looks
                while !over.load(Ordering::SeqCst) && acknowledged(admin).len() <= most {
                    pause();
                }
                import.signal("STOP");
                while !over.load(Ordering::SeqCst) {
                    pause();
                }
                import.signal("CONT");
            });
        }
        let _over = Over(&over); // also when it panics
        meanwhile();
    });
}

fn one_round(network: &mut Deployment, schedule: &Schedule, all: &mut Notes) {
    let ballots = BALLOTS.to_string();
    let admins = [0, 1].map(|gateway| person(network, gateway, "admin@example.com", "adminpass"));
    let files = [0, 1].map(|n: usize| {
        let file = admins[n].path("ward.blt").display().to_string();
        let seed = (2 * schedule.seed() + n as u64).to_string();
        admins[n].run(&["generate", "blt", "--seed", &seed, "--ballots", &ballots, "--candidates", "5", "-o", &file]).exits(0);
        file
    });
    let mut imports = [0, 1]
        .map(|n| Running::start(&admins[n], &["import", &files[n], "--concurrency", "16", "--wait", "200", "--output", "json"]));

    let (mut noted, mut in_flight) = ([Notes::new(), Notes::new()], 0);
    let moments: Vec<_> = schedule.faults().iter().map(|planned| planned.moment(BALLOTS)).collect();
    for (n, planned) in schedule.faults().iter().enumerate() {
        wait_until(&mut imports[0], || acknowledged(&admins[0]).len() > planned.moment(BALLOTS));
        std::thread::sleep(planned.later); // this is the fault's moment
        let before = acknowledged(&admins[0]).len() + acknowledged(&admins[1]).len();
        let began = Instant::now();
        let next = moments.get(n + 1).copied().unwrap_or(BALLOTS * 3 / 4);
        held_back(&imports, &admins, next, || network.inflict(planned.fault));
        println!("{} after {before} ballots; over after {:.1?}", planned.fault, began.elapsed());
        in_flight += usize::from(imports.iter_mut().all(|import| !import.has_ended()));
        for (noted, admin) in noted.iter_mut().zip(&admins) {
            noted.note_all(acknowledged(admin)).unwrap_or_else(|violation| panic!("{violation}\n{schedule}"));
        }
    }
    assert_eq!(in_flight, FAULTS.len(), "faults after which both imports had ballots left\n{schedule}");
    let genesis = network.genesis().digest().to_string();
    let mut elections = Vec::new();
    for (n, import) in imports.into_iter().enumerate() {
        let ended = import.end();
        assert_eq!(ended.code, 0, "import {n}: {ended:#?}\n{schedule}\n{}", network.logs());
        let result = ended.json();
        holds((&network.urls()[n], &genesis), &admins[n], &files[n], &result, BALLOTS, &noted[n]);
        elections.push(result["election"].as_str().unwrap().to_owned());
        all.note_all(acknowledged(&admins[n])).unwrap_or_else(|violation| panic!("{violation}\n{schedule}"));
    }
    // What one gateway knows, the other knows, and a reader of events may go on at another one.
    for election in &elections {
        let read = [0, 1].map(|n| events(&network.urls()[n..=n], election));
        assert_eq!(read[0], read[1]);
        assert_eq!(events(network.urls(), election), read[0], "page by page, at both in turn");
        assert_eq!(read[0].iter().filter(|event| event["type"] == "ballot").count(), BALLOTS);
    }
    let both: Vec<_> = network.urls().iter().map(|url| get(url, "/elections").unwrap().json()).collect();
    assert_eq!(both[0], both[1]);
}

/// All events of an election, a page after the other, asked of gateways in turn.
fn events(urls: &[String], election: &str) -> Vec<Value> {
    let (mut all, mut after) = (Vec::new(), None::<String>);
    for url in urls.iter().cycle() {
        let after_this = after.as_ref().map_or(String::new(), |after| format!("&after={after}"));
        let answer = get(url, &format!("/elections/{election}/events?limit=97{after_this}")).expect("the gateway answers");
        let page = answer.json();
        let events = page["events"].as_array().unwrap_or_else(|| panic!("{answer:?}"));
        let next = page["next"].as_str().map(str::to_owned);
        if events.is_empty() && next == after {
            break;
        }
        all.extend(events.iter().cloned());
        after = next;
    }
    all
}

/// A ballot that somebody signed: the request that casts it, and itself.
struct Signed {
    line: String,
    body: String,
    ballot: SignedBallot,
}

/// Signs a ballot for the first option and keeps it, without sending it.
fn sign(person: &Person, election: &str) -> Signed {
    let shown = person.run(&["elections", "show", election, "--output", "json"]).exits(0).json();
    let choice = shown["contests"][0]["options"][0]["name"].as_str().unwrap().to_owned();
    let body = person.run(&["vote", election, "--choice", &choice, "--sign-only"]).exits(0).stdout;
    let value: Value = serde_json::from_str(&body).unwrap();
    let ballot = SignedBallot::from_canonical(&BASE64.decode(value["ballot"].as_str().unwrap()).unwrap()).unwrap();
    Signed { line: format!("PUT /votes/{election}"), body, ballot }
}

/// The voters of the demonstration, signed in at the first gateway.
fn voters(network: &Deployment) -> [Person; 3] {
    [("alice", "alicepass"), ("bob", "bobpass"), ("carol", "carolpass")]
        .map(|(name, password)| person(network, 0, &format!("{name}@example.com"), password))
}

/// The elections of the demonstration.
fn demo_elections(person: &Person) -> [String; 2] {
    let elections = person.run(&["elections", "list", "--output", "json"]).exits(0).json();
    [0, 1].map(|n| elections[n]["id"].as_str().unwrap().to_owned())
}

/// A ballot of every voter in every election.
fn sign_all(people: &[Person]) -> Vec<Signed> {
    let elections = demo_elections(&people[0]);
    people.iter().flat_map(|person| elections.iter().map(|id| sign(person, id))).collect()
}

impl Signed {
    fn cast(&self, url: &str) -> Answer {
        request(url, &self.line, &[], &self.body).unwrap_or_else(|| panic!("no answer to {}", self.line))
    }

    fn status(&self, url: &str) -> String {
        let answer = get(url, &format!("/ballots/{}", self.ballot.hash())).expect("the gateway answers");
        answer.json()["status"].as_str().unwrap_or_default().to_owned()
    }
}

/// 503 with the time to come back and a code for programs.
fn is_a_refusal_for_now(answer: &Answer) -> bool {
    let waits = answer.header("retry-after").is_some_and(|seconds| seconds.parse::<u64>().is_ok_and(|seconds| seconds > 0));
    answer.status == 503 && waits && answer.json()["code"].is_string()
}

/// All of Redis is killed while ballots are in flight. Those that an authority has taken become final without Redis, and
/// their receipts prove it; new ones are refused with the time to come back, and go through unchanged when Redis is
/// there again.
#[test]
fn without_redis_votes_in_flight_finish_and_new_ones_are_refused_until_it_is_back() {
    let mut network = Deployment::start(voting(), 4, 1);
    let url = network.urls()[0].clone();
    let people = voters(&network);
    let elections = demo_elections(&people[0]);
    let mut signed = sign_all(&people);
    let (late, early) = (signed.pop().unwrap(), signed.remove(0));
    assert_eq!(early.cast(&url).status, 201);

    // Two of four: no quorum. The other two take what comes in, and cannot finish it.
    let paused = [2, 3].map(Part::Authority);
    paused.iter().for_each(|part| network.pause(*part));
    let (all, answers) = std::thread::scope(|scope| {
        let casting: Vec<_> = signed.iter().map(|ballot| scope.spawn(|| ballot.cast(&url))).collect();
        network.until("the authorities to take the ballots", |network| {
            let status = network.status();
            let load = |n: usize, what: &str| status["authorities"][n]["load"][what].as_u64().unwrap_or(0);
            load(0, "taken") + load(1, "taken") == signed.len() as u64
        });
        assert!(signed.iter().all(|ballot| ballot.status(&url) == "pending"), "without a quorum nothing is final");
        let all = network.servers.running();
        all.iter().for_each(|id| network.servers.kill(*id));
        assert!(network.servers.running().is_empty(), "all of Redis is gone");
        paused.iter().for_each(|part| network.resume(*part));
        (all, casting.into_iter().map(|casting| casting.join().unwrap()).collect::<Vec<_>>())
    });
    assert_eq!(all.len(), 6);
    let began = Instant::now();
    network.until("the ballots in flight to become final", |_| signed.iter().all(|ballot| ballot.status(&url) == "final"));
    let places: Vec<_> = signed.iter().map(|ballot| proved(&url, network.genesis(), &ballot.ballot).unwrap()).collect();
    assert!(network.servers.running().is_empty(), "Redis is still gone");
    let told: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    assert!(told.iter().all(|status| matches!(status, 201 | 202)), "{told:?}");
    println!("{} ballots in flight were answered {told:?} and final {:.1?} later, without Redis", signed.len(), began.elapsed());

    // The gateway serves what is final, also to one who sends the same again, and refuses what needs Redis.
    assert_eq!(get(&url, "/network").unwrap().status, 200, "what is final is known without Redis");
    assert_eq!(signed[0].cast(&url).status, 200, "the same bytes, the same receipt");
    let began = Instant::now();
    let refused = late.cast(&url);
    let ballot_took = began.elapsed();
    assert!(is_a_refusal_for_now(&refused), "{refused:?}\n{}", network.logs());
    assert!(ballot_took < PATIENCE / 2, "a refusal took {ballot_took:?}");
    let login = request(&url, "POST /auth/login", &[], r#"{"email":"bob@example.com","password":"bobpass"}"#).unwrap();
    assert!(is_a_refusal_for_now(&login), "{login:?}");
    assert!(network.says(0, "/readyz", 503) && network.says(0, "/healthz", 200), "the process itself is well");
    println!("a new ballot was refused with {} after {ballot_took:.1?}: {}", refused.status, refused.json()["code"]);

    all.into_iter().for_each(|id| network.servers.restart(id));
    network.servers.settle();
    network.until_ready(0);
    network.until("the refused ballot to go through", |_| matches!(late.cast(&url).status, 200 | 201));
    let (first, again) = (late.cast(&url), late.cast(&url));
    assert_eq!((first.status, again.status, again.json()), (200, 200, first.json()), "the same bytes, the same receipt");
    let mut noted = Notes::new();
    for (ballot, place) in signed.iter().zip(places) {
        noted.note(ballot.ballot.hash(), place).unwrap();
    }
    for ballot in signed.iter().chain([&early, &late]) {
        noted.note(ballot.ballot.hash(), proved(&url, network.genesis(), &ballot.ballot).unwrap()).unwrap();
    }
    people.iter().for_each(|person| drop(person.run(&["vote", &elections[0], "--wait", "30"]).exits(0)));
    people.iter().for_each(|person| drop(person.run(&["receipt", "verify"]).exits(0)));
    let summary = network.records().and_then(|records| check(network.genesis(), PartitionId(0), &records, &noted));
    let summary = summary.unwrap_or_else(|violation| panic!("{violation}\n{}", network.logs()));
    assert_eq!((summary.acknowledged, summary.counts.values().map(|counted| counted.ballots).sum::<u64>()), (6, 6));
}

/// Faults of which a round has none.
const OTHER_FAULTS: [Kind; 6] =
    [Kind::PauseAuthority, Kind::CutOffMaster, Kind::KillReplica, Kind::Flush, Kind::MoveSlot, Kind::KillEverything];

/// After whatever happens, in whichever order, the network records the next vote by itself, and no vote before is lost;
/// also where messages between the nodes go through the very Redis that it happens to.
#[test]
fn after_every_fault_the_next_vote_is_recorded() {
    let mut network = Deployment::start_with(voting(), 4, 1, &["--messages", "redis"]);
    let schedule = Schedule::new(seed_of_run("VOTING_KILL_SEED"), network.targets(), &OTHER_FAULTS);
    println!("VOTING_KILL_SEED={} shows this run again\n{schedule}", schedule.seed());
    let url = network.urls()[0].clone();
    let mut signed = sign_all(&voters(&network));
    assert_eq!(signed.len(), schedule.faults().len(), "a vote after each");
    let mut noted = Notes::new();
    for planned in schedule.faults() {
        network.inflict(planned.fault);
        let began = Instant::now();
        let ballot = signed.pop().unwrap();
        network.until("the next vote to be recorded", |_| {
            request(&url, &ballot.line, &[], &ballot.body).is_some_and(|answer| matches!(answer.status, 200 | 201))
        });
        println!("{}: the next vote took {:.1?}", planned.fault, began.elapsed());
        let place = proved(&url, network.genesis(), &ballot.ballot).unwrap();
        noted.note(ballot.ballot.hash(), place).unwrap_or_else(|violation| panic!("{violation}\n{schedule}"));
    }
    let summary = network.records().and_then(|records| check(network.genesis(), PartitionId(0), &records, &noted));
    let summary = summary.unwrap_or_else(|violation| panic!("{violation}\n{schedule}\n{}", network.logs()));
    assert_eq!(summary.acknowledged, OTHER_FAULTS.len());
}

/// Jiffies of all processors since the machine started: busy, and all.
fn processor_time() -> (u64, u64) {
    let stat = std::fs::read_to_string("/proc/stat").unwrap();
    let line = stat.lines().next().unwrap();
    let times: Vec<u64> = line.split_whitespace().skip(1).map(|time| time.parse().unwrap()).collect();
    let all: u64 = times.iter().take(8).sum(); // what guests take is in what users take
    (all - times[3] - times[4], all)
}

/// Suspicions in the logs of all parts: who, of whom.
fn suspicions(network: &Deployment) -> Vec<String> {
    let parts = (0..4).map(Part::Authority).chain([Part::Gateway(0)]);
    let suspects = |line: &&str| line.contains("membership") && (line.contains("now=suspect") || line.contains("now=down"));
    let of = |part| network.log(part).lines().filter(suspects).map(|line| format!("{part:?}: {line}")).collect::<Vec<_>>();
    parts.flat_map(of).collect()
}

/// With every processor busy with something else nobody is suspected: late is not dead. And who hangs is suspected.
#[test]
fn a_machine_at_full_load_raises_no_alarm() {
    let seconds = std::env::var("VOTING_CALM_SECONDS").ok().map_or(8, |seconds| seconds.parse().unwrap());
    let mut network = Deployment::start(voting(), 4, 1);
    let heard = |status: &Value| -> Vec<(String, u64)> {
        let authorities = status["authorities"].as_array().cloned().unwrap_or_default();
        let of = |row: &Value| (row["health"].as_str().unwrap_or("").to_owned(), row["load"]["memory_bytes"].as_u64().unwrap_or(0));
        authorities.iter().map(of).collect()
    };
    let is_calm =
        |heard: &[(String, u64)]| heard.len() == 4 && heard.iter().all(|(health, memory)| health == "alive" && *memory > 0);
    network.until("all authorities to be heard of", |network| is_calm(&heard(&network.status())));
    let at_start = suspicions(&network);

    let cores = std::thread::available_parallelism().unwrap().get();
    let log = network.folder().join("burners.log");
    let burn = |n| {
        let args = ["-c", "while :; do :; done"].map(str::to_owned).to_vec();
        Process::start(Spawn { name: format!("burner {n}"), program: Path::new("sh"), args, env: Vec::new(), log: &log })
    };
    let burners: Vec<_> = (0..cores).map(burn).collect();
    let (began, before) = (Instant::now(), processor_time());
    let (mut looks, mut busiest) = (0, 0);
    while began.elapsed() < Duration::from_secs(seconds) {
        let status = network.status();
        let heard = heard(&status);
        assert!(is_calm(&heard), "after {:.1?}: {status}\n{}", began.elapsed(), network.logs());
        let load = |row: &Value| row["load"]["cpu_permille"].as_u64().unwrap_or(0);
        busiest = busiest.max(status["authorities"].as_array().unwrap().iter().map(load).max().unwrap_or(0));
        looks += 1;
    }
    let after = processor_time();
    drop(burners);
    let busy = 100 * (after.0 - before.0) / (after.1 - before.1).max(1);
    println!("{looks} looks in {:.1?} with processors {busy} % busy: nobody suspected", began.elapsed());
    assert!(busy >= 90, "processors were only {busy} % busy");
    assert!(busiest > 0, "heartbeats tell of the load");
    assert_eq!(suspicions(&network), at_start, "a suspicion");

    // The same look finds one who does hang.
    network.pause(Part::Authority(3));
    network.until("the others to suspect who hangs", |network| {
        let found = suspicions(network);
        (0..3).all(|n| found.iter().any(|line| line.starts_with(&format!("Authority({n})")) && line.contains("authority-3")))
    });
}

/// A session begun at one gateway is good at all others, and ended at one it is ended at all.
#[test]
fn sessions_are_those_of_all_gateways() {
    let network = Deployment::start(voting(), 4, 2);
    let login = r#"{"email":"alice@example.com","password":"alicepass"}"#;
    let answer = request(&network.urls()[0], "POST /auth/login", &[], login).unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    let token = format!("Bearer {}", answer.json()["access_token"].as_str().unwrap());
    let session = [("authorization", token.as_str())];
    for url in network.urls() {
        assert_eq!(request(url, "GET /auth/me", &session, "").unwrap().status, 200, "{url}");
    }
    let answer = request(&network.urls()[1], "POST /auth/logout", &session, "").unwrap();
    assert!((200..300).contains(&answer.status), "{answer:?}");
    for url in network.urls() {
        assert_eq!(request(url, "GET /auth/me", &session, "").unwrap().status, 401, "{url} within the same moment");
    }
}
