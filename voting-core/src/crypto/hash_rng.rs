//! Random bytes out of a seed.

use std::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};
use sha2::{Digest as _, Sha512};
use zeroize::Zeroizing;

/// SHA-512 of a seed and a counter, block after block: nobody who does not know the seed can tell the bytes from random ones.
/// As good a source as its seed is; with one that is fresh and secret it is a secure one. Wiped from memory when dropped.
///
/// ```text
/// block i = SHA-512(seed ‖ u64 i, little-endian)        i = 0, 1, 2 …
/// ```
#[derive(Clone)]
pub struct HashRng {
    seed: Zeroizing<Vec<u8>>,
    counter: u64,
    block: Zeroizing<[u8; 64]>,
    used: usize,
}

impl HashRng {
    /// The bytes of a seed.
    #[must_use]
    pub fn new(seed: &[u8]) -> Self {
        Self { seed: Zeroizing::new(seed.to_vec()), counter: 0, block: Zeroizing::new([0; 64]), used: 64 }
    }
}

impl std::fmt::Debug for HashRng {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HashRng(…)")
    }
}

impl TryRng for HashRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Infallible> {
        for byte in to {
            if self.used == self.block.len() {
                let block = Sha512::new().chain_update(self.seed.as_slice()).chain_update(self.counter.to_le_bytes());
                *self.block = block.finalize().into();
                self.counter += 1;
                self.used = 0;
            }
            *byte = self.block[self.used];
            self.used += 1;
        }
        Ok(())
    }
}

impl TryCryptoRng for HashRng {}
