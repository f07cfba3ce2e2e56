//! Tokens by which nodes join: those that have expired go, and the others sign `cluster-info`.
//!
//! Both run only where they are named, as upstream.
//!
//! *Upstream:* `pkg/controller/bootstrap/{tokencleaner,bootstrapsigner}.go`,
//! `cluster-bootstrap/token/jws`.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::Timestamp;
use ring::hmac;

use crate::object::{Key, Object};
use crate::runner::kinds::{CONFIG_MAPS, SECRETS};
use crate::runner::{
    Again, Controller, Identity, Item, Items, Kind, Plan, Seen, Step, Watches, World,
};

const NAMESPACE: &str = "kube-system";

const TYPE: &str = "bootstrap.kubernetes.io/token";

/// What signatures stand under.
const SIGNATURE: &str = "jws-kubeconfig-";

fn data(secret: &Object, key: &str) -> String {
    let bytes = STANDARD.decode(secret.text(&["data", key]));
    String::from_utf8(bytes.unwrap_or_default()).unwrap_or_default()
}

/// How long a token is good for; `None` is for ever. One whose end cannot be read has come to it.
fn left(secret: &Object, now: Timestamp) -> Option<Duration> {
    let text = data(secret, "expiration");
    if text.is_empty() {
        return None;
    }
    let until = text.parse::<Timestamp>().ok();
    let left = until.and_then(|until| Duration::try_from(until.duration_since(now)).ok());
    Some(left.unwrap_or_default())
}

/// Removes tokens that have expired.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TokenCleaner;

impl Controller for TokenCleaner {
    fn name(&self) -> &'static str {
        "token-cleaner-controller"
    }

    fn identity(&self) -> Identity {
        Identity::ServiceAccount("token-cleaner")
    }

    fn watches(&self) -> Watches<'_> {
        static KINDS: LazyLock<[&Kind; 1]> = LazyLock::new(|| [&SECRETS]);
        Watches::Kinds(&*KINDS)
    }

    fn react(&mut self, _: &World, seen: &Seen, items: &mut Items) {
        if !seen.is_gone() && seen.object.key.namespace() == NAMESPACE {
            items.add(&seen.resource, &seen.object.key);
        }
    }

    fn reconcile(&mut self, world: &World, item: &Item) -> Plan {
        let secret = world.object(item);
        let Some(secret) = secret.filter(|secret| secret.text(&["type"]) == TYPE) else {
            return Plan::nothing();
        };
        match left(&secret, world.now) {
            None => Plan::nothing(),
            Some(left) if left.is_zero() => Plan::of(Step::delete(&SECRETS, &secret).or_go_on()),
            Some(left) => Plan::nothing().and_again(Again::After(left)),
        }
    }
}

/// Signs the kubeconfig that everybody may read with the tokens that may sign.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BootstrapSigner;

impl BootstrapSigner {
    fn place() -> Key {
        Key::new("kube-public", "cluster-info")
    }
}

impl Controller for BootstrapSigner {
    fn name(&self) -> &'static str {
        "bootstrap-signer-controller"
    }

    fn identity(&self) -> Identity {
        Identity::ServiceAccount("bootstrap-signer")
    }

    fn watches(&self) -> Watches<'_> {
        static KINDS: LazyLock<[&Kind; 2]> = LazyLock::new(|| [&SECRETS, &CONFIG_MAPS]);
        Watches::Kinds(&*KINDS)
    }

    fn react(&mut self, _: &World, seen: &Seen, items: &mut Items) {
        let is_token = seen.resource == SECRETS.resource
            && seen.object.key.namespace() == NAMESPACE
            && seen.parsed().text(&["type"]) == TYPE;
        let is_info = seen.resource == CONFIG_MAPS.resource && seen.object.key == Self::place();
        if is_token || is_info {
            items.add(&CONFIG_MAPS.resource, &Self::place());
        }
    }

    fn reconcile(&mut self, world: &World, item: &Item) -> Plan {
        let Some(map) = world.object(item) else {
            return Plan::nothing();
        };
        let Some(content) = map
            .get(&["data", "kubeconfig"])
            .and_then(|one| one.as_str())
        else {
            return Plan::nothing();
        };
        let mut wanted = BTreeMap::new();
        let mut again = Again::OnChange;
        for secret in world.list(&SECRETS, NAMESPACE) {
            let id = data(&secret, "token-id");
            let is_good = secret.text(&["type"]) == TYPE
                && secret.name() == format!("bootstrap-token-{id}")
                && data(&secret, "usage-bootstrap-signing") == "true";
            let left = left(&secret, world.now);
            if !is_good || left.is_some_and(|left| left.is_zero()) {
                continue;
            }
            again = again.sooner(left.map_or(Again::OnChange, Again::After));
            let signature = sign(content, &id, &data(&secret, "token-secret"));
            wanted.insert(format!("{SIGNATURE}{id}"), signature);
        }
        let known = map.get(&["data"]).and_then(|data| data.as_object());
        let known = known.into_iter().flatten();
        let known: BTreeMap<String, String> = known
            .filter(|(key, _)| key.starts_with(SIGNATURE))
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect();
        if known == wanted {
            return Plan::nothing().and_again(again);
        }
        let mut signed = Object::clone(&map);
        for key in known.keys() {
            signed.remove(&["data", key]);
        }
        for (key, signature) in wanted {
            signed.set(&["data", &key], signature);
        }
        Plan::of(Step::update(&CONFIG_MAPS, signed)).and_again(again)
    }
}

/// A signature (JWS) that leaves out what it signs.
fn sign(content: &str, id: &str, secret: &str) -> String {
    let header = URL_SAFE_NO_PAD.encode(format!("{{\"alg\":\"HS256\",\"kid\":\"{id}\"}}"));
    let payload = URL_SAFE_NO_PAD.encode(content);
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let signature = hmac::sign(&key, format!("{header}.{payload}").as_bytes());
    format!("{header}..{}", URL_SAFE_NO_PAD.encode(signature))
}
