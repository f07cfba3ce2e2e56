//! A URL as the target of a request: purely syntactic, nothing is looked up.
//!
//! *Invariant:* knows no resource by name but `namespaces`, whose paths are ambiguous.
//! *Upstream:* `apiserver/pkg/endpoints/request/requestinfo.go`.

use std::borrow::Cow;

use crate::registry::{Target, Verb};

/// What a method and a path mean.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "facts of a path, each apart")]
pub struct Location {
    /// The verb as authorization knows it; the lower-case method where no resource is named.
    pub action: String,
    /// The verb for the corridor; `None` where the method is none that resources serve.
    pub verb: Option<Verb>,
    /// Whether a resource is named (`/api/v1/pods`), not a document (`/api/v1`).
    pub is_resource: bool,
    /// Whether the path itself says that it is a watch (`/api/v1/watch/pods`), as it was done once.
    pub is_watch_path: bool,
    /// Whether the path has a shape that some resource may serve.
    pub is_routable: bool,
    /// The resource or object.
    pub target: Target,
    /// The namespace as authorization knows it: a namespace lies in itself.
    pub namespace: String,
    /// Whether the path has a segment for a namespace and nothing in it.
    pub names_no_namespace: bool,
}

/// Why a path is not understood at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadPath {
    /// `/api/v1/watch` without anything to watch.
    NothingAfterVerb,
}

/// A path's percent escapes resolved; `None` where one is malformed.
pub fn decode(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(Cow::Borrowed(text));
    }
    unescape(text, false).map(Cow::Owned)
}

/// The query's parameters, decoded, in order; malformed ones are left out, as Go leaves them out.
pub fn query(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|pair| !pair.is_empty() && !pair.contains(';'))
        .filter_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((unescape(key, true)?, unescape(value, true)?))
        })
        .collect()
}

/// Resolves percent escapes, and plus signs in a query.
fn unescape(text: &str, is_query: bool) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let high = char::from(bytes.next()?).to_digit(16)?;
                let low = char::from(bytes.next()?).to_digit(16)?;
                out.push((high * 16 + low) as u8);
            }
            b'+' if is_query => out.push(b' '),
            _ => out.push(byte),
        }
    }
    Some(match String::from_utf8(out) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    })
}

/// What a method, a decoded path and a query mean.
pub fn parse(method: &str, path: &str, query: &[(String, String)]) -> Result<Location, BadPath> {
    let document = || Location {
        action: method.to_ascii_lowercase(),
        ..Location::default()
    };
    let is_anchored = path.starts_with('/') && !path.starts_with("//");
    let mut parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let group_parts = match parts[0] {
        "api" => 0,
        "apis" => 1,
        _ => return Ok(document()),
    };
    if parts.len() < 3 + group_parts {
        return Ok(document());
    }
    let is_clean = is_anchored && parts[..2 + group_parts].iter().all(|part| !part.is_empty());
    let group = if group_parts == 1 { parts[1] } else { "" };
    let version = parts[1 + group_parts];
    parts.drain(..2 + group_parts);
    let prefix = matches!(parts[0], "watch" | "proxy").then(|| parts[0]);
    if prefix.is_some() {
        if parts.len() < 2 {
            return Err(BadPath::NothingAfterVerb);
        }
        parts.remove(0);
    }
    let mut location = Location {
        is_resource: true,
        ..resource(&parts, prefix == Some("proxy"))
    };
    group.clone_into(&mut location.target.group);
    version.clone_into(&mut location.target.version);
    location.is_routable &= is_clean && prefix != Some("proxy");
    location.is_watch_path = prefix == Some("watch");
    let is_collection = location.target.name.is_empty();
    (location.verb, location.action) = match prefix {
        Some("watch") => ((method == "GET").then_some(Verb::Watch), "watch".to_owned()),
        Some(_) => (None, "proxy".to_owned()),
        None => verb(method, is_collection, query),
    };
    Ok(location)
}

/// The parts of a path from the resource on.
fn resource(parts: &[&str], is_whole_name: bool) -> Location {
    let mut location = Location {
        is_routable: true,
        ..Location::default()
    };
    let mut parts = parts;
    if parts[0] == "namespaces" && parts.len() > 1 {
        parts[1].clone_into(&mut location.namespace);
        if parts.len() > 2 && !matches!(parts[2], "status" | "finalize") {
            parts[1].clone_into(&mut location.target.namespace);
            location.names_no_namespace = parts[1].is_empty();
            parts = &parts[2..];
        }
    }
    // Nothing may stand where a path has a parameter, and nowhere else.
    location.is_routable = !parts[0].is_empty() && parts.get(2).is_none_or(|part| !part.is_empty());
    let target = &mut location.target;
    parts[0].clone_into(&mut target.resource);
    if let Some(name) = parts.get(1) {
        (*name).clone_into(&mut target.name);
    }
    if let Some(subresource) = parts.get(2).filter(|_| !is_whole_name) {
        (*subresource).clone_into(&mut target.subresource);
    }
    if parts.len() > 3 {
        target.rest = parts[3..].join("/");
        location.is_routable &= target.subresource == "proxy";
    }
    location
}

/// The verb of a method, for the corridor and for authorization.
fn verb(method: &str, is_collection: bool, query: &[(String, String)]) -> (Option<Verb>, String) {
    let verb = match (method, is_collection) {
        ("POST", _) => Verb::Create,
        ("GET", false) => Verb::Get,
        ("GET" | "HEAD", true) if is_watch(query) => Verb::Watch,
        ("GET", true) => Verb::List,
        ("PUT", _) => Verb::Update,
        ("PATCH", _) => Verb::Patch,
        ("DELETE", false) => Verb::Delete,
        ("DELETE", true) => Verb::DeleteCollection,
        // HEAD is authorized as GET, and then no route serves it.
        ("HEAD", true) => return (None, "list".to_owned()),
        ("HEAD", false) => return (None, "get".to_owned()),
        _ => return (None, String::new()),
    };
    let served = (method != "HEAD").then_some(verb);
    (served, verb.as_str().to_owned())
}

/// Whether `watch` is set: to anything but `0` and `false`.
fn is_watch(query: &[(String, String)]) -> bool {
    query
        .iter()
        .find(|(key, _)| key == "watch")
        .is_some_and(|(_, value)| value != "0" && !value.eq_ignore_ascii_case("false"))
}

/// A text as part of a query.
pub fn escape(text: &str) -> String {
    escaped(text, "")
}

/// A path as it stands in a URL.
pub fn escape_path(text: &str) -> String {
    escaped(text, "/:@,;=+$&'()*!")
}

fn escaped(text: &str, kept: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        let character = char::from(byte);
        let is_plain = byte.is_ascii_alphanumeric() || "-_.~".contains(character);
        if is_plain || byte.is_ascii() && kept.contains(character) {
            out.push(character);
        } else {
            out.push('%');
            for digit in [byte >> 4, byte & 15] {
                out.push(char::from(b"0123456789ABCDEF"[usize::from(digit)]));
            }
        }
    }
    out
}
