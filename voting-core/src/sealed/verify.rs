//! Verifying the proofs of sealed ballots, one by one or many at once.
//!
//! A proof holds if the challenges of its branches add up to the hash of its statement, and for every branch
//!
//! ```text
//! vG + cα − a = 0        vK + c(β − jG) − b = 0
//! ```
//!
//! One ballot is checked equation by equation. Of a batch, every equation is multiplied by a random weight of 128 bits that
//! whoever made the ballots could not know, and all are added up into one multiscalar multiplication (Bellare, Garay and Rabin,
//! *Fast Batch Verification*, 1998): if any equation is wrong, the sum is 0 with probability 2⁻¹²⁸ only, since the group has prime order.
//! If it is not 0, halves of the batch are looked at until the culprits are known, who are then judged one by one. So both ways
//! give the same verdicts, with the same reasons.

use std::borrow::Borrow;
use std::ops::Range;

use curve25519_dalek::constants::RISTRETTO_BASEPOINT_POINT;
use curve25519_dalek::ristretto::RistrettoPoint;
use curve25519_dalek::traits::{IsIdentity as _, VartimeMultiscalarMul as _};
use rand_core::CryptoRng;

use super::ballot::{Branch, Ciphertext, RangeProof, SealedSelection, ciphertexts, sealed_selections};
use super::contest::{SealedContest, check_contests};
use super::group::{Exponent, Point, PointError};
use super::key::ElectionKey;
use super::params::proof_hash;
use super::range::{Halves, limit_statement, option_statement};
use super::refusal::{BallotRefusal, Part};
use super::seal::{self, BallotOpening, OpeningError, SealedElectionError};
use super::transcript::{SealedHash, Transcript};
use crate::ballot::{Ballot, Selection};
use crate::ids::Digest;

/// Below this many ballots, halving a failed batch once more costs more than looking at each.
const SINGLY: usize = 4;

/// Verifies ballots of one election.
#[derive(Debug)]
pub struct SealVerifier {
    election: SealedHash,
    context: Digest,
    key: ElectionKey,
    contests: Vec<SealedContest>,
}

/// A ballot whose proofs hold: its ciphertexts, ready to be added up. Whose ballot it is, and that the voter signed it, is not
/// said here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedBallot {
    /// H_E.
    pub(super) election: SealedHash,
    /// α and β by contest and option.
    pub(super) contests: Vec<Vec<[RistrettoPoint; 2]>>,
}

impl SealVerifier {
    /// For an election by its H_E, its key K and its contests. Computes tables.
    ///
    /// # Errors
    /// [`SealedElectionError`] if the key or a contest is not usable.
    pub fn new(election: SealedHash, key: &Point, contests: Vec<SealedContest>) -> Result<Self, SealedElectionError> {
        check_contests(&contests)?;
        Ok(Self { election, context: election.context(), key: ElectionKey::new(*key)?, contests })
    }

    /// Verifies all proofs of one ballot. The same inputs always give the same verdict.
    ///
    /// # Errors
    /// [`BallotRefusal`] with the first thing wrong.
    pub fn verify(&self, ballot: &Ballot) -> Result<VerifiedBallot, BallotRefusal> {
        if let Some(verified) = self.recompute(ballot) {
            return Ok(verified);
        }
        // Something is wrong: what it is comes first in the order that all verifiers follow.
        let decoded = self.decode(ballot)?;
        self.check(&decoded)?;
        Ok(decoded.into())
    }

    /// Verifies a ballot by computing what its commitments must be, and comparing encodings: of many points together these come
    /// cheaper than reading the commitments one by one. `None` if anything is wrong.
    fn recompute(&self, ballot: &Ballot) -> Option<VerifiedBallot> {
        let decoded = self.decode_with(ballot, &|_| Ok(RistrettoPoint::default())).ok()?;
        let mut halves = Halves::default();
        for (_, proof, [alpha, beta]) in decoded.statements() {
            for (DecodedBranch { c, v, .. }, value) in proof.branches.iter().zip(proof.low..) {
                let (c, v) = (c.div_by_2(), v.div_by_2());
                halves.push(self.key.public_sum(v, Exponent::ZERO, c, alpha));
                halves.push(self.key.public_sum(-c * Exponent::from(value), v, c, beta));
            }
        }
        let proofs = sealed_selections(ballot).ok()?.into_iter().flat_map(SealedSelection::proofs);
        let commitments = proofs.flat_map(|proof| &proof.branches).flat_map(|branch| [&branch.a, &branch.b]);
        halves.encode().iter().eq(commitments).then(|| decoded.into())
    }

