//! The port of a cluster: opened before anything is told where it is, served once all is there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::tasks::Tasks;
use super::{Builder, Error};
use crate::auth::authority::Authority;
use crate::auth::certificate::Authorities;
use crate::server::tls::{self, Identity};
use crate::server::{Door, listen};

/// A port that nobody answers at yet.
pub(super) struct Socket {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    /// Where it is.
    pub(super) address: SocketAddr,
    /// Whom to believe there (PEM), where it speaks TLS.
    pub(super) ca_pem: Option<String>,
}

impl Socket {
    /// Opens the port, where one is asked for.
    pub(super) async fn open(
        builder: &Builder,
        authority: Option<&Authority>,
    ) -> Result<Option<Self>, Error> {
        let Some(address) = builder.listen else {
            return Ok(None);
        };
        let failed = |cause| Error::Listen { address, cause };
        let listener = match &builder.listener {
            Some(bound) => adopt(bound),
            None => TcpListener::bind(address).await,
        };
        let listener = listener.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let mut socket = Self {
            listener,
            tls: None,
            address,
            ca_pem: None,
        };
        if builder.is_plaintext {
            return Ok(Some(socket));
        }
        let proxy = builder.authenticator.front_proxy.as_ref();
        let believed = [
            builder.authenticator.authorities.as_ref(),
            proxy.map(|proxy| &proxy.authorities),
        ];
        let authorities: Vec<&Authorities> = believed.into_iter().flatten().collect();
        let addresses = [
            IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(Ipv6Addr::LOCALHOST),
            IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)),
            address.ip(),
        ];
        // Whoever chose the certificate knows whom to believe; a self-signed one is its own.
        let (ca_pem, config) = if let Some((certificate, key)) = &builder.certificate {
            let config = tls::config_of_pem(certificate, key, &authorities)?;
            (certificate.clone(), config)
        } else {
            let made;
            let authority = if let Some(authority) = authority {
                authority
            } else {
                made = Authority::of_seed(builder.seed).map_err(tls::Error::from)?;
                &made
            };
            let identity = Identity::of(authority, &addresses, &authorities)?;
            (identity.ca_pem, identity.config)
        };
        socket.ca_pem = Some(ca_pem);
        socket.tls = Some(TlsAcceptor::from(config));
        Ok(Some(socket))
    }

    /// Answers whoever comes.
    pub(super) fn serve(self, door: Arc<Door>, tasks: &Tasks) {
        let spawn = tasks.spawn();
        let server = listen::serve(
            self.listener,
            self.tls,
            door,
            Arc::clone(&spawn),
            tasks.stop(),
        );
        spawn(Box::pin(server));
    }
}

/// Takes over a socket that listens.
fn adopt(bound: &std::net::TcpListener) -> std::io::Result<TcpListener> {
    let bound = bound.try_clone()?;
    bound.set_nonblocking(true)?;
    TcpListener::from_std(bound)
}
