//! From T·G to T: baby steps and giant steps (Shanks, 1971), in a table of bounded size.

use std::collections::HashMap;

use curve25519_dalek::constants::RISTRETTO_BASEPOINT_POINT;
use curve25519_dalek::ristretto::RistrettoPoint;
use curve25519_dalek::traits::Identity as _;

use super::group::Exponent;
use super::key::times_base;

/// Largest sum that is looked for. Beyond it decryption gives up with an error.
pub const MAX_TOTAL: u64 = 100_000_000;
/// Most entries of the table, about 3 MB; with them [`MAX_TOTAL`] takes 1,526 giant steps.
const MAX_BABY_STEPS: u64 = 1 << 16;
/// Giant steps that are encoded together.
const GIANT_STEPS_AT_ONCE: usize = 64;

/// Finds exponents up to a bound.
///
/// Encodings of doubled points come cheaply in batches, and doubling is one-to-one in a group of odd order, so the table holds
/// the encodings of 2jG and steps look for those of 2(T − i·m)G. Of an encoding the first eight bytes are kept; a hit is checked.
pub(super) struct DiscreteLog {
    bound: u64,
    steps: u64,
    baby: HashMap<[u8; 8], u32>,
    /// −steps·G
    giant: RistrettoPoint,
}

impl DiscreteLog {
    /// For exponents from 0 up to a bound, which is cut down to [`MAX_TOTAL`].
    pub(super) fn new(bound: u64) -> Self {
        let bound = bound.min(MAX_TOTAL);
        let steps = (bound + 1).isqrt().clamp(1, MAX_BABY_STEPS);
        let points = progression(RistrettoPoint::identity(), RISTRETTO_BASEPOINT_POINT, steps as usize);
        Self { bound, steps, baby: keys(&points).zip(0..).collect(), giant: -times_base(&Exponent::from(steps)) }
    }

    /// T for T·G; `None` above the bound.
    pub(super) fn find(&self, point: &RistrettoPoint) -> Option<u64> {
        let mut from = *point;
        let mut skipped = 0;
        while skipped <= self.bound {
            let points = progression(from, self.giant, GIANT_STEPS_AT_ONCE);
            from = points.last().map_or(from, |last| last + self.giant);
            for key in keys(&points) {
                if let Some(found) = self.baby.get(&key).map(|baby| skipped + u64::from(*baby))
                    && found <= self.bound
                    && times_base(&Exponent::from(found)) == *point
                {
                    return Some(found);
                }
                skipped += self.steps;
            }
        }
        None
    }
}

/// P, P + step, P + 2·step …
fn progression(first: RistrettoPoint, step: RistrettoPoint, length: usize) -> Vec<RistrettoPoint> {
    std::iter::successors(Some(first), |point| Some(point + step)).take(length).collect()
}

fn keys(points: &[RistrettoPoint]) -> impl Iterator<Item = [u8; 8]> {
    let encodings = RistrettoPoint::double_and_compress_batch(points);
    encodings.into_iter().map(|encoding| {
        let mut key = [0; 8];
        key.copy_from_slice(&encoding.0[..8]);
        key
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_everything_up_to_the_bound_and_nothing_beyond() {
        for bound in [0, 1, 2, 3, 99, 1_000] {
            let table = DiscreteLog::new(bound);
            for total in 0..=bound {
                assert_eq!(table.find(&times_base(&Exponent::from(total))), Some(total), "up to {bound}");
            }
            for beyond in [bound + 1, bound + 2, 50_000] {
                assert_eq!(table.find(&times_base(&Exponent::from(beyond))), None, "up to {bound}");
            }
            assert_eq!(table.find(&-RISTRETTO_BASEPOINT_POINT), None);
        }
    }

    #[test]
    fn finds_a_hundred_million_in_a_small_table() {
        let table = DiscreteLog::new(u64::MAX);
        assert!(table.baby.len() as u64 <= MAX_BABY_STEPS);
        for total in [0, 1, 65_535, 65_536, 99_999_999, MAX_TOTAL] {
            assert_eq!(table.find(&times_base(&Exponent::from(total))), Some(total));
        }
        assert_eq!(table.find(&times_base(&Exponent::from(MAX_TOTAL + 1))), None);
    }
}
