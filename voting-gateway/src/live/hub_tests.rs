//! What the hub does when it or a client falls behind.

use serde_json::json;
use voting_cluster::boards::Boards;
use voting_cluster::ledger::MemoryLedger;
use voting_cluster::replica::SUBSCRIPTION_BLOCKS;
use voting_core::entry::VerifiedEntry;
use voting_core::ids::ElectionId;
use voting_core::testing::{self, TestChain, definition};

use super::*;

/// A chain with an open election, and a hub that follows it. What is done between two awaits, the hub sees at once.
struct World {
    chain: TestChain,
    election: ElectionId,
    replica: Arc<Replica>,
    commands: mpsc::Sender<Command>,
    _stop: watch::Sender<bool>,
}

struct Follower {
    id: ClientId,
    frames: mpsc::Receiver<Arc<str>>,
    farewell: Arc<OnceLock<Farewell>>,
}

impl World {
    fn new() -> Self {
        let mut chain = TestChain::new(4);
        let definition = definition(1, &["A", "B"]);
        chain.open_election(&definition, 3).unwrap();
        let replica = Arc::new(Replica::new(chain.state.clone(), chain.head(), Boards::new(chain.chain())));
        let (hub, _) = Hub::new([7; 32], replica.state());
        let (commands, received) = mpsc::channel(COMMANDS);
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(hub.run(Arc::clone(&replica), Arc::new(MemoryLedger::new()), received, stopped));
        Self { chain, election: definition.id, replica, commands, _stop: stop }
    }

    fn channel(&self, aspect: Aspect) -> Channel {
        Channel::Election(self.election, aspect)
    }

    /// Appends a block and makes it known.
    fn block(&mut self, entries: &[Entry]) {
        let (before, place) = (self.chain.state.clone(), self.chain.blocks.len());
        self.chain.append(entries).unwrap();
        let block = self.chain.blocks[place].clone();
        let verify = |bytes: &_| Arc::new(VerifiedEntry::verify(Clone::clone(bytes), self.chain.chain()).unwrap());
        let verified: Vec<_> = block.block.entries.iter().map(verify).collect();
        let (applied, state) = before.apply(&block.block.header, &verified).unwrap();
        let committed = Committed { block: Arc::new(block), entries: verified.into(), applied: applied.into(), state };
        self.replica.publish(Arc::new(committed));
    }

    /// The ballot of a voter.
    fn cast(&mut self, voter: u64) {
        let ballot = testing::ballot(self.chain.chain(), &definition(1, &["A", "B"]), &testing::key(voter), &[0]);
        self.block(&[Entry::Cast(ballot)]);
    }

    /// Announces one more election.
    fn announce(&mut self, number: u8) {
        let definition = definition(number, &["A", "B"]);
        let id = definition.id;
        let advance = |to| Act::Advance { to };
        for act in [Act::Define(definition), Act::SetRoll { size: 1 }, advance(Phase::Ready), advance(Phase::Scheduled)] {
            let entry = self.chain.act(id, act);
            self.block(&[entry]);
        }
    }

    async fn enter(&self) -> Follower {
        let (frames, received) = mpsc::channel(QUEUE);
        let farewell = Arc::new(OnceLock::new());
        let (reply, entered) = oneshot::channel();
        let outbox = Outbox { frames, farewell: Arc::clone(&farewell) };
        self.commands.send(Command::Enter { viewer: Viewer::default(), outbox, reply }).await.unwrap();
        Follower { id: entered.await.unwrap(), frames: received, farewell }
    }

    async fn subscribe(&self, follower: &Follower, channel: Channel) -> Result<Beginning, LiveError> {
        let (reply, answer) = oneshot::channel();
        let command = Command::Subscribe { client: follower.id, channel, looked_up: None, reply };
        self.commands.send(command).await.unwrap();
        answer.await.unwrap()
    }
}

impl Follower {
    async fn next(&mut self) -> Value {
        serde_json::from_str(&self.frames.recv().await.unwrap()).unwrap()
    }
}

