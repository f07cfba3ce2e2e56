//! TLS by the cluster's own authority.

use mockernetes::server::tls::Identity;

#[test]
fn an_identity_is_new_every_time() {
    let addresses = ["127.0.0.1".parse().unwrap()];
    let first = Identity::new(&addresses).unwrap();
    let second = Identity::new(&addresses).unwrap();
    assert!(first.ca_pem.starts_with("-----BEGIN CERTIFICATE-----"));
    assert_ne!(first.ca_pem, second.ca_pem);
    let protocols = &first.config.alpn_protocols;
    assert_eq!(protocols, &[b"h2".to_vec(), b"http/1.1".to_vec()]);
}
