//! How a script is drawn from its seed.

use voting_core::epoch::LeaderPolicy;

use super::Options;
use super::actors::Actor;
use super::eras::FIRST_EPOCH;
use super::network::Network;
use super::rng::Rng;
use super::script::{Act, END_MS, Fault, Lasting, Moment, Point, Rates, SUBMISSIONS_END_MS, Script, TROUBLE_MS};

/// One in so many seeds, per thousand, has an authority that loses its disk.
const DISKS_LOST: u64 = 400;
/// An hour: a clock that far off is wrong for the whole run.
const FAR_OFF_MS: i64 = 3_600_000;

impl Script {
    /// The script of a seed.
    #[must_use]
    pub fn draw(seed: u64, options: &Options) -> Self {
        let mut rng = Rng::new(seed);
        let network = Network::draw(seed, &mut rng, options);
        let rates = Rates { loss: rng.below(200), doubling: rng.below(100), delay_ms: rng.within(5, 400) };
        let mut draft = Draft { nodes: network.nodes(), network: &network, rng, acts: Vec::new() };
        draft.submissions();
        draft.crashes();
        draft.partitions();
        draft.machines();
        draft.lies();
        draft.healing();
        draft.lost_disks(seed);
        draft.changes(seed);
        let mut acts = draft.acts;
        acts.sort_by_key(|act| act.at_ms); // stable: what is drawn first comes first
        Self { seed, network, rates, acts, mutation: options.mutation() }
    }
}

/// A script being drawn.
struct Draft<'a> {
    nodes: Vec<usize>,
    network: &'a Network,
    rng: Rng,
    acts: Vec<Act>,
}

