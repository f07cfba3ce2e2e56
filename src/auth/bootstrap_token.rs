//! Tokens that secrets hold, by which new nodes join a cluster.
//!
//! *Upstream:* `plugin/pkg/auth/authenticator/token/bootstrap/bootstrap.go`,
//! `cluster-bootstrap/{token/util,util/secrets}`.

use base64::Engine;
use jiff::Timestamp;

use super::User;
use crate::object::{GroupResource, Key, Object};
use crate::storage::Reader;

const NAMESPACE: &str = "kube-system";
const TYPE: &str = "bootstrap.kubernetes.io/token";

/// Who everybody is who has such a token, and how further groups begin.
const GROUP: &str = "system:bootstrappers";

/// Whose a token is; `None` where no secret holds it.
pub(super) fn identify(reader: &dyn Reader, now: Timestamp, token: &str) -> Option<User> {
    let (id, secret) = token.split_once('.')?;
    if !is_made_of(id, 6) || !is_made_of(secret, 16) {
        return None;
    }
    let secrets = GroupResource::new("", "secrets");
    let key = Key::new(NAMESPACE, &format!("bootstrap-token-{id}"));
    let stored = reader.get(&secrets, &key)?.parsed();
    let is_expired = match data(&stored, "expiration").as_str() {
        "" => false,
        text => !text.parse().is_ok_and(|until: Timestamp| now < until),
    };
    let is_good = !stored.is_being_deleted()
        && stored.text(&["type"]) == TYPE
        && is_same(&data(&stored, "token-secret"), secret)
        && data(&stored, "token-id") == id
        && !is_expired
        && data(&stored, "usage-bootstrap-authentication") == "true";
    if !is_good {
        return None;
    }
    Some(User {
        name: format!("system:bootstrap:{id}"),
        groups: groups(&data(&stored, "auth-extra-groups"))?,
        ..User::default()
    })
}

fn is_made_of(text: &str, length: usize) -> bool {
    let is_good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.len() == length && text.bytes().all(is_good)
}

/// Compares without telling by its time how much is the same.
fn is_same(one: &str, other: &str) -> bool {
    let differing = one.bytes().zip(other.bytes());
    let differing = differing.fold(0, |sum, (one, other)| sum | (one ^ other));
    one.len() == other.len() && differing == 0
}

fn data(secret: &Object, key: &str) -> String {
    let text = secret.text(&["data", key]);
    let bytes = base64::engine::general_purpose::STANDARD.decode(text);
    String::from_utf8(bytes.unwrap_or_default()).unwrap_or_default()
}

/// The groups, sorted; `None` where one may not be given.
fn groups(extra: &str) -> Option<Vec<String>> {
    let mut groups = vec![GROUP.to_owned()];
    for group in extra.split(',').filter(|_| !extra.is_empty()) {
        let rest = group.strip_prefix(GROUP)?.strip_prefix(':')?;
        let is_good = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b':' || byte == b'-'
        };
        let ends_well = !rest.ends_with([':', '-']) && rest.len() <= 255;
        if rest.is_empty() || !rest.bytes().all(is_good) || !ends_well {
            return None;
        }
        groups.push(group.to_owned());
    }
    groups.sort();
    groups.dedup();
    Some(groups)
}
