//! Random bytes that are the same on every run.

use std::convert::Infallible;

use rand_core::{Rng as _, TryCryptoRng, TryRng};

use crate::crypto::HashRng;

/// [`HashRng`] of a seed that everyone knows: anyone can make the same bytes in any language. For tests and vectors only; it
/// claims to be a secure source so that what demands one can be tested.
#[derive(Debug, Clone)]
pub struct Draws(HashRng);

impl Draws {
    /// The bytes of a seed.
    #[must_use]
    pub fn new(seed: &str) -> Self {
        Self(HashRng::new(seed.as_bytes()))
    }

    /// The next bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill_bytes(&mut bytes);
        bytes
    }
}

impl TryRng for Draws {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.0.try_next_u32()
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0.try_next_u64()
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Infallible> {
        self.0.try_fill_bytes(to)
    }
}

impl TryCryptoRng for Draws {}
