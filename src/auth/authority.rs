//! The authority of a cluster: signs the certificate of its server, and those that clients ask for.
//!
//! *Upstream:* `pkg/controller/certificates/authority/{authority,policies}.go`, Go's
//! `crypto/x509` (`CreateCertificate`).

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PublicKeyData, SignatureAlgorithm, SigningKey,
};
use tokio_rustls::rustls::pki_types::CertificateDer;

use super::SeededKey;
use super::certificate_request::Request;
use super::der::{BIT_STRING, Certificate, INTEGER, OBJECT_ID, OCTET_STRING, SEQUENCE, encode};

const BOOLEAN: u8 = 0x01;
const GENERALIZED_TIME: u8 = 0x18;
const UTC_TIME: u8 = 0x17;

/// `ecdsa-with-SHA256`
const ECDSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];

/// Bits of the key usage that stand for a usage of a request.
const KEY_USAGES: [(&str, u16); 10] = [
    ("signing", 1),
    ("digital signature", 1),
    ("content commitment", 1 << 1),
    ("key encipherment", 1 << 2),
    ("data encipherment", 1 << 3),
    ("key agreement", 1 << 4),
    ("cert sign", 1 << 5),
    ("crl sign", 1 << 6),
    ("encipher only", 1 << 7),
    ("decipher only", 1 << 8),
];

/// Identifiers of purposes that stand for a usage of a request, in the order of Go's.
const PURPOSES: [(&str, &[u8]); 13] = [
    ("any", &[0x55, 0x1d, 0x25, 0x00]),
    ("server auth", &[0x2b, 6, 1, 5, 5, 7, 3, 1]),
    ("client auth", &[0x2b, 6, 1, 5, 5, 7, 3, 2]),
    ("code signing", &[0x2b, 6, 1, 5, 5, 7, 3, 3]),
    ("email protection", &[0x2b, 6, 1, 5, 5, 7, 3, 4]),
    ("s/mime", &[0x2b, 6, 1, 5, 5, 7, 3, 4]),
    ("ipsec end system", &[0x2b, 6, 1, 5, 5, 7, 3, 5]),
    ("ipsec tunnel", &[0x2b, 6, 1, 5, 5, 7, 3, 6]),
    ("ipsec user", &[0x2b, 6, 1, 5, 5, 7, 3, 7]),
    ("timestamping", &[0x2b, 6, 1, 5, 5, 7, 3, 8]),
    ("ocsp signing", &[0x2b, 6, 1, 5, 5, 7, 3, 9]),
    ("microsoft sgc", &[0x2b, 6, 1, 4, 1, 0x82, 0x37, 10, 3, 3]),
    (
        "netscape sgc",
        &[0x60, 0x86, 0x48, 1, 0x86, 0xf8, 0x42, 4, 1],
    ),
];

/// An authority with its key.
pub struct Authority {
    params: CertificateParams,
    key: Key,
    certificate: CertificateDer<'static>,
    pem: String,
}

/// The key of an authority.
enum Key {
    /// Drawn by the system.
    Drawn(KeyPair),
    /// That of a seed.
    Seeded(SeededKey),
}

impl PublicKeyData for Key {
    fn der_bytes(&self) -> &[u8] {
        match self {
            Self::Drawn(key) => key.der_bytes(),
            Self::Seeded(key) => key.der_bytes(),
        }
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        match self {
            Self::Drawn(key) => PublicKeyData::algorithm(key),
            Self::Seeded(key) => key.algorithm(),
        }
    }
}

impl SigningKey for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        match self {
            Self::Drawn(key) => key.sign(message),
            Self::Seeded(key) => key.sign(message),
        }
    }
}

/// What a certificate is to say beside whose it is.
#[derive(Clone, Debug)]
pub struct Terms<'a> {
    /// From when it holds.
    pub not_before: Timestamp,
    /// Until when it holds.
    pub not_after: Timestamp,
    /// What it is for, as requests say it.
    pub usages: Vec<&'a str>,
    /// What tells it from others.
    pub serial: u128,
}

impl Authority {
    /// An authority with a new key.
    pub fn new() -> Result<Self, rcgen::Error> {
        Self::of_seed(None)
    }

