//! Keys that sign tokens, and keys that check them.
//!
//! *Upstream:* `pkg/serviceaccount/{jwt,openidmetadata}.go`, `client-go/util/keyutil`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{
    self, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
    RsaKeyPair, UnparsedPublicKey, VerificationAlgorithm,
};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use tokio_rustls::rustls::pki_types::pem::{self, SectionKind};

use crate::auth::SeededKey;
use crate::auth::der::{self, BIT_STRING, Certificate, INTEGER, OBJECT_ID, OCTET_STRING, SEQUENCE};

/// `rsaEncryption` and its empty parameters.
const RSA: [u8; 13] = [
    0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
];
/// `ecPublicKey`
const EC: [u8; 9] = [0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// `prime256v1`
const P256: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// `secp384r1`
const P384: [u8; 7] = [0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];

/// What a key is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Rsa,
    P256,
    P384,
}

/// A key that checks tokens.
#[derive(Clone, Debug)]
pub struct PublicKey {
    /// Its id: the digest of its DER form.
    pub id: String,
    kind: Kind,
    /// As `ring` reads it: a PKCS #1 key, or a point.
    bytes: Vec<u8>,
}

/// A key that signs tokens.
pub struct SigningKey {
    /// The other half.
    pub public: PublicKey,
    pair: Pair,
}

enum Pair {
    Rsa(Box<RsaKeyPair>),
    Ec(Box<EcdsaKeyPair>),
    Seeded(Box<SeededKey>),
}

/// Why a file has no key in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no PEM block of an RSA (2048 bits or more) or ECDSA (P-256, P-384) key in it")]
pub struct NoKey;

impl PublicKey {
    fn new(kind: Kind, bytes: &[u8]) -> Self {
        let algorithm = match kind {
            Kind::Rsa => der::encode(SEQUENCE, &[&RSA]),
            Kind::P256 => der::encode(SEQUENCE, &[&EC, &P256]),
            Kind::P384 => der::encode(SEQUENCE, &[&EC, &P384]),
        };
        let bits = der::encode(BIT_STRING, &[&[0], bytes]);
        let info = der::encode(SEQUENCE, &[&algorithm, &bits]);
        Self {
            id: URL_SAFE_NO_PAD.encode(Sha256::digest(info)),
            kind,
            bytes: bytes.to_vec(),
        }
    }

    /// The key of a `SubjectPublicKeyInfo`.
    pub fn from_info(info: &[u8]) -> Option<Self> {
        let mut parts = der::Reader::new(info).expect(SEQUENCE)?.inside();
        let algorithm = parts.expect(SEQUENCE)?.content;
        let bits = parts.next()?.bits()?;
        let kind = if algorithm == RSA {
            Kind::Rsa
        } else if algorithm == [EC.as_slice(), &P256].concat() {
            Kind::P256
        } else if algorithm == [EC.as_slice(), &P384].concat() {
            Kind::P384
        } else {
            return None;
        };
        Some(Self::new(kind, bits))
    }

    /// All the keys of a PEM file; of private keys, the other half.
    pub fn all_of_pem(text: &str) -> Result<Vec<Self>, NoKey> {
        let mut keys = Vec::new();
        let mut rest = text.as_bytes();
        while let Ok(Some((kind, bytes))) = next_block(&mut rest) {
            let key = match kind {
                SectionKind::PublicKey => Self::from_info(&bytes),
                SectionKind::Certificate => Certificate::read(&bytes)
                    .and_then(|certificate| Self::from_info(certificate.key.whole)),
                _ => SigningKey::of_block(kind, &bytes).map(|key| key.public),
            };
            keys.extend(key);
        }
        if keys.is_empty() {
            Err(NoKey)
        } else {
            Ok(keys)
        }
    }

