//! A client of a kube-apiserver: HTTP/1.1 over TLS, a connection for every call, any certificate.

use std::fmt::Write;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue};
use mockernetes::client::{Call, Client, Door, Reply, ReplyBody};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    ClientConfig, DigitallySignedStruct, Error, SignatureScheme, crypto::ring::default_provider,
};

struct Reference {
    address: String,
    token: String,
    tls: TlsConnector,
}

/// A client of the server at `https://HOST:PORT`.
pub(crate) fn client(url: &str, token: &str) -> Client {
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anyone))
        .with_no_client_auth();
    let reference = Reference {
        address: url
            .trim_start_matches("https://")
            .trim_end_matches('/')
            .to_owned(),
        token: token.to_owned(),
        tls: TlsConnector::from(Arc::new(config)),
    };
    Client::new(Arc::new(reference), None)
}

impl Door for Reference {
    fn call(&self, call: Call) -> BoxFuture<'_, Reply> {
        async move {
            let mut head = format!(
                "{} {} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n",
                call.method,
                call.target,
                call.body.len()
            );
            write!(head, "authorization: Bearer {}\r\n", self.token).unwrap();
            for (name, value) in &call.headers {
                write!(head, "{name}: {}\r\n", value.to_str().unwrap()).unwrap();
            }
            head.push_str("\r\n");
            let socket = TcpStream::connect(&self.address)
                .await
                .expect("the reference listens");
            let name = ServerName::try_from("localhost").unwrap();
            let mut stream = self.tls.connect(name, socket).await.unwrap();
            stream.write_all(head.as_bytes()).await.unwrap();
            stream.write_all(&call.body).await.unwrap();
            let mut answer = Vec::new();
            // Who closes without a word of farewell has said everything before.
            let _ = stream.read_to_end(&mut answer).await;
            assert!(
                !answer.is_empty(),
                "no answer to {} {}",
                call.method,
                call.target
            );
            read(&answer)
        }
        .boxed()
    }
}

fn read(answer: &[u8]) -> Reply {
    let end = answer
        .windows(4)
        .position(|bytes| bytes == b"\r\n\r\n")
        .expect("a head");
    let head = std::str::from_utf8(&answer[..end]).unwrap();
    let body = &answer[end + 4..];
    let mut lines = head.split("\r\n");
    let code = lines.next().unwrap().split(' ').nth(1).unwrap();
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap();
        headers.append(
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_str(value).unwrap(),
        );
    }
    let is_chunked = headers.contains_key("transfer-encoding");
    let body = if is_chunked {
        join_chunks(body)
    } else {
        body.to_vec()
    };
    Reply {
        code: code.parse().unwrap(),
        headers,
        body: ReplyBody::Whole(Bytes::from(body)),
    }
}

fn join_chunks(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = rest.windows(2).position(|bytes| bytes == b"\r\n") {
        let size = std::str::from_utf8(&rest[..end]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        body.extend_from_slice(&rest[end + 2..end + 2 + size]);
        rest = &rest[end + 2 + size + 2..];
    }
    body
}

/// Takes any certificate: the reference signs its own, and there is nothing to steal.
#[derive(Debug)]
struct Anyone;

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}
