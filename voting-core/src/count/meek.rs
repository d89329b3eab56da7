//! Single transferable vote by Meek's method, as the reference rule of the Proportional Representation Foundation has it.
//!
//! Every elected candidate keeps a share of each vote that reaches them, and passes the rest on at once; the shares are
//! adjusted until nobody has a surplus. Nine decimals; shares of votes are rounded up, so that no vote is given twice.

use super::{Amount, Equals, Gaps, Lot, Outcome, Profile, RankedMethod, Round, Step, Tie, TieBreak, TiePurpose};

/// One vote, or a whole share.
const ONE: u128 = 1_000_000_000;
const DECIMALS: u8 = 9;
/// Shares are adjusted until less than this is above the quota: 0.000001 votes.
const OMEGA: u128 = 1_000;

/// Meek's method.
#[derive(Debug, Clone, Copy)]
pub struct MeekStv;

impl RankedMethod for MeekStv {
    fn equals(&self) -> Equals {
        Equals::End
    }

    fn gaps(&self) -> Gaps {
        Gaps::Close
    }

    fn count(&self, profile: &Profile, seats: u16, lot: Lot) -> Outcome {
        Count::new(profile, seats, lot).run()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Hopeful,
    Elected,
    /// Defeated, or withdrawn.
    Out,
}

struct Count<'a> {
    profile: &'a Profile,
    seats: usize,
    lot: Lot,
    standing: Vec<Standing>,
    /// Per option, the share of each vote it keeps.
    keep: Vec<u128>,
    votes: Vec<u128>,
    exhausted: u128,
    quota: u128,
    elected: Vec<u16>,
    defeated: Vec<u16>,
    rounds: Vec<Round>,
    ties: Vec<Tie>,
}

impl<'a> Count<'a> {
    fn new(profile: &'a Profile, seats: u16, lot: Lot) -> Self {
        let options = usize::from(profile.options);
        let (mut standing, mut keep) = (vec![Standing::Out; options], vec![0; options]);
        for option in &profile.standing {
            (standing[usize::from(*option)], keep[usize::from(*option)]) = (Standing::Hopeful, ONE);
        }
        Self {
            profile,
            seats: usize::from(seats),
            lot,
            standing,
            keep,
            votes: vec![0; options],
            exhausted: 0,
            quota: 0,
            elected: Vec::new(),
            defeated: Vec::new(),
            rounds: Vec::new(),
            ties: Vec::new(),
        }
    }

    fn hopeful(&self) -> Vec<u16> {
        let is_hopeful = |option: &u16| self.standing[usize::from(*option)] == Standing::Hopeful;
        self.profile.standing.iter().copied().filter(is_hopeful).collect()
    }

    fn run(mut self) -> Outcome {
        let mut step = Step::First;
        loop {
            let hopeful = self.hopeful();
            if self.elected.len() >= self.seats || self.elected.len() + hopeful.len() <= self.seats {
                self.finish(hopeful);
                break;
            }
            let flows = Flows::new(self.profile, &self.standing);
            let newly = match self.iterate(&flows, &hopeful) {
                Iterated::Elected(newly) => newly,
                Iterated::Settled(surplus) => {
                    self.record(step, Vec::new());
                    let out = self.defeat_last(&hopeful, surplus);
                    step = Step::Exclude { options: out };
                    continue;
                }
            };
            self.record(step, newly);
            step = Step::Adjust;
        }
        self.outcome()
    }

    /// Distributes votes and adjusts shares until somebody is elected or nobody has a surplus worth passing on.
    fn iterate(&mut self, flows: &Flows, hopeful: &[u16]) -> Iterated {
        let mut before = None;
        loop {
            flows.distribute(&self.keep, &mut self.votes, &mut self.exhausted);
            let cast: u128 = self.votes.iter().sum();
            self.quota = cast / (self.seats as u128 + 1) + 1;
            let reached: Vec<u16> =
                hopeful.iter().copied().filter(|option| self.votes[usize::from(*option)] >= self.quota).collect();
            if !reached.is_empty() {
                return Iterated::Elected(self.elect(reached));
            }
            let above = |option: &u16| self.votes[usize::from(*option)].saturating_sub(self.quota);
            let surplus: u128 = self.elected.iter().map(above).sum();
            if surplus < OMEGA || before.is_some_and(|before| surplus >= before) {
                return Iterated::Settled(surplus);
            }
            before = Some(surplus);
            for option in &self.elected {
                let at = usize::from(*option);
                // Votes are at most 2^64 · 10^9 and shares at most 10^9: everything fits 2^128.
                let wanted = (self.keep[at] * self.quota).div_ceil(ONE);
                self.keep[at] = (wanted * ONE).div_ceil(self.votes[at].max(1)).min(ONE);
            }
        }
    }

    /// Elects those who have the quota, the most votes first; equal ones in the order of the lot. There are never more
    /// than seats, because the quota is more than one vote in seats + 1.
    fn elect(&mut self, reached: Vec<u16>) -> Vec<u16> {
        let mut newly = self.lot.order(reached);
        newly.sort_by_key(|option| std::cmp::Reverse(self.votes[usize::from(*option)]));
        newly.truncate(self.seats - self.elected.len());
        let round = self.rounds.len() as u32;
        for equal in newly.chunk_by(|a, b| self.votes[usize::from(*a)] == self.votes[usize::from(*b)]) {
            if equal.len() > 1 {
                let mut options = equal.to_vec();
                options.sort_unstable();
                let (purpose, picked) = (TiePurpose::Order, equal.to_vec());
                self.ties.push(Tie { round, purpose, options, picked, by: TieBreak::Lot });
            }
        }
        for option in &newly {
            self.standing[usize::from(*option)] = Standing::Elected;
        }
        self.elected.extend(&newly);
        newly
    }