    /// Verifies many ballots at once; the verdict on each is the one of [`SealVerifier::verify`]. The randomness must be fresh and
    /// secret: whoever knows it beforehand can make a batch that holds together without holding.
    pub fn verify_batch(
        &self,
        ballots: &[impl Borrow<Ballot>],
        rng: &mut impl CryptoRng,
    ) -> Vec<Result<VerifiedBallot, BallotRefusal>> {
        let decoded: Vec<_> = ballots.iter().map(|ballot| self.decode(ballot.borrow())).collect();
        let sound: Vec<&Decoded> = decoded.iter().filter_map(|decoded| decoded.as_ref().ok()).collect();
        let mut sums = Sums::default();
        sound.iter().for_each(|decoded| self.weigh(decoded, &mut sums, rng));
        let mut verdicts = vec![Ok(()); sound.len()];
        self.search(&sound, &sums, 0, &mut verdicts);
        let mut verdicts = verdicts.into_iter();
        decoded
            .into_iter()
            .map(|decoded| decoded.and_then(|good| verdicts.next().unwrap_or(Ok(())).map(|()| good.into())))
            .collect()
    }

    /// Looks for ballots that do not hold in ever smaller parts of a batch. This part begins at a ballot and has a verdict for each.
    fn search(&self, decoded: &[&Decoded], sums: &Sums, from: usize, verdicts: &mut [Result<(), BallotRefusal>]) {
        let to = from + verdicts.len();
        if self.vanishes(sums, from, to) {
            return;
        }
        if verdicts.len() <= SINGLY {
            for (decoded, verdict) in decoded[from..to].iter().zip(verdicts) {
                *verdict = self.check(decoded);
            }
            return;
        }
        let middle = verdicts.len() / 2;
        let (left, right) = verdicts.split_at_mut(middle);
        self.search(decoded, sums, from, left);
        self.search(decoded, sums, from + middle, right);
    }

    /// Whether the equations of the ballots in a range add up to nothing.
    fn vanishes(&self, sums: &Sums, from: usize, to: usize) -> bool {
        let ballots = &sums.ballots[from..to];
        let (Some(first), Some(last)) = (ballots.first(), ballots.last()) else {
            return true;
        };
        let terms = first.terms.start..last.terms.end;
        let g = ballots.iter().map(|sum| sum.g).sum();
        let k = ballots.iter().map(|sum| sum.k).sum();
        let scalars = sums.scalars[terms.clone()].iter().chain([&g, &k]);
        let points = sums.points[terms].iter().chain([&RISTRETTO_BASEPOINT_POINT, &self.key.element]);
        RistrettoPoint::vartime_multiscalar_mul(scalars, points).is_identity()
    }

    /// What a ballot whose proofs a quorum has verified adds to the sums: nothing but the points of its ciphertexts is looked at.
    ///
    /// # Errors
    /// [`BallotRefusal`] if it cannot have been verified for this election.
    pub fn read_verified(&self, ballot: &Ballot) -> Result<VerifiedBallot, BallotRefusal> {
        self.check_frame(ballot)?;
        self.read(&mut ciphertexts(ballot))
    }