    /// Whether a signature by an algorithm of JSON Web Signatures is this key's.
    pub fn verifies(&self, algorithm: &str, text: &[u8], signature: &[u8]) -> bool {
        let by: &'static dyn VerificationAlgorithm = match (self.kind, algorithm) {
            (Kind::Rsa, "RS256") => &signature::RSA_PKCS1_2048_8192_SHA256,
            (Kind::Rsa, "RS384") => &signature::RSA_PKCS1_2048_8192_SHA384,
            (Kind::Rsa, "RS512") => &signature::RSA_PKCS1_2048_8192_SHA512,
            (Kind::Rsa, "PS256") => &signature::RSA_PSS_2048_8192_SHA256,
            (Kind::Rsa, "PS384") => &signature::RSA_PSS_2048_8192_SHA384,
            (Kind::Rsa, "PS512") => &signature::RSA_PSS_2048_8192_SHA512,
            (Kind::P256, "ES256") => &signature::ECDSA_P256_SHA256_FIXED,
            (Kind::P384, "ES384") => &signature::ECDSA_P384_SHA384_FIXED,
            _ => return false,
        };
        UnparsedPublicKey::new(by, &self.bytes)
            .verify(text, signature)
            .is_ok()
    }

    /// Whether a certificate's signature is this key's.
    pub fn signed(&self, certificate: &Certificate) -> bool {
        let by: &'static dyn VerificationAlgorithm = match (self.kind, certificate.algorithm) {
            (Kind::Rsa, [.., 1, 1, 11]) => &signature::RSA_PKCS1_2048_8192_SHA256,
            (Kind::Rsa, [.., 1, 1, 12]) => &signature::RSA_PKCS1_2048_8192_SHA384,
            (Kind::Rsa, [.., 1, 1, 13]) => &signature::RSA_PKCS1_2048_8192_SHA512,
            (Kind::P256, [.., 4, 3, 2]) => &signature::ECDSA_P256_SHA256_ASN1,
            (Kind::P256, [.., 4, 3, 3]) => &signature::ECDSA_P256_SHA384_ASN1,
            (Kind::P384, [.., 4, 3, 2]) => &signature::ECDSA_P384_SHA256_ASN1,
            (Kind::P384, [.., 4, 3, 3]) => &signature::ECDSA_P384_SHA384_ASN1,
            _ => return false,
        };
        UnparsedPublicKey::new(by, &self.bytes)
            .verify(certificate.signed.whole, certificate.signature)
            .is_ok()
    }

    /// The algorithm by which it signs.
    pub fn algorithm(&self) -> &'static str {
        match self.kind {
            Kind::Rsa => "RS256",
            Kind::P256 => "ES256",
            Kind::P384 => "ES384",
        }
    }

    /// The key of a JSON Web Key.
    pub fn of_jwk(jwk: &Value) -> Option<Self> {
        let number = |field: &str| URL_SAFE_NO_PAD.decode(jwk[field].as_str()?).ok();
        if jwk["kty"] == "RSA" {
            let parts = [number("n")?, number("e")?].map(|bytes| der::unsigned(&bytes));
            let key = der::encode(SEQUENCE, &[&parts[0], &parts[1]]);
            return Some(Self::new(Kind::Rsa, &key));
        }
        let (kind, length) = match (jwk["kty"].as_str()?, jwk["crv"].as_str()?) {
            ("EC", "P-256") => (Kind::P256, 32),
            ("EC", "P-384") => (Kind::P384, 48),
            _ => return None,
        };
        let (x, y) = (number("x")?, number("y")?);
        let is_whole = x.len() == length && y.len() == length;
        is_whole.then(|| Self::new(kind, &[&[4], x.as_slice(), &y].concat()))
    }

    /// The key as a JSON Web Key.
    pub fn jwk(&self) -> Value {
        let mut out = Map::new();
        let encode = |bytes: &[u8]| Value::from(URL_SAFE_NO_PAD.encode(bytes));
        out.insert("use".to_owned(), "sig".into());
        out.insert("kid".to_owned(), self.id.as_str().into());
        out.insert("alg".to_owned(), self.algorithm().into());
        if self.kind == Kind::Rsa {
            let numbers = || {
                let mut parts = der::Reader::new(&self.bytes).expect(SEQUENCE)?.inside();
                Some((parts.expect(INTEGER)?, parts.expect(INTEGER)?))
            };
            out.insert("kty".to_owned(), "RSA".into());
            if let Some((modulus, exponent)) = numbers() {
                out.insert("n".to_owned(), encode(modulus.unsigned()));
                out.insert("e".to_owned(), encode(exponent.unsigned()));
            }
        } else {
            let curve = if self.kind == Kind::P256 {
                "P-256"
            } else {
                "P-384"
            };
            out.insert("kty".to_owned(), "EC".into());
            out.insert("crv".to_owned(), curve.into());
            // A point is a byte that says it is uncompressed, then both coordinates.
            let coordinates = self.bytes.get(1..).unwrap_or(&[]);
            let (x, y) = coordinates.split_at(coordinates.len() / 2);
            out.insert("x".to_owned(), encode(x));
            out.insert("y".to_owned(), encode(y));
        }
        Value::Object(out)
    }
}

