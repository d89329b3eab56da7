//! The methods by their names in a contest.

use super::ContestTally;
use crate::count::{
    Borda, DHondt, InstantRunoff, Lot, MeekStv, MostVotes, Outcome, Participation, Profile, RankedMethod, RankedPairs, SainteLague,
    Schulze, ScottishStv, SumMethod, Sums, Verdict, WigmStv,
};
use crate::election::{Contest, CountMethodId};

/// The implementation of a method, by what it counts.
#[derive(Clone, Copy)]
pub enum Method {
    /// It counts sums.
    Sums(&'static dyn SumMethod),
    /// It counts rankings.
    Ranked(&'static dyn RankedMethod),
}

/// The implementation of a method.
#[must_use]
pub fn count_method(id: CountMethodId) -> Method {
    match id {
        CountMethodId::Plurality | CountMethodId::Approval | CountMethodId::Score => Method::Sums(&MostVotes),
        CountMethodId::InstantRunoff => Method::Ranked(&InstantRunoff),
        CountMethodId::ScottishStv => Method::Ranked(&ScottishStv),
        CountMethodId::WigmStv => Method::Ranked(&WigmStv),
        CountMethodId::MeekStv => Method::Ranked(&MeekStv),
        CountMethodId::Schulze => Method::Ranked(&Schulze),
        CountMethodId::RankedPairs => Method::Ranked(&RankedPairs),
        CountMethodId::Borda => Method::Ranked(&Borda),
        CountMethodId::Dhondt => Method::Sums(&DHondt),
        CountMethodId::SainteLague => Method::Sums(&SainteLague),
    }
}

impl Method {
    /// Counts what a contest's tally holds.
    #[must_use]
    pub fn count(self, contest: &Contest, tally: &ContestTally, lot: Lot, roll: u64) -> (Outcome, Option<Verdict>) {
        match self {
            Self::Sums(method) => {
                let sums = sums(contest, tally);
                let mut outcome = method.count(&sums, contest.seats, lot);
                let took_part = Participation { roll, ballots: tally.ballots, weight: tally.weight };
                let verdict = contest.thresholds.apply(&mut outcome, &sums, took_part, contest.max_score);
                (outcome, verdict)
            }
            Self::Ranked(method) => {
                let options = contest.options.len() as u16;
                let rankings = tally.rankings.sorted();
                let profile = Profile::new(options, &contest.withdrawn, method.equals(), method.gaps(), rankings);
                // The tally holds the sum of these weights, so it fits.
                (method.count(&profile.unwrap_or_default(), contest.seats, lot), None)
            }
        }
    }
}

/// What the marks or scores of a contest add up to.
fn sums(contest: &Contest, tally: &ContestTally) -> Sums {
    let highest = if contest.max_score == 0 { 1 } else { contest.max_score };
    let valid = tally.weight - tally.blank - tally.overvotes; // parts of the weight
    Sums {
        options: tally.options.clone(),
        standing: (0..contest.options.len() as u16).filter(|option| !contest.withdrawn.contains(option)).collect(),
        attainable: u128::from(valid) * u128::from(highest),
    }
}
