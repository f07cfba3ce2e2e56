//! TLS as a client: whom to believe, and Go's words for what one does not believe.
//!
//! *Upstream:* `crypto/tls/handshake_client.go`, `crypto/x509/verify.go`.

use std::sync::Arc;

use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use tokio_rustls::rustls::crypto::{
    CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, InvalidMessage, RootCertStore,
    SignatureScheme,
};

use super::Target;

/// The client's side of TLS for a target.
pub(super) fn config(target: &Target, is_h2_spoken: bool) -> Result<ClientConfig, String> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Arc::new(Verifier {
        authorities: authorities(&target.ca_bundle)?,
        is_insecure: target.is_insecure,
        provider: Arc::clone(&provider),
    });
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match &target.identity {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => {
            let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain).collect();
            let chain = chain.map_err(|error| format!("tls: {error}"))?;
            let key = PrivateKeyDer::from_pem_slice(key);
            let key = key.map_err(|error| format!("tls: {error}"))?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| format!("tls: {error}"))?
        }
    };
    if is_h2_spoken {
        config.alpn_protocols.push(b"h2".to_vec());
    }
    config.alpn_protocols.push(b"http/1.1".to_vec());
    Ok(config)
}

/// Whether these are certificates of authorities, and why not.
pub fn check_authorities(bundle: &[u8]) -> Result<(), String> {
    for certificate in authorities(bundle)? {
        ParsedCertificate::try_from(&certificate).map_err(|_| {
            "unable to load root certificates: failed to parse certificate: x509: malformed \
             certificate"
        })?;
    }
    Ok(())
}

fn authorities(bundle: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(bundle).collect();
    let all = all.unwrap_or_default();
    if all.is_empty() && !bundle.is_empty() {
        return Err("unable to load root certificates: unable to parse bytes as PEM block".into());
    }
    Ok(all)
}

/// Believes what Go would believe: the authorities given, and a certificate that is one of them.
#[derive(Debug)]
struct Verifier {
    authorities: Vec<CertificateDer<'static>>,
    is_insecure: bool,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.is_insecure {
            return Ok(ServerCertVerified::assertion());
        }
        let parsed = ParsedCertificate::try_from(certificate)?;
        // Go looks at the name before it looks for a chain.
        verify_server_name(&parsed, server_name)?;
        if self.authorities.iter().any(|known| known == certificate) {
            return Ok(ServerCertVerified::assertion());
        }
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(self.authorities.iter().cloned());
        verify_server_cert_signed_by_trust_anchor(
            &parsed,
            &roots,
            intermediates,
            now,
            self.provider.signature_verification_algorithms.all,
        )?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// Go's words for a handshake that failed.
pub(super) fn words(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(error) => format!(
            "tls: failed to verify certificate: x509: {}",
            certificate_words(error)
        ),
        Error::AlertReceived(alert) => {
            let name = format!("{alert:?}");
            format!("remote error: tls: {}", spaced(&name))
        }
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "http: server gave HTTP response to HTTPS client".to_owned()
        }
        error => format!("tls: {error}"),
    }
}

fn certificate_words(error: &CertificateError) -> String {
    let stamp = |time: &UnixTime| {
        let time = jiff::Timestamp::from_second(time.as_secs() as i64);
        time.map(|time| time.to_string()).unwrap_or_default()
    };
    match error {
        CertificateError::ExpiredContext { time, not_after } => format!(
            "certificate has expired or is not yet valid: current time {} is after {}",
            stamp(time),
            stamp(not_after)
        ),
        CertificateError::NotValidYetContext { time, not_before } => format!(
            "certificate has expired or is not yet valid: current time {} is before {}",
            stamp(time),
            stamp(not_before)
        ),
        CertificateError::NotValidForNameContext {
            expected,
            presented,
        } => name_words(expected, presented),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "certificate specifies an incompatible key usage".to_owned()
        }
        _ => "certificate signed by unknown authority".to_owned(),
    }
}

/// A certificate for other names.
fn name_words(expected: &ServerName<'_>, presented: &[String]) -> String {
    // The names come as `DnsName("a")` and `IpAddress(1.2.3.4)`.
    let of = |kind: &str| -> Vec<String> {
        presented
            .iter()
            .filter_map(|name| name.strip_prefix(kind)?.strip_suffix(')'))
            .map(|name| name.trim_start_matches('(').trim_matches('"').to_owned())
            .collect()
    };
    let wanted = expected.to_str();
    if matches!(expected, ServerName::IpAddress(_)) {
        let known = of("IpAddress");
        if known.is_empty() {
            return format!(
                "cannot validate certificate for {wanted} because it doesn't contain any IP SANs"
            );
        }
        return format!(
            "certificate is valid for {}, not {wanted}",
            known.join(", ")
        );
    }
    let known = of("DnsName");
    if known.is_empty() {
        return format!("certificate is not valid for any names, but wanted to match {wanted}");
    }
    format!(
        "certificate is valid for {}, not {wanted}",
        known.join(", ")
    )
}

/// `BadCertificate` as `bad certificate`.
fn spaced(name: &str) -> String {
    let mut out = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !out.is_empty() {
            out.push(' ');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}
