//! Tokens of service accounts: signed, read back, and told of to those who check them themselves.
//!
//! Without a key of its own the first token asked for makes one, so that a cluster which needs
//! none starts without it. Differs: keys and signatures come from the system's randomness, not from
//! the seed; nothing else in a cluster depends on them.
//!
//! *Upstream:* `pkg/serviceaccount/{jwt,openidmetadata}.go`.

mod claims;
pub mod keys;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use keys::{PublicKey, SigningKey};
use parking_lot::Mutex;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::authorize::aggregate;
use super::authorize::rbac::rule::quoted_list;
use super::{Identity, User};
use crate::storage::Reader;

/// The issuer of tokens that stand in secrets.
const LEGACY_ISSUER: &str = "kubernetes/serviceaccount";

/// How many tokens are remembered whose signature was checked.
const CHECKED_MAX: usize = 1024;

/// The user name of a service account.
pub fn user_name(namespace: &str, name: &str) -> String {
    format!("system:serviceaccount:{namespace}:{name}")
}

/// Namespace and name of a service account's user name.
///
/// *Upstream:* `apiserver/pkg/authentication/serviceaccount/util.go` (`SplitUsername`).
pub fn split_user_name(user: &str) -> Option<(&str, &str)> {
    let (namespace, name) = user
        .strip_prefix("system:serviceaccount:")?
        .split_once(':')?;
    let is_label = |text: &str| text.len() <= 63 && is_alphanumeric_between(text, |c| c == '-');
    let is_subdomain = |text: &str| {
        text.len() <= 253
            && text
                .split('.')
                .all(|part| is_alphanumeric_between(part, |c| c == '-'))
    };
    (is_label(namespace) && is_subdomain(name)).then_some((namespace, name))
}

/// Whether a text is of lower-case letters and digits, and others between them.
fn is_alphanumeric_between(text: &str, may_stand: fn(char) -> bool) -> bool {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.starts_with(is_plain)
        && text.ends_with(is_plain)
        && text.chars().all(|c| is_plain(c) || may_stand(c))
}

/// What the token in a secret says.
///
/// *Upstream:* `pkg/serviceaccount/legacy.go` (`LegacyClaims`).
pub fn legacy_claims(namespace: &str, (name, uid): (&str, &str), secret: &str) -> Value {
    json!({
        "iss": LEGACY_ISSUER,
        "sub": user_name(namespace, name),
        "kubernetes.io/serviceaccount/namespace": namespace,
        "kubernetes.io/serviceaccount/service-account.name": name,
        "kubernetes.io/serviceaccount/service-account.uid": uid,
        "kubernetes.io/serviceaccount/secret.name": secret,
    })
}

/// The groups of all service accounts of a namespace.
pub fn groups(namespace: &str) -> Vec<String> {
    vec![
        "system:serviceaccounts".to_owned(),
        format!("system:serviceaccounts:{namespace}"),
    ]
}

/// How tokens of service accounts are made and known, under kube-apiserver's names. Clones share
/// their keys.
#[derive(Clone)]
pub struct ServiceAccounts {
    /// `--service-account-issuer`: the first signs, all are known.
    pub issuers: Vec<String>,
    /// `--api-audiences`: where tokens may be used against this server; the issuers where empty.
    pub audiences: Vec<String>,
    /// `--service-account-jwks-uri`; made of the server's address where empty.
    pub jwks_uri: String,
    /// `--service-account-max-token-expiration`: tokens end after so many seconds at the latest; 0
    /// for when it was asked for.
    pub seconds_max: i64,
    signing: Arc<OnceLock<Option<SigningKey>>>,
    checking: Vec<PublicKey>,
    checked: Arc<Mutex<BTreeMap<[u8; 32], Arc<Value>>>>,
}

impl Default for ServiceAccounts {
    fn default() -> Self {
        Self {
            issuers: vec!["https://kubernetes.default.svc.cluster.local".to_owned()],
            audiences: Vec::new(),
            jwks_uri: String::new(),
            seconds_max: 0,
            signing: Arc::default(),
            checking: Vec::new(),
            checked: Arc::default(),
        }
    }
}

impl std::fmt::Debug for ServiceAccounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServiceAccounts")
            .field("issuers", &self.issuers)
            .finish_non_exhaustive()
    }
}

impl ServiceAccounts {
    /// Tokens of these issuers.
    pub fn of_issuers(issuers: Vec<String>) -> Self {
        Self {
            issuers,
            ..Self::default()
        }
    }

    /// Signs with this key: `--service-account-signing-key-file`.
    pub fn sign_with(&mut self, key: SigningKey) {
        self.signing = Arc::new(OnceLock::from(Some(key)));
    }

    /// Signs with the key of a seed, where no other was chosen; so does whoever shares it.
    pub fn sign_by_seed(&self, seed: u64) {
        let made = || SigningKey::of_seed(seed).or_else(SigningKey::generate);
        self.signing.get_or_init(made);
    }

    /// Believes these keys and no others: `--service-account-key-file`.
    pub fn believe(&mut self, keys: Vec<PublicKey>) {
        self.checking.extend(keys);
    }

    /// The issuer of new tokens.
    pub fn issuer(&self) -> &str {
        self.issuers.first().map_or("", String::as_str)
    }

    /// Where tokens may be used against this server.
    pub fn audiences(&self) -> &[String] {
        if self.audiences.is_empty() {
            &self.issuers
        } else {
            &self.audiences
        }
    }