    /// The authority of a seed, if there is one.
    pub fn of_seed(seed: Option<u64>) -> Result<Self, rcgen::Error> {
        let key = match seed.and_then(|seed| SeededKey::new(seed, "authority")) {
            Some(key) => Key::Seeded(key),
            None => Key::Drawn(KeyPair::generate()?),
        };
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::DigitalSignature,
        ];
        let name = &mut params.distinguished_name;
        name.push(DnType::CommonName, "mockernetes-ca");
        let certificate = params.self_signed(&key)?;
        Ok(Self {
            pem: certificate.pem(),
            certificate: certificate.der().clone(),
            params,
            key,
        })
    }

    /// Its own certificate, in PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Its own certificate.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// What signs certificates that are made from parameters.
    pub fn issuer(&self) -> Issuer<'_, impl SigningKey> {
        Issuer::from_params(&self.params, &self.key)
    }

    /// A certificate in PEM for who made a request; `None` where it cannot be signed.
    pub fn sign(&self, request: &Request, terms: &Terms<'_>) -> Option<String> {
        let own = Certificate::read(&self.certificate)?;
        let algorithm = encode(SEQUENCE, &[&encode(OBJECT_ID, &[ECDSA_SHA256])]);
        let mut serial = terms.serial.to_be_bytes().to_vec();
        // Positive, and not zero.
        serial[0] &= 0x7f;
        serial[15] |= 1;
        let zeros = serial.iter().take_while(|byte| **byte == 0).count();
        let mut serial = serial.split_off(zeros);
        if serial.first().is_some_and(|byte| byte & 0x80 != 0) {
            serial.insert(0, 0);
        }
        let validity = encode(SEQUENCE, &[&time(terms.not_before), &time(terms.not_after)]);
        let extensions = encode(SEQUENCE, &[&self.extensions(request, &terms.usages)]);
        let signed = encode(
            SEQUENCE,
            &[
                &encode(0xa0, &[&encode(INTEGER, &[&[2]])]),
                &encode(INTEGER, &[&serial]),
                &algorithm,
                own.subject.whole,
                &validity,
                &request.subject,
                &request.key,
                &encode(0xa3, &[&extensions]),
            ],
        );
        let signature = self.key.sign(&signed).ok()?;
        let signature = encode(BIT_STRING, &[&[0], &signature]);
        Some(pem(&encode(SEQUENCE, &[&signed, &algorithm, &signature])))
    }

    /// The extensions in the order Go writes them.
    fn extensions(&self, request: &Request, usages: &[&str]) -> Vec<u8> {
        let mut all = Vec::new();
        let mut bits = 0_u16;
        for (name, bit) in KEY_USAGES {
            if usages.contains(&name) {
                bits |= bit;
            }
        }
        if bits != 0 {
            all.extend(extension(0x0f, true, &key_usage(bits)));
        }
        let mut purposes: Vec<Vec<u8>> = Vec::new();
        for (name, id) in PURPOSES {
            let id = encode(OBJECT_ID, &[id]);
            if usages.contains(&name) && !purposes.contains(&id) {
                purposes.push(id);
            }
        }
        if !purposes.is_empty() {
            let purposes = encode(SEQUENCE, &[&purposes.concat()]);
            all.extend(extension(0x25, false, &purposes));
        }
        all.extend(extension(0x13, true, &encode(SEQUENCE, &[])));
        let identifier = self.params.key_identifier(&self.key);
        let identifier = encode(SEQUENCE, &[&encode(0x80, &[&identifier])]);
        all.extend(extension(0x23, false, &identifier));
        if let Some(names) = &request.alternative_names {
            all.extend(extension(0x11, false, names));
        }
        all
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

/// An extension by the last byte of its identifier under `2.5.29`.
fn extension(last: u8, is_critical: bool, value: &[u8]) -> Vec<u8> {
    let id = encode(OBJECT_ID, &[&[0x55, 0x1d, last]]);
    let critical = if is_critical {
        encode(BOOLEAN, &[&[0xff]])
    } else {
        Vec::new()
    };
    encode(SEQUENCE, &[&id, &critical, &encode(OCTET_STRING, &[value])])
}

/// A bit string, whose first bit is the lowest.
fn key_usage(bits: u16) -> Vec<u8> {
    let [high, low] = bits.reverse_bits().to_be_bytes();
    let bytes: &[u8] = if low == 0 { &[high] } else { &[high, low] };
    let unused = bytes.last().map_or(0, |byte| byte.trailing_zeros() as u8);
    encode(BIT_STRING, &[&[unused], bytes])
}

fn time(at: Timestamp) -> Vec<u8> {
    let at = at.to_zoned(TimeZone::UTC);
    let is_near = (1950..2050).contains(&at.year());
    let (tag, format) = if is_near {
        (UTC_TIME, "%y%m%d%H%M%SZ")
    } else {
        (GENERALIZED_TIME, "%Y%m%d%H%M%SZ")
    };
    encode(tag, &[at.strftime(format).to_string().as_bytes()])
}

fn pem(der: &[u8]) -> String {
    let mut text = "-----BEGIN CERTIFICATE-----\n".to_owned();
    let encoded = STANDARD.encode(der);
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        let _ = writeln!(text, "{line}");
        rest = after;
    }
    text.push_str("-----END CERTIFICATE-----\n");
    text
}
