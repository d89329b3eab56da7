//! A voter's preferences, in the form that is signed, grouped and counted.
//!
//! One number per preference, so that a million rankings fit memory: the option's place, with the highest bit set
//! where it is ranked equal to the one before. A rank left out is a number of its own.
//!
//! ```text
//!  2, then 0 and 1 equal, a rank skipped, then 4   →   2   0   0x8001   0x7fff   4
//! ```

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::election::MAX_OPTIONS;

/// Set where an option is ranked equal to the one before it.
const EQUAL: u16 = 0x8000;
/// A rank that nobody is given.
const SKIPPED: u16 = 0x7fff;

const _: () = assert!(MAX_OPTIONS < SKIPPED as usize);

/// Preferences, best first. Options that are not named are below all that are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct Ranking(Box<[u16]>);

/// The options that share one rank, ascending; none if the rank was skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tier<'a>(&'a [u16]);

impl<'a> Tier<'a> {
    /// The options, by place.
    pub fn options(self) -> impl ExactSizeIterator<Item = u16> + Clone + use<'a> {
        let entries = if self.is_skipped() { &[] } else { self.0 };
        entries.iter().map(|entry| entry & !EQUAL)
    }

    /// Whether nobody is given this rank.
    #[must_use]
    pub fn is_skipped(self) -> bool {
        self.0 == [SKIPPED]
    }

    /// The one option of this rank, unless it is skipped or shared.
    #[must_use]
    pub fn single(self) -> Option<u16> {
        match self.0 {
            [option] if *option != SKIPPED => Some(*option),
            _ => None,
        }
    }
}

/// Marks options that share a rank, ascending, as equal.
pub(crate) fn mark_equal(tier: &mut [u16]) {
    tier.iter_mut().skip(1).for_each(|entry| *entry |= EQUAL);
}

/// Tiers of entries that are well formed.
pub(crate) fn tiers(mut entries: &[u16]) -> impl Iterator<Item = Tier<'_>> {
    std::iter::from_fn(move || {
        let (_, others) = entries.split_first()?;
        let equal = others.iter().take_while(|entry| **entry & EQUAL != 0).count();
        let (tier, rest) = entries.split_at_checked(equal + 1)?;
        entries = rest;
        Some(Tier(tier))
    })
}

impl Ranking {
    /// Preferences given tier by tier; an empty tier is a skipped rank. Skipped ranks at the end say nothing and are
    /// left out.
    #[must_use]
    pub fn from_tiers<T: IntoIterator<Item = u16>>(tiers: impl IntoIterator<Item = T>) -> Self {
        let mut entries = Vec::new();
        for tier in tiers {
            let start = entries.len();
            entries.extend(tier);
            match entries.get_mut(start..) {
                None | Some([]) => entries.push(SKIPPED),
                Some(tier) => {
                    tier.sort_unstable();
                    mark_equal(tier);
                }
            }
        }
        let end = entries.iter().rposition(|entry| *entry != SKIPPED).map_or(0, |last| last + 1);
        entries.truncate(end);
        Self(entries.into())
    }

    /// Preferences without equals or gaps.
    #[must_use]
    pub fn strict(options: impl IntoIterator<Item = u16>) -> Self {
        Self(options.into_iter().collect())
    }

    /// The ranks, best first.
    pub fn tiers(&self) -> impl Iterator<Item = Tier<'_>> {
        tiers(&self.0)
    }

    /// Every option that is ranked, best first.
    pub fn options(&self) -> impl Iterator<Item = u16> + '_ {
        self.0.iter().filter(|entry| **entry != SKIPPED).map(|entry| entry & !EQUAL)
    }

    /// Whether nothing is ranked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether two options share a rank.
    #[must_use]
    pub fn has_equals(&self) -> bool {
        self.0.iter().any(|entry| entry & EQUAL != 0)
    }

    /// Whether a rank is skipped.
    #[must_use]
    pub fn has_gaps(&self) -> bool {
        self.0.contains(&SKIPPED)
    }

    /// Whether this is the one form of its preferences: bytes from outside may be anything. Options may still repeat or
    /// not exist.
    #[must_use]
    pub fn is_well_formed(&self) -> bool {
        let anew = Self::from_tiers(self.tiers().map(Tier::options));
        self.0.first().is_none_or(|first| first & EQUAL == 0) && !self.0.contains(&(SKIPPED | EQUAL)) && anew == *self
    }
}

impl Serialize for Ranking {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.tiers().map(|tier| tier.options().collect::<Vec<_>>()))
    }
}

impl<'de> Deserialize<'de> for Ranking {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let tiers = <Vec<Vec<u16>> as Deserialize>::deserialize(deserializer)?;
        if tiers.iter().flatten().any(|option| usize::from(*option) >= MAX_OPTIONS) {
            return Err(serde::de::Error::custom(format_args!("an option is a place below {MAX_OPTIONS}")));
        }
        Ok(Self::from_tiers(tiers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(tiers: &[&[u16]]) -> Ranking {
        Ranking::from_tiers(tiers.iter().map(|tier| tier.iter().copied()))
    }

    #[test]
    fn tiers_come_back_as_they_were_given() {
        let ranking = given(&[&[2], &[1, 0], &[], &[4], &[]]);
        assert_eq!(ranking.0.as_ref(), [2, 0, 0x8001, 0x7fff, 4]);
        let tiers: Vec<Vec<u16>> = ranking.tiers().map(|tier| tier.options().collect()).collect();
        assert_eq!(tiers, [vec![2], vec![0, 1], vec![], vec![4]]);
        assert_eq!(ranking.tiers().map(Tier::single).collect::<Vec<_>>(), [Some(2), None, None, Some(4)]);
        assert_eq!(ranking.options().collect::<Vec<_>>(), [2, 0, 1, 4]);
        assert!(ranking.has_equals() && ranking.has_gaps() && ranking.is_well_formed());
        assert_eq!(serde_json::to_string(&ranking).unwrap(), "[[2],[0,1],[],[4]]");
        assert_eq!(serde_json::from_str::<Ranking>("[[2],[1,0],[],[4],[]]").unwrap(), ranking);
        assert!(serde_json::from_str::<Ranking>("[[32767]]").is_err());
        assert_eq!(Ranking::strict([2, 0]), given(&[&[2], &[0]]));
    }

    #[test]
    fn other_forms_of_the_same_are_noticed() {
        for entries in [vec![0x8002, 1], vec![2, 0x8001], vec![1, 0x7fff], vec![0xffff], vec![1, 0xffff]] {
            assert!(!Ranking(entries.clone().into()).is_well_formed(), "{entries:x?}");
        }
        assert!(Ranking::default().is_well_formed() && given(&[&[], &[1]]).is_well_formed());
    }
}
