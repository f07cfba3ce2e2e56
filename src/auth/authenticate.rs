//! Who is asking: each way of knowing in turn, and nobody in particular where none applies.
//!
//! *Upstream:* `pkg/kubeapiserver/authenticator/config.go`,
//! `apiserver/pkg/authentication/{request/{union,bearertoken,anonymous},group}`.

use std::sync::Arc;

use jiff::Timestamp;

use super::authorize::aggregate;
use super::bootstrap_token;
use super::certificate::{Authorities, Shown};
use super::front_proxy::{FrontProxy, Header};
use super::jwt::Issuer;
use super::remote::Remote;
use super::service_account::ServiceAccounts;
use super::token_file::{BadTokenFile, TokenFile};
use super::{AUTHENTICATED, Identity, UNAUTHENTICATED, User, token_webhook};
use crate::storage::Reader;

/// Whether it matters who asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Everybody may do everything, known or not.
    #[default]
    None,
    /// Tokens are checked, and rights as well.
    Rbac,
}

/// Finds out who asks.
#[derive(Clone, Debug)]
pub struct Authenticator {
    /// Whether whoever says nothing is the administrator, and so is whoever says nonsense.
    pub is_open: bool,
    /// Whether whoever says nothing is let in as nobody in particular: `--anonymous-auth`.
    pub admits_anonymous: bool,
    /// Whose certificates are believed.
    pub authorities: Option<Authorities>,
    /// Tokens of service accounts.
    pub service_accounts: ServiceAccounts,
    /// Proxies that are believed about who asks.
    pub front_proxy: Option<FrontProxy>,
    /// Whether secrets may hold tokens.
    pub reads_bootstrap_tokens: bool,
    /// Others who issue tokens.
    pub issuers: Arc<Vec<Issuer>>,
    /// Where whoever says nothing is let in; everywhere where empty.
    pub anonymous_paths: Vec<String>,
    /// Who else is asked about tokens.
    pub remote: Option<Arc<Remote>>,
    tokens: TokenFile,
}

impl Default for Authenticator {
    fn default() -> Self {
        Self::new(Mode::None)
    }
}

/// What a request says about who sent it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Evidence<'a> {
    /// The `Authorization` header.
    pub authorization: Option<&'a str>,
    /// What was shown in the handshake.
    pub certificate: Option<&'a Shown>,
    /// What is asked for.
    pub path: &'a str,
    /// All headers, where a proxy may say something in them.
    pub headers: &'a [Header],
}

/// The time, twice: the cluster's, and the world's, by which certificates are issued.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// The cluster's.
    pub cluster: Timestamp,
    /// The world's.
    pub world: Timestamp,
}

impl Authenticator {
    /// One that knows no tokens.
    pub fn new(mode: Mode) -> Self {
        Self {
            is_open: mode == Mode::None,
            admits_anonymous: true,
            authorities: None,
            service_accounts: ServiceAccounts::default(),
            front_proxy: None,
            reads_bootstrap_tokens: false,
            issuers: Arc::default(),
            anonymous_paths: Vec::new(),
            remote: None,
            tokens: TokenFile::default(),
        }
    }

    /// Adds a token.
    pub fn add_token(&mut self, token: impl Into<String>, user: User) {
        self.tokens.add(token, user);
    }

    /// The tokens and whose they are.
    pub fn tokens(&self) -> impl Iterator<Item = (&str, &User)> {
        self.tokens.iter()
    }

    /// Adds the tokens of a file in the form of `--token-auth-file`.
    pub fn add_token_file(&mut self, text: &str) -> Result<(), BadTokenFile> {
        self.tokens.read(text)
    }