    /// Defeats the last. Whoever is ahead of them by no more than the surplus that was not passed on is tied with them.
    fn defeat_last(&mut self, hopeful: &[u16], surplus: u128) -> Vec<u16> {
        let votes = |option: &u16| self.votes[usize::from(*option)];
        let Some(least) = hopeful.iter().map(votes).min() else { return Vec::new() };
        let tied: Vec<u16> = hopeful.iter().copied().filter(|option| votes(option) <= least + surplus).collect();
        let Some(out) = self.lot.order(tied.iter().copied()).last().copied() else { return Vec::new() };
        if tied.len() > 1 {
            let round = self.rounds.len().saturating_sub(1) as u32;
            let purpose = TiePurpose::Exclusion;
            self.ties.push(Tie { round, purpose, options: tied, picked: vec![out], by: TieBreak::Lot });
        }
        (self.standing[usize::from(out)], self.keep[usize::from(out)]) = (Standing::Out, 0);
        self.defeated.push(out);
        vec![out]
    }

    /// All seats are filled, or as many are left as there are seats.
    fn finish(&mut self, hopeful: Vec<u16>) {
        let open = self.seats.saturating_sub(self.elected.len());
        if open == 0 || hopeful.is_empty() {
            return;
        }
        let flows = Flows::new(self.profile, &self.standing);
        flows.distribute(&self.keep, &mut self.votes, &mut self.exhausted);
        let cast: u128 = self.votes.iter().sum();
        self.quota = cast / (self.seats as u128 + 1) + 1;
        let newly = self.elect(hopeful);
        self.record(Step::Fill, newly);
    }

    fn record(&mut self, step: Step, elected: Vec<u16>) {
        let amount = |units: &u128| Amount::new(*units, DECIMALS);
        self.rounds.push(Round {
            step,
            votes: self.votes.iter().map(amount).collect(),
            exhausted: amount(&self.exhausted),
            lost: Amount::new(0, DECIMALS),
            quota: Some(amount(&self.quota)),
            keep: self.keep.iter().map(amount).collect(),
            elected,
        });
    }

    fn outcome(self) -> Outcome {
        let mut seats = vec![0; self.votes.len()];
        for option in &self.elected {
            seats[usize::from(*option)] = 1;
        }
        let mut left = self.hopeful();
        left.sort_by_key(|option| (std::cmp::Reverse(self.votes[usize::from(*option)]), *option));
        let order = self.elected.iter().copied().chain(left).chain(self.defeated.iter().rev().copied()).collect();
        let totals = self.votes.iter().map(|votes| Amount::new(*votes, DECIMALS)).collect();
        Outcome { totals, order, seats, rounds: self.rounds, pairs: None, ties: self.ties }
    }
}

enum Iterated {
    Elected(Vec<u16>),
    /// Nobody is elected; so much is above the quota in all.
    Settled(u128),
}

/// Ballots by the way their votes take: the elected options they pass, in order, and the hopeful one they reach. There are few such ways,
/// so that adjusting shares does not look at every ballot again.
struct Flows {
    ways: Vec<Way>,
}

struct Way {
    /// The way without its last elected option; the first way has none.
    before: usize,
    option: u16,
    /// Weight of all ballots that come here.
    weight: u64,
    /// Of those, the weight that ends here.
    ends: u64,
    /// Per hopeful option reached from here, the weight.
    reaches: Vec<u64>,
    /// Per elected option, the way on; 0 for none.
    onward: Vec<usize>,
}

impl Flows {
    fn new(profile: &Profile, standing: &[Standing]) -> Self {
        let way = |before, option| Way {
            before,
            option,
            weight: 0,
            ends: 0,
            reaches: vec![0; standing.len()],
            onward: vec![0; standing.len()],
        };
        let mut ways = vec![way(0, 0)];
        for (ranking, weight) in profile.iter() {
            let mut at = 0;
            ways[0].weight += weight;
            let mut hopeful = None;
            for option in ranking {
                match standing[usize::from(*option)] {
                    Standing::Out => {}
                    Standing::Hopeful => {
                        hopeful = Some(usize::from(*option));
                        break;
                    }
                    Standing::Elected => {
                        let mut next = ways[at].onward[usize::from(*option)];
                        if next == 0 {
                            next = ways.len();
                            ways[at].onward[usize::from(*option)] = next;
                            ways.push(way(at, *option));
                        }
                        ways[next].weight += weight;
                        at = next;
                    }
                }
            }
            match hopeful {
                Some(option) => ways[at].reaches[option] += weight,
                None => ways[at].ends += weight,
            }
        }
        Self { ways }
    }

    /// Votes per option, and those that reach nobody.
    fn distribute(&self, keep: &[u128], votes: &mut [u128], exhausted: &mut u128) {
        votes.fill(0);
        *exhausted = 0;
        // What is left of one vote at each way; a way stands behind the one before it.
        let mut left = vec![ONE; self.ways.len()];
        for (at, way) in self.ways.iter().enumerate() {
            if at > 0 {
                let came = left[way.before];
                let kept = (came * keep[usize::from(way.option)]).div_ceil(ONE);
                votes[usize::from(way.option)] += kept * u128::from(way.weight);
                left[at] = came - kept;
            }
            for (votes, weight) in votes.iter_mut().zip(&way.reaches) {
                *votes += left[at] * u128::from(*weight); // a hopeful option keeps all of it
            }
            *exhausted += left[at] * u128::from(way.ends);
        }
    }
}