impl Draft<'_> {
    fn push(&mut self, at_ms: u64, fault: Fault) {
        self.acts.push(Act { at_ms, fault });
    }

    /// Nodes of honest authorities.
    fn honest(&self) -> Vec<usize> {
        (0..self.nodes.len()).filter(|node| self.network.actor(self.nodes[*node]).is_none()).collect()
    }

    fn moment(&mut self) -> u64 {
        self.rng.below(TROUBLE_MS)
    }

    fn submissions(&mut self) {
        let share = self.rng.within(300, 1_000);
        let (mut at, mut entry) = (0, 0);
        while at < SUBMISSIONS_END_MS {
            let hears = |rng: &mut Rng, node: usize| u64::from(at >= TROUBLE_MS || rng.chance(share)) << node;
            let heard_by = (0..self.nodes.len()).fold(0, |mask, node| mask | hears(&mut self.rng, node));
            self.push(at, Fault::Submit { entry, heard_by });
            entry += 1;
            at += self.rng.within(50, 1_500);
        }
        at = 0;
        let elects = self.network.plans.iter().any(|plan| plan.leader == LeaderPolicy::Elected);
        while elects && at < SUBMISSIONS_END_MS {
            for _ in 0..self.rng.within(1, 2) {
                let asks = self.rng.below(self.nodes.len() as u64) as usize;
                let leader = self.rng.below(self.network.first().members.len() as u64) as u16;
                let views = self.rng.within(1, 60) as u16;
                self.push(at, Fault::Wish { asks, leader, views });
            }
            at += self.rng.within(100, 4_000);
        }
    }

    fn crashes(&mut self) {
        use Moment::{Commit, Now, Proposal, Vote, Write};
        let honest = self.honest();
        let most = if self.rng.chance(200) { 60 } else { 12 };
        for _ in 0..self.rng.below(most) {
            if honest.is_empty() {
                break;
            }
            let node = self.rng.pick(&honest);
            let moment = self.rng.pick(&[Now, Write, Vote, Vote, Proposal, Proposal, Commit]);
            let point = match self.rng.below(5) {
                0 => Point::BeforeWrite,
                1 => Point::WithinWrite(self.rng.below(1_000)),
                _ => Point::After(self.rng.within(0, 1_000)),
            };
            let down_ms = if self.rng.chance(500) { self.rng.within(10, 200) } else { self.rng.within(10, 5_000) };
            let at = self.moment();
            self.push(at, Fault::Crash { node, moment, point, down_ms });
        }
    }

    fn partitions(&mut self) {
        for _ in 0..self.rng.below(8) {
            let (side, one_way) = (self.rng.next(), self.rng.chance(500));
            let (at, for_ms) = (self.moment(), self.rng.within(200, 5_000));
            self.push(at, Fault::Partition { side, one_way, for_ms });
        }
    }

    /// Disks, processes and clocks that fail.
    fn machines(&mut self) {
        let honest = self.honest();
        if honest.is_empty() {
            return;
        }
        for _ in 0..self.rng.below(4) {
            let (node, at) = (self.rng.pick(&honest), self.moment());
            let for_ms = self.rng.within(100, 3_000);
            self.push(at, Fault::DiskFull { node, for_ms });
        }
        for _ in 0..self.rng.below(6) {
            let (node, at) = (self.rng.pick(&honest), self.moment());
            let (write_ms, for_ms) = (self.rng.within(2, 600), self.rng.within(500, 8_000));
            self.push(at, Fault::DiskSlow { node, write_ms, for_ms });
        }
        for _ in 0..self.rng.below(4) {
            let (node, at) = (self.rng.pick(&honest), self.moment());
            let for_ms = self.rng.within(100, 6_000);
            self.push(at, Fault::Pause { node, for_ms });
        }
        // Fewer than a quorum, liars included, or the chain itself could run ahead of true time.
        let may_step = self.network.quorum().saturating_sub(1 + self.network.liars.len()).min(2);
        let stepping: Vec<usize> = (0..may_step).map(|_| self.rng.pick(&honest)).collect();
        for node in stepping {
            let at = self.moment();
            let by_ms = self.rng.pick(&[-FAR_OFF_MS, -40_000, -400, 400, 2_000, FAR_OFF_MS]);
            let for_ms = self.rng.within(100, 8_000);
            self.push(at, Fault::ClockStep { node, by_ms, for_ms });
        }
    }

    fn lies(&mut self) {
        for node in 0..self.nodes.len() {
            if !self.network.actor(self.nodes[node]).is_some_and(Actor::acts) {
                continue;
            }
            let most = self.rng.within(300, 2_000);
            let mut at = self.rng.below(most);
            while at < END_MS {
                self.push(at, Fault::Lie { node });
                // Afterwards it goes on, but the run is not about it alone.
                at += if at < TROUBLE_MS { self.rng.within(50, most) } else { self.rng.within(most, 4 * most) };
            }
        }
    }

    /// One authority loses its disk, once or twice. It must come back as well, if a quorum of others can tell it where they
    /// are; two at a time would wait for each other.
    fn lost_disks(&mut self, seed: u64) {
        let mut rng = Rng::at(seed, &[9]);
        let core = self.acts.iter().find_map(|act| if let Fault::Heal { core } = act.fault { Some(core) } else { None });
        let core = core.unwrap_or(0);
        let without = |out: usize| -> Vec<usize> {
            let stays = |node: &usize| *node != out && (core >> node) & 1 == 1;
            (0..self.nodes.len()).filter(stays).map(|node| self.nodes[node]).collect()
        };
        let mut able = self.honest();
        able.retain(|node| self.network.suffices(&without(*node)));
        if able.is_empty() || !rng.chance(DISKS_LOST) {
            return;
        }
        let node = rng.pick(&able);
        for _ in 0..rng.within(1, 2) {
            let (at, down_ms) = (rng.below(TROUBLE_MS), rng.within(10, 2_000));
            self.push(at, Fault::DiskLost { node, down_ms });
        }
    }

    /// The authorities change, in the trouble or after it; everyone hears of it, as those who follow the ledger do.
    fn changes(&mut self, seed: u64) {
        let mut rng = Rng::at(seed, &[11]);
        let mut at: Vec<u64> = self.network.plans.iter().skip(1).map(|_| rng.below(SUBMISSIONS_END_MS)).collect();
        at.sort_unstable();
        for (to, at) in (FIRST_EPOCH + 1..).zip(at) {
            self.push(at, Fault::Change { to });
        }
    }

    /// Chooses who must finish, and what lasts at the others.
    fn healing(&mut self) {
        let mut rest = self.honest();
        let quorum = usize::from(self.network.first().quorum);
        let core_size =
            if self.rng.chance(600) { quorum } else { self.rng.within(quorum as u64, self.nodes.len() as u64) as usize };
        let mut core = 0_u64;
        for _ in 0..core_size.min(rest.len()) {
            core |= 1 << rest.remove(self.rng.below(rest.len() as u64) as usize);
        }
        // Whoever has a quorum in the first epoch needs others where the authorities change.
        let places = |core: u64| -> Vec<usize> {
            (0..self.nodes.len()).filter(|node| (core >> node) & 1 == 1).map(|node| self.nodes[node]).collect()
        };
        while !rest.is_empty() && !self.network.suffices(&places(core)) {
            core |= 1 << rest.remove(0);
        }
        self.push(TROUBLE_MS, Fault::Heal { core });
        for node in rest {
            let wrong = self.rng.pick(&[-FAR_OFF_MS, 5_000, FAR_OFF_MS]);
            let fault = match self.rng.below(9) {
                0 => continue, // as well as the core
                1 => Lasting::Down,
                2 => Lasting::CutOff,
                3 => Lasting::Deaf,
                4 => Lasting::Mute,
                5 => Lasting::DiskFull,
                6 => Lasting::DiskSlow,
                7 => Lasting::Hung,
                _ => Lasting::ClockWrong(wrong),
            };
            self.push(TROUBLE_MS, Fault::Lasting { node, fault });
        }
    }
}