    /// The points of a verified ballot's ciphertexts, contest by contest.
    pub(crate) fn read(&self, ciphertexts: &mut dyn Iterator<Item = &Ciphertext>) -> Result<VerifiedBallot, BallotRefusal> {
        let read = |contest: u16, option: usize, point: &Point| {
            point.decode_key().map_err(|reason| BallotRefusal::Point { contest, part: Part::Option(option as u16), reason })
        };
        let mut contests = Vec::with_capacity(self.contests.len());
        for (contest, rules) in (0..).zip(&self.contests) {
            let mut pairs = Vec::with_capacity(rules.ciphertexts());
            for (option, ciphertext) in ciphertexts.take(rules.ciphertexts()).enumerate() {
                pairs.push([read(contest, option, &ciphertext.alpha)?, read(contest, option, &ciphertext.beta)?]);
            }
            contests.push(pairs);
        }
        Ok(VerifiedBallot { election: self.election, contests })
    }

    /// Tests the seal of a challenged ballot: every ciphertext is what its opening makes, and together they are a choice that
    /// the contests allow. Who shows the opening proves what the ballot would have said.
    ///
    /// # Errors
    /// [`OpeningError`] naming the place.
    pub fn open(&self, ballot: &Ballot, opening: &BallotOpening) -> Result<Vec<Selection>, OpeningError> {
        seal::open((&self.election, &self.key, &self.contests), ballot, opening)
    }

    /// H_E.
    #[must_use]
    pub const fn election(&self) -> &SealedHash {
        &self.election
    }

    /// What its ballots name as their context.
    #[must_use]
    pub const fn context(&self) -> Digest {
        self.context
    }

    /// The contests.
    #[must_use]
    pub fn contests(&self) -> &[SealedContest] {
        &self.contests
    }

