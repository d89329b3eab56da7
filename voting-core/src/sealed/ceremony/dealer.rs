//! What a trustee does in a ceremony.

use std::fmt;

use zeroize::Zeroizing;

use super::CeremonySetup;
use super::error::DealerError;
use super::message::{CeremonyMessage, OpenedShare, SignedMessage, Step};
use super::proof::{Place, ProvenPoint};
use super::share::Route;
use super::state::{Ceremony, CeremonyPhase, commitment};
use crate::crypto::SigningKey;
use crate::ids::Digest;
use crate::sealed::group::{Exponent, Point, Scalar};
use crate::sealed::transcript::{SealedHash, Transcript};
use crate::sealed::trustee::ShareOfKey;

/// A trustee with its secrets. Everything that it draws comes from one secret seed of 32 bytes and the ceremony, so that it can be
/// stopped, made again from the seed, and say the same again.
///
/// A seed serves one ceremony. After it, the seed is to be destroyed: what a trustee keeps is its [`ShareOfKey`].
pub struct Dealer {
    ceremony: SealedHash,
    index: u16,
    key: SigningKey,
    seed: Zeroizing<[u8; 32]>,
    /// a_i0 … a_i,t−1
    polynomial: Zeroizing<Vec<Exponent>>,
    transport: Zeroizing<Exponent>,
    coefficients: Vec<ProvenPoint>,
    transport_key: ProvenPoint,
}

/// What a seed is used for.
#[derive(Clone, Copy)]
enum Purpose {
    Coefficient,
    Transport,
    Nonce,
    Ephemeral,
}

fn derive(ceremony: &SealedHash, seed: &[u8; 32], purpose: Purpose, number: u16) -> Zeroizing<Exponent> {
    let tag = match purpose {
        Purpose::Coefficient => "voting/sealed-dealer-coefficient/v1",
        Purpose::Transport => "voting/sealed-dealer-transport/v1",
        Purpose::Nonce => "voting/sealed-dealer-nonce/v1",
        Purpose::Ephemeral => "voting/sealed-dealer-ephemeral/v1",
    };
    Zeroizing::new(Transcript::new(tag).bytes(seed).hash_of(ceremony).u16(number).challenge())
}

impl Dealer {
    /// The trustee that signs with this key. The seed is secret and random.
    ///
    /// # Errors
    /// [`DealerError::Setup`], or [`DealerError::NotATrustee`].
    pub fn new(setup: &CeremonySetup, key: SigningKey, seed: [u8; 32]) -> Result<Self, DealerError> {
        setup.check()?;
        let seed = Zeroizing::new(seed);
        let public = key.public();
        let place = setup.trustees.iter().position(|trustee| *trustee == public).ok_or(DealerError::NotATrustee)?;
        let (index, ceremony, threshold) = (place as u16 + 1, setup.hash(), setup.parameters.threshold);
        let draw = |purpose, number| derive(&ceremony, &seed, purpose, number);
        let polynomial: Zeroizing<Vec<_>> = Zeroizing::new((0..threshold).map(|j| *draw(Purpose::Coefficient, j)).collect());
        let transport = draw(Purpose::Transport, 0);
        let prove = |coefficient: Option<u16>, x: &Exponent| {
            let nonce = draw(Purpose::Nonce, coefficient.unwrap_or(threshold));
            ProvenPoint::prove(&ceremony, Place { trustee: index, coefficient }, x, &nonce)
        };
        let coefficients = (0..).zip(polynomial.iter()).map(|(j, a)| prove(Some(j), a)).collect();
        let transport_key = prove(None, &transport);
        Ok(Self { ceremony, index, key, polynomial, transport, coefficients, transport_key, seed })
    }

    /// The trustee that signs with this key, whose seed is drawn from the key itself: who keeps the key and finds the ceremony on
    /// the ledger needs no other backup.
    ///
    /// # Errors
    /// As [`Dealer::new`].
    pub fn of_key(setup: &CeremonySetup, key: SigningKey) -> Result<Self, DealerError> {
        let secret = Zeroizing::new(key.to_seed());
        let seed = Zeroizing::new(Digest::of_parts("voting/sealed-dealer-seed/v1", &[secret.as_slice()]).0);
        Self::new(setup, key, *seed)
    }

    /// What this trustee has to say now; none if the ceremony does not wait for it.
    ///
    /// # Errors
    /// [`DealerError`].
    pub fn next_step(&self, ceremony: &Ceremony) -> Result<Option<SignedMessage>, DealerError> {
        if !ceremony.missing().contains(&self.index) {
            self.expect(ceremony, ceremony.phase())?;
            return Ok(None);
        }
        match ceremony.phase() {
            CeremonyPhase::Commit if *ceremony.hash() == self.ceremony => Ok(Some(self.commit())),
            CeremonyPhase::Commit => Err(DealerError::OtherCeremony),
            CeremonyPhase::Reveal => self.reveal(ceremony).map(Some),
            CeremonyPhase::Deal => self.deal(ceremony).map(Some),
            CeremonyPhase::Check => self.check(ceremony).map(Some),
            CeremonyPhase::Open => self.open(ceremony),
            CeremonyPhase::Sign => self.sign(ceremony).map(Some),
            CeremonyPhase::Done => Ok(None),
        }
    }

    /// i, from 1.
    #[must_use]
    pub const fn index(&self) -> u16 {
        self.index
    }

    fn say(&self, step: Step) -> SignedMessage {
        CeremonyMessage { ceremony: self.ceremony, trustee: self.index, step }.sign(&self.key)
    }

