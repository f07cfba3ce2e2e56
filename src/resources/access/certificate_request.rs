//! PKCS#10: a request for a certificate, as far as it must be understood to tell whether it is one
//! and whether who made it holds the key.
//!
//! *Invariant:* says what is wrong as Go's `encoding/asn1` and `crypto/x509` say it.
//! *Upstream:* `pkg/apis/certificates/helpers.go` (`ParseCSR`), Go's `encoding/{pem,asn1}`,
//! `crypto/x509` (`ParseCertificateRequest`, `CheckSignature`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{self, UnparsedPublicKey, VerificationAlgorithm};

const TYPE: &str = "CERTIFICATE REQUEST";

/// What is wrong with a request in PEM.
pub(super) fn check(text: &[u8]) -> Result<(), String> {
    let wrong_block = || "PEM block type must be CERTIFICATE REQUEST".to_owned();
    let der = match first_block(text) {
        Some((kind, der)) if kind == TYPE => der,
        _ => return Err(wrong_block()),
    };
    check_der(&der)
}

/// What is wrong with a request as it is inside the PEM.
pub(super) fn check_der(der: &[u8]) -> Result<(), String> {
    let mut outer = Reader::new(der);
    let mut request = outer.sequence("certificateRequest")?;
    if !outer.is_over() {
        return Err(syntax("trailing data"));
    }
    let signed = request.rest();
    let mut info = request.sequence("tbsCertificateRequest")?;
    let signed = &signed[..signed.len() - request.rest().len()];
    info.element(INTEGER, false, "int")?;
    info.raw()?;
    let mut key = info.sequence("publicKeyInfo")?;
    let key_algorithm = key.algorithm()?;
    let key = key.bit_string()?;
    info.raw()?;
    let algorithm = request.algorithm()?;
    let signature = request.bit_string()?;
    verify(&key_algorithm, key, &algorithm, signed, signature)
}

/// The kind and the bytes of the first block that is well-formed.
fn first_block(text: &[u8]) -> Option<(String, Vec<u8>)> {
    let text = String::from_utf8_lossy(text);
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let kind = line.trim_end().strip_prefix("-----BEGIN ");
        let Some(kind) = kind.and_then(|kind| kind.strip_suffix("-----")) else {
            continue;
        };
        let end = format!("-----END {kind}-----");
        let mut body = String::new();
        let mut rest = lines.clone();
        let is_closed = rest.by_ref().any(|line| {
            let is_end = line.trim_end() == end;
            // A header has a colon, which base64 has not.
            if !is_end && !line.contains(':') {
                body.push_str(line.trim());
            }
            is_end
        });
        if is_closed && let Ok(der) = STANDARD.decode(body) {
            return Some((kind.to_owned(), der));
        }
    }
    None
}

fn syntax(why: &str) -> String {
    format!("asn1: syntax error: {why}")
}

fn structure(why: &str) -> String {
    format!("asn1: structure error: {why}")
}

const INTEGER: u8 = 2;
const BIT_STRING: u8 = 3;
const OBJECT_IDENTIFIER: u8 = 6;
const SEQUENCE: u8 = 16;

/// The elements of a DER value, one after the other.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// The head of an element.
struct Head {
    class: u8,
    tag: u8,
    is_compound: bool,
    length: usize,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    fn is_over(&self) -> bool {
        self.at == self.bytes.len()
    }

    fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    fn next_byte(&mut self) -> Result<u8, String> {
        let byte = self.bytes.get(self.at).copied();
        self.at += 1;
        byte.ok_or_else(|| syntax("truncated tag or length"))
    }

    fn head(&mut self) -> Result<Head, String> {
        if self.is_over() {
            return Err(syntax("sequence truncated"));
        }
        let first = self.next_byte()?;
        let mut length = usize::from(self.next_byte()?);
        if length & 0x80 != 0 {
            let count = length & 0x7f;
            if count == 0 {
                return Err(syntax("indefinite length found (not DER)"));
            }
            length = 0;
            for _ in 0..count {
                let byte = self.next_byte()?;
                if length >= 1 << 23 {
                    return Err(structure("length too large"));
                }
                length = length << 8 | usize::from(byte);
                if length == 0 {
                    return Err(structure("superfluous leading zeros in length"));
                }
            }
            if length < 0x80 {
                return Err(structure("non-minimal length"));
            }
        }
        Ok(Head {
            class: first >> 6,
            tag: first & 0x1f,
            is_compound: first & 0x20 != 0,
            length,
        })
    }

