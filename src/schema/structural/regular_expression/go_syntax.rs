//! What Go finds wrong with a pattern, in its words, piece by piece from the front.
//!
//! *Upstream:* `regexp/syntax/parse.go`.

use std::fmt;

/// What is wrong with a pattern, and which part of it.
pub(super) struct Wrong<'p>(pub(super) &'static str, pub(super) &'p str);

impl fmt::Display for Wrong<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: `{}`", self.0, self.1)
    }
}

/// Reads a pattern as far as needed to say what Go would say of it.
pub(super) fn check(pattern: &str) -> Result<(), Wrong<'_>> {
    let mut open = 0;
    let mut at = 0;
    // Where the last repetition operator stands, and whether there is something to repeat.
    let mut repeated: Option<usize> = None;
    let mut has_operand = false;
    while let Some(c) = pattern[at..].chars().next() {
        let rest = &pattern[at..];
        let mut is_repetition = false;
        match c {
            '\\' => {
                at += escape(rest)?;
                has_operand = true;
            }
            '[' => {
                at += class(rest)?;
                has_operand = true;
            }
            '(' => {
                open += 1;
                at += group(rest)?;
                has_operand = false;
            }
            ')' => {
                if open == 0 {
                    return Err(Wrong("unexpected )", pattern));
                }
                open -= 1;
                at += 1;
                has_operand = true;
            }
            '*' | '+' | '?' | '{' => {
                let Some(length) = repetition(rest)? else {
                    at += 1;
                    has_operand = true;
                    repeated = None;
                    continue;
                };
                if let Some(start) = repeated {
                    return Err(Wrong(
                        "invalid nested repetition operator",
                        &pattern[start..at + length],
                    ));
                }
                if !has_operand {
                    let why = "missing argument to repetition operator";
                    return Err(Wrong(why, &rest[..length]));
                }
                repeated = Some(at);
                is_repetition = true;
                at += length;
            }
            '|' => {
                at += 1;
                has_operand = false;
            }
            _ => {
                at += c.len_utf8();
                has_operand = true;
            }
        }
        if !is_repetition {
            repeated = None;
        }
    }
    if open > 0 {
        return Err(Wrong("missing closing )", pattern));
    }
    Ok(())
}

/// The length of an escape sequence.
fn escape(rest: &str) -> Result<usize, Wrong<'_>> {
    let Some(kind) = rest[1..].chars().next() else {
        return Err(Wrong("trailing backslash at end of expression", ""));
    };
    let length = 1 + kind.len_utf8();
    let is_known = kind.is_ascii_punctuation() || "AbBzdDsSwWpPQECaftnrvx01234567".contains(kind);
    let is_octal = kind.is_ascii_digit() && kind != '0';
    let has_octal = rest[length..].starts_with(|c: char| ('0'..='7').contains(&c));
    if !is_known || (is_octal && !has_octal) {
        return Err(Wrong("invalid escape sequence", &rest[..length]));
    }
    if matches!(kind, 'p' | 'P') {
        let Some(name) = rest[length..].chars().next() else {
            return Err(Wrong("invalid character class range", &rest[..length]));
        };
        let length = if name == '{' {
            let end = rest
                .find('}')
                .ok_or(Wrong("invalid character class range", rest))?;
            end + 1
        } else {
            length + name.len_utf8()
        };
        return Ok(length);
    }
    Ok(length)
}

/// The length of a class of characters.
fn class(rest: &str) -> Result<usize, Wrong<'_>> {
    let missing = Wrong("missing closing ]", rest);
    let mut at = 1;
    if rest[at..].starts_with('^') {
        at += 1;
    }
    let mut is_first = true;
    loop {
        let Some(c) = rest[at..].chars().next() else {
            return Err(missing);
        };
        if c == ']' && !is_first {
            return Ok(at + 1);
        }
        is_first = false;
        if rest[at..].starts_with("[:")
            && let Some(end) = rest[at + 2..].find(":]")
        {
            at += end + 4;
            continue;
        }
        let start = at;
        let from = single(rest, &mut at)?;
        let goes_on = rest[at..].starts_with('-')
            && !rest[at + 1..].starts_with(']')
            && !rest[at + 1..].is_empty();
        if goes_on {
            at += 1;
            let to = single(rest, &mut at)?;
            if let (Some(from), Some(to)) = (from, to)
                && from > to
            {
                return Err(Wrong("invalid character class range", &rest[start..at]));
            }
        }
    }
}

/// One character of a class; `None` where it stands for several.
fn single(rest: &str, at: &mut usize) -> Result<Option<char>, Wrong<'static>> {
    let c = rest[*at..].chars().next();
    if c == Some('\\') {
        let length = escape(&rest[*at..]).map_err(|Wrong(why, _)| Wrong(why, ""))?;
        let kind = rest[*at + 1..].chars().next();
        *at += length;
        return Ok(kind.filter(char::is_ascii_punctuation));
    }
    *at += c.map_or(0, char::len_utf8);
    Ok(c)
}

/// The length of what opens a group.
fn group(rest: &str) -> Result<usize, Wrong<'_>> {
    let Some(after) = rest.strip_prefix("(?") else {
        return Ok(1);
    };
    let name = after.strip_prefix("P<").or_else(|| {
        after
            .strip_prefix('<')
            .filter(|name| !name.starts_with(['=', '!']))
    });
    if let Some(name) = name {
        let start = rest.len() - name.len();
        let Some(end) = name.find('>') else {
            return Err(Wrong("invalid named capture", rest));
        };
        let is_name = end > 0
            && name[..end]
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !is_name {
            return Err(Wrong("invalid named capture", &rest[..=start + end]));
        }
        return Ok(start + end + 1);
    }
    let flags = after
        .bytes()
        .take_while(|byte| b"imsU-".contains(byte))
        .count();
    match after[flags..].chars().next() {
        Some(':' | ')') if flags > 0 || after.starts_with(':') => {
            // A group of flags alone closes at once, which the caller reads.
            Ok(2 + flags + usize::from(after[flags..].starts_with(':')))
        }
        None => Err(Wrong("missing closing )", rest)),
        Some(c) => {
            let end = 2 + flags + c.len_utf8();
            Err(Wrong("invalid or unsupported Perl syntax", &rest[..end]))
        }
    }
}

/// The length of a repetition operator; `None` where it is none.
fn repetition(rest: &str) -> Result<Option<usize>, Wrong<'_>> {
    let mut length = 1;
    if let Some(counts) = rest.strip_prefix('{') {
        let Some(end) = counts.find('}') else {
            return Ok(None);
        };
        let (min, max) = counts[..end]
            .split_once(',')
            .unwrap_or((&counts[..end], "0"));
        let is_count = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if min.is_empty() || !is_count(min) || !is_count(max) {
            return Ok(None);
        }
        length = end + 2;
        let count = |text: &str| text.parse::<u32>().unwrap_or(u32::MAX);
        let (low, high) = (count(min), if max.is_empty() { 0 } else { count(max) });
        let is_range = counts[..end].contains(',') && !max.is_empty();
        if low > 1000 || high > 1000 || (is_range && low > high) {
            return Err(Wrong("invalid repeat count", &rest[..length]));
        }
    }
    if rest[length..].starts_with('?') {
        length += 1;
    }
    Ok(Some(length))
}
