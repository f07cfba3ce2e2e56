//! Client certificates: the common name is the user, organizations are groups.

use std::sync::Arc;

use jiff::Timestamp;
use mockernetes::auth::certificate::{Authorities, Shown};
use mockernetes::auth::front_proxy::FrontProxy;
use mockernetes::auth::{Mode, User};
use mockernetes::cluster::Cluster;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

struct Authority {
    params: CertificateParams,
    key: KeyPair,
    certificate: Certificate,
}

impl Authority {
    fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.self_signed(&key).unwrap();
        Self {
            params,
            key,
            certificate,
        }
    }

    fn issue(&self, change: impl FnOnce(&mut CertificateParams)) -> (Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        change(&mut params);
        let issuer = Issuer::from_params(&self.params, &self.key);
        (params.signed_by(&key, &issuer).unwrap(), key)
    }

    fn trusted(&self) -> Authorities {
        Authorities::of_pem(&self.certificate.pem()).unwrap()
    }
}

fn bob(params: &mut CertificateParams) {
    let name = &mut params.distinguished_name;
    name.push(DnType::OrganizationName, "devs");
    name.push(DnType::CommonName, "bob");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
}

fn identify(by: &Authorities, certificate: &Certificate) -> Result<Option<User>, String> {
    let chain = vec![certificate.der().clone()];
    let now: Timestamp = "2026-11-21T00:00:00Z".parse().unwrap();
    by.identify(&Shown { chain }, now)
}

#[test]
fn the_common_name_is_the_user_and_organizations_are_groups() {
    let authority = Authority::new("ca");
    let (certificate, _) = authority.issue(bob);
    let user = identify(&authority.trusted(), &certificate)
        .unwrap()
        .unwrap();
    assert_eq!(
        (user.name.as_str(), user.groups.as_slice()),
        ("bob", ["devs".to_owned()].as_slice())
    );
    let id = &user.extra("authentication.kubernetes.io/credential-id")[0];
    assert_eq!(id.len(), "X509SHA256=".len() + 64);
}

#[test]
fn what_no_authority_signed_or_holds_no_more_is_not_believed() {
    let (own, other) = (Authority::new("ca"), Authority::new("ca"));
    let (stolen, _) = other.issue(bob);
    assert!(identify(&own.trusted(), &stolen).is_err());
    let (old, _) = own.issue(|params| {
        bob(params);
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2021, 1, 1);
    });
    assert!(identify(&own.trusted(), &old).is_err());
    let (early, _) = own.issue(|params| {
        bob(params);
        params.not_before = rcgen::date_time_ymd(2030, 1, 1);
    });
    assert!(identify(&own.trusted(), &early).is_err());
    let (server, _) = own.issue(|params| {
        bob(params);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    });
    assert!(identify(&own.trusted(), &server).is_err());
}

#[test]
fn a_certificate_without_a_name_is_nobodys() {
    let authority = Authority::new("ca");
    let (certificate, _) = authority.issue(|params| {
        let name = &mut params.distinguished_name;
        name.push(DnType::OrganizationName, "system:masters");
    });
    assert_eq!(identify(&authority.trusted(), &certificate), Ok(None));
}

/// Asks over TLS who one is, showing a certificate.
async fn who_am_i(cluster: &Cluster, certificate: &Certificate, key: &KeyPair) -> String {
    who_am_i_by(cluster, certificate, key, "").await
}

/// The same with further headers, each with the end of its line.
async fn who_am_i_by(
    cluster: &Cluster,
    certificate: &Certificate,
    key: &KeyPair,
    headers: &str,
) -> String {
    let mut roots = RootCertStore::empty();
    let ca = CertificateDer::from_pem_slice(cluster.ca_pem().unwrap().as_bytes()).unwrap();
    roots.add(ca).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let socket = TcpStream::connect(cluster.address().unwrap())
        .await
        .unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let mut stream = connector.connect(name, socket).await.unwrap();
    let request = format!(
        "POST /apis/authentication.k8s.io/v1/selfsubjectreviews HTTP/1.1\r\n\
         host: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: 2\r\n{headers}\r\n{{}}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // Whoever closes without a farewell has still said everything.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn over_the_wire_a_certificate_is_an_identity_and_a_wrong_one_is_unauthorized() {
    let authority = Authority::new("ca");
    let cluster = Cluster::builder()
        .auth(Mode::Rbac)
        .bare()
        .client_authorities(authority.trusted())
        .listen("127.0.0.1:0".parse().unwrap())
        .start()
        .await
        .unwrap();
    let (certificate, key) = authority.issue(bob);
    let answer = who_am_i(&cluster, &certificate, &key).await;
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert!(answer.contains("\"username\":\"bob\""), "{answer}");
    let (certificate, key) = Authority::new("other").issue(bob);
    let answer = who_am_i(&cluster, &certificate, &key).await;
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    cluster.stop().await;
}

#[tokio::test]
async fn a_proxy_that_shows_its_certificate_says_who_asks() {
    let authority = Authority::new("front");
    let cluster = Cluster::builder()
        .auth(Mode::Rbac)
        .bare()
        .front_proxy(FrontProxy {
            authorities: authority.trusted(),
            names: vec!["front-proxy".to_owned()],
            user_headers: vec!["X-Remote-User".to_owned()],
            uid_headers: vec!["X-Remote-Uid".to_owned()],
            group_headers: vec!["X-Remote-Group".to_owned()],
            extra_prefixes: vec!["X-Remote-Extra-".to_owned()],
        })
        .listen("127.0.0.1:0".parse().unwrap())
        .start()
        .await
        .unwrap();
    let named = |name: &'static str| {
        authority.issue(move |params| {
            params.distinguished_name.push(DnType::CommonName, name);
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        })
    };
    let headers = "X-Remote-User: carol\r\nX-Remote-Uid: 7\r\nX-Remote-Group: devs\r\n\
                   X-Remote-Extra-Team%2Fname: blue\r\nX-Remote-Group: ops\r\n";
    let (certificate, key) = named("front-proxy");
    let answer = who_am_i_by(&cluster, &certificate, &key, headers).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 201"), "{answer}");
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(
        body["status"]["userInfo"],
        serde_json::json!({
            "username": "carol", "uid": "7",
            "groups": ["devs", "ops", "system:authenticated"],
            "extra": {"team/name": ["blue"]},
        })
    );
    // Without a name it says nothing, and another's certificate says nothing at all.
    let answer = who_am_i_by(&cluster, &certificate, &key, "").await;
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    let (certificate, key) = named("somebody");
    let answer = who_am_i_by(&cluster, &certificate, &key, headers).await;
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    let path = "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication";
    let missing = cluster.client().json("GET", path, None).await.unwrap_err();
    assert_eq!(missing.code, 404, "a bare cluster has no such map");
    cluster.stop().await;
}

#[tokio::test]
async fn whom_the_server_believes_is_written_down_for_others() {
    let authority = Authority::new("ca");
    let cluster = Cluster::builder()
        .auth(Mode::Rbac)
        .client_authorities(authority.trusted())
        .start()
        .await
        .unwrap();
    let path = "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication";
    let map = cluster.client().json("GET", path, None).await.unwrap();
    let pem = authority.certificate.pem();
    assert_eq!(map["data"], serde_json::json!({"client-ca-file": pem}));
}
