//! The ceremony as everyone sees it: a state machine over signed messages.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use borsh::BorshSerialize;
use curve25519_dalek::ristretto::RistrettoPoint;
use curve25519_dalek::traits::{Identity as _, IsIdentity as _};
use serde::{Deserialize, Serialize};

use super::error::{CeremonyRefusal, SetupError};
use super::message::{CeremonyRecord, EncryptedShare, OpenedShare, RecordEvent, SignedMessage, Step};
use super::proof::{Place, ProvenPoint};
use super::{CeremonySetup, message::CeremonyMessage};
use crate::codec::{Canonical as _, encode};
use crate::crypto::Signature;
use crate::sealed::group::{Exponent, Point, Scalar};
use crate::sealed::key::times_base;
use crate::sealed::params::Parameters;
use crate::sealed::transcript::{SealedHash, Transcript};
use crate::sealed::trustee::TrusteeKey;

/// Where a ceremony stands: what it waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CeremonyPhase {
    /// Commitments.
    Commit,
    /// The points committed to.
    Reveal,
    /// Encrypted shares.
    Deal,
    /// Complaints, or that there are none.
    Check,
    /// Shares complained about.
    Open,
    /// Signatures of the transcript.
    Sign,
    /// Nothing: there is a key.
    Done,
}

impl fmt::Display for CeremonyPhase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Commit => "commit",
            Self::Reveal => "reveal",
            Self::Deal => "deal",
            Self::Check => "check",
            Self::Open => "open",
            Self::Sign => "sign",
            Self::Done => "done",
        })
    }
}

/// What a ceremony gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CeremonyOutcome {
    /// t and n as they began.
    pub parameters: Parameters,
    /// K.
    pub key: Point,
    /// Hash of the transcript, signed by all who are left.
    pub transcript: SealedHash,
    /// Z_l of every trustee that is left, ascending.
    pub trustees: Vec<TrusteeKey>,
}

/// The points of one trustee, verified.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Revealed {
    coefficients: Vec<ProvenPoint>,
    transport: ProvenPoint,
    elements: Vec<RistrettoPoint>,
    transport_element: RistrettoPoint,
}

/// A ceremony as everyone sees it. Whatever order the messages of a phase come in, the outcome is the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ceremony {
    setup: CeremonySetup,
    hash: SealedHash,
    phase: CeremonyPhase,
    /// Those left.
    active: BTreeSet<u16>,
    commitments: BTreeMap<u16, SealedHash>,
    revealed: BTreeMap<u16, Revealed>,
    dealt: BTreeMap<u16, Vec<EncryptedShare>>,
    /// Complaints by who makes them.
    complaints: BTreeMap<u16, Vec<u16>>,
    opened: BTreeMap<u16, Vec<OpenedShare>>,
    signatures: BTreeMap<u16, Signature>,
    events: Vec<RecordEvent>,
}

impl Ceremony {
    /// A ceremony that nobody has said anything in.
    ///
    /// # Errors
    /// [`SetupError`].
    pub fn new(setup: CeremonySetup) -> Result<Self, SetupError> {
        setup.check()?;
        Ok(Self {
            hash: setup.hash(),
            phase: CeremonyPhase::Commit,
            active: (1..=setup.parameters.trustees).collect(),
            setup,
            commitments: BTreeMap::new(),
            revealed: BTreeMap::new(),
            dealt: BTreeMap::new(),
            complaints: BTreeMap::new(),
            opened: BTreeMap::new(),
            signatures: BTreeMap::new(),
            events: Vec::new(),
        })
    }

    /// Replays a whole ceremony.
    ///
    /// # Errors
    /// The place of the first event that is refused, and why. The setup counts as the first of them.
    pub fn replay(record: &CeremonyRecord) -> Result<Self, (usize, ReplayError)> {
        let mut ceremony = Self::new(record.setup.clone()).map_err(|reason| (0, ReplayError::Setup(reason)))?;
        for (at, event) in record.events.iter().enumerate() {
            let done = match event {
                RecordEvent::Message(message) => ceremony.apply(message),
                RecordEvent::Close => ceremony.close(),
            };
            done.map_err(|reason| (at + 1, ReplayError::Event(reason)))?;
        }
        Ok(ceremony)
    }

