//! Who a proxy in front of this server says asks: it shows a certificate, and names them in
//! headers.
//!
//! *Upstream:* `apiserver/pkg/authentication/request/headerrequest/requestheader.go`,
//! `apiserver/pkg/authentication/request/x509/verify_options.go`.

use jiff::Timestamp;

use super::User;
use super::certificate::{Authorities, Shown};

/// Whom to believe, and where they say what.
#[derive(Clone, Debug)]
pub struct FrontProxy {
    /// Who signs the proxies' certificates.
    pub authorities: Authorities,
    /// The names that their certificates bear; empty for any.
    pub names: Vec<String>,
    /// The headers that name the user; the first that says something counts.
    pub user_headers: Vec<String>,
    /// The headers with the user's uid.
    pub uid_headers: Vec<String>,
    /// The headers with the user's groups.
    pub group_headers: Vec<String>,
    /// How the names of headers begin that say anything else.
    pub extra_prefixes: Vec<String>,
}

/// A header: its name in lower case, and its value.
pub type Header = (String, String);

impl FrontProxy {
    /// Whom a proxy says that a request is from; `None` where it is none, or says nothing.
    pub(super) fn identify(
        &self,
        shown: &Shown,
        headers: &[Header],
        now: Timestamp,
    ) -> Result<Option<User>, String> {
        let name = self.authorities.common_name(shown, now)?;
        if !self.names.is_empty() && !self.names.contains(&name) {
            return Err(format!(
                "x509: subject with cn={name} is not in the allowed list"
            ));
        }
        let all = |names: &[String]| -> Vec<String> {
            let found = names.iter().flat_map(|name| {
                let own = headers
                    .iter()
                    .filter(move |(own, _)| own.eq_ignore_ascii_case(name));
                own.map(|(_, value)| value.clone())
            });
            found.filter(|value| !value.is_empty()).collect()
        };
        let first = |names: &[String]| all(names).into_iter().next().unwrap_or_default();
        let name = first(&self.user_headers);
        if name.is_empty() {
            return Ok(None);
        }
        Ok(Some(User {
            name,
            uid: first(&self.uid_headers),
            groups: all(&self.group_headers),
            extra: self.extra(headers),
        }))
    }

    fn extra(&self, headers: &[Header]) -> Vec<(String, Vec<String>)> {
        let mut extra: Vec<(String, Vec<String>)> = Vec::new();
        for prefix in &self.extra_prefixes {
            for (name, value) in headers {
                let begins = name.get(..prefix.len());
                let begins = begins.is_some_and(|begin| begin.eq_ignore_ascii_case(prefix));
                if !begins {
                    continue;
                }
                let key = unescaped(&name[prefix.len()..].to_ascii_lowercase());
                match extra.iter_mut().find(|(own, _)| *own == key) {
                    Some((_, values)) => values.push(value.clone()),
                    None => extra.push((key, vec![value.clone()])),
                }
            }
        }
        extra.sort();
        extra
    }
}

/// A key without `%xx`; as it is where it is malformed.
fn unescaped(key: &str) -> String {
    let mut out = Vec::with_capacity(key.len());
    let mut rest = key.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        if *first != b'%' {
            out.push(*first);
            rest = tail;
            continue;
        }
        let digits = tail.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let Some(byte) = digits.and_then(|two| u8::from_str_radix(two, 16).ok()) else {
            return key.to_owned();
        };
        out.push(byte);
        rest = &tail[2..];
    }
    String::from_utf8(out).unwrap_or_else(|_| key.to_owned())
}