impl SigningKey {
    /// A new key.
    pub fn generate() -> Option<Self> {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).ok()?;
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).ok()?;
        Some(Self::of_ec(Kind::P256, pair))
    }

    /// The key of a seed.
    pub fn of_seed(seed: u64) -> Option<Self> {
        let key = SeededKey::new(seed, "service accounts")?;
        Some(Self {
            public: PublicKey::new(Kind::P256, key.public()),
            pair: Pair::Seeded(Box::new(key)),
        })
    }

    /// The first private key of a PEM file.
    pub fn of_pem(text: &str) -> Result<Self, NoKey> {
        let mut rest = text.as_bytes();
        while let Ok(Some((kind, bytes))) = next_block(&mut rest) {
            if let Some(key) = Self::of_block(kind, &bytes) {
                return Ok(key);
            }
        }
        Err(NoKey)
    }

    fn of_block(kind: SectionKind, bytes: &[u8]) -> Option<Self> {
        let random = SystemRandom::new();
        match kind {
            SectionKind::RsaPrivateKey => RsaKeyPair::from_der(bytes).ok().map(Self::of_rsa),
            SectionKind::PrivateKey => RsaKeyPair::from_pkcs8(bytes)
                .ok()
                .map(Self::of_rsa)
                .or_else(|| {
                    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
                    let pair = EcdsaKeyPair::from_pkcs8(algorithm, bytes, &random).ok()?;
                    Some(Self::of_ec(Kind::P256, pair))
                })
                .or_else(|| {
                    let algorithm = &ECDSA_P384_SHA384_FIXED_SIGNING;
                    let pair = EcdsaKeyPair::from_pkcs8(algorithm, bytes, &random).ok()?;
                    Some(Self::of_ec(Kind::P384, pair))
                }),
            SectionKind::EcPrivateKey => Self::of_sec1(bytes),
            _ => None,
        }
    }

    /// A key in the form of `EC PRIVATE KEY`.
    fn of_sec1(bytes: &[u8]) -> Option<Self> {
        let mut parts = der::Reader::new(bytes).expect(SEQUENCE)?.inside();
        parts.expect(INTEGER)?;
        let private = parts.expect(OCTET_STRING)?.content;
        let curve = parts.optional(0xa0)?.inside().expect(OBJECT_ID)?;
        let public = parts.optional(0xa1)?.inside().expect(BIT_STRING)?.bits()?;
        let (kind, algorithm) = match curve.whole {
            whole if whole == P256 => (Kind::P256, &ECDSA_P256_SHA256_FIXED_SIGNING),
            whole if whole == P384 => (Kind::P384, &ECDSA_P384_SHA384_FIXED_SIGNING),
            _ => return None,
        };
        let random = SystemRandom::new();
        EcdsaKeyPair::from_private_key_and_public_key(algorithm, private, public, &random)
            .ok()
            .map(|pair| Self::of_ec(kind, pair))
    }

    fn of_rsa(pair: RsaKeyPair) -> Self {
        Self {
            public: PublicKey::new(Kind::Rsa, pair.public_key().as_ref()),
            pair: Pair::Rsa(Box::new(pair)),
        }
    }

    fn of_ec(kind: Kind, pair: EcdsaKeyPair) -> Self {
        Self {
            public: PublicKey::new(kind, pair.public_key().as_ref()),
            pair: Pair::Ec(Box::new(pair)),
        }
    }

    /// A token that carries these claims.
    pub fn sign(&self, claims: &Value) -> Option<String> {
        let header = json!({"alg": self.public.algorithm(), "kid": self.public.id});
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", encode(&header), encode(claims));
        let random = SystemRandom::new();
        let signature = match &self.pair {
            Pair::Ec(pair) => pair.sign(&random, text.as_bytes()).ok()?.as_ref().to_vec(),
            Pair::Seeded(key) => key.sign_fixed(text.as_bytes()),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(
                    &signature::RSA_PKCS1_SHA256,
                    &random,
                    text.as_bytes(),
                    &mut signature,
                )
                .ok()?;
                signature
            }
        };
        Some(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// The next block of a PEM text that is of a known kind.
fn next_block(rest: &mut &[u8]) -> Result<Option<(SectionKind, Vec<u8>)>, NoKey> {
    pem::from_buf(rest).map_err(|_| NoKey)
}
