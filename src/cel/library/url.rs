//! URLs.
//!
//! *Upstream:* `apiserver/pkg/cel/library/urls.go`, `net/url`.

use std::rc::Rc;

use crate::cel::eval::{Failure, Outcome};
use crate::cel::value::{Map, Value};

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
            .map(|url| Value::Url(Rc::new(url)))
            .ok_or_else(|| {
                Failure::new(format!(
                    "URL parse error during conversion from string: parse \"{text}\": invalid URI \
                     for request"
                ))
            }),
        ("isURL", [Value::String(text)]) => Ok(Value::Bool(Url::parse(text).is_some())),
        ("getScheme", [Value::Url(url)]) => Ok(Value::text(url.scheme.as_str())),
        ("getHost", [Value::Url(url)]) => Ok(Value::text(url.host.as_str())),
        ("getHostname", [Value::Url(url)]) => Ok(Value::text(url.host_and_port().0)),
        ("getPort", [Value::Url(url)]) => Ok(Value::text(url.host_and_port().1)),
        ("getEscapedPath", [Value::Url(url)]) => Ok(Value::text(url.path.as_str())),
        ("getQuery", [Value::Url(url)]) => Ok(url.query_map()),
        _ => return None,
    };
    Some(outcome)
}

impl Url {
    /// An absolute URL or an absolute path.
    fn parse(text: &str) -> Option<Self> {
        if text.is_empty() || text.chars().any(char::is_control) || text.contains(' ') {
            return None;
        }
        let (scheme, rest) = if text.starts_with('/') {
            ("", text)
        } else {
            let (scheme, rest) = text.split_once(':')?;
            let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
            if !is_scheme || rest.is_empty() {
                return None;
            }
            (scheme, rest)
        };
        let (authority, rest) = match rest.strip_prefix("//").filter(|_| !scheme.is_empty()) {
            Some(rest) => rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len())),
            None if scheme.is_empty() || rest.starts_with('/') => ("", rest),
            None => return None,
        };
        let host = authority
            .rsplit_once('@')
            .map_or(authority, |(_, host)| host);
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let url = Self {
            text: text.to_owned(),
            scheme: scheme.to_ascii_lowercase(),
            host: host.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
        };
        let (_, port) = url.host_and_port();
        let is_port = port.bytes().all(|byte| byte.is_ascii_digit());
        is_port.then_some(url)
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
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (unescape(name), Value::text(unescape(value)));
            match names.iter_mut().find(|(known, _)| *known == name) {
                Some((_, values)) => values.push(value),
                None => names.push((name, vec![value])),
            }
        }
        let entries = names
            .into_iter()
            .map(|(name, values)| (Value::text(name), Value::list(values)));
        Value::Map(Map::Own(Rc::new(entries.collect())))
    }
}

fn unescape(text: &str) -> String {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                let digits: Vec<u8> = bytes.by_ref().take(2).collect();
                let digits = String::from_utf8_lossy(&digits).into_owned();
                out.extend(u8::from_str_radix(&digits, 16).ok());
            }
            byte => out.push(byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
