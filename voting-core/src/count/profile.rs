//! Rankings ready to be counted: what each rule makes of gaps, equals and withdrawn candidates, done once.

use std::collections::HashMap;

use crate::ranking::{Ranking, Tier};

/// What a method makes of options that share a rank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Equals {
    /// They are equal: the voter prefers neither.
    Keep,
    /// It is not clear who is meant: the ballot counts up to there and is exhausted from there on. With nothing before,
    /// it is an overvote and counts for nobody.
    End,
}

/// What a method makes of a rank that nobody is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gaps {
    /// Preferences move up.
    Close,
    /// The ballot counts up to there and is exhausted from there on; with nothing before, it is blank.
    End,
}

/// Rankings of one contest as its method reads them, each with the weight of all ballots that say the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// Options there are, withdrawn ones included.
    pub options: u16,
    /// Options that can be elected, ascending: all but the withdrawn.
    pub standing: Vec<u16>,
    /// The rankings, one after the other.
    entries: Vec<u16>,
    /// Where each ranking ends, and its weight.
    ends: Vec<(usize, u64)>,
    /// Weight of all rankings.
    pub weight: u64,
    /// Weight of those that name nobody who can be elected.
    pub blank: u64,
    /// Weight of those whose first preference is shared where the method takes no equals.
    pub overvotes: u64,
}

impl Profile {
    /// Reads rankings as a method does. Withdrawn options are struck out first, and what is behind them moves up; a rank
    /// that becomes empty thereby was not skipped. `None` if the weights exceed 2^64 − 1.
    pub fn new<'a>(
        options: u16,
        withdrawn: &[u16],
        equals: Equals,
        gaps: Gaps,
        rankings: impl IntoIterator<Item = (&'a Ranking, u64)>,
    ) -> Option<Self> {
        let standing: Vec<u16> = (0..options).filter(|option| !withdrawn.contains(option)).collect();
        let mut stands = vec![false; usize::from(options)];
        for option in &standing {
            stands[usize::from(*option)] = true;
        }
        let mut profile = Self { options, standing, entries: Vec::new(), ends: Vec::new(), weight: 0, blank: 0, overvotes: 0 };
        let mut known = HashMap::<Box<[u16]>, usize>::new();
        let mut read = Vec::new();
        for (ranking, weight) in rankings {
            if weight == 0 {
                continue;
            }
            profile.weight = profile.weight.checked_add(weight)?;
            let overvote = read_as(ranking, &stands, equals, gaps, &mut read);
            if overvote {
                profile.overvotes += weight;
            } else if read.is_empty() {
                profile.blank += weight;
            } else if let Some(at) = known.get(read.as_slice()) {
                profile.ends[*at].1 += weight;
            } else {
                known.insert(read.as_slice().into(), profile.ends.len());
                profile.entries.extend_from_slice(&read);
                profile.ends.push((profile.entries.len(), weight));
            }
        }
        Some(profile)
    }

    /// Number of distinct rankings.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether no ballot names anybody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Weight of the ballots that name somebody.
    #[must_use]
    pub const fn valid(&self) -> u64 {
        self.weight - self.blank - self.overvotes
    }

    /// A ranking and its weight. Where the method takes no equals, the entries are the options in order.
    #[must_use]
    pub fn get(&self, at: usize) -> (&[u16], u64) {
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before].0);
        let (end, weight) = self.ends[at];
        (&self.entries[start..end], weight)
    }

    /// Every ranking and its weight; see [`Profile::get`].
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u16], u64)> {
        (0..self.len()).map(|at| self.get(at))
    }

    /// Every ranking tier by tier, and its weight.
    pub fn tiers(&self) -> impl Iterator<Item = (impl Iterator<Item = Tier<'_>>, u64)> {
        self.iter().map(|(entries, weight)| (crate::ranking::tiers(entries), weight))
    }
}

/// What a method reads in a ranking; whether it is an overvote.
fn read_as(ranking: &Ranking, stands: &[bool], equals: Equals, gaps: Gaps, read: &mut Vec<u16>) -> bool {
    read.clear();
    for tier in ranking.tiers() {
        if tier.is_skipped() {
            match gaps {
                Gaps::Close => continue,
                Gaps::End => break,
            }
        }
        let start = read.len();
        read.extend(tier.options().filter(|option| stands.get(usize::from(*option)).is_some_and(|stands| *stands)));
        if read.len() - start > 1 {
            if equals == Equals::End {
                read.truncate(start);
                return start == 0;
            }
            crate::ranking::mark_equal(&mut read[start..]);
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(withdrawn: &[u16], equals: Equals, gaps: Gaps) -> Profile {
        let rankings: [(&[&[u16]], u64); 5] =
            [(&[&[0], &[1], &[2]], 4), (&[&[3], &[0], &[1, 3], &[2]], 3), (&[&[0, 1], &[2]], 2), (&[&[], &[2]], 7), (&[], 5)];
        let rankings = rankings.map(|(tiers, weight)| (Ranking::from_tiers(tiers.iter().map(|tier| tier.iter().copied())), weight));
        Profile::new(4, withdrawn, equals, gaps, rankings.iter().map(|(ranking, weight)| (ranking, *weight))).unwrap()
    }

    fn shown(profile: &Profile) -> Vec<(Vec<u16>, u64)> {
        profile.iter().map(|(entries, weight)| (entries.to_vec(), weight)).collect()
    }

    #[test]
    fn withdrawn_options_are_struck_out_before_anything_else_is_read() {
        // Without option 3, the second ranking says the same as the first.
        let read = profile(&[3], Equals::End, Gaps::Close);
        assert_eq!(shown(&read), [(vec![0, 1, 2], 7), (vec![2], 7)]);
        assert_eq!((read.weight, read.blank, read.overvotes, read.valid()), (21, 5, 2, 14));
        assert_eq!(read.standing, [0, 1, 2]);
    }

    #[test]
    fn gaps_and_equals_are_read_as_the_method_says() {
        let read = profile(&[], Equals::Keep, Gaps::End);
        assert_eq!(
            shown(&read),
            [(vec![0, 1, 2], 4), (vec![3, 0, 1, 0x8003, 2], 3), (vec![0, 0x8001, 2], 2)],
            "an option named twice is for the readers of files to refuse"
        );
        assert_eq!((read.blank, read.overvotes), (12, 0));
        let tiers: Vec<Vec<u16>> = read.tiers().nth(2).unwrap().0.map(|tier| tier.options().collect()).collect();
        assert_eq!(tiers, [vec![0, 1], vec![2]]);
        let read = profile(&[], Equals::End, Gaps::End);
        assert_eq!(shown(&read), [(vec![0, 1, 2], 4), (vec![3, 0], 3)]);
        assert_eq!((read.blank, read.overvotes), (12, 2));
    }

    #[test]
    fn weights_that_do_not_fit_are_refused() {
        let ranking = Ranking::strict([0]);
        assert!(Profile::new(1, &[], Equals::End, Gaps::End, [(&ranking, u64::MAX), (&ranking, 1)]).is_none());
    }
}