    /// Takes a message, or refuses it and changes nothing. When the last message of a phase is in, the next one begins.
    ///
    /// # Errors
    /// [`CeremonyRefusal`] naming the culprit.
    pub fn apply(&mut self, signed: &SignedMessage) -> Result<CeremonyPhase, CeremonyRefusal> {
        use CeremonyRefusal as R;
        let CeremonyMessage { ceremony, trustee, step } = &signed.message;
        let trustee = *trustee;
        if *ceremony != self.hash {
            return Err(R::OtherCeremony);
        }
        let key = usize::from(trustee).checked_sub(1).and_then(|at| self.setup.trustees.get(at));
        let key = key.ok_or(R::UnknownTrustee { trustee })?;
        if !key.verify(&signed.message.to_tagged(), &signed.signature) {
            return Err(R::Signature { trustee });
        }
        if !self.active.contains(&trustee) {
            return Err(R::Excluded { trustee });
        }
        let mut next = self.clone();
        let first = match (self.phase, step) {
            (CeremonyPhase::Commit, Step::Commit(hash)) => next.commitments.insert(trustee, *hash).is_none(),
            (CeremonyPhase::Reveal, Step::Reveal { coefficients, transport }) => {
                let revealed = self.reveal(trustee, coefficients, transport)?;
                next.revealed.insert(trustee, revealed).is_none()
            }
            (CeremonyPhase::Deal, Step::Deal(shares)) => {
                self.check_recipients(trustee, shares)?;
                next.dealt.insert(trustee, shares.clone()).is_none()
            }
            (CeremonyPhase::Check, Step::Check(dealers)) => {
                self.check_complaints(trustee, dealers)?;
                next.complaints.insert(trustee, dealers.clone()).is_none()
            }
            (CeremonyPhase::Open, Step::Open(shares)) => {
                self.check_openings(trustee, shares)?;
                next.opened.insert(trustee, shares.clone()).is_none()
            }
            (CeremonyPhase::Sign, Step::Sign(transcript)) if *transcript != self.transcript() => {
                return Err(R::Transcript { trustee });
            }
            (CeremonyPhase::Sign, Step::Sign(_)) => next.signatures.insert(trustee, signed.signature).is_none(),
            _ => return Err(R::Phase { trustee, phase: self.phase }),
        };
        if !first {
            return Err(R::Twice { trustee });
        }
        next.events.push(RecordEvent::Message(Box::new(signed.clone())));
        if next.missing().is_empty() {
            next.advance()?;
        }
        *self = next;
        Ok(self.phase)
    }

    /// Ends the phase: who has not delivered is left out.
    ///
    /// # Errors
    /// [`CeremonyRefusal::TooFew`] when fewer than t would be left, [`CeremonyRefusal::Unsigned`] when signatures are missing: all who are
    /// left must sign. Nothing changes then; the ceremony can wait, or be given up.
    pub fn close(&mut self) -> Result<CeremonyPhase, CeremonyRefusal> {
        let missing = self.missing();
        match self.phase {
            CeremonyPhase::Done => return Ok(self.phase),
            CeremonyPhase::Sign => return Err(CeremonyRefusal::Unsigned { missing: missing.into_iter().collect() }),
            _ => {}
        }
        let mut next = self.clone();
        next.active.retain(|trustee| !missing.contains(trustee));
        next.events.push(RecordEvent::Close);
        next.advance()?;
        *self = next;
        Ok(self.phase)
    }

    /// Whom the phase waits for.
    #[must_use]
    pub fn missing(&self) -> BTreeSet<u16> {
        let lacks = |delivered: &dyn Fn(&u16) -> bool| self.active.iter().copied().filter(|trustee| !delivered(trustee)).collect();
        match self.phase {
            CeremonyPhase::Commit => lacks(&|trustee| self.commitments.contains_key(trustee)),
            CeremonyPhase::Reveal => lacks(&|trustee| self.revealed.contains_key(trustee)),
            CeremonyPhase::Deal => lacks(&|trustee| self.dealt.contains_key(trustee)),
            CeremonyPhase::Check => lacks(&|trustee| self.complaints.contains_key(trustee)),
            CeremonyPhase::Open => lacks(&|dealer| self.complainers(*dealer).is_empty() || self.opened.contains_key(dealer)),
            CeremonyPhase::Sign => lacks(&|trustee| self.signatures.contains_key(trustee)),
            CeremonyPhase::Done => BTreeSet::new(),
        }
    }

