//! The protocol of sealed ballots a second time, by the textbook and from `docs/SPEC.md` alone: what a forger would use.

use curve25519_dalek::constants::RISTRETTO_BASEPOINT_POINT as G;
use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::scalar::Scalar as Exponent;
use sha2::{Digest as _, Sha512};
use voting_core::ballot::{Ballot, Selection};
use voting_core::sealed::{Branch, Ciphertext, Point, RangeProof, Scalar, SealedHash, SealedOption, SealedSelection};
use voting_core::testing::Draws;

/// Reaching into a sealed ballot.
pub(crate) trait Contests {
    /// What it says in a contest.
    fn contest(&self, contest: usize) -> &SealedSelection;

    /// The same, to be tampered with.
    fn contest_mut(&mut self, contest: usize) -> &mut SealedSelection;
}

impl Contests for Ballot {
    fn contest(&self, contest: usize) -> &SealedSelection {
        match &self.selections[contest] {
            Selection::Sealed(sealed) => sealed,
            open => panic!("{open:?} is not sealed"),
        }
    }

    fn contest_mut(&mut self, contest: usize) -> &mut SealedSelection {
        match &mut self.selections[contest] {
            Selection::Sealed(sealed) => sealed,
            open => panic!("{open:?} is not sealed"),
        }
    }
}

/// H(tag; inputs).
pub(crate) fn hash(tag: &str, inputs: &[&[u8]]) -> [u8; 64] {
    let mut bytes = vec![tag.len() as u8];
    bytes.extend(tag.as_bytes());
    for input in inputs {
        bytes.extend((input.len() as u32).to_le_bytes());
        bytes.extend(*input);
    }
    Sha512::digest(bytes).into()
}

pub(crate) fn draw(draws: &mut Draws) -> Exponent {
    Exponent::from_bytes_mod_order_wide(&draws.bytes())
}

pub(crate) fn encode(point: &RistrettoPoint) -> Point {
    Point(point.compress().0)
}

pub(crate) fn decode(point: &Point) -> RistrettoPoint {
    CompressedRistretto(point.0).decompress().unwrap()
}

pub(crate) fn scalar(exponent: &Exponent) -> Scalar {
    Scalar::from_bytes(exponent.to_bytes()).unwrap()
}

pub(crate) fn exponent(scalar: &Scalar) -> Exponent {
    Exponent::from_canonical_bytes(scalar.to_bytes()).unwrap()
}

/// Where a proof about one option belongs.
pub(crate) struct Place<'a> {
    pub(crate) key: &'a Point,
    /// H_I.
    pub(crate) ballot: SealedHash,
    pub(crate) contest: u16,
    pub(crate) option: u16,
    pub(crate) high: u16,
}

impl Place<'_> {
    fn challenge(&self, ciphertext: &Ciphertext, commitments: &[(Point, Point)]) -> Exponent {
        let (contest, option, high) = (self.contest.to_le_bytes(), self.option.to_le_bytes(), u32::from(self.high).to_le_bytes());
        let mut inputs: Vec<&[u8]> = vec![&self.ballot.0, &contest, &option, &[0; 4], &high, &self.key.0];
        inputs.extend([&ciphertext.alpha.0[..], &ciphertext.beta.0]);
        inputs.extend(commitments.iter().flat_map(|(a, b)| [&a.0[..], &b.0]));
        Exponent::from_bytes_mod_order_wide(&hash("voting/sealed-option/v1", &inputs))
    }

    pub(crate) fn encrypt(&self, m: u16, r: &Exponent) -> Ciphertext {
        let beta = Exponent::from(m) * G + r * decode(self.key);
        Ciphertext { alpha: encode(&(r * G)), beta: encode(&beta) }
    }

    /// An honest proof that m is in {0..high}, as the textbook makes it.
    pub(crate) fn prove(&self, m: u16, draws: &mut Draws) -> SealedOption {
        let (r, k) = (draw(draws), decode(self.key));
        let ciphertext = self.encrypt(m, &r);
        let u = draw(draws);
        let mut parts: Vec<_> = (0..=self.high).map(|j| self.simulate(&ciphertext, j, draws)).collect();
        parts[usize::from(m)].0 = (encode(&(u * G)), encode(&(u * k)));
        let commitments: Vec<_> = parts.iter().map(|part| part.0).collect();
        let others: Exponent = parts.iter().enumerate().filter(|(j, _)| *j != usize::from(m)).map(|(_, part)| part.1).sum();
        let c = self.challenge(&ciphertext, &commitments) - others;
        (parts[usize::from(m)].1, parts[usize::from(m)].2) = (c, u - c * r);
        SealedOption { ciphertext, range: finish(&parts) }
    }

    /// A proof about any m whose equations all hold, because every branch is simulated. Only the challenges do not add up.
    pub(crate) fn simulate_all(&self, m: u16, draws: &mut Draws) -> SealedOption {
        let ciphertext = self.encrypt(m, &draw(draws));
        let parts: Vec<_> = (0..=self.high).map(|j| self.simulate(&ciphertext, j, draws)).collect();
        SealedOption { ciphertext, range: finish(&parts) }
    }

    /// A proof about any m whose challenges add up, but the equation of branch 0 does not hold.
    pub(crate) fn simulate_all_but_one(&self, m: u16, draws: &mut Draws) -> SealedOption {
        let ciphertext = self.encrypt(m, &draw(draws));
        let mut parts: Vec<_> = (0..=self.high).map(|j| self.simulate(&ciphertext, j, draws)).collect();
        let commitments: Vec<_> = parts.iter().map(|part| part.0).collect();
        let others: Exponent = parts[1..].iter().map(|part| part.1).sum();
        parts[0].1 = self.challenge(&ciphertext, &commitments) - others;
        SealedOption { ciphertext, range: finish(&parts) }
    }

    fn simulate(&self, ciphertext: &Ciphertext, j: u16, draws: &mut Draws) -> ((Point, Point), Exponent, Exponent) {
        let (c, v) = (draw(draws), draw(draws));
        let a = v * G + c * decode(&ciphertext.alpha);
        let b = v * decode(self.key) + c * (decode(&ciphertext.beta) - Exponent::from(j) * G);
        ((encode(&a), encode(&b)), c, v)
    }
}

fn finish(parts: &[((Point, Point), Exponent, Exponent)]) -> RangeProof {
    let branch =
        |((a, b), c, v): &((Point, Point), Exponent, Exponent)| Branch { a: *a, b: *b, challenge: scalar(c), response: scalar(v) };
    RangeProof { branches: parts.iter().map(branch).collect() }
}