    fn content(&mut self, length: usize) -> Result<&'a [u8], String> {
        let content = self.rest().get(..length);
        let content = content.ok_or_else(|| syntax("data truncated"))?;
        self.at += length;
        Ok(content)
    }

    /// An element of any kind.
    fn raw(&mut self) -> Result<&'a [u8], String> {
        let head = self.head()?;
        self.content(head.length)
    }

    /// An element of one kind, which Go keeps in a type of this name.
    fn element(&mut self, tag: u8, is_compound: bool, name: &str) -> Result<&'a [u8], String> {
        let head = self.head()?;
        if head.class != 0 || head.tag != tag || head.is_compound != is_compound {
            let Head {
                class,
                tag: found,
                length,
                is_compound,
            } = head;
            return Err(structure(&format!(
                "tags don't match ({tag} vs {{class:{class} tag:{found} length:{length} \
                 isCompound:{is_compound}}}) {{optional:false explicit:false application:false \
                 private:false defaultValue:<nil> tag:<nil> stringType:0 timeType:0 set:false \
                 omitEmpty:false}} {name} @{}",
                self.at
            )));
        }
        self.content(head.length)
    }

    fn sequence(&mut self, name: &str) -> Result<Reader<'a>, String> {
        self.element(SEQUENCE, true, name).map(Reader::new)
    }

    fn bit_string(&mut self) -> Result<&'a [u8], String> {
        let content = self.element(BIT_STRING, false, "BitString")?;
        match content.split_first() {
            None => Err(syntax("zero length BIT STRING")),
            Some((0, bits)) => Ok(bits),
            Some((1..=7, bits)) if !bits.is_empty() => Ok(bits),
            Some(_) => Err(syntax("invalid padding bits in BIT STRING")),
        }
    }

    fn algorithm(&mut self) -> Result<Algorithm<'a>, String> {
        let mut inner = self.sequence("AlgorithmIdentifier")?;
        let id = inner.element(OBJECT_IDENTIFIER, false, "ObjectIdentifier")?;
        if id.is_empty() {
            return Err(syntax("zero length OBJECT IDENTIFIER"));
        }
        Ok(Algorithm {
            id,
            parameters: inner.rest(),
        })
    }
}

/// An object identifier with its parameters, in DER.
struct Algorithm<'a> {
    id: &'a [u8],
    parameters: &'a [u8],
}

const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
const EC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const ECDSA_SHA2: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
const P256: &[u8] = &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[6, 5, 0x2b, 0x81, 0x04, 0x00, 0x22];

/// Whether the signature is one of the key over the request.
fn verify(
    key_algorithm: &Algorithm<'_>,
    key: &[u8],
    algorithm: &Algorithm<'_>,
    signed: &[u8],
    signature: &[u8],
) -> Result<(), String> {
    let with = |by: &'static dyn VerificationAlgorithm, why: &str| {
        UnparsedPublicKey::new(by, key)
            .verify(signed, signature)
            .map_err(|_| why.to_owned())
    };
    let is_rsa = algorithm.id.len() == 9 && algorithm.id.starts_with(RSA);
    if is_rsa && key_algorithm.id.starts_with(RSA) {
        let why = "crypto/rsa: verification error";
        return match algorithm.id[8] {
            4 | 5 => Err(insecure(algorithm.id[8])),
            11 => with(&signature::RSA_PKCS1_2048_8192_SHA256, why),
            12 => with(&signature::RSA_PKCS1_2048_8192_SHA384, why),
            13 => with(&signature::RSA_PKCS1_2048_8192_SHA512, why),
            // Differs: a signature by RSA-PSS is taken without a look.
            10 => Ok(()),
            _ => Err(UNKNOWN.to_owned()),
        };
    }
    if algorithm.id.starts_with(ECDSA_SHA2) && key_algorithm.id == EC_KEY {
        let hash = algorithm.id.last().copied().unwrap_or(0);
        let by: &'static dyn VerificationAlgorithm = match (key_algorithm.parameters, hash) {
            (P256, 2) => &signature::ECDSA_P256_SHA256_ASN1,
            (P256, 3) => &signature::ECDSA_P256_SHA384_ASN1,
            (P384, 2) => &signature::ECDSA_P384_SHA256_ASN1,
            (P384, 3) => &signature::ECDSA_P384_SHA384_ASN1,
            // Differs: signatures on curves and by hashes that the library lacks are taken
            // without a look.
            _ => return Ok(()),
        };
        return with(by, "x509: ECDSA verification failure");
    }
    if algorithm.id == ED25519 && key_algorithm.id == ED25519 {
        return with(&signature::ED25519, "x509: Ed25519 verification failure");
    }
    Err(UNKNOWN.to_owned())
}

const UNKNOWN: &str = "x509: cannot verify signature: algorithm unimplemented";

fn insecure(id: u8) -> String {
    let name = if id == 4 { "MD5-RSA" } else { "SHA1-RSA" };
    format!("x509: cannot verify signature: insecure algorithm {name}")
}