#[tokio::test]
async fn a_hub_that_falls_behind_starts_all_channels_anew() {
    let mut world = World::new();
    let mut follower = world.enter().await;
    let board = world.channel(Aspect::Board);
    let began = world.subscribe(&follower, board.clone()).await.unwrap();
    assert_eq!(began.snapshot["total"], 0);
    world.cast(0);
    // Nothing is awaited here, so that the hub cannot keep up.
    for _ in 0..SUBSCRIPTION_BLOCKS + 10 {
        world.block(&[]);
    }
    let reset = follower.next().await;
    assert_eq!((&reset["t"], &reset["ch"]), (&json!("reset"), &json!(board.to_string())));
    let snapshot = follower.next().await;
    assert_eq!((&snapshot["t"], &snapshot["data"]["total"]), (&json!("snapshot"), &json!(1)), "{snapshot}");
    // And it goes on from there.
    world.cast(1);
    let event = follower.next().await;
    assert_eq!((&event["prev"], &event["data"]["total"]), (&snapshot["pos"], &json!(2)), "{event}");
    assert_eq!(event["data"]["ballots"].as_array().map(Vec::len), Some(1));
}

#[tokio::test(start_paused = true)]
async fn who_comes_while_ballots_wait_to_be_sent_is_not_told_of_them_again() {
    let mut world = World::new();
    let (mut first, board) = (world.enter().await, world.channel(Aspect::Board));
    world.subscribe(&first, board.clone()).await.unwrap();
    let ballots = |frame: &Value| frame["data"]["ballots"].as_array().map(Vec::len);
    world.cast(0);
    assert_eq!(ballots(&first.next().await), Some(1));
    // Too soon after the last frame for one of its own.
    world.cast(1);
    let mut second = world.enter().await;
    let began = world.subscribe(&second, board).await.unwrap();
    assert_eq!(began.snapshot["total"], 2);
    world.cast(2);
    let told = second.next().await;
    assert_eq!((ballots(&told), &told["data"]["total"]), (Some(1), &json!(3)), "{told}");
    assert_eq!(ballots(&first.next().await), Some(1));
    assert_eq!(first.next().await, told, "nothing is missing for who was there before");
}

#[tokio::test]
async fn a_client_whose_frames_pile_up_is_let_go_and_the_others_stay() {
    let mut world = World::new();
    let (mut slow, mut other) = (world.enter().await, world.enter().await);
    for follower in [&slow, &other] {
        world.subscribe(follower, Channel::Elections { drafts: false }).await.unwrap();
    }
    // An election that is announced is a frame of its own.
    for n in 0..QUEUE as u8 {
        world.announce(n + 2);
        assert_eq!(other.next().await["data"]["phase"], "scheduled");
    }
    assert_eq!(slow.farewell.get(), None, "just as many as may wait");
    world.announce(QUEUE as u8 + 2);
    assert_eq!(other.next().await["type"], "phase");
    assert_eq!(slow.farewell.get(), Some(&Farewell::Slow));
    let mut left = 0;
    while slow.frames.recv().await.is_some() {
        left += 1;
    }
    assert_eq!(left, QUEUE, "what waited for it, and then the end");
    assert!(world.subscribe(&slow, world.channel(Aspect::Status)).await.is_err(), "it is a client no more");
    assert_eq!(other.farewell.get(), None);
}

#[tokio::test]
async fn a_client_has_so_many_channels_and_no_more() {
    let mut world = World::new();
    let follower = world.enter().await;
    let announced = 2..2 + MAX_CHANNELS as u8;
    announced.clone().for_each(|n| world.announce(n));
    let mut channels = announced.map(|n| Channel::Election(definition(n, &[]).id, Aspect::Status));
    world.subscribe(&follower, Channel::Elections { drafts: false }).await.unwrap();
    for channel in channels.by_ref().take(MAX_CHANNELS - 1) {
        world.subscribe(&follower, channel).await.unwrap();
    }
    let one_more = channels.next().unwrap();
    assert_eq!(world.subscribe(&follower, one_more.clone()).await.unwrap_err().code, "too_many_subscriptions");
    world.subscribe(&follower, Channel::Elections { drafts: false }).await.unwrap(); // it has that one
    world.commands.send(Command::Unsubscribe { client: follower.id, channel: Channel::Elections { drafts: false } }).await.unwrap();
    world.subscribe(&follower, one_more).await.unwrap();
}
