//! URLs.
//!
//! *Upstream:* `apiserver/pkg/cel/library/urls.go`, `net/url`.

use std::fmt::Write;
use std::sync::Arc;

use crate::cel::eval::{Failure, Outcome};
use crate::cel::value::{Map, Value};
use crate::object::quote::quoted;

/// A URL in its parts.
#[derive(Debug, PartialEq, Eq)]
pub struct Url {
    /// As written.
    pub text: String,
    scheme: String,
    /// Host and port as written.
    host: String,
    path: String,
    query: String,
}

/// The result of a function over URLs; `None` where it is none.
pub(super) fn call<'a>(name: &str, values: &[Value<'a>]) -> Option<Outcome<'a>> {
    let outcome = match (name, values) {
        ("url", [Value::String(text)]) => Url::parse(text)
            .map(|url| Value::Url(Arc::new(url)))
            .map_err(|why| {
                Failure::new(format!(
                    "URL parse error during conversion from string: {why}"
                ))
            }),
        ("isURL", [Value::String(text)]) => Ok(Value::Bool(Url::parse(text).is_ok())),
        ("getScheme", [Value::Url(url)]) => Ok(Value::text(url.scheme.as_str())),
        ("getHost", [Value::Url(url)]) => Ok(Value::text(url.host.as_str())),
        ("getHostname", [Value::Url(url)]) => Ok(Value::text(url.host_and_port().0)),
        ("getPort", [Value::Url(url)]) => Ok(Value::text(url.host_and_port().1)),
        ("getEscapedPath", [Value::Url(url)]) => Ok(Value::text(escaped_path(&url.path))),
        ("getQuery", [Value::Url(url)]) => Ok(url.query_map()),
        _ => return None,
    };
    Some(outcome)
}

/// What is wrong with a URL of a request, in Go's words.
pub(in crate::cel) fn refusal(text: &str) -> Option<String> {
    Url::parse(text).err()
}

impl Url {
    /// An absolute URL or an absolute path.
    fn parse(text: &str) -> Result<Self, String> {
        Self::parts(text).map_err(|why| format!("parse {}: {why}", quoted(text)))
    }

    fn parts(text: &str) -> Result<Self, String> {
        if text.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
            return Err("net/url: invalid control character in URL".to_owned());
        }
        if text.is_empty() {
            return Err("empty url".to_owned());
        }
        let (scheme, rest) = scheme(text)?;
        let has_scheme = !scheme.is_empty();
        if !rest.starts_with('/') && !has_scheme && text != "*" {
            return Err("invalid URI for request".to_owned());
        }
        // What the check of a request reads as part of the path or query is a fragment.
        check_rest(rest, has_scheme)?;
        let rest = rest.split('#').next().unwrap_or(rest);
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut url = Self {
            text: text.to_owned(),
            scheme: scheme.to_ascii_lowercase(),
            host: String::new(),
            path: String::new(),
            query: query.to_owned(),
        };
        if has_scheme && !rest.starts_with('/') {
            return Ok(url);
        }
        match rest.strip_prefix("//").filter(|_| has_scheme) {
            Some(rest) => {
                let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                url.host = authority_host(authority)?;
                path.clone_into(&mut url.path);
            }
            None => rest.clone_into(&mut url.path),
        }
        Ok(url)
    }

    fn host_and_port(&self) -> (&str, &str) {
        if let Some((host, rest)) = self
            .host
            .strip_prefix('[')
            .and_then(|rest| rest.split_once(']'))
        {
            return (host, rest.strip_prefix(':').unwrap_or(""));
        }
        self.host.rsplit_once(':').unwrap_or((&self.host, ""))
    }

    fn query_map<'a>(&self) -> Value<'a> {
        let mut names: Vec<(String, Vec<Value<'a>>)> = Vec::new();
        for pair in self.query.split('&').filter(|pair| !pair.is_empty()) {
            if pair.contains(';') {
                continue;
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (Ok(name), Ok(value)) = (unescape(name, true), unescape(value, true)) else {
                continue;
            };
            let value = Value::text(value);
            match names.iter_mut().find(|(known, _)| *known == name) {
                Some((_, values)) => values.push(value),
                None => names.push((name, vec![value])),
            }
        }
        let entries = names
            .into_iter()
            .map(|(name, values)| (Value::text(name), Value::list(values)));
        Value::Map(Map::Own(Arc::new(entries.collect())))
    }
}

/// The scheme of a URL, where it has one, and what follows it.
fn scheme(text: &str) -> Result<(&str, &str), String> {
    for (index, c) in text.char_indices() {
        match c {
            'a'..='z' | 'A'..='Z' => {}
            '0'..='9' | '+' | '-' | '.' if index > 0 => {}
            ':' if index == 0 => return Err("missing protocol scheme".to_owned()),
            ':' => return Ok((&text[..index], &text[index + 1..])),
            _ => break,
        }
    }
    Ok(("", text))
}

/// What is wrong with what follows the scheme.
fn check_rest(rest: &str, has_scheme: bool) -> Result<(), String> {
    let rest = rest.split('?').next().unwrap_or(rest);
    if has_scheme && !rest.starts_with('/') {
        return Ok(());
    }
    let path = match rest.strip_prefix("//").filter(|_| has_scheme) {
        Some(rest) => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            authority_host(authority)?;
            path
        }
        None => rest,
    };
    unescape(path, false).map(|_| ())
}

