//! Who is at the other end: TLS 1.3 with raw public keys (RFC 7250) on both sides, each pinned.
//!
//! There are no certificates, no names and no authorities of certificates: a peer proves in the handshake
//! that it holds the secret half of a key that this node was told of, or there is no connection.

use std::collections::HashMap;
use std::sync::Arc;

use rustls::client::AlwaysResolvesClientRawPublicKeys;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::AlwaysResolvesServerRawPublicKeys;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::sign::CertifiedKey;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, PeerIncompatible, ServerConfig,
    SignatureScheme,
};
use voting_core::crypto::{PublicKey, SigningKey};
use voting_core::seams::NodeName;

/// SubjectPublicKeyInfo of an ed25519 key up to the key itself (RFC 8410).
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// PKCS #8 of an ed25519 secret key up to the seed (RFC 8410).
const PKCS8: [u8; 16] = [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
/// Spoken by links, so that no other service on the port is mistaken for one.
const PROTOCOL: &[u8] = b"voting-link/1";

/// The key in a SubjectPublicKeyInfo, if it is an ed25519 key.
fn key_in(spki: &[u8]) -> Option<[u8; 32]> {
    spki.strip_prefix(&SPKI)?.try_into().ok()
}

/// Keys that may be at the other end, each with the name of its node.
#[derive(Debug)]
pub(super) struct Pinned {
    names: HashMap<[u8; 32], NodeName>,
    provider: Arc<CryptoProvider>,
}

impl Pinned {
    fn check(&self, end_entity: &CertificateDer<'_>) -> Result<(), Error> {
        let known = key_in(end_entity).is_some_and(|key| self.names.contains_key(&key));
        if known { Ok(()) } else { Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure)) }
    }

    fn check_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let key = SubjectPublicKeyInfoDer::from(cert.as_ref());
        verify_tls13_signature_with_raw_key(message, &key, dss, &self.provider.signature_verification_algorithms)
    }
}

/// Only TLS 1.3 is offered, so this is never asked.
fn no_tls12() -> Result<HandshakeSignatureValid, Error> {
    Err(Error::PeerIncompatible(PeerIncompatible::Tls12NotOffered))
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.check(end_entity).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        no_tls12()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

impl ClientCertVerifier for Pinned {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.check(end_entity).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        no_tls12()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

/// This node's key, and the keys it talks to.
#[derive(Clone)]
pub(super) struct Identity {
    own: Arc<CertifiedKey>,
    pinned: Arc<Pinned>,
}

impl Identity {
    pub(super) fn new(key: &SigningKey, peers: impl IntoIterator<Item = (NodeName, PublicKey)>) -> Result<Self, Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let pkcs8 = [&PKCS8[..], &key.to_seed()].concat();
        let signing = rustls::crypto::ring::sign::any_eddsa_type(&PrivatePkcs8KeyDer::from(pkcs8))?;
        let spki = [&SPKI[..], &key.public().0].concat();
        let own = Arc::new(CertifiedKey::new(vec![CertificateDer::from(spki)], signing));
        let names = peers.into_iter().map(|(name, key)| (key.0, name)).collect();
        Ok(Self { own, pinned: Arc::new(Pinned { names, provider }) })
    }

    /// How to accept any of the peers.
    pub(super) fn server(&self) -> Result<Arc<ServerConfig>, Error> {
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.pinned.provider))
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_client_cert_verifier(Arc::clone(&self.pinned) as _)
            .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(Arc::clone(&self.own))));
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        // Every connection proves its key anew.
        config.send_tls13_tickets = 0;
        Ok(Arc::new(config))
    }

    /// How to dial one peer and nobody else.
    pub(super) fn client(&self, name: &NodeName) -> Result<Arc<ClientConfig>, Error> {
        let only = self.pinned.names.iter().filter(|(_, known)| *known == name);
        let names = only.map(|(key, name)| (*key, name.clone())).collect();
        let pinned = Pinned { names, provider: Arc::clone(&self.pinned.provider) };
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&self.pinned.provider))
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(pinned))
            .with_client_cert_resolver(Arc::new(AlwaysResolvesClientRawPublicKeys::new(Arc::clone(&self.own))));
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        config.enable_sni = false;
        config.resumption = rustls::client::Resumption::disabled();
        Ok(Arc::new(config))
    }

    /// The node whose key was proved in a handshake.
    pub(super) fn name_of(&self, certificates: Option<&[CertificateDer<'_>]>) -> Option<NodeName> {
        let key = key_in(certificates?.first()?)?;
        self.pinned.names.get(&key).cloned()
    }
}
