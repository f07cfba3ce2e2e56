//! The flags about who asks, and what they may.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use jiff::SignedDuration;

use super::authentication::Issuers;
use super::files::{read, read_bytes};
use super::front_proxy::Proxies;
use super::{Fault, authorization};
use crate::auth::authorize::abac::Policies;
use crate::auth::certificate::Authorities;
use crate::auth::service_account::ServiceAccounts;
use crate::auth::service_account::keys::{PublicKey, SigningKey};
use crate::auth::{Authenticator, Mode, authorize, remote};
use crate::cluster::Builder;
use crate::object::duration;
use crate::webhook::{Target, kubeconfig};

/// Flags about access. Those that kube-apiserver has keep its names and meaning.
#[derive(Debug, Args)]
pub(super) struct Access {
    /// none: everybody may do everything; rbac: who asks is checked, and rights as well
    #[arg(long, value_enum, default_value_t = Auth::None)]
    auth: Auth,
    /// Who decides about rights, in this order: ABAC, AlwaysAllow, AlwaysDeny, Node, RBAC,
    /// Webhook; implies that who asks is checked
    #[arg(long, value_name = "MODES", value_delimiter = ',')]
    authorization_mode: Vec<String>,
    /// The same, in a file: an AuthorizationConfiguration
    #[arg(long, value_name = "FILE", conflicts_with = "authorization_mode")]
    authorization_config: Option<PathBuf>,
    /// What the mode ABAC goes by: a policy in JSON a line
    #[arg(long, value_name = "FILE")]
    authorization_policy_file: Option<PathBuf>,
    /// Let those in who do not say who they are, as system:anonymous
    #[arg(long, value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set,
          num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    anonymous_auth: bool,
    /// Know the tokens that secrets of type bootstrap.kubernetes.io/token hold
    #[arg(long, value_name = "BOOL", default_value_t = false, action = clap::ArgAction::Set,
          num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    enable_bootstrap_token_auth: bool,
    /// Bearer tokens, a line each: token,user,uid,"group1,group2"
    #[arg(long, value_name = "FILE")]
    token_auth_file: Option<PathBuf>,
    /// Believe client certificates of these authorities (PEM): CN is the user, O the groups
    #[arg(long, value_name = "FILE")]
    client_ca_file: Option<PathBuf>,
    /// Issuer of service account tokens; the first signs, all are known
    #[arg(long, value_name = "URL")]
    service_account_issuer: Vec<String>,
    /// Key that signs service account tokens (PEM, RSA or ECDSA); a new one where left out
    #[arg(long, value_name = "FILE")]
    service_account_signing_key_file: Option<PathBuf>,
    /// Keys that check service account tokens (PEM); the signing key where left out
    #[arg(long, value_name = "FILE")]
    service_account_key_file: Vec<PathBuf>,
    /// Where the keys are served, as the discovery document says
    #[arg(long, value_name = "URL")]
    service_account_jwks_uri: Option<String>,
    /// How long service account tokens hold at most; 0s for as long as is asked for
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration)]
    service_account_max_token_expiration: SignedDuration,
    /// Kubeconfig of whom the mode Webhook asks about rights
    #[arg(long, value_name = "FILE")]
    authorization_webhook_config_file: Option<PathBuf>,
    /// Version of the SubjectAccessReviews sent there
    #[arg(long, value_name = "VERSION", default_value = "v1beta1",
          value_parser = ["v1", "v1beta1"])]
    authorization_webhook_version: String,
    /// How long a yes from there holds
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = duration)]
    authorization_webhook_cache_authorized_ttl: SignedDuration,
    /// How long a no from there holds
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration)]
    authorization_webhook_cache_unauthorized_ttl: SignedDuration,
    /// Kubeconfig of who is asked about tokens that nobody here knows
    #[arg(long, value_name = "FILE")]
    authentication_token_webhook_config_file: Option<PathBuf>,
    /// Version of the TokenReviews sent there
    #[arg(long, value_name = "VERSION", default_value = "v1beta1",
          value_parser = ["v1", "v1beta1"])]
    authentication_token_webhook_version: String,
    /// How long what is said there of a token holds
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = duration)]
    authentication_token_webhook_cache_ttl: SignedDuration,
    #[command(flatten)]
    issuers: Issuers,
    #[command(flatten)]
    proxies: Proxies,
    /// Audiences of tokens for this server; the issuers where left out
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    api_audiences: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Auth {
    None,
    Rbac,
}