    /// The sealed selections, if they are of this election and have the form that it demands.
    fn check_frame<'b>(&self, ballot: &'b Ballot) -> Result<Vec<&'b SealedSelection>, BallotRefusal> {
        if ballot.context != self.context {
            return Err(BallotRefusal::Election);
        }
        if ballot.selections.len() != self.contests.len() {
            return Err(BallotRefusal::Contests { actual: ballot.selections.len(), expected: self.contests.len() });
        }
        let sealed = sealed_selections(ballot)?;
        for (contest, (selection, rules)) in (0..).zip(sealed.iter().zip(&self.contests)) {
            check_form(contest, selection, rules)?;
        }
        Ok(sealed)
    }

    /// Everything but the equations: form, points, and challenges. Each point is decompressed here, once.
    fn decode(&self, ballot: &Ballot) -> Result<Decoded, BallotRefusal> {
        self.decode_with(ballot, &Point::decode)
    }

    /// The same with another way to read commitments.
    fn decode_with(&self, ballot: &Ballot, read: &Read) -> Result<Decoded, BallotRefusal> {
        let sealed = self.check_frame(ballot)?;
        let hash = proof_hash(&self.election, &ballot.voter, ballot.sequence);
        let contests = (0..).zip(sealed.into_iter().zip(&self.contests));
        let contests = contests.map(|(contest, (selection, rules))| self.decode_contest(&hash, contest, selection, rules, read));
        Ok(Decoded { election: self.election, contests: contests.collect::<Result<_, _>>()? })
    }

    fn decode_contest(
        &self,
        ballot: &SealedHash,
        contest: u16,
        selection: &SealedSelection,
        rules: &SealedContest,
        read: &Read,
    ) -> Result<DecodedContest, BallotRefusal> {
        let mut ciphertexts = Vec::with_capacity(selection.options.len());
        let mut proofs = Vec::with_capacity(selection.options.len() + 1);
        for (option, sealed) in (0..).zip(&selection.options) {
            let part = Part::Option(option);
            let refused = |reason| BallotRefusal::Point { contest, part, reason };
            let Ciphertext { alpha, beta } = &sealed.ciphertext;
            ciphertexts.push([alpha.decode_key().map_err(refused)?, beta.decode_key().map_err(refused)?]);
            let statement = option_statement(ballot, contest, option, rules.max_value(option.into()), &self.key.bytes);
            proofs.push(decode_proof(contest, part, statement.point(alpha).point(beta), &sealed.range, 0, read)?);
        }
        if let Some((proof, limit)) = selection.limit.as_ref().zip(rules.limit()) {
            let statement = limit_statement(ballot, contest, *limit.start(), *limit.end(), &self.key.bytes);
            let pairs = selection.options.iter().flat_map(|option| [&option.ciphertext.alpha, &option.ciphertext.beta]);
            proofs.push(decode_proof(contest, Part::Limit, statement.points(pairs), proof, *limit.start(), read)?);
        }
        let weights = (0..ciphertexts.len()).map(|option| Exponent::from(rules.limit_weight(option))).collect();
        Ok(DecodedContest { contest, ciphertexts, weights, proofs })
    }

    /// The equations, one by one.
    fn check(&self, decoded: &Decoded) -> Result<(), BallotRefusal> {
        for (contest, proof, [alpha, beta]) in decoded.statements() {
            let holds = |(branch, value): (&DecodedBranch, u32)| {
                let DecodedBranch { a, b, c, v } = branch;
                self.key.public_sum(*v, Exponent::ZERO, *c, alpha) == *a
                    && self.key.public_sum(-c * Exponent::from(value), *v, *c, beta) == *b
            };
            if !proof.branches.iter().zip(proof.low..).all(holds) {
                return Err(BallotRefusal::Proof { contest, part: proof.part });
            }
        }
        Ok(())
    }

    /// The equations, weighted and added up. Commitments get the weights as they are, which are short, and everything
    /// else the negative: short scalars are half the work.
    fn weigh(&self, decoded: &Decoded, sums: &mut Sums, rng: &mut impl CryptoRng) {
        let (start, mut g, mut k) = (sums.scalars.len(), Exponent::ZERO, Exponent::ZERO);
        for contest in &decoded.contests {
            let mut on_ciphertexts = vec![[Exponent::ZERO; 2]; contest.ciphertexts.len()];
            for (at, proof) in contest.proofs.iter().enumerate() {
                let (mut on_alpha, mut on_beta) = (Exponent::ZERO, Exponent::ZERO);
                for (DecodedBranch { a, b, c, v }, value) in proof.branches.iter().zip(proof.low..) {
                    let [first, second] = [weight(rng), weight(rng)];
                    let weighted = second * c;
                    sums.push(first, *a);
                    sums.push(second, *b);
                    on_alpha -= first * c;
                    on_beta -= weighted;
                    g += weighted * Exponent::from(value) - first * v;
                    k -= second * v;
                }
                match on_ciphertexts.get_mut(at) {
                    Some([alpha, beta]) => (*alpha, *beta) = (*alpha + on_alpha, *beta + on_beta),
                    None => {
                        for ([alpha, beta], weight) in on_ciphertexts.iter_mut().zip(&contest.weights) {
                            (*alpha, *beta) = (*alpha + on_alpha * weight, *beta + on_beta * weight);
                        }
                    }
                }
            }
            for ([on_alpha, on_beta], [alpha, beta]) in on_ciphertexts.into_iter().zip(&contest.ciphertexts) {
                sums.push(on_alpha, *alpha);
                sums.push(on_beta, *beta);
            }
        }
        sums.ballots.push(BallotSum { g, k, terms: start..sums.scalars.len() });
    }
}

/// 128 random bits.
fn weight(rng: &mut impl CryptoRng) -> Exponent {
    let mut bytes = [0; 16];
    rng.fill_bytes(&mut bytes);
    Exponent::from(u128::from_le_bytes(bytes))
}

/// As many options and branches as the contest has, and a limit where it has one.
fn check_form(contest: u16, selection: &SealedSelection, rules: &SealedContest) -> Result<(), BallotRefusal> {
    let (actual, expected) = (selection.options.len(), rules.ciphertexts());
    if actual != expected {
        return Err(BallotRefusal::Options { contest, actual, expected });
    }
    for (option, sealed) in (0..).zip(&selection.options) {
        if sealed.range.branches.len() != usize::from(rules.max_value(option.into())) + 1 {
            return Err(BallotRefusal::Form { contest, part: Part::Option(option) });
        }
    }
    let expected = rules.limit().map(|limit| (limit.end() - limit.start()) as usize + 1);
    if selection.limit.as_ref().map(|proof| proof.branches.len()) != expected {
        return Err(BallotRefusal::Form { contest, part: Part::Limit });
    }
    Ok(())
}

