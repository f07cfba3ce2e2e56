//! What a text or bytes literal stands for.
//!
//! *Upstream:* `cel-go/parser/unescape.go`.

/// The bytes of a literal, given with its quotes and the prefix of a raw one; `is_bytes`: numbers
/// are bytes, not characters.
pub(super) fn unescape(literal: &str, is_bytes: bool) -> Result<Vec<u8>, &'static str> {
    let literal = literal.replace("\r\n", "\n").replace('\r', "\n");
    let quoted = literal.strip_prefix(['r', 'R']).unwrap_or(&literal);
    let is_raw = quoted.len() != literal.len();
    let width = if quoted.len() >= 6 && (quoted.starts_with("'''") || quoted.starts_with("\"\"\""))
    {
        3
    } else {
        1
    };
    let body = quoted
        .get(width..quoted.len().saturating_sub(width))
        .ok_or("unable to unescape string")?;
    if is_raw || !body.contains('\\') {
        return Ok(body.as_bytes().to_vec());
    }
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        if c == '\\' {
            rest = sequence(rest, is_bytes, &mut out)?;
        } else {
            push(&mut out, c);
        }
    }
    Ok(out)
}

fn push(out: &mut Vec<u8>, c: char) {
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

/// One escape sequence after its backslash; gives back what follows it.
fn sequence<'a>(rest: &'a str, is_bytes: bool, out: &mut Vec<u8>) -> Result<&'a str, &'static str> {
    const UNABLE: &str = "unable to unescape string";
    let kind = rest
        .chars()
        .next()
        .ok_or("unable to unescape string, found '\\' as last character")?;
    let simple = match kind {
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 11,
        '\\' | '\'' | '"' | '`' | '?' => kind as u8,
        _ => 0,
    };
    if simple != 0 {
        out.push(simple);
        return Ok(&rest[1..]);
    }
    let (digits, radix, failure) = match kind {
        'x' | 'X' => (rest.get(1..3), 16, UNABLE),
        'u' if !is_bytes => (rest.get(1..5), 16, UNABLE),
        'U' if !is_bytes => (rest.get(1..9), 16, UNABLE),
        '0'..='3' => (
            rest.get(..3),
            8,
            "unable to unescape octal sequence in string",
        ),
        _ => return Err(UNABLE),
    };
    let digits = digits.ok_or(failure)?;
    if !digits.chars().all(|c| c.is_digit(radix)) {
        return Err(failure);
    }
    let code = u32::from_str_radix(digits, radix).map_err(|_| failure)?;
    if is_bytes {
        out.push(code as u8);
    } else {
        push(
            out,
            char::from_u32(code).ok_or("invalid unicode code point")?,
        );
    }
    Ok(&rest[digits.len() + usize::from(radix == 16)..])
}
