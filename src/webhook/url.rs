//! The URL of a call, as client-go puts it together.
//!
//! *Upstream:* `client-go/rest/{url_utils,request}.go`, `apiserver/pkg/util/webhook/client.go`.

use super::{Call, Failure, Place};
use crate::object::duration;

/// The URL that a call goes to.
pub(super) fn of(call: &Call<'_>) -> Result<String, Failure> {
    let (base, path, query) = match &call.target.place {
        Place::Url(text) => split(text)?,
        Place::Service {
            namespace,
            name,
            port,
            path,
        } => (
            format!("https://{name}.{namespace}.svc:{port}"),
            path.clone(),
            String::new(),
        ),
    };
    let mut url = base + &clean(&path);
    let mut sign = '?';
    if !query.is_empty() {
        url = format!("{url}?{query}");
        sign = '&';
    }
    if call.says_timeout {
        let timeout = duration::print(call.timeout.as_nanos() as i64);
        url = format!("{url}{sign}timeout={timeout}");
    }
    Ok(url)
}

/// Where a relative or absolute reference points to that stands in an answer from a URL.
pub(super) fn joined(base: &str, place: &str) -> String {
    if place.contains("://") {
        return place.to_owned();
    }
    let start = base.find("://").map_or(0, |at| at + 3);
    let end = base[start..].find('/').map_or(base.len(), |at| at + start);
    if place.starts_with('/') {
        return format!("{}{place}", &base[..end]);
    }
    let folder = base.rfind('/').filter(|at| *at >= end);
    format!("{}/{place}", &base[..folder.unwrap_or(base.len())])
}

/// A URL as scheme and authority, path, and query.
fn split(text: &str) -> Result<(String, String, String), Failure> {
    if text.is_empty() {
        return Err(Failure::unreachable(
            "webhook configuration must have either service or URL",
        ));
    }
    let Some(start) = text.find("://") else {
        let why = format!("Unparsable URL: {text:?}");
        return Err(Failure::unreachable(why));
    };
    let rest = start + 3;
    let end = text[rest..]
        .find(['/', '?', '#'])
        .map_or(text.len(), |at| at + rest);
    let tail = text[end..].split('#').next().unwrap_or("");
    let (path, query) = tail.split_once('?').unwrap_or((tail, ""));
    Ok((text[..end].to_owned(), path.to_owned(), query.to_owned()))
}

/// A path without `.`, `..`, doubled and trailing slashes (Go's `path.Join`).
fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}
