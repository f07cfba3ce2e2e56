//! Tokens of service accounts: signed, and read back.
//!
//! The key is made when the first token is asked for, so that a cluster which needs none starts
//! without it. Differs: key and signatures come from the system's randomness, not from the seed;
//! nothing else in a cluster depends on them.
//!
//! *Upstream:* `pkg/serviceaccount/{jwt.go,claims.go}`,
//! `pkg/controller/serviceaccount/tokengetter.go`.

use std::sync::{Arc, OnceLock};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
    UnparsedPublicKey,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::User;
use super::authenticate::AUTHENTICATED;
use crate::object::{GroupResource, Key};
use crate::storage::Reader;

/// Signs tokens and knows its own; clones share the key.
#[derive(Clone, Default)]
pub struct Signer(Arc<OnceLock<Option<SigningKey>>>);

struct SigningKey {
    pair: EcdsaKeyPair,
    id: String,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer")
    }
}

/// Of whom a token speaks, and where it may be used.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Who it is.
    pub user: User,
    /// Where it may be used.
    pub audiences: Vec<String>,
}

impl Signer {
    fn key(&self) -> Option<&SigningKey> {
        self.0.get_or_init(make_key).as_ref()
    }

    /// A token that carries these claims; `None` where no key could be made.
    pub fn sign(&self, claims: &Value) -> Option<String> {
        let key = self.key()?;
        let header = json!({"alg": "ES256", "kid": key.id});
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", encode(&header), encode(claims));
        let signature = key.pair.sign(&SystemRandom::new(), text.as_bytes()).ok()?;
        Some(format!(
            "{text}.{}",
            URL_SAFE_NO_PAD.encode(signature.as_ref())
        ))
    }

    /// The claims of a token that this signer signed.
    fn claims(&self, token: &str) -> Option<Value> {
        let (text, signature) = token.rsplit_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        let public = self.key()?.pair.public_key().as_ref().to_vec();
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public)
            .verify(text.as_bytes(), &signature)
            .ok()?;
        let claims = URL_SAFE_NO_PAD.decode(text.split_once('.')?.1).ok()?;
        serde_json::from_slice(&claims).ok()
    }

    /// Who a token stands for, as long as it lasts and what it is bound to is there.
    pub fn identify(&self, reader: &dyn Reader, now: Timestamp, token: &str) -> Option<Identity> {
        let claims = self.claims(token)?;
        let second = now.as_second();
        let starts = claims["nbf"].as_i64()?;
        let ends = claims["exp"].as_i64()?;
        if second < starts || second >= ends {
            return None;
        }
        let private = &claims["kubernetes.io"];
        let namespace = private["namespace"].as_str()?;
        let is_there = |plural: &str, namespace: &str, reference: &Value| {
            let name = reference["name"].as_str().unwrap_or("");
            let resource = GroupResource::new("", plural);
            let stored = reader.get(&resource, &Key::new(namespace, name));
            stored.is_some_and(|stored| reference["uid"] == stored.object().uid())
        };
        let account = &private["serviceaccount"];
        let bound = [("pod", "pods"), ("secret", "secrets")];
        let is_bound = bound.iter().all(|(field, plural)| {
            private[*field].is_null() || is_there(plural, namespace, &private[*field])
        });
        if !is_there("serviceaccounts", namespace, account) || !is_bound {
            return None;
        }
        let audiences = claims["aud"].as_array()?.iter();
        Some(Identity {
            user: user(namespace, account, private, claims["jti"].as_str()),
            audiences: audiences
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
        })
    }
}

fn make_key() -> Option<SigningKey> {
    let random = SystemRandom::new();
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).ok()?;
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).ok()?;
    let id = URL_SAFE_NO_PAD.encode(Sha256::digest(pair.public_key().as_ref()));
    Some(SigningKey { pair, id })
}

/// A service account as a user.
fn user(namespace: &str, account: &Value, private: &Value, id: Option<&str>) -> User {
    let name = account["name"].as_str().unwrap_or("");
    let mut extra = Vec::new();
    if let Some(id) = id {
        let key = "authentication.kubernetes.io/credential-id".to_owned();
        extra.push((key, vec![format!("JTI={id}")]));
    }
    for (object, field) in [
        ("node", "name"),
        ("node", "uid"),
        ("pod", "name"),
        ("pod", "uid"),
    ] {
        if let Some(text) = private[object][field].as_str() {
            let key = format!("authentication.kubernetes.io/{object}-{field}");
            extra.push((key, vec![text.to_owned()]));
        }
    }
    User {
        name: format!("system:serviceaccount:{namespace}:{name}"),
        uid: account["uid"].as_str().unwrap_or("").to_owned(),
        groups: vec![
            "system:serviceaccounts".to_owned(),
            format!("system:serviceaccounts:{namespace}"),
            AUTHENTICATED.to_owned(),
        ],
        extra,
    }
}