impl Access {
    /// The cluster that the flags describe.
    pub(super) fn apply(&self, builder: Builder) -> Result<Builder, Fault> {
        let mode = match self.auth {
            Auth::None => Mode::None,
            Auth::Rbac => Mode::Rbac,
        };
        let mut builder = builder
            .auth(mode)
            .anonymous_auth(self.anonymous_auth)
            .bootstrap_tokens(self.enable_bootstrap_token_auth)
            .service_accounts(self.service_accounts()?);
        if !self.authorization_mode.is_empty() {
            let modes = self.modes()?;
            // Where everything is allowed, nobody is let in who does not say who they are.
            if modes.contains(&authorize::Mode::AlwaysAllow) {
                builder = builder.anonymous_auth(false);
            }
            builder = builder.authorization(modes);
        }
        if let Some(path) = &self.authorization_config {
            builder = builder.authorizers(authorization::configured(path)?);
        }
        if let Some(path) = &self.authorization_policy_file {
            let policies = Policies::parse(&read("--authorization-policy-file", path)?);
            builder = builder.policies(policies.map_err(|error| wrong(path, &error))?);
        }
        if let Some(path) = &self.authorization_webhook_config_file {
            builder = builder.authorization_webhook(remote::Settings {
                target: target("--authorization-webhook-config-file", path)?,
                version: self.authorization_webhook_version.clone(),
                yes_for: self.authorization_webhook_cache_authorized_ttl,
                no_for: self.authorization_webhook_cache_unauthorized_ttl,
                patience: remote::PATIENCE,
            });
        }
        if let Some(path) = &self.authentication_token_webhook_config_file {
            builder = builder.token_webhook(remote::Settings {
                target: target("--authentication-token-webhook-config-file", path)?,
                version: self.authentication_token_webhook_version.clone(),
                yes_for: self.authentication_token_webhook_cache_ttl,
                no_for: self.authentication_token_webhook_cache_ttl,
                patience: remote::PATIENCE,
            });
        }
        if let Some(path) = &self.token_auth_file {
            let is_unsaid =
                self.authorization_mode.is_empty() && self.authorization_config.is_none();
            if mode == Mode::None && is_unsaid {
                return Err(Fault::usage(
                    "--token-auth-file: tokens are not looked at with --auth none; add --auth \
                     rbac, or leave the file out",
                ));
            }
            let mut tokens = Authenticator::new(mode);
            tokens
                .add_token_file(&read("--token-auth-file", path)?)
                .map_err(|error| wrong(path, &error))?;
            if tokens.tokens().next().is_none() {
                let why = "holds no token; expected lines token,user,uid[,\"group1,group2\"]";
                return Err(wrong(path, &why));
            }
            builder = builder.tokens(&tokens);
        }
        if let Some(path) = &self.client_ca_file {
            let authorities = Authorities::of_pem(&read("--client-ca-file", path)?)
                .map_err(|error| wrong(path, &error))?;
            builder = builder.client_authorities(authorities);
        }
        builder = self.issuers.apply(builder, &self.service_account_issuer)?;
        self.proxies.apply(builder)
    }

    fn modes(&self) -> Result<Vec<authorize::Mode>, Fault> {
        let mut modes = Vec::new();
        for name in &self.authorization_mode {
            let mode = authorize::Mode::parse(name).ok_or_else(|| {
                Fault::usage(format!(
                    "--authorization-mode {name:?}: not one of ABAC, AlwaysAllow, AlwaysDeny, Node, \
                     RBAC, Webhook"
                ))
            })?;
            if modes.contains(&mode) {
                let message = format!("--authorization-mode: {name} stands there twice");
                return Err(Fault::usage(message));
            }
            modes.push(mode);
        }
        if modes.contains(&authorize::Mode::Abac) && self.authorization_policy_file.is_none() {
            let message = "--authorization-mode ABAC: what it goes by is said by \
                           --authorization-policy-file";
            return Err(Fault::usage(message));
        }
        let has_file = self.authorization_webhook_config_file.is_some();
        if modes.contains(&authorize::Mode::Webhook) && !has_file {
            let message = "--authorization-mode Webhook: whom to ask is said by \
                           --authorization-webhook-config-file";
            return Err(Fault::usage(message));
        }
        Ok(modes)
    }

    fn service_accounts(&self) -> Result<ServiceAccounts, Fault> {
        let mut accounts = ServiceAccounts::default();
        if !self.service_account_issuer.is_empty() {
            accounts.issuers.clone_from(&self.service_account_issuer);
        }
        accounts.audiences.clone_from(&self.api_audiences);
        accounts.seconds_max = self.service_account_max_token_expiration.as_secs();
        if let Some(uri) = &self.service_account_jwks_uri {
            accounts.jwks_uri.clone_from(uri);
        }
        if let Some(path) = &self.service_account_signing_key_file {
            let key = SigningKey::of_pem(&read("--service-account-signing-key-file", path)?)
                .map_err(|error| wrong(path, &error))?;
            accounts.sign_with(key);
        }
        for path in &self.service_account_key_file {
            let keys = PublicKey::all_of_pem(&read("--service-account-key-file", path)?)
                .map_err(|error| wrong(path, &error))?;
            accounts.believe(keys);
        }
        Ok(accounts)
    }
}

/// Who a kubeconfig says is to be asked.
pub(super) fn target(flag: &str, path: &Path) -> Result<Target, Fault> {
    let text = read(flag, path)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let read_beside =
        |name: &str| read_bytes(flag, &folder.join(name)).map_err(|fault| fault.message);
    kubeconfig::target(text.as_bytes(), &read_beside).map_err(|error| wrong(path, &error))
}

/// A duration as Go writes one.
fn duration(text: &str) -> Result<SignedDuration, String> {
    let nanoseconds = duration::parse(text).map_err(|error| error.to_string())?;
    Ok(SignedDuration::from_nanos(nanoseconds))
}

fn wrong(path: &Path, error: &dyn std::fmt::Display) -> Fault {
    Fault::usage(format!("{}: {error}", path.display()))
}