    /// Who sent a request that may be meant for any of the audiences. What is said and not
    /// believed is an error; saying nothing is not.
    pub async fn authenticate(
        &self,
        reader: &dyn Reader,
        times: Times,
        evidence: Evidence<'_>,
        audiences: &[String],
    ) -> Result<Option<Identity>, String> {
        let mut errors = Vec::new();
        if let (Some(proxy), Some(shown)) = (&self.front_proxy, evidence.certificate) {
            match proxy.identify(shown, evidence.headers, times.world) {
                Ok(Some(user)) => return Ok(Some(everywhere(user, audiences))),
                Ok(None) => {}
                Err(error) => errors.push(error),
            }
        }
        if let (Some(authorities), Some(shown)) = (&self.authorities, evidence.certificate) {
            match authorities.identify(shown, times.world) {
                Ok(Some(user)) => return Ok(Some(everywhere(user, audiences))),
                Ok(None) => {}
                Err(error) => errors.push(error),
            }
        }
        if let Some(token) = evidence.authorization.and_then(bearer) {
            match self.by_token(reader, times, token, audiences).await {
                Ok(identity) => return Ok(Some(identity)),
                Err(error) => {
                    // The loopback's own tokens are asked first, and say as much.
                    errors.insert(0, "invalid bearer token".to_owned());
                    errors.extend(error);
                }
            }
        }
        if self.is_open {
            return Ok(Some(everywhere(User::admin(), audiences)));
        }
        if !errors.is_empty() {
            return Err(aggregate(&errors));
        }
        let paths = &self.anonymous_paths;
        let admits = paths.is_empty() || paths.iter().any(|path| path == evidence.path);
        let anonymous = || everywhere(User::anonymous(), audiences);
        Ok((self.admits_anonymous && admits).then(anonymous))
    }

    async fn by_token(
        &self,
        reader: &dyn Reader,
        times: Times,
        token: &str,
        audiences: &[String],
    ) -> Result<Identity, Vec<String>> {
        let now = times.cluster;
        let own: Vec<String> = self
            .service_accounts
            .audiences()
            .iter()
            .filter(|name| audiences.contains(name))
            .cloned()
            .collect();
        if let (Some(user), false) = (self.tokens.user(token), own.is_empty()) {
            return Ok(everywhere(user.clone(), &own));
        }
        let mut errors = Vec::new();
        let mut found = self
            .service_accounts
            .identify(reader, now, token, audiences);
        if !matches!(found, Ok(Some(_)))
            && self.reads_bootstrap_tokens
            && !own.is_empty()
            && let Some(user) = bootstrap_token::identify(reader, now, token)
        {
            return Ok(everywhere(user, &own));
        }
        if !matches!(found, Ok(Some(_))) && !own.is_empty() {
            for issuer in self.issuers.iter() {
                match issuer.identify(token, times.world).await {
                    Ok(Some(user)) => return Ok(everywhere(user, &own)),
                    Ok(None) => {}
                    Err(error) => errors.push(error),
                }
            }
        }
        if !matches!(found, Ok(Some(_)))
            && let Some(remote) = &self.remote
        {
            errors.extend(found.err());
            found = token_webhook::identify(remote, token, audiences, &own).await;
        }
        match found {
            Ok(Some(mut identity)) => {
                mark_authenticated(&mut identity.user);
                Ok(identity)
            }
            Ok(None) => Err(errors),
            Err(error) => {
                errors.push(error);
                Err(errors)
            }
        }
    }
}

/// A user who is known whatever the audience.
fn everywhere(mut user: User, audiences: &[String]) -> Identity {
    mark_authenticated(&mut user);
    Identity {
        user,
        audiences: audiences.to_vec(),
    }
}

/// Adds the group of everybody who said who they are, unless one of both is there already.
fn mark_authenticated(user: &mut User) {
    let is_marked = user.is_in(AUTHENTICATED) || user.is_in(UNAUTHENTICATED);
    if !is_marked && user.name != User::ANONYMOUS {
        user.groups.push(AUTHENTICATED.to_owned());
    }
}

/// Whether a bearer header has more than one space before its token: then it has none.
pub fn is_spaced(header: &str) -> bool {
    let mut parts = header.trim().splitn(3, ' ');
    let is_bearer = parts
        .next()
        .is_some_and(|one| one.eq_ignore_ascii_case("bearer"));
    is_bearer && parts.next() == Some("") && parts.next().is_some()
}

/// The token of a bearer header; any other scheme counts as none.
fn bearer(header: &str) -> Option<&str> {
    let mut parts = header.trim().split(' ');
    let scheme = parts.next()?;
    let token = parts.next()?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}