/// The host of an authority: who asks of it is left out.
fn authority_host(authority: &str) -> Result<String, String> {
    let Some((user, written)) = authority.rsplit_once('@') else {
        return host(authority);
    };
    let written = host(written)?;
    let is_sound = user
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "-._:~!$&'()*+,;=%@".contains(c));
    if !is_sound {
        return Err("net/url: invalid userinfo".to_owned());
    }
    unescape(user, false)?;
    Ok(written)
}

fn host(written: &str) -> Result<String, String> {
    let port = if written.starts_with('[') {
        let end = written.rfind(']').ok_or("missing ']' in host")?;
        &written[end + 1..]
    } else {
        written.rfind(':').map_or("", |at| &written[at..])
    };
    let is_port = match port.strip_prefix(':') {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_digit()),
        None => port.is_empty(),
    };
    if !is_port {
        return Err(format!("invalid port {} after host", quoted(port)));
    }
    let bytes = written.as_bytes();
    for (index, c) in written.char_indices() {
        let may_stand = c.is_ascii_alphanumeric() || "-_.~!$&'()*+,;=:[]<>\"".contains(c);
        if c == '%' {
            let escape: String = written[index..].chars().take(3).collect();
            let is_escape = bytes.get(index + 1).is_some_and(u8::is_ascii_hexdigit)
                && bytes.get(index + 2).is_some_and(u8::is_ascii_hexdigit);
            let is_high = matches!(
                bytes.get(index + 1),
                Some(b'8'..=b'9' | b'a'..=b'f' | b'A'..=b'F')
            );
            if !is_escape || !(is_high || escape == "%25") {
                return Err(format!("invalid URL escape {}", quoted(&escape)));
            }
        } else if c.is_ascii() && !may_stand {
            let c = quoted(&c.to_string());
            return Err(format!("invalid character {c} in host name"));
        }
    }
    unescape(written, false)
}

/// Text with its escapes read; `is_query`: a plus is a space.
fn unescape(text: &str, is_query: bool) -> Result<String, String> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while let Some(byte) = bytes.get(index) {
        match byte {
            b'%' => {
                let digit = |at: usize| {
                    let byte = bytes.get(at).copied().unwrap_or(b' ');
                    char::from(byte).to_digit(16)
                };
                let (Some(high), Some(low)) = (digit(index + 1), digit(index + 2)) else {
                    let end = (index + 3).min(bytes.len());
                    let escape = String::from_utf8_lossy(&bytes[index..end]);
                    return Err(format!("invalid URL escape {}", quoted(&escape)));
                };
                out.push((high * 16 + low) as u8);
                index += 3;
                continue;
            }
            b'+' if is_query => out.push(b' '),
            byte => out.push(*byte),
        }
        index += 1;
    }
    Ok(String::from_utf8_lossy(&out).into_owned())
}

/// A path as it would stand in a request.
fn escaped_path(path: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let is_sound = path
        .bytes()
        .all(|byte| is_plain(byte) || b"!$&'()*+,;=:@[]%/".contains(&byte));
    if is_sound {
        return path.to_owned();
    }
    let mut out = String::new();
    for byte in unescape(path, false).unwrap_or_default().bytes() {
        if is_plain(byte) || b"$&+,/:;=@".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
