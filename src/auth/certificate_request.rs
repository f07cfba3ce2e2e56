//! What a request for a certificate asks for.
//!
//! *Invariant:* reads requests that the server took, which are well-formed.
//! *Upstream:* Go's `crypto/x509` (`ParseCertificateRequest`).

use std::fmt;

use tokio_rustls::rustls::pki_types::CertificateSigningRequestDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

use super::der::{self, INTEGER, OBJECT_ID, OCTET_STRING, Reader, SEQUENCE, SET};

/// `extensionRequest`
const EXTENSION_REQUEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 14];

/// `subjectAltName`
const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1d, 0x11];

/// A request.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// Whose certificate it is to be, in DER.
    pub subject: Vec<u8>,
    /// Their public key, in DER.
    pub key: Vec<u8>,
    /// Their other names, in DER.
    pub alternative_names: Option<Vec<u8>>,
    /// The common name; empty for none.
    pub common_name: String,
    /// The organizations.
    pub organizations: Vec<String>,
}

/// A kind of alternative name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameKind {
    /// An address of mail.
    Email,
    /// A name of the domain name system.
    Dns,
    /// A URI.
    Uri,
    /// An IP address.
    Ip,
}

impl Request {
    /// Reads a request in PEM.
    pub fn of_pem(text: &[u8]) -> Option<Self> {
        Self::of_der(&CertificateSigningRequestDer::from_pem_slice(text).ok()?)
    }

    fn of_der(der: &[u8]) -> Option<Self> {
        let mut outer = Reader::new(der).expect(SEQUENCE)?.inside();
        let mut info = outer.expect(SEQUENCE)?.inside();
        info.expect(INTEGER)?;
        let subject = info.expect(SEQUENCE)?;
        let key = info.expect(SEQUENCE)?;
        let mut alternative_names = None;
        for attribute in info.optional(0xa0).into_iter().flat_map(|all| all.inside()) {
            let mut attribute = attribute.inside();
            if attribute.expect(OBJECT_ID)?.content == EXTENSION_REQUEST {
                let mut extensions = attribute.expect(SET)?.inside();
                alternative_names = names_of(extensions.expect(SEQUENCE)?.inside());
            }
        }
        let common_names = der::attributes(subject, der::COMMON_NAME);
        Some(Self {
            subject: subject.whole.to_vec(),
            key: key.whole.to_vec(),
            alternative_names,
            common_name: common_names.into_iter().last().unwrap_or_default(),
            organizations: der::attributes(subject, der::ORGANIZATION),
        })
    }

    /// Whether it has an alternative name of a kind.
    pub fn has_name(&self, kind: NameKind) -> bool {
        let tag = match kind {
            NameKind::Email => 0x81,
            NameKind::Dns => 0x82,
            NameKind::Uri => 0x86,
            NameKind::Ip => 0x87,
        };
        let names = self.alternative_names.as_deref().map(Reader::new);
        let names = names.and_then(|mut names| names.expect(SEQUENCE));
        names.is_some_and(|names| names.inside().any(|name| name.tag == tag))
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("common_name", &self.common_name)
            .field("organizations", &self.organizations)
            .finish_non_exhaustive()
    }
}

/// The alternative names among extensions, in DER.
fn names_of(extensions: Reader<'_>) -> Option<Vec<u8>> {
    for extension in extensions {
        let mut parts = extension.inside();
        let id = parts.expect(OBJECT_ID)?;
        if id.content == ALTERNATIVE_NAMES {
            let value = parts.find(|part| part.tag == OCTET_STRING)?;
            return Some(value.content.to_vec());
        }
    }
    None
}
