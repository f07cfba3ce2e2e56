//! A certificate authority for one cluster, and the server certificate it signs.
//!
//! *Upstream:* what `kubeadm` makes with `openssl`'s help; `client-go/util/cert`.

use std::net::IpAddr;
use std::sync::Arc;

use crate::auth::authority::Authority;
use crate::auth::certificate::Authorities;
use crate::auth::der::Certificate;
use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, SanType,
};
use tokio_rustls::rustls;
use tokio_rustls::rustls::client::danger::HandshakeSignatureValid;
use tokio_rustls::rustls::crypto::verify_tls13_signature_with_raw_key;
use tokio_rustls::rustls::crypto::{CryptoProvider, verify_tls12_signature};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{
    CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer, UnixTime,
};
use tokio_rustls::rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use tokio_rustls::rustls::{DigitallySignedStruct, SignatureScheme};

/// The names a cluster's API server answers to.
const NAMES: [&str; 5] = [
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
];

/// What a server needs to speak TLS, and a client to believe it.
pub struct Identity {
    /// The authority's certificate.
    pub ca_pem: String,
    /// The server's side.
    pub config: Arc<rustls::ServerConfig>,
}

/// Why no identity could be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A certificate could not be made.
    #[error("cannot make a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The certificate could not be used.
    #[error("cannot use the certificate: {0}")]
    Tls(#[from] rustls::Error),
    /// A file is no PEM of what it should be.
    #[error("the serving {0} cannot be read: {1}")]
    Pem(&'static str, String),
}

impl Identity {
    /// A new authority, and a certificate for the cluster's own names and these addresses.
    pub fn new(addresses: &[IpAddr]) -> Result<Self, Error> {
        Self::of(&Authority::new()?, addresses, &[])
    }

    /// A certificate signed by this authority, asking clients for certificates where there are
    /// authorities to believe.
    pub fn of(
        authority: &Authority,
        addresses: &[IpAddr],
        believed: &[&Authorities],
    ) -> Result<Self, Error> {
        let key = KeyPair::generate()?;
        let mut server = CertificateParams::new(NAMES.map(str::to_owned))?;
        server.distinguished_name = rcgen::DistinguishedName::new();
        server
            .distinguished_name
            .push(DnType::CommonName, "kube-apiserver");
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let mut addresses = addresses.to_vec();
        addresses.sort_unstable();
        addresses.dedup();
        let names = addresses.into_iter().map(SanType::IpAddress);
        server.subject_alt_names.extend(names);
        let certificate = server.signed_by(&key, &authority.issuer())?;
        Ok(Self {
            ca_pem: authority.pem().to_owned(),
            config: config(
                vec![certificate.der().clone(), authority.certificate().clone()],
                PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
                believed,
            )?,
        })
    }
}

/// The server's side of TLS with a certificate of somebody's choice, in PEM with those it is
/// signed by, and its key in PEM.
pub fn config_of_pem(
    certificate: &str,
    key: &str,
    authorities: &[&Authorities],
) -> Result<Arc<rustls::ServerConfig>, Error> {
    let chain = CertificateDer::pem_slice_iter(certificate.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| Error::Pem("certificate", error.to_string()))?;
    if chain.is_empty() {
        return Err(Error::Pem("certificate", "no CERTIFICATE block".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
        .map_err(|error| Error::Pem("private key", error.to_string()))?;
    config(chain, key, authorities)
}

/// The server's side of TLS: both HTTP versions, tickets to resume by.
fn config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    authorities: &[&Authorities],
) -> Result<Arc<rustls::ServerConfig>, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?;
    let builder = if authorities.is_empty() {
        builder.with_no_client_auth()
    } else {
        let names = authorities
            .iter()
            .flat_map(|authorities| authorities.names());
        builder.with_client_cert_verifier(Arc::new(AnyClient {
            names: names.collect(),
            provider,
        }))
    };
    let mut config = builder.with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.ticketer = rustls::crypto::ring::Ticketer::new()?;
    config.send_tls13_tickets = 1;
    Ok(Arc::new(config))
}

/// Lets every client show a certificate of its own. The handshake proves that the client has the
/// key; whether the certificate is believed is a matter of each request, whose answer can say so.
#[derive(Debug)]
struct AnyClient {
    names: Vec<rustls::DistinguishedName>,
    provider: Arc<CryptoProvider>,
}

impl ClientCertVerifier for AnyClient {
    fn root_hint_subjects(&self) -> &[rustls::DistinguishedName] {
        &self.names
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        // By the key alone: certificates of the first version are certificates too.
        let malformed = rustls::Error::InvalidCertificate(rustls::CertificateError::BadEncoding);
        let read = Certificate::read(certificate).ok_or(malformed)?;
        let key = SubjectPublicKeyInfoDer::from(read.key.whole);
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature_with_raw_key(message, &key, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
