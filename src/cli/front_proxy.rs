//! The flags about servers before and behind this one.

use std::path::PathBuf;

use clap::Args;

use super::Fault;
use super::files::{read, read_bytes};
use crate::auth::certificate::Authorities;
use crate::auth::front_proxy::FrontProxy;
use crate::cluster::Builder;

/// Flags about the front proxy, under kube-apiserver's names.
#[derive(Debug, Args)]
pub(super) struct Proxies {
    /// Believe proxies about who asks whose certificates these authorities sign (PEM)
    #[arg(long, value_name = "FILE")]
    requestheader_client_ca_file: Option<PathBuf>,
    /// Names that the proxies' certificates bear; any where left out
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    requestheader_allowed_names: Vec<String>,
    /// Headers that name the user
    #[arg(
        long,
        value_name = "HEADERS",
        value_delimiter = ',',
        default_value = "X-Remote-User"
    )]
    requestheader_username_headers: Vec<String>,
    /// Headers with the user's uid
    #[arg(long, value_name = "HEADERS", value_delimiter = ',')]
    requestheader_uid_headers: Vec<String>,
    /// Headers with the user's groups
    #[arg(
        long,
        value_name = "HEADERS",
        value_delimiter = ',',
        default_value = "X-Remote-Group"
    )]
    requestheader_group_headers: Vec<String>,
    /// How headers begin that say anything else of the user
    #[arg(
        long,
        value_name = "PREFIXES",
        value_delimiter = ',',
        default_value = "X-Remote-Extra-"
    )]
    requestheader_extra_headers_prefix: Vec<String>,
    /// Certificate that is shown to API servers registered behind this one (PEM)
    #[arg(long, value_name = "FILE", requires = "proxy_client_key_file")]
    proxy_client_cert_file: Option<PathBuf>,
    /// The certificate's key (PEM)
    #[arg(long, value_name = "FILE", requires = "proxy_client_cert_file")]
    proxy_client_key_file: Option<PathBuf>,
}

impl Proxies {
    /// The cluster that the flags describe.
    pub(super) fn apply(&self, mut builder: Builder) -> Result<Builder, Fault> {
        if let Some(path) = &self.requestheader_client_ca_file {
            let text = read("--requestheader-client-ca-file", path)?;
            let authorities = Authorities::of_pem(&text)
                .map_err(|error| Fault::usage(format!("{}: {error}", path.display())))?;
            let named = |names: &[String]| -> Vec<String> {
                let names = names.iter().map(|name| name.trim().to_owned());
                names.filter(|name| !name.is_empty()).collect()
            };
            builder = builder.front_proxy(FrontProxy {
                authorities,
                names: named(&self.requestheader_allowed_names),
                user_headers: named(&self.requestheader_username_headers),
                uid_headers: named(&self.requestheader_uid_headers),
                group_headers: named(&self.requestheader_group_headers),
                extra_prefixes: named(&self.requestheader_extra_headers_prefix),
            });
        }
        if let (Some(certificate), Some(key)) =
            (&self.proxy_client_cert_file, &self.proxy_client_key_file)
        {
            builder = builder.proxy_identity(
                read_bytes("--proxy-client-cert-file", certificate)?,
                read_bytes("--proxy-client-key-file", key)?,
            );
        }
        Ok(builder)
    }
}
