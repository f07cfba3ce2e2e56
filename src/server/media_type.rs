//! The `Content-Type` of a request: which media type it names, and whether it is one at all.
//!
//! *Invariant:* knows no endpoint; what is done with a media type is said in `negotiate`.
//! *Upstream:* Go's `mime.ParseMediaType`, as
//! `apiserver/pkg/endpoints/handlers/negotiation` calls it.

use http::HeaderMap;

/// The media type without its parameters, in lower case; what is not well formed as it stands, so
/// that it is like no media type. Patches are known by what precedes the first semicolon, whatever
/// follows.
pub(super) fn media_type(headers: &HeaderMap, is_patch: bool) -> String {
    let Some(value) = headers.get(http::header::CONTENT_TYPE) else {
        return String::new();
    };
    let text = String::from_utf8_lossy(value.as_bytes());
    let (media, parameters) = match text.split_once(';') {
        Some((media, parameters)) => (media, Some(parameters)),
        None => (&*text, None),
    };
    match parameters {
        Some(_) if media.trim().is_empty() => text.into_owned(),
        Some(parameters) if !is_patch && !are_well_formed(parameters) => text.into_owned(),
        _ => media.trim().to_ascii_lowercase(),
    }
}

/// Whether this is a list of `name=value`, each name once or always with the same value.
fn are_well_formed(parameters: &str) -> bool {
    let mut seen: Vec<(String, String)> = Vec::new();
    let mut rest = parameters;
    // A semicolon may end the list.
    while !rest.trim().is_empty() {
        let Some((name, value, after)) = parameter(rest.trim_start()) else {
            return false;
        };
        let is_other = |(known, other): &(String, String)| *known == name && *other != value;
        if seen.iter().any(is_other) {
            return false;
        }
        seen.push((name, value));
        rest = match after.trim_start().strip_prefix(';') {
            Some(rest) => rest,
            None if after.trim().is_empty() => "",
            None => return false,
        };
    }
    true
}

/// The parameter that a text begins with, and what follows it.
fn parameter(text: &str) -> Option<(String, String, &str)> {
    let (name, rest) = token(text)?;
    let rest = rest.trim_start().strip_prefix('=')?.trim_start();
    let (value, rest) = match rest.strip_prefix('"') {
        Some(quoted) => quoted_text(quoted)?,
        None => token(rest).map(|(value, rest)| (value.to_owned(), rest))?,
    };
    Some((name.to_ascii_lowercase(), value, rest))
}

/// The token that a text begins with (RFC 9110, 5.6.2), and what follows it.
fn token(text: &str) -> Option<(&str, &str)> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

/// What stands before the closing quote, and what follows it.
fn quoted_text(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(chars.next()?.1),
            _ => value.push(c),
        }
    }
    None
}