/// How commitments are read.
type Read = dyn Fn(&Point) -> Result<RistrettoPoint, PointError>;

fn decode_proof(
    contest: u16,
    part: Part,
    statement: Transcript,
    proof: &RangeProof,
    low: u32,
    read: &Read,
) -> Result<DecodedProof, BallotRefusal> {
    let refused = |reason| BallotRefusal::Point { contest, part, reason };
    let commitments = proof.branches.iter().flat_map(|branch| [&branch.a, &branch.b]);
    let challenges: Exponent = proof.branches.iter().map(|branch| branch.challenge.0).sum();
    let decode = |Branch { a, b, challenge, response }: &Branch| {
        let (a, b) = (read(a).map_err(refused)?, read(b).map_err(refused)?);
        Ok(DecodedBranch { a, b, c: challenge.0, v: response.0 })
    };
    let branches = proof.branches.iter().map(decode).collect::<Result<_, _>>()?;
    if statement.points(commitments).challenge() != challenges {
        return Err(BallotRefusal::Proof { contest, part });
    }
    Ok(DecodedProof { part, low, branches })
}

/// A ballot whose form, points and challenges are right.
struct Decoded {
    election: SealedHash,
    contests: Vec<DecodedContest>,
}

struct DecodedContest {
    contest: u16,
    ciphertexts: Vec<[RistrettoPoint; 2]>,
    /// What each ciphertext counts for in the limit.
    weights: Vec<Exponent>,
    /// One per ciphertext, then perhaps the limit's.
    proofs: Vec<DecodedProof>,
}

impl Decoded {
    /// Every proof with its contest and the ciphertext it is about, in order.
    fn statements(&self) -> impl Iterator<Item = (u16, &DecodedProof, [RistrettoPoint; 2])> {
        let of =
            |contest: &'_ DecodedContest, at: usize| contest.ciphertexts.get(at).copied().unwrap_or_else(|| contest.weighted_sum());
        let proofs = self.contests.iter().flat_map(|contest| contest.proofs.iter().enumerate().map(move |proof| (contest, proof)));
        proofs.map(move |(contest, (at, proof))| (contest.contest, proof, of(contest, at)))
    }
}

impl DecodedContest {
    fn weighted_sum(&self) -> [RistrettoPoint; 2] {
        let weighted = |part: usize| {
            let points = self.ciphertexts.iter().map(|ciphertext| ciphertext[part]);
            let terms = self.weights.iter().zip(points);
            terms.map(|(weight, point)| if *weight == Exponent::ONE { point } else { weight * point }).sum()
        };
        [weighted(0), weighted(1)]
    }
}

struct DecodedProof {
    part: Part,
    low: u32,
    branches: Vec<DecodedBranch>,
}

struct DecodedBranch {
    a: RistrettoPoint,
    b: RistrettoPoint,
    c: Exponent,
    v: Exponent,
}

impl From<Decoded> for VerifiedBallot {
    fn from(decoded: Decoded) -> Self {
        let contests = decoded.contests.into_iter().map(|contest| contest.ciphertexts).collect();
        Self { election: decoded.election, contests }
    }
}

/// The weighted equations of a batch: what G, K and every other point are multiplied with.
#[derive(Default)]
struct Sums {
    ballots: Vec<BallotSum>,
    scalars: Vec<Exponent>,
    points: Vec<RistrettoPoint>,
}

/// One ballot's part.
struct BallotSum {
    /// What it multiplies G with.
    g: Exponent,
    /// What it multiplies K with.
    k: Exponent,
    /// Where its other terms stand.
    terms: Range<usize>,
}

impl Sums {
    fn push(&mut self, scalar: Exponent, point: RistrettoPoint) {
        self.scalars.push(scalar);
        self.points.push(point);
    }
}
