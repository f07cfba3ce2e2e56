//! Keys that a seed determines, with signatures that it determines too: two clusters of one seed
//! have the same root certificate and sign the same tokens. Whoever knows the seed knows the keys.
//!
//! *Upstream:* none; the signatures are those of RFC 6979.

use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use sha2::{Digest, Sha256};

/// A key on the curve P-256.
#[derive(Clone)]
pub struct SeededKey {
    key: SigningKey,
    /// The point, uncompressed.
    public: Box<[u8]>,
}

impl SeededKey {
    /// The key of a seed for one purpose.
    pub fn new(seed: u64, purpose: &str) -> Option<Self> {
        let digest = Sha256::digest(format!("mockernetes {purpose} {seed}"));
        let key = SigningKey::from_slice(&digest).ok()?;
        let public = key.verifying_key().to_encoded_point(false);
        Some(Self {
            key,
            public: public.as_bytes().into(),
        })
    }

    /// The other half: a point, uncompressed.
    pub fn public(&self) -> &[u8] {
        &self.public
    }

    /// A signature as tokens have it: both numbers, one after the other.
    pub fn sign_fixed(&self, message: &[u8]) -> Vec<u8> {
        let signature: Signature = self.key.sign(message);
        signature.to_bytes().to_vec()
    }

    /// A signature as certificates have it.
    pub fn sign_der(&self, message: &[u8]) -> Vec<u8> {
        let signature: Signature = self.key.sign(message);
        signature.to_der().as_bytes().to_vec()
    }
}

impl rcgen::PublicKeyData for SeededKey {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

impl rcgen::SigningKey for SeededKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(self.sign_der(message))
    }
}
