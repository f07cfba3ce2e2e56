//! What a label's key and value may look like; annotations and many names share the rules of keys.
//!
//! *Upstream:* `apimachinery/pkg/api/validate/content/kube.go` and `dns.go`.

/// The longest name part of a key, and the longest value.
const LENGTH_MAX: usize = 63;
/// The longest prefix of a key.
const SUBDOMAIN_LENGTH_MAX: usize = 253;

const NAME_WORDS: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start \
                          and end with an alphanumeric character (e.g. 'MyName',  or \
                          'my.name',  or '123-abc', regex used for validation is \
                          '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const VALUE_WORDS: &str = "a valid label must be an empty string or consist of alphanumeric \
                           characters, '-', '_' or '.', and must start and end with an \
                           alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', \
                           regex used for validation is \
                           '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
/// What upstream says of a text that is no DNS subdomain (RFC 1123).
pub(crate) const SUBDOMAIN_WORDS: &str = "a lowercase RFC 1123 subdomain must consist of lower case \
                               alphanumeric characters, '-' or '.', and must start and end with an \
                               alphanumeric character (e.g. 'example.com', regex used for \
                               validation is \
                               '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

/// What is wrong with a label's key (a "qualified name"); empty where nothing is.
pub fn key_errors(key: &str) -> Vec<String> {
    let mut errors = Vec::new();
    let name = match key.split_once('/') {
        None => key,
        Some((_, rest)) if rest.contains('/') => {
            return vec![format!(
                "a valid label key {NAME_WORDS} with an optional DNS subdomain prefix and '/' \
                 (e.g. 'example.com/MyName')"
            )];
        }
        Some(("", name)) => {
            errors.push("prefix part must be non-empty".to_owned());
            name
        }
        Some((prefix, name)) => {
            errors.extend(
                subdomain_errors(prefix)
                    .into_iter()
                    .map(|error| format!("prefix part {error}")),
            );
            name
        }
    };
    if name.is_empty() {
        errors.push("name part must be non-empty".to_owned());
    } else if name.len() > LENGTH_MAX {
        errors.push(format!("name part must be no more than {LENGTH_MAX} bytes"));
    }
    if !is_name(name) {
        errors.push(format!("name part {NAME_WORDS}"));
    }
    errors
}

/// What is wrong with a label's value; empty where nothing is.
pub fn value_errors(value: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if value.len() > LENGTH_MAX {
        errors.push(format!("must be no more than {LENGTH_MAX} bytes"));
    }
    if !value.is_empty() && !is_name(value) {
        errors.push(VALUE_WORDS.to_owned());
    }
    errors
}

/// What is wrong with a DNS subdomain (RFC 1123); empty where nothing is.
pub fn subdomain_errors(text: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if text.len() > SUBDOMAIN_LENGTH_MAX {
        errors.push(format!("must be no more than {SUBDOMAIN_LENGTH_MAX} bytes"));
    }
    if !is_subdomain(text) {
        errors.push(SUBDOMAIN_WORDS.to_owned());
    }
    errors
}

/// Whether the text has the form of a DNS subdomain, however long.
pub(crate) fn is_subdomain(text: &str) -> bool {
    text.split('.').all(is_dns_label)
}

/// `([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]`.
fn is_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
        return false;
    };
    first.is_ascii_alphanumeric()
        && last.is_ascii_alphanumeric()
        && bytes
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// `[a-z0-9]([-a-z0-9]*[a-z0-9])?`.
pub fn is_dns_label(text: &str) -> bool {
    let is_lower = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = text.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
        return false;
    };
    is_lower(first) && is_lower(last) && bytes.iter().all(|b| is_lower(b) || *b == b'-')
}
