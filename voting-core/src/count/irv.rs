//! Instant runoff: the last is excluded, one at a time, until somebody has more than half of the votes that still count.

use super::piles::Piles;
use super::ties::{Wanted, break_tie};
use super::{Amount, Equals, Gaps, Lot, Outcome, Profile, RankedMethod, Round, Step, TiePurpose};

/// A majority of the votes that still count.
#[derive(Debug, Clone, Copy)]
pub struct InstantRunoff;

impl RankedMethod for InstantRunoff {
    fn equals(&self) -> Equals {
        Equals::End
    }

    fn gaps(&self) -> Gaps {
        Gaps::Close
    }

    /// With several seats, those who are left when as many remain are elected too; contests have one.
    fn count(&self, profile: &Profile, seats: u16, lot: Lot) -> Outcome {
        let mut piles = Piles::new(profile, 1);
        let (mut rounds, mut ties, mut excluded) = (Vec::<Round>::new(), Vec::new(), Vec::new());
        let mut step = Step::First;
        let mut elected = loop {
            let left = piles.continuing();
            let continuing: u128 = left.iter().map(|option| piles.votes(*option)).sum();
            rounds.push(Round {
                step,
                votes: piles.all_votes().map(|votes| Amount::new(votes, 0)).collect(),
                exhausted: Amount::new(piles.exhausted, 0),
                lost: Amount::default(),
                quota: Some(Amount::new(continuing / 2 + 1, 0)),
                keep: Vec::new(),
                elected: Vec::new(),
            });
            let won: Vec<u16> = left.iter().copied().filter(|option| piles.votes(*option) * 2 > continuing).collect();
            if (seats == 1 && !won.is_empty()) || left.len() <= usize::from(seats) {
                break if seats == 1 { won } else { left };
            }
            let least = left.iter().map(|option| piles.votes(*option)).min();
            let last: Vec<u16> = left.iter().copied().filter(|option| Some(piles.votes(*option)) == least).collect();
            let Some(out) = break_tie(&last, Wanted::Lowest, TiePurpose::Exclusion, &rounds, lot, &mut ties) else { break won };
            piles.stop(out);
            for parcel in piles.take(out) {
                piles.pass_on(parcel, parcel.value);
            }
            excluded.push(out);
            step = Step::Exclude { options: vec![out] };
        };
        elected.retain(|option| piles.votes(*option) > 0);
        elected.sort_by_key(|option| (std::cmp::Reverse(piles.votes(*option)), *option));
        if let Some(last) = rounds.last_mut() {
            last.elected.clone_from(&elected);
        }
        piles.outcome(elected, &excluded, rounds, ties, 0)
    }
}
