//! Who a client's certificate says it is: the common name, and the organizations as groups.
//!
//! The handshake proves only that the client has the certificate's key; whether the certificate is
//! to be believed is found out here, with each connection.
//!
//! *Upstream:* `apiserver/pkg/authentication/request/x509/x509.go`.

use std::sync::Arc;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, UnixTime};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::{self, RootCertStore};

use super::User;
use super::der::{self, Certificate};
use super::service_account::keys::PublicKey;

/// The authorities whose certificates are believed: `--client-ca-file`.
#[derive(Clone, Debug)]
pub struct Authorities {
    pem: String,
    roots: Vec<CertificateDer<'static>>,
    verifier: Arc<dyn ClientCertVerifier>,
}

/// Why a file holds no authorities.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no certificate of an authority in it: {0}")]
pub struct NoAuthority(String);

/// What a client showed in the handshake.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The client's certificate, then those between it and an authority.
    pub chain: Vec<CertificateDer<'static>>,
}

impl Authorities {
    /// The authorities of a PEM file.
    pub fn of_pem(text: &str) -> Result<Self, NoAuthority> {
        let refused = |error: &dyn std::fmt::Display| NoAuthority(error.to_string());
        let roots: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(text.as_bytes())
            .collect::<Result<_, _>>()
            .map_err(|error| refused(&error))?;
        let mut store = RootCertStore::empty();
        for root in &roots {
            store.add(root.clone()).map_err(|error| refused(&error))?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(store), provider)
            .build()
            .map_err(|error| refused(&error))?;
        Ok(Self {
            pem: text.to_owned(),
            roots,
            verifier,
        })
    }

    /// The authorities as they were read.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The names of the authorities, which a server tells its clients.
    pub fn names(&self) -> Vec<rustls::DistinguishedName> {
        self.verifier.root_hint_subjects().to_vec()
    }

    /// The common name of a certificate that is to be believed at this time.
    pub(super) fn common_name(&self, shown: &Shown, now: Timestamp) -> Result<String, String> {
        let found = self.verified(shown, now)?;
        let name = found.map(|(certificate, _)| name(&certificate));
        Ok(name.flatten().unwrap_or_default())
    }

    /// Whose a certificate is, if it is to be believed at this time.
    pub fn identify(&self, shown: &Shown, now: Timestamp) -> Result<Option<User>, String> {
        let Some((certificate, leaf)) = self.verified(shown, now)? else {
            return Ok(None);
        };
        let Some(name) = name(&certificate) else {
            return Ok(None);
        };
        let digest = format!("{:x}", Sha256::digest(leaf));
        let key = "authentication.kubernetes.io/credential-id".to_owned();
        Ok(Some(User {
            name,
            uid: String::new(),
            groups: der::attributes(certificate.subject, der::ORGANIZATION),
            extra: vec![(key, vec![format!("X509SHA256={digest}")])],
        }))
    }

    /// The certificate shown, if there is one and it is to be believed at this time.
    fn verified<'s>(
        &self,
        shown: &'s Shown,
        now: Timestamp,
    ) -> Result<Option<(Certificate<'s>, &'s [u8])>, String> {
        let Some((leaf, between)) = shown.chain.split_first() else {
            return Ok(None);
        };
        let seconds = u64::try_from(now.as_second()).unwrap_or(0);
        let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
        let verified = self.verifier.verify_client_cert(leaf, between, time);
        let certificate =
            Certificate::read(leaf).ok_or_else(|| "malformed certificate".to_owned())?;
        if let Err(error) = verified
            && !self.signed_plainly(&certificate, now)
        {
            return Err(format!("verifying certificate failed: {error}"));
        }
        Ok(Some((certificate, leaf)))
    }

    /// Whether a certificate of the first version, which can say nothing about its use, is signed
    /// by an authority itself and holds: Go believes those, the verifier does not know them.
    fn signed_plainly(&self, certificate: &Certificate, now: Timestamp) -> bool {
        let is_first_version = certificate.signed.content.first() != Some(&0xa0);
        let mut validity = certificate.validity.inside();
        let (Some(from), Some(to)) = (validity.next(), validity.next()) else {
            return false;
        };
        is_first_version
            && time(from).is_some_and(|from| from <= now)
            && time(to).is_some_and(|to| now <= to)
            && self.roots.iter().any(|root| {
                Certificate::read(root).is_some_and(|root| {
                    root.subject.whole == certificate.issuer.whole
                        && PublicKey::from_info(root.key.whole)
                            .is_some_and(|key| key.signed(certificate))
                })
            })
    }
}

fn name(certificate: &Certificate) -> Option<String> {
    let name = der::attributes(certificate.subject, der::COMMON_NAME).pop();
    name.filter(|name| !name.is_empty())
}

/// Until when the first certificate in a PEM holds.
pub fn expiry(pem: &[u8]) -> Option<Timestamp> {
    let der = CertificateDer::from_pem_slice(pem).ok()?;
    time(Certificate::read(&der)?.validity.inside().nth(1)?)
}

/// A time in a certificate: `UTCTime` with two digits of the year, or `GeneralizedTime`.
fn time(element: der::Element) -> Option<Timestamp> {
    let text = element.text();
    let text = match element.tag {
        0x17 if text.as_str() < "50" => format!("20{text}"),
        0x17 => format!("19{text}"),
        _ => text,
    };
    let digits = text.strip_suffix('Z')?;
    let part = |from: usize, to: usize| digits.get(from..to);
    let written = format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0, 4)?,
        part(4, 6)?,
        part(6, 8)?,
        part(8, 10)?,
        part(10, 12)?,
        part(12, 14)?
    );
    written.parse().ok()
}
