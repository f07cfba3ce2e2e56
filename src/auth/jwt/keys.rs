//! An issuer's keys: found by its discovery document, kept, and asked for again when a token is
//! signed by none of them.
//!
//! *Upstream:* `go-oidc/oidc/{oidc,jwks}.go`.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Limited};
use parking_lot::Mutex;
use serde_json::Value;

use super::Settings;
use crate::auth::service_account::keys::PublicKey;
use crate::webhook::{Caller, Place, Target};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many bytes of an answer are read.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// Keys by their ids.
type Known = Vec<(String, PublicKey)>;

#[derive(Debug)]
pub(super) struct Keys {
    issuer: String,
    discovery_url: String,
    authorities: Vec<u8>,
    caller: Arc<Caller>,
    kept: Mutex<Kept>,
}

#[derive(Clone, Debug, Default)]
struct Kept {
    /// Where the keys are, once the issuer said so.
    place: Option<String>,
    keys: Arc<Known>,
}

impl Keys {
    pub(super) fn new(settings: &Settings, caller: Arc<Caller>) -> Self {
        let discovery_url = if settings.discovery_url.is_empty() {
            let url = settings.url.trim_end_matches('/');
            format!("{url}/.well-known/openid-configuration")
        } else {
            settings.discovery_url.clone()
        };
        Self {
            issuer: settings.url.clone(),
            discovery_url,
            authorities: settings.authorities.clone().into_bytes(),
            caller,
            kept: Mutex::default(),
        }
    }

    /// Whether one of the keys has signed a text.
    pub(super) async fn verify(
        &self,
        id: &str,
        algorithm: &str,
        text: &str,
        signature: &[u8],
    ) -> Result<(), String> {
        let is_signed = |keys: &Known| {
            let mut keys = keys.iter().filter(|(own, _)| id.is_empty() || own == id);
            keys.any(|(_, key)| key.verifies(algorithm, text.as_bytes(), signature))
        };
        let kept = Arc::clone(&self.kept.lock().keys);
        if is_signed(&kept) {
            return Ok(());
        }
        let refused =
            |why: String| format!("oidc: verify token: failed to verify signature: {why}");
        let place = self.place().await?;
        let fetched = self.fetch(&place).await;
        let fetched = fetched.map_err(|why| refused(format!("fetching keys {why}")))?;
        let keys: Known = fetched["keys"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|key| {
                let id = key["kid"].as_str().unwrap_or("").to_owned();
                Some((id, PublicKey::of_jwk(key)?))
            })
            .collect();
        let is_signed = is_signed(&keys);
        self.kept.lock().keys = Arc::new(keys);
        if is_signed {
            Ok(())
        } else {
            Err(refused("failed to verify id token signature".to_owned()))
        }
    }

    /// Where the keys are.
    async fn place(&self) -> Result<String, String> {
        if let Some(place) = self.kept.lock().place.clone() {
            return Ok(place);
        }
        let document = self.fetch(&self.discovery_url).await.map_err(|error| {
            tracing::warn!(issuer = self.issuer, error, "an issuer cannot be asked");
            "oidc: authenticator not initialized".to_owned()
        })?;
        let text = |field: &str| document[field].as_str().unwrap_or("").to_owned();
        let (issuer, place) = (text("issuer"), text("jwks_uri"));
        if issuer != self.issuer || place.is_empty() {
            tracing::warn!(
                expected = self.issuer,
                issuer,
                place,
                "an issuer's discovery document is of another one, or names no keys"
            );
            return Err("oidc: authenticator not initialized".to_owned());
        }
        self.kept.lock().place = Some(place.clone());
        Ok(place)
    }

    async fn fetch(&self, url: &str) -> Result<Value, String> {
        let target = Target {
            place: Place::Url(url.to_owned()),
            ca_bundle: self.authorities.clone(),
            ..Target::default()
        };
        let request = Request::builder()
            .uri(url)
            .header("Accept", "application/json")
            .header("User-Agent", "kube-apiserver")
            .body(Bytes::new())
            .map_err(|error| format!("Get {url:?}: {error}"))?;
        let exchange = async {
            let response = self.caller.forward(&target, request).await;
            let response = response.map_err(|error| format!("Get {url:?}: {error}"))?;
            let status = response.status();
            let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX);
            let body = body.collect().await.map_err(|error| error.to_string())?;
            let body = body.to_bytes();
            if !status.is_success() {
                return Err(format!("{status}: {}", String::from_utf8_lossy(&body)));
            }
            serde_json::from_slice(&body).map_err(|error| error.to_string())
        };
        // The one who answers is outside, and so is the time it takes.
        #[allow(clippy::disallowed_methods)]
        let answered = tokio::time::timeout(PATIENCE, Box::pin(exchange)).await;
        answered.unwrap_or_else(|_| Err(format!("Get {url:?}: context deadline exceeded")))
    }
}
