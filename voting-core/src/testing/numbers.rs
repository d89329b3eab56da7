//! Numbers that look random and are the same on every run.

/// SplitMix64 (Steele, Lea and Flood, 2014): a test names the seed of what fails, and finds it again.
#[derive(Debug, Clone)]
pub struct Numbers(u64);

impl Numbers {
    /// The numbers of a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number, below a bound.
    ///
    /// # Panics
    /// If the bound is 0.
    pub const fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    /// The given items in some order.
    pub fn order<T>(&mut self, mut items: Vec<T>) -> Vec<T> {
        (0..items.len()).map(|_| items.swap_remove(self.below(items.len() as u64) as usize)).collect()
    }

    /// At least one of so many options, in some order.
    pub fn ranking(&mut self, options: u16) -> Vec<u16> {
        let mut ranking = self.order((0..options).collect());
        ranking.truncate(1 + self.below(u64::from(options)) as usize);
        ranking
    }
}
