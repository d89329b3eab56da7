//! Rankings that say the same, counted together.

use imbl::HashMap;
use imbl::hashmap::Entry;

use super::TallyError;
use crate::ranking::Ranking;

/// The rankings cast in a contest, each with the weight of the ballots that say it. Copies share what they have in
/// common, so that keeping the state of a block costs nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rankings(HashMap<Ranking, u64>);

impl Rankings {
    /// Number of distinct rankings.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every ranking and its weight, in an order that depends on nothing but what they are.
    #[must_use]
    pub fn sorted(&self) -> Vec<(&Ranking, u64)> {
        let mut sorted: Vec<_> = self.0.iter().map(|(ranking, weight)| (ranking, *weight)).collect();
        sorted.sort_unstable();
        sorted
    }

    /// The caller has seen that the sum of all weights fits.
    pub(super) fn add(&mut self, ranking: &Ranking, weight: u64) {
        match self.0.entry(ranking.clone()) {
            Entry::Occupied(mut known) => *known.get_mut() += weight,
            Entry::Vacant(new) => {
                new.insert(weight);
            }
        }
    }

    pub(super) fn remove(&mut self, ranking: &Ranking, weight: u64) -> Result<(), TallyError> {
        let Entry::Occupied(mut known) = self.0.entry(ranking.clone()) else { return Err(TallyError::NotCounted) };
        match known.get().checked_sub(weight) {
            None => return Err(TallyError::NotCounted),
            Some(0) => {
                known.remove();
            }
            Some(left) => *known.get_mut() = left,
        }
        Ok(())
    }

    /// The caller has seen that the sum of all weights fits.
    pub(super) fn merge(&mut self, other: &Self) {
        for (ranking, weight) in &other.0 {
            self.add(ranking, *weight);
        }
    }
}