    /// A token that carries these claims; `None` where no key could be made.
    pub fn sign(&self, claims: &Value) -> Option<String> {
        self.signing_key()?.sign(claims)
    }

    fn signing_key(&self) -> Option<&SigningKey> {
        self.signing.get_or_init(SigningKey::generate).as_ref()
    }

    fn checking_keys(&self) -> Vec<&PublicKey> {
        if self.checking.is_empty() {
            return self
                .signing_key()
                .map(|key| &key.public)
                .into_iter()
                .collect();
        }
        self.checking.iter().collect()
    }

    /// Who a token stands for, where it may be used for one of the audiences; `None` where it is
    /// no token of a service account at all.
    pub fn identify(
        &self,
        reader: &dyn Reader,
        now: Timestamp,
        token: &str,
        audiences: &[String],
    ) -> Result<Option<Identity>, String> {
        let Some(parsed) = Parsed::of(token) else {
            return Ok(None);
        };
        let issuer = parsed.claims["iss"].as_str().unwrap_or("");
        let is_legacy = issuer == LEGACY_ISSUER;
        if !is_legacy && !self.issuers.iter().any(|own| own == issuer) {
            return Ok(None);
        }
        let claims = self.check_signature(token, parsed)?;
        let named = named_audiences(&claims["aud"]);
        let named = if named.is_empty() {
            self.audiences().to_vec()
        } else {
            named
        };
        let shared: Vec<String> = named
            .iter()
            .filter(|name| audiences.contains(name))
            .cloned()
            .collect();
        if shared.is_empty() {
            return Err(format!(
                "token audiences {} is invalid for the target audiences {}",
                quoted_list(&named),
                quoted_list(audiences)
            ));
        }
        let user = if is_legacy {
            claims::legacy(reader, token, &claims)?
        } else {
            claims::bound(reader, now, &claims)?
        };
        Ok(Some(Identity {
            user,
            audiences: shared,
        }))
    }

    /// The claims of a token, its signature checked; what was checked once is remembered.
    fn check_signature(&self, token: &str, parsed: Parsed) -> Result<Arc<Value>, String> {
        let digest: [u8; 32] = Sha256::digest(token).into();
        if let Some(claims) = self.checked.lock().get(&digest) {
            return Ok(Arc::clone(claims));
        }
        let keys: Vec<&PublicKey> = self
            .checking_keys()
            .into_iter()
            .filter(|key| parsed.key_id.is_empty() || key.id == parsed.key_id)
            .collect();
        if keys.is_empty() {
            return Err("invalid signature, no keys found".to_owned());
        }
        let is_signed =
            |key: &&PublicKey| key.verifies(&parsed.algorithm, parsed.signed, &parsed.signature);
        if !keys.iter().any(is_signed) {
            let errors = vec!["go-jose/go-jose: error in cryptographic primitive".to_owned()];
            return Err(aggregate(&errors));
        }
        let claims = Arc::new(parsed.claims);
        let mut checked = self.checked.lock();
        if checked.len() >= CHECKED_MAX {
            checked.clear();
        }
        checked.insert(digest, Arc::clone(&claims));
        Ok(claims)
    }

    /// `/.well-known/openid-configuration`; `None` where the issuer is no https URL.
    pub fn configuration(&self, address: &str) -> Option<Value> {
        let issuer = self.issuer();
        if !issuer.starts_with("https://") || issuer.contains(['?', '#']) {
            return None;
        }
        let jwks_uri = if self.jwks_uri.is_empty() {
            format!("https://{address}/openid/v1/jwks")
        } else {
            self.jwks_uri.clone()
        };
        let mut algorithms: Vec<&str> = Vec::new();
        for key in self.checking_keys() {
            if !algorithms.contains(&key.algorithm()) {
                algorithms.push(key.algorithm());
            }
        }
        algorithms.sort_unstable();
        Some(json!({
            "issuer": issuer,
            "jwks_uri": jwks_uri,
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": algorithms,
        }))
    }

    /// `/openid/v1/jwks`.
    pub fn key_set(&self) -> Value {
        let keys = self.checking_keys().into_iter().map(PublicKey::jwk);
        json!({"keys": keys.collect::<Vec<_>>()})
    }
}

/// A token taken apart; nothing of it is to be believed yet.
struct Parsed<'a> {
    algorithm: String,
    key_id: String,
    signed: &'a [u8],
    claims: Value,
    signature: Vec<u8>,
}

impl<'a> Parsed<'a> {
    fn of(token: &'a str) -> Option<Self> {
        let mut parts = token.split('.');
        let (header, claims, signature) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
        let head: Value = serde_json::from_slice(&decode(header)?).ok()?;
        let text = |field: &str| head[field].as_str().unwrap_or("").to_owned();
        Some(Self {
            algorithm: text("alg"),
            key_id: text("kid"),
            signed: &token.as_bytes()[..header.len() + 1 + claims.len()],
            claims: serde_json::from_slice(&decode(claims)?).ok()?,
            signature: decode(signature)?,
        })
    }
}

/// The audiences of a token: a text or a list of them.
fn named_audiences(value: &Value) -> Vec<String> {
    match value {
        Value::String(one) => vec![one.clone()],
        Value::Array(many) => many
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        _ => Vec::new(),
    }
}

/// A service account as a user, without anything that the token alone knows.
fn user(namespace: &str, name: &str, uid: &str) -> User {
    User {
        name: user_name(namespace, name),
        uid: uid.to_owned(),
        groups: groups(namespace),
        extra: Vec::new(),
    }
}
