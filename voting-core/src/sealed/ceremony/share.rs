//! Shares on their way: hashed ElGamal (ECIES) over Ristretto255 with HKDF-SHA-512 and ChaCha20-Poly1305 (RFC 5869, RFC 8439).
//!
//! ```text
//! E = eG      key = HKDF(salt: none, secret: e·κ_l, info: prefix("voting/sealed-share-key/v1") ‖ H_C ‖ u16 i ‖ u16 l ‖ E ‖ κ_l), 32 bytes
//! sealed = ChaCha20-Poly1305(key, nonce 0, plaintext f_i(l), associated data H_C ‖ u16 i ‖ u16 l)
//! ```
//!
//! A key encrypts one message, so its nonce may be constant.

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};
use curve25519_dalek::ristretto::RistrettoPoint;
use hkdf::Hkdf;
use sha2::Sha512;
use zeroize::Zeroizing;

use super::message::EncryptedShare;
use crate::codec::tag_prefix;
use crate::sealed::group::{Exponent, Point, Scalar};
use crate::sealed::key::times_base;
use crate::sealed::transcript::SealedHash;

/// A scalar and the tag of ChaCha20-Poly1305.
pub(super) const SEALED_SHARE_BYTES: usize = 32 + 16;

/// From whom to whom a share goes, in which ceremony.
#[derive(Clone, Copy)]
pub(super) struct Route<'a> {
    pub(super) ceremony: &'a SealedHash,
    pub(super) dealer: u16,
    pub(super) recipient: u16,
    /// κ of the recipient.
    pub(super) transport: &'a Point,
}

impl Route<'_> {
    fn associated_data(&self) -> Vec<u8> {
        [&self.ceremony.0[..], &self.dealer.to_le_bytes(), &self.recipient.to_le_bytes()].concat()
    }

    fn cipher(&self, shared: &RistrettoPoint, ephemeral: &Point) -> ChaCha20Poly1305 {
        let mut info = tag_prefix("voting/sealed-share-key/v1");
        info.extend(self.associated_data());
        info.extend(ephemeral.0);
        info.extend(self.transport.0);
        let secret = Zeroizing::new(shared.compress().0);
        let mut key = Zeroizing::new([0; 32]);
        Hkdf::<Sha512>::new(None, &*secret).expand(&info, &mut *key).expect("32 bytes are fewer than HKDF can give");
        ChaCha20Poly1305::new(&(*key).into())
    }

    /// Encrypts a share with the randomness e. The recipient's transport key has been verified.
    pub(super) fn seal(&self, share: &Exponent, e: &Exponent, transport: &RistrettoPoint) -> EncryptedShare {
        let ephemeral = Point::of(&times_base(e));
        let (plain, aad) = (Zeroizing::new(share.to_bytes()), self.associated_data());
        let payload = Payload { msg: &*plain, aad: &aad };
        let sealed = self.cipher(&(e * transport), &ephemeral).encrypt(&Nonce::default(), payload);
        let sealed = sealed.ok().and_then(|bytes| bytes.try_into().ok()).expect("a scalar is short enough to be encrypted");
        EncryptedShare { recipient: self.recipient, ephemeral, sealed }
    }

    /// Decrypts a share with the recipient's secret transport key; `None` if it is not what was encrypted for it.
    pub(super) fn open(&self, share: &EncryptedShare, secret: &Exponent) -> Option<Zeroizing<Exponent>> {
        let ephemeral = share.ephemeral.decode_key().ok()?;
        let payload = Payload { msg: &share.sealed, aad: &self.associated_data() };
        let plain = self.cipher(&(secret * ephemeral), &share.ephemeral).decrypt(&Nonce::default(), payload).ok()?;
        let plain = Zeroizing::new(<[u8; 32]>::try_from(Zeroizing::new(plain).as_slice()).ok()?);
        Scalar::from_bytes(*plain).map(|scalar| Zeroizing::new(scalar.0))
    }
}
