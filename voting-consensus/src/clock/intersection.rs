//! What several clocks agree on, some of which may lie.

/// All times from one to another, both included; here offsets in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    /// The lowest.
    pub low: i64,
    /// The highest.
    pub high: i64,
}

impl Interval {
    /// Everything within a distance of a point.
    #[must_use]
    pub const fn around(center: i64, within: i64) -> Self {
        Self { low: center.saturating_sub(within), high: center.saturating_add(within) }
    }

    /// Reaching further on both sides.
    #[must_use]
    pub const fn widened(&self, by: i64) -> Self {
        Self { low: self.low.saturating_sub(by), high: self.high.saturating_add(by) }
    }

    /// As wide, elsewhere.
    #[must_use]
    pub const fn shifted(&self, by: i64) -> Self {
        Self { low: self.low.saturating_add(by), high: self.high.saturating_add(by) }
    }

    /// Whether a point lies in it.
    #[must_use]
    pub const fn contains(&self, point: i64) -> bool {
        self.low <= point && point <= self.high
    }

    /// Whether it has a point in common with another.
    #[must_use]
    pub const fn meets(&self, other: &Self) -> bool {
        self.low <= other.high && other.low <= self.high
    }

    /// Its middle.
    #[must_use]
    pub const fn middle(&self) -> i64 {
        self.low.midpoint(self.high)
    }

    /// The largest distance of one of its points from a point.
    #[must_use]
    pub fn farthest_from(&self, point: i64) -> i64 {
        self.high.saturating_sub(point).max(point.saturating_sub(self.low)).max(0)
    }
}

/// The smallest interval that has all points in it that lie in at least `count` of the given ones (Marzullo and Owicki, 1983);
/// `None` if there are none, or `count` is 0.
///
/// Of m intervals of which at most f are wrong, m − f contain the truth, and so does the interval for `count` = m − f.
#[must_use]
pub fn covered_by(count: usize, intervals: &[Interval]) -> Option<Interval> {
    if count == 0 {
        return None;
    }
    // At equal places intervals begin before they end: they have that point in common.
    let begins = intervals.iter().map(|interval| (interval.low, 0));
    let ends = intervals.iter().map(|interval| (interval.high, 1));
    let mut edges: Vec<(i64, u8)> = begins.chain(ends).collect();
    edges.sort_unstable();
    let (mut depth, mut low, mut high) = (0usize, None, None);
    for (at, kind) in edges {
        if kind == 0 {
            depth += 1;
            if depth >= count {
                low = low.or(Some(at));
            }
        } else {
            if depth >= count {
                high = Some(at);
            }
            depth -= 1;
        }
    }
    Some(Interval { low: low?, high: high? })
}

/// The middle of the points without the `faults` highest and lowest ones (Welch and Lynch, 1988): within the range of the
/// right ones, if at most so many are wrong and more than twice as many are given. `None` without points.
#[must_use]
pub fn midpoint(faults: usize, points: &[i64]) -> Option<i64> {
    let mut sorted = points.to_vec();
    sorted.sort_unstable();
    let last = sorted.len().checked_sub(1)?;
    let drop = faults.min(last / 2);
    Some(sorted.get(drop)?.midpoint(*sorted.get(last - drop)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn from_to(low: i64, high: i64) -> Interval {
        Interval { low, high }
    }

    #[test]
    fn the_example_of_marzullo() {
        let clocks = [from_to(8, 12), from_to(11, 13), from_to(14, 15)];
        assert_eq!(covered_by(2, &clocks), Some(from_to(11, 12)));
        assert_eq!(covered_by(3, &clocks), None);
        assert_eq!(covered_by(1, &clocks), Some(from_to(8, 15)));
        assert_eq!(covered_by(0, &clocks), None);
        assert_eq!(covered_by(2, &[from_to(1, 2), from_to(2, 3)]), Some(from_to(2, 2)), "one point in common is enough");
        assert_eq!(covered_by(1, &[]), None);
    }

    #[test]
    fn the_middle_leaves_out_the_extremes() {
        assert_eq!(midpoint(1, &[-60, 3_600, 0, 60]), Some(30));
        assert_eq!(midpoint(1, &[0, 60, -60]), Some(0));
        assert_eq!(midpoint(5, &[1, 2, 4]), Some(2), "something is always left");
        assert_eq!(midpoint(1, &[4, 8]), Some(6));
        assert_eq!(midpoint(0, &[]), None);
    }

    proptest! {
        /// With at most f wrong ones of n > 2f, the truth is in the interval, which is no wider than a right one reaches.
        #[test]
        fn the_truth_is_in_the_interval(
            truth in -1_000_000i64..1_000_000,
            right in proptest::collection::vec((0i64..1_000, 0i64..1_000), 3..12),
            wrong in proptest::collection::vec((-2_000_000i64..2_000_000, 0i64..2_000_000), 0..12),
        ) {
            let f = wrong.len().min(right.len() - 1);
            let mut all: Vec<Interval> = right.iter().map(|(below, above)| from_to(truth - below, truth + above)).collect();
            all.extend(wrong.iter().take(f).map(|(center, within)| Interval::around(*center, *within)));
            let agreed = covered_by(all.len() - f, &all).unwrap();
            prop_assert!(agreed.contains(truth), "{agreed:?}");
            prop_assert!(agreed.farthest_from(truth) < 1_000, "a right one covers each of its ends");
        }

        /// As a reference, every end of an interval is tried.
        #[test]
        fn it_is_the_hull_of_what_enough_cover(
            clocks in proptest::collection::vec((-50i64..50, 0i64..20), 0..10), count in 1usize..6,
        ) {
            let clocks: Vec<_> = clocks.iter().map(|(center, within)| Interval::around(*center, *within)).collect();
            let enough = |at: &i64| clocks.iter().filter(|clock| clock.contains(*at)).count() >= count;
            let points: Vec<i64> = (-100..100).filter(enough).collect();
            let hull = points.first().map(|low| from_to(*low, points[points.len() - 1]));
            prop_assert_eq!(covered_by(count, &clocks), hull);
        }

        #[test]
        fn the_middle_is_within_the_right_ones(
            right in proptest::collection::vec(any::<i64>(), 2..9), wrong in proptest::collection::vec(any::<i64>(), 0..8),
        ) {
            let f = wrong.len().min(right.len() - 1);
            let points: Vec<i64> = right.iter().chain(wrong.iter().take(f)).copied().collect();
            let middle = midpoint(f, &points).unwrap();
            prop_assert!(middle >= *right.iter().min().unwrap() && middle <= *right.iter().max().unwrap());
        }
    }
}
