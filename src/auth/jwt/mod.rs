//! Tokens of other issuers (OpenID Connect): whose keys are asked for where they say they are, and
//! whose claims are mapped to a user.
//!
//! Differs: an issuer is asked for its keys by the first token of it, not every ten seconds from
//! the start; hosts' own authorities are not believed, so that one has to be given; tokens whose
//! groups stand elsewhere (`_claim_sources`) are refused.
//!
//! *Invariant:* nothing in a token counts before its signature does, but for the name of its
//! issuer, which says whose keys to try.
//! *Upstream:* `apiserver/plugin/pkg/authenticator/token/oidc/oidc.go`, `coreos/go-oidc`.

mod claims;
mod config;
mod keys;
mod mapping;

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::Value;

use self::claims::Registered;
pub use self::config::settings;
use self::keys::Keys;
pub use self::mapping::Mapping;
use super::User;
use crate::object::quote::quoted;
use crate::webhook::Caller;

/// How far ahead somebody else's clock may be, in seconds.
const LEEWAY: i64 = 300;

/// An issuer, as it is configured.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Its name, as tokens say it: a URL.
    pub url: String,
    /// Where it says where its keys are; below its URL where empty.
    pub discovery_url: String,
    /// Authorities that its certificate is believed by, as PEM.
    pub authorities: String,
    /// For whom tokens may be meant; one has to be.
    pub audiences: Vec<String>,
    /// By which algorithms they may be signed; all there are where empty.
    pub algorithms: Vec<String>,
    /// Who they stand for.
    pub mapping: Arc<Mapping>,
}

/// The algorithms there are.
pub const ALGORITHMS: [&str; 9] = [
    "ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512",
];

/// An issuer whose tokens are known.
#[derive(Debug)]
pub struct Issuer {
    settings: Settings,
    keys: Keys,
}

/// A token's parts.
struct Token<'a> {
    header: Value,
    claims: Value,
    /// What is signed.
    text: &'a str,
    signature: &'a str,
}

impl Issuer {
    /// Asks for keys by this caller.
    pub fn new(settings: Settings, caller: Arc<Caller>) -> Self {
        Self {
            keys: Keys::new(&settings, caller),
            settings,
        }
    }

    /// Who a token stands for; `None` where it is of somebody else.
    pub(super) async fn identify(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Result<Option<User>, String> {
        let Some(token) = Token::read(token).filter(|token| self.is_of(token)) else {
            return Ok(None);
        };
        let refused = |why: String| format!("oidc: verify token: {why}");
        let signature = claims::decode(token.signature).map_err(refused)?;
        let registered = claims::Registered::read(&token.claims).map_err(refused)?;
        self.check(&token, &registered, now).map_err(refused)?;
        if ["crit", "b64"]
            .iter()
            .any(|name| token.header.get(name).is_some())
        {
            // Nothing is understood that must be.
            let why = "failed to verify signature: failed to verify id token signature";
            return Err(refused(why.to_owned()));
        }
        let algorithm = token.header["alg"].as_str().unwrap_or("");
        let id = token.header["kid"].as_str().unwrap_or("");
        self.keys
            .verify(id, algorithm, token.text, &signature)
            .await?;
        self.settings.mapping.user(&token.claims).map(Some)
    }

    fn is_of(&self, token: &Token) -> bool {
        let issuer = match token.claims["iss"].as_str() {
            // As Google's tokens have said.
            Some("accounts.google.com") => "https://accounts.google.com",
            issuer => issuer.unwrap_or(""),
        };
        issuer == self.settings.url
    }

    /// Whether it is meant for here, and now.
    fn check(&self, token: &Token, of: &Registered, now: Timestamp) -> Result<(), String> {
        let known = &self.settings.audiences;
        if !of.audiences.iter().any(|name| known.contains(name)) {
            let expected = match known.as_slice() {
                [one] => quoted(one),
                all => format!("in {}", listed(all)),
            };
            return Err(format!(
                "oidc: expected audience {expected} got {}",
                listed(&of.audiences)
            ));
        }
        let seconds = now.as_second();
        if of.expiry.is_none_or(|expiry| seconds > expiry) {
            let expiry = go_time(of.expiry);
            return Err(format!("oidc: token is expired (Token Expiry: {expiry})"));
        }
        if let Some(begin) = of.begin
            && seconds + LEEWAY < begin
        {
            return Err(format!(
                "oidc: current time {} before the nbf (not before) time: {}",
                now.strftime("%Y-%m-%d %H:%M:%S%.f +0000 UTC"),
                go_time(of.begin)
            ));
        }
        let algorithm = token.header["alg"].as_str().unwrap_or("");
        let all = ALGORITHMS.map(str::to_owned);
        let known = match self.settings.algorithms.as_slice() {
            [] => &all,
            known => known,
        };
        if !known.iter().any(|known| known == algorithm) {
            return Err(format!(
                "oidc: id token signed with unsupported algorithm, expected {} got {}",
                listed(known),
                quoted(algorithm)
            ));
        }
        Ok(())
    }
}

/// Texts as Go shows a list of them, quoted.
fn listed(texts: &[String]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
    format!("[{}]", texts.join(" "))
}

/// A second as Go shows a time.
fn go_time(second: Option<i64>) -> String {
    let Some(time) = second.map(|second| Timestamp::from_second(second).unwrap_or_default()) else {
        return "0001-01-01 00:00:00 +0000 UTC".to_owned();
    };
    time.strftime("%Y-%m-%d %H:%M:%S +0000 UTC").to_string()
}

impl<'a> Token<'a> {
    fn read(token: &'a str) -> Option<Self> {
        let (text, signature) = token.rsplit_once('.')?;
        let (header, claims) = text.split_once('.')?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
        let value = |part: &str| {
            let value: Value = serde_json::from_slice(&decode(part)?).ok()?;
            value.is_object().then_some(value)
        };
        Some(Self {
            header: value(header)?,
            claims: value(claims)?,
            text,
            signature,
        })
    }
}