    /// Goes to the next phase that waits for somebody.
    fn advance(&mut self) -> Result<(), CeremonyRefusal> {
        self.phase = match self.phase {
            CeremonyPhase::Commit => CeremonyPhase::Reveal,
            CeremonyPhase::Reveal => CeremonyPhase::Deal,
            CeremonyPhase::Deal => CeremonyPhase::Check,
            CeremonyPhase::Check => {
                let needed = usize::from(self.setup.parameters.threshold);
                let accused: Vec<u16> =
                    self.active.iter().copied().filter(|dealer| self.complainers(*dealer).len() >= needed).collect();
                self.active.retain(|trustee| !accused.contains(trustee));
                CeremonyPhase::Open
            }
            CeremonyPhase::Open => CeremonyPhase::Sign,
            CeremonyPhase::Sign | CeremonyPhase::Done => CeremonyPhase::Done,
        };
        let needed = self.setup.parameters.threshold;
        if self.active.len() < usize::from(needed) {
            return Err(CeremonyRefusal::TooFew { left: self.active.len(), needed });
        }
        if self.phase == CeremonyPhase::Open && self.missing().is_empty() {
            self.phase = CeremonyPhase::Sign;
        }
        if self.phase == CeremonyPhase::Sign && self.key().is_identity() {
            return Err(CeremonyRefusal::NoKey);
        }
        Ok(())
    }

    /// Those left who complain of a dealer that is left.
    pub(super) fn complainers(&self, dealer: u16) -> Vec<u16> {
        let complains = |(by, of): (&u16, &Vec<u16>)| (self.active.contains(by) && of.contains(&dealer)).then_some(*by);
        self.complaints.iter().filter_map(complains).collect()
    }

    fn reveal(&self, trustee: u16, coefficients: &[ProvenPoint], transport: &ProvenPoint) -> Result<Revealed, CeremonyRefusal> {
        let (actual, expected) = (coefficients.len(), self.setup.parameters.threshold);
        if actual != usize::from(expected) {
            return Err(CeremonyRefusal::Coefficients { trustee, actual, expected });
        }
        let points: Vec<Point> = coefficients.iter().map(|proven| proven.point).collect();
        if self.commitments.get(&trustee) != Some(&commitment(&self.hash, trustee, &points, &transport.point)) {
            return Err(CeremonyRefusal::Commitment { trustee });
        }
        let verify = |(j, proven): (u16, &ProvenPoint)| proven.verify(&self.hash, Place { trustee, coefficient: Some(j) });
        let elements = (0..).zip(coefficients).map(verify).collect::<Result<_, _>>()?;
        let transport_element = transport.verify(&self.hash, Place { trustee, coefficient: None })?;
        Ok(Revealed { coefficients: coefficients.to_vec(), transport: *transport, elements, transport_element })
    }

    fn check_recipients(&self, trustee: u16, shares: &[EncryptedShare]) -> Result<(), CeremonyRefusal> {
        let others = self.active.iter().filter(|other| **other != trustee);
        if !others.eq(shares.iter().map(|share| &share.recipient)) {
            return Err(CeremonyRefusal::Recipients { trustee });
        }
        let identity = shares.iter().find_map(|share| share.ephemeral.decode_key().err());
        identity.map_or(Ok(()), |reason| Err(CeremonyRefusal::Point { trustee, reason }))
    }

    fn check_complaints(&self, trustee: u16, dealers: &[u16]) -> Result<(), CeremonyRefusal> {
        let ascending = dealers.windows(2).all(|pair| pair[0] < pair[1]);
        let there = dealers.iter().all(|dealer| *dealer != trustee && self.active.contains(dealer));
        if ascending && there { Ok(()) } else { Err(CeremonyRefusal::Complaints { trustee }) }
    }

    fn check_openings(&self, trustee: u16, shares: &[OpenedShare]) -> Result<(), CeremonyRefusal> {
        let asked = self.complainers(trustee);
        if asked.is_empty() || !asked.iter().eq(shares.iter().map(|share| &share.recipient)) {
            return Err(CeremonyRefusal::Openings { trustee });
        }
        let wrong = shares.iter().find(|share| !self.share_fits(trustee, share.recipient, &share.share.0));
        wrong.map_or(Ok(()), |share| Err(CeremonyRefusal::Share { trustee, recipient: share.recipient }))
    }

    /// Whether f_i(l)G = Σ lʲ C_ij.
    pub(super) fn share_fits(&self, dealer: u16, recipient: u16, share: &Exponent) -> bool {
        let revealed = self.revealed.get(&dealer);
        revealed.is_some_and(|revealed| times_base(share) == evaluate(&revealed.elements, recipient))
    }

