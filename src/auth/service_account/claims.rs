//! Whether what a token says still holds: its time, its account, and what it is bound to.
//!
//! *Upstream:* `pkg/serviceaccount/{claims,legacy}.go`. Differs: a token from a secret is not
//! noted on the secret as used today.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{split_user_name, user};
use crate::auth::User;
use crate::object::{GroupResource, Key, Object, time};
use crate::storage::Reader;

/// How far clocks may be apart: `jwt.DefaultLeeway`.
const LEEWAY: SignedDuration = SignedDuration::from_mins(1);

const INVALIDATED: &str = "service account token has been invalidated";

/// Extra of a user, by the object a token is bound to.
const EXTRA: &str = "authentication.kubernetes.io";

/// What stands in a token under `kubernetes.io`.
struct Bound<'a> {
    reader: &'a dyn Reader,
    /// Objects whose deletion was due before this are gone.
    gone_before: Timestamp,
    namespace: &'a str,
}

/// The user of a token that was issued on request.
pub(super) fn bound(reader: &dyn Reader, now: Timestamp, claims: &Value) -> Result<User, String> {
    check_time(now, claims)?;
    let private = &claims["kubernetes.io"];
    let namespace = text(private, "namespace");
    let check = Bound {
        reader,
        gone_before: now - LEEWAY,
        namespace,
    };
    let account = &private["serviceaccount"];
    let name = text(account, "name");
    if name.is_empty() {
        return Err("resource name may not be empty".to_owned());
    }
    let found = find(reader, "serviceaccounts", namespace, name)
        .ok_or_else(|| format!("serviceaccounts {name:?} not found"))?;
    if found.uid() != text(account, "uid") {
        return Err(format!(
            "service account UID ({}) does not match claim ({})",
            found.uid(),
            text(account, "uid")
        ));
    }
    if check.is_gone(&found) {
        return Err(format!(
            "service account {namespace}/{name} has been deleted"
        ));
    }
    check.object(private, "secret", "secrets", "secret UID", "secret")?;
    check.object(private, "pod", "pods", "pod UID", "pod")?;
    if private["pod"].is_null() {
        check.object(private, "node", "nodes", "node UID", "node")?;
    }
    let mut user = user(namespace, name, text(account, "uid"));
    if let Some(id) = claims["jti"].as_str().filter(|id| !id.is_empty()) {
        let value = vec![format!("JTI={id}")];
        user.extra.push((format!("{EXTRA}/credential-id"), value));
    }
    for object in ["node", "pod"] {
        for field in ["name", "uid"] {
            if let Some(value) = private[object][field].as_str().filter(|it| !it.is_empty()) {
                let key = format!("{EXTRA}/{object}-{field}");
                user.extra.push((key, vec![value.to_owned()]));
            }
        }
    }
    Ok(user)
}

fn check_time(now: Timestamp, claims: &Value) -> Result<(), String> {
    let (early, late) = ((now + LEEWAY).as_second(), (now - LEEWAY).as_second());
    let claim = |name: &str| claims[name].as_f64().map(|seconds| seconds as i64);
    if claim("nbf").is_some_and(|starts| early < starts) {
        return Err("service account token is not valid yet".to_owned());
    }
    if claim("exp").is_some_and(|ends| late > ends) {
        return Err("service account token has expired".to_owned());
    }
    if claim("iat").is_some_and(|issued| early < issued) {
        return Err("service account token is issued in the future".to_owned());
    }
    Ok(())
}

impl Bound<'_> {
    /// Checks an object that the token is bound to, if it is.
    fn object(
        &self,
        private: &Value,
        field: &str,
        plural: &str,
        what: &str,
        claim: &str,
    ) -> Result<(), String> {
        let reference = &private[field];
        if reference.is_null() {
            return Ok(());
        }
        let namespace = if plural == "nodes" {
            ""
        } else {
            self.namespace
        };
        let found = find(self.reader, plural, namespace, text(reference, "name"))
            .ok_or_else(|| INVALIDATED.to_owned())?;
        let uid = text(reference, "uid");
        if found.uid() != uid {
            return Err(format!(
                "{what} ({}) does not match service account {claim} ref claim ({uid})",
                found.uid()
            ));
        }
        if self.is_gone(&found) {
            return Err(INVALIDATED.to_owned());
        }
        Ok(())
    }

    fn is_gone(&self, object: &Object) -> bool {
        let text = object.text(&["metadata", "deletionTimestamp"]);
        time::parse(text).is_some_and(|due| due < self.gone_before)
    }
}

/// The user of a token that stands in a secret.
pub(super) fn legacy(reader: &dyn Reader, token: &str, claims: &Value) -> Result<User, String> {
    let claim = |name: &str| {
        let key = format!("kubernetes.io/serviceaccount/{name}");
        claims[key.as_str()].as_str().unwrap_or("").to_owned()
    };
    let subject = text(claims, "sub");
    let (namespace, secret) = (claim("namespace"), claim("secret.name"));
    let (name, uid) = (claim("service-account.name"), claim("service-account.uid"));
    for (value, what) in [
        (subject, "sub"),
        (&namespace, "namespace"),
        (&secret, "secretName"),
        (&name, "serviceAccountName"),
        (&uid, "serviceAccountUID"),
    ] {
        if value.is_empty() {
            return Err(format!("{what} claim is missing"));
        }
    }
    if split_user_name(subject) != Some((&namespace, &name)) {
        return Err("sub claim is invalid".to_owned());
    }
    let found = find(reader, "secrets", &namespace, &secret)
        .filter(|found| !found.is_being_deleted())
        .ok_or_else(|| "Token has been invalidated".to_owned())?;
    let copy = STANDARD
        .decode(found.text(&["data", "token"]))
        .unwrap_or_default();
    if copy != token.as_bytes() {
        return Err("Token does not match server's copy".to_owned());
    }
    let account = find(reader, "serviceaccounts", &namespace, &name)
        .ok_or_else(|| format!("serviceaccounts {name:?} not found"))?;
    if account.is_being_deleted() {
        return Err(format!(
            "ServiceAccount {namespace}/{name} has been deleted"
        ));
    }
    if account.uid() != uid {
        return Err(format!(
            "ServiceAccount UID ({}) does not match claim ({uid})",
            account.uid()
        ));
    }
    if found
        .label(INVALID_SINCE)
        .is_some_and(|since| !since.is_empty())
    {
        return Err(format!(
            "the token in secret {namespace}/{secret} for service account {namespace}/{name} has \
             been marked invalid. Use tokens from the TokenRequest API or manually created \
             secret-based tokens, or remove the '{INVALID_SINCE}' label from the secret to \
             temporarily allow use of this token"
        ));
    }
    Ok(user(&namespace, &name, &uid))
}

const INVALID_SINCE: &str = "kubernetes.io/legacy-token-invalid-since";

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or("")
}

fn find(reader: &dyn Reader, plural: &str, namespace: &str, name: &str) -> Option<Object> {
    let key = Key::new(namespace, name);
    let stored = reader.get(&GroupResource::new("", plural), &key)?;
    Some(stored.object())
}
