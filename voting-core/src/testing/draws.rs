//! Random bytes that are the same on every run.

use std::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};
use sha2::{Digest as _, Sha512};

/// SHA-512 of a seed and a counter, block after block: anyone can make the same bytes in any language. For tests and vectors only;
/// it claims to be a secure source so that what demands one can be tested.
///
/// ```text
/// block i = SHA-512(seed as UTF-8 ‖ u64 i, little-endian)        i = 0, 1, 2 …
/// ```
#[derive(Debug, Clone)]
pub struct Draws {
    seed: Vec<u8>,
    counter: u64,
    block: [u8; 64],
    used: usize,
}

impl Draws {
    /// The bytes of a seed.
    #[must_use]
    pub fn new(seed: &str) -> Self {
        Self { seed: seed.as_bytes().to_vec(), counter: 0, block: [0; 64], used: 64 }
    }

    /// The next bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    fn fill(&mut self, to: &mut [u8]) {
        for byte in to {
            if self.used == self.block.len() {
                let block = Sha512::new().chain_update(&self.seed).chain_update(self.counter.to_le_bytes());
                self.block = block.finalize().into();
                self.counter += 1;
                self.used = 0;
            }
            *byte = self.block[self.used];
            self.used += 1;
        }
    }
}

impl TryRng for Draws {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_le_bytes(self.bytes()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_le_bytes(self.bytes()))
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Infallible> {
        self.fill(to);
        Ok(())
    }
}

impl TryCryptoRng for Draws {}