    /// K.
    fn key(&self) -> RistrettoPoint {
        self.qualified().filter_map(|revealed| revealed.elements.first()).sum()
    }

    fn qualified(&self) -> impl Iterator<Item = &Revealed> {
        self.active.iter().filter_map(|trustee| self.revealed.get(trustee))
    }

    /// The hash that trustees sign: everything said before, by trustee, and who is left.
    #[must_use]
    pub fn transcript(&self) -> SealedHash {
        let revealed: BTreeMap<u16, (&Vec<ProvenPoint>, &ProvenPoint)> =
            self.revealed.iter().map(|(trustee, points)| (*trustee, (&points.coefficients, &points.transport))).collect();
        fn input<T: BorshSerialize>(hash: Transcript, value: &T) -> Transcript {
            hash.bytes(&encode(value))
        }
        let hash = Transcript::new("voting/sealed-transcript/v1").hash_of(&self.hash);
        let hash = input(input(hash, &self.commitments), &revealed);
        let hash = input(input(hash, &self.dealt), &self.complaints);
        input(input(hash, &self.opened), &self.active).hash()
    }

    /// What came of it, once all have signed.
    #[must_use]
    pub fn outcome(&self) -> Option<CeremonyOutcome> {
        if self.phase != CeremonyPhase::Done {
            return None;
        }
        let threshold = usize::from(self.setup.parameters.threshold);
        let sum = |j: usize| self.qualified().filter_map(|revealed| revealed.elements.get(j)).sum::<RistrettoPoint>();
        let sums: Vec<RistrettoPoint> = (0..threshold).map(sum).collect();
        let key = |index: u16| TrusteeKey { index, public: Point::of(&evaluate(&sums, index)) };
        Some(CeremonyOutcome {
            parameters: self.setup.parameters,
            key: Point::of(&self.key()),
            transcript: self.transcript(),
            trustees: self.active.iter().copied().map(key).collect(),
        })
    }

    /// The whole ceremony so far, to be replayed.
    #[must_use]
    pub fn record(&self) -> CeremonyRecord {
        CeremonyRecord { setup: self.setup.clone(), events: self.events.clone() }
    }

    /// Where it stands.
    #[must_use]
    pub const fn phase(&self) -> CeremonyPhase {
        self.phase
    }

    /// H_C.
    #[must_use]
    pub const fn hash(&self) -> &SealedHash {
        &self.hash
    }

    /// The trustees that are left, ascending.
    #[must_use]
    pub const fn active(&self) -> &BTreeSet<u16> {
        &self.active
    }

    /// κ of a trustee, once revealed.
    pub(super) fn transport(&self, trustee: u16) -> Option<(&Point, &RistrettoPoint)> {
        self.revealed.get(&trustee).map(|revealed| (&revealed.transport.point, &revealed.transport_element))
    }

    /// The encrypted share of a dealer for a recipient.
    pub(super) fn dealt(&self, dealer: u16, recipient: u16) -> Option<&EncryptedShare> {
        self.dealt.get(&dealer)?.iter().find(|share| share.recipient == recipient)
    }

    /// The share that a dealer opened for a recipient.
    pub(super) fn opened(&self, dealer: u16, recipient: u16) -> Option<&Scalar> {
        self.opened.get(&dealer)?.iter().find(|share| share.recipient == recipient).map(|share| &share.share)
    }
}

/// Why a record cannot be replayed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The setup is not usable.
    #[error(transparent)]
    Setup(SetupError),
    /// An event is refused.
    #[error(transparent)]
    Event(CeremonyRefusal),
}

/// H(C_i*, κ_i), bound to ceremony and trustee.
pub(super) fn commitment(ceremony: &SealedHash, trustee: u16, coefficients: &[Point], transport: &Point) -> SealedHash {
    let hash = Transcript::new("voting/sealed-commitment/v1").hash_of(ceremony).u16(trustee);
    hash.joined(coefficients.iter()).point(transport).hash()
}

/// Σ lʲ C_j, by Horner's rule.
fn evaluate(coefficients: &[RistrettoPoint], at: u16) -> RistrettoPoint {
    let at = Exponent::from(at);
    coefficients.iter().rev().fold(RistrettoPoint::identity(), |sum, coefficient| at * sum + coefficient)
}
