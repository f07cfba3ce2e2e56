//! A kubeconfig for the administrator of one cluster.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use base64::Engine;

/// The address a client on this machine reaches a listener by.
pub(super) fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// The kubeconfig, as YAML.
pub(super) fn render(url: &str, ca_pem: Option<&str>, token: &str) -> String {
    let authority = ca_pem.map_or(String::new(), |pem| {
        let data = base64::engine::general_purpose::STANDARD.encode(pem);
        format!("    certificate-authority-data: {data}\n")
    });
    format!(
        "apiVersion: v1\n\
         kind: Config\n\
         clusters:\n\
         - name: mockernetes\n  \
           cluster:\n    \
             server: {url}\n\
         {authority}\
         users:\n\
         - name: admin\n  \
           user:\n    \
             token: {token}\n\
         contexts:\n\
         - name: mockernetes\n  \
           context:\n    \
             cluster: mockernetes\n    \
             user: admin\n\
         current-context: mockernetes\n"
    )
}