    fn expect(&self, ceremony: &Ceremony, phase: CeremonyPhase) -> Result<(), DealerError> {
        if *ceremony.hash() != self.ceremony {
            return Err(DealerError::OtherCeremony);
        }
        if !ceremony.active().contains(&self.index) {
            return Err(DealerError::Excluded);
        }
        if ceremony.phase() == phase { Ok(()) } else { Err(DealerError::Phase(ceremony.phase())) }
    }

    /// Commits to the points, before anyone shows theirs.
    #[must_use]
    pub fn commit(&self) -> SignedMessage {
        let points: Vec<Point> = self.coefficients.iter().map(|proven| proven.point).collect();
        self.say(Step::Commit(commitment(&self.ceremony, self.index, &points, &self.transport_key.point)))
    }

    /// Shows the points, once all have committed to theirs.
    ///
    /// # Errors
    /// [`DealerError`].
    pub fn reveal(&self, ceremony: &Ceremony) -> Result<SignedMessage, DealerError> {
        self.expect(ceremony, CeremonyPhase::Reveal)?;
        Ok(self.say(Step::Reveal { coefficients: self.coefficients.clone(), transport: self.transport_key }))
    }

    /// A share for every other trustee that is left.
    ///
    /// # Errors
    /// [`DealerError`].
    pub fn deal(&self, ceremony: &Ceremony) -> Result<SignedMessage, DealerError> {
        self.expect(ceremony, CeremonyPhase::Deal)?;
        let others = ceremony.active().iter().copied().filter(|other| *other != self.index);
        let seal = |recipient: u16| {
            let (transport, element) = ceremony.transport(recipient)?;
            let e = derive(&self.ceremony, &self.seed, Purpose::Ephemeral, recipient);
            let route = Route { ceremony: &self.ceremony, dealer: self.index, recipient, transport };
            Some(route.seal(&self.share_for(recipient), &e, element))
        };
        Ok(self.say(Step::Deal(others.filter_map(seal).collect())))
    }

    /// f_i(l).
    fn share_for(&self, recipient: u16) -> Zeroizing<Exponent> {
        let at = Exponent::from(recipient);
        Zeroizing::new(self.polynomial.iter().rev().fold(Exponent::ZERO, |sum, coefficient| sum * at + coefficient))
    }

    /// f_i(l) from dealer i, if it was dealt or opened and fits the dealer's commitments.
    fn share_from(&self, ceremony: &Ceremony, dealer: u16) -> Option<Zeroizing<Exponent>> {
        if dealer == self.index {
            return Some(self.share_for(self.index));
        }
        let route =
            || Some(Route { ceremony: &self.ceremony, dealer, recipient: self.index, transport: &self.transport_key.point });
        let dealt = || route()?.open(ceremony.dealt(dealer, self.index)?, &self.transport);
        let opened = ceremony.opened(dealer, self.index).map(|share| Zeroizing::new(share.0));
        opened.or_else(dealt).filter(|share| ceremony.share_fits(dealer, self.index, share))
    }

    /// Decrypts the shares and complains of those that do not fit.
    ///
    /// # Errors
    /// [`DealerError`].
    pub fn check(&self, ceremony: &Ceremony) -> Result<SignedMessage, DealerError> {
        self.expect(ceremony, CeremonyPhase::Check)?;
        let dealers = ceremony.active().iter().copied();
        Ok(self.say(Step::Check(dealers.filter(|dealer| self.share_from(ceremony, *dealer).is_none()).collect())))
    }

    /// Shows the shares that others complain about; `None` if nobody does.
    ///
    /// # Errors
    /// [`DealerError`].
    pub fn open(&self, ceremony: &Ceremony) -> Result<Option<SignedMessage>, DealerError> {
        self.expect(ceremony, CeremonyPhase::Open)?;
        let open = |recipient| OpenedShare { recipient, share: Scalar(*self.share_for(recipient)) };
        let shares: Vec<_> = ceremony.complainers(self.index).into_iter().map(open).collect();
        Ok((!shares.is_empty()).then(|| self.say(Step::Open(shares))))
    }

    /// Signs the transcript, having all its shares.
    ///
    /// # Errors
    /// [`DealerError`].
    pub fn sign(&self, ceremony: &Ceremony) -> Result<SignedMessage, DealerError> {
        self.expect(ceremony, CeremonyPhase::Sign)?;
        self.add_up(ceremony)?;
        Ok(self.say(Step::Sign(ceremony.transcript())))
    }

    /// This trustee's share of the key, once all have signed.
    ///
    /// # Errors
    /// [`DealerError`].
    pub fn finish(&self, ceremony: &Ceremony) -> Result<ShareOfKey, DealerError> {
        self.expect(ceremony, CeremonyPhase::Done)?;
        Ok(ShareOfKey::new(ceremony.transcript(), self.index, self.add_up(ceremony)?))
    }

    /// z_l = Σ f_i(l).
    fn add_up(&self, ceremony: &Ceremony) -> Result<Zeroizing<Exponent>, DealerError> {
        let mut sum = Zeroizing::new(Exponent::ZERO);
        for dealer in ceremony.active() {
            *sum += *self.share_from(ceremony, *dealer).ok_or(DealerError::Share { dealer: *dealer })?;
        }
        Ok(sum)
    }
}

impl fmt::Debug for Dealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dealer({} of {:?})", self.index, self.ceremony)
    }
}
