//! `echo` and `printf`.

use crate::shell::exec::{Outcome, Proc};

/// A text with its backslashes worked out, and whether `\c` ended it.
pub(crate) fn escapes(text: &str) -> (Vec<u8>, bool) {
    let mut out = Vec::new();
    let mut chars = text.chars().peekable();
    let mut letter = [0; 4];
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.extend_from_slice(c.encode_utf8(&mut letter).as_bytes());
            continue;
        }
        let Some(c) = chars.next() else {
            out.push(b'\\');
            break;
        };
        match c {
            'a' => out.push(7),
            'b' => out.push(8),
            'c' => return (out, true),
            'e' | 'E' => out.push(27),
            'f' => out.push(12),
            'n' => out.push(b'\n'),
            'r' => out.push(b'\r'),
            't' => out.push(b'\t'),
            'v' => out.push(11),
            '\\' => out.push(b'\\'),
            '0'..='7' => {
                let mut value = c.to_digit(8).unwrap_or(0);
                let most = if c == '0' { 3 } else { 2 };
                for _ in 0..most {
                    let Some(digit) = chars.peek().and_then(|c| c.to_digit(8)) else {
                        break;
                    };
                    value = value * 8 + digit;
                    chars.next();
                }
                out.push(value as u8);
            }
            'x' | 'u' | 'U' => {
                let most = match c {
                    'x' => 2,
                    'u' => 4,
                    _ => 8,
                };
                let mut digits = String::new();
                while digits.len() < most && chars.peek().is_some_and(char::is_ascii_hexdigit) {
                    digits.extend(chars.next());
                }
                match u32::from_str_radix(&digits, 16) {
                    Ok(value) if c == 'x' => out.push(value as u8),
                    Ok(value) => {
                        let c = char::from_u32(value).unwrap_or('\u{fffd}');
                        out.extend_from_slice(c.encode_utf8(&mut letter).as_bytes());
                    }
                    Err(_) => out.extend([b'\\', c as u8]),
                }
            }
            c => {
                out.push(b'\\');
                out.extend_from_slice(c.encode_utf8(&mut letter).as_bytes());
            }
        }
    }
    (out, false)
}

pub(super) async fn echo(proc: &mut Proc) -> Outcome {
    let (mut newline, mut escaped) = (true, false);
    let mut place = 1;
    while let Some(arg) = proc.args.get(place) {
        let letters = arg.strip_prefix('-').unwrap_or_default();
        if letters.is_empty() || !letters.chars().all(|c| matches!(c, 'n' | 'e' | 'E')) {
            break;
        }
        for letter in letters.chars() {
            match letter {
                'n' => newline = false,
                letter => escaped = letter == 'e',
            }
        }
        place += 1;
    }
    let text = proc.args.get(place..).unwrap_or_default().join(" ");
    if escaped {
        let (bytes, ended) = escapes(&text);
        proc.print(&bytes).await?;
        newline &= !ended;
    } else {
        proc.print(&text).await?;
    }
    if newline {
        proc.print("\n").await?;
    }
    Ok(0)
}

pub(super) async fn printf(proc: &mut Proc) -> Outcome {
    let mut args = proc.args[1..].to_vec();
    if args.first().is_some_and(|arg| arg == "--") {
        args.remove(0);
    }
    if args.is_empty() {
        return proc.fail(2, "usage: printf format [arg ...]").await;
    }
    let format: Vec<char> = args.remove(0).chars().collect();
    let mut status = 0;
    let mut at = 0;
    loop {
        let before = at;
        let (out, wrong, ended) = formatted(&format, &args, &mut at);
        proc.print(&out).await?;
        for words in wrong {
            proc.warn(&words).await;
            status = 1;
        }
        if ended || at >= args.len() || at == before {
            return Ok(status);
        }
    }
}

/// How one argument is printed.
#[derive(Default)]
#[allow(clippy::struct_excessive_bools, reason = "the flags of a conversion")]
pub(super) struct Shape {
    pub(super) left: bool,
    pub(super) zero: bool,
    pub(super) plus: bool,
    pub(super) space: bool,
    pub(super) other: bool,
    pub(super) width: usize,
    pub(super) precision: Option<usize>,
}

impl Shape {
    pub(super) fn pad(&self, text: &str, zeroed: bool) -> String {
        let length = text.chars().count();
        let missing = self.width.saturating_sub(length);
        if self.left {
            return format!("{text}{}", " ".repeat(missing));
        }
        if zeroed && self.zero {
            let sign = text.len() - text.trim_start_matches(['-', '+', ' ']).len();
            return format!("{}{}{}", &text[..sign], "0".repeat(missing), &text[sign..]);
        }
        format!("{}{text}", " ".repeat(missing))
    }

    pub(super) fn text(&self, text: &str) -> String {
        let cut: String = match self.precision {
            Some(most) => text.chars().take(most).collect(),
            None => text.to_owned(),
        };
        self.pad(&cut, false)
    }

    pub(super) fn integer(&self, value: i64, conversion: char) -> String {
        let mut digits = match conversion {
            'x' => format!("{value:x}"),
            'X' => format!("{value:X}"),
            'o' => format!("{value:o}"),
            'u' => (value as u64).to_string(),
            _ => value.unsigned_abs().to_string(),
        };
        if let Some(least) = self.precision {
            digits = format!("{digits:0>least$}");
        }
        let sign = match conversion {
            'd' | 'i' if value < 0 => "-",
            'd' | 'i' if self.plus => "+",
            'd' | 'i' if self.space => " ",
            'x' if self.other && value != 0 => "0x",
            'X' if self.other && value != 0 => "0X",
            'o' if self.other => "0",
            _ => "",
        };
        self.pad(&format!("{sign}{digits}"), self.precision.is_none())
    }

    pub(super) fn float(&self, value: f64, conversion: char) -> String {
        let places = self.precision.unwrap_or(6);
        let text = match conversion {
            'e' | 'E' => exponent(value, places),
            'g' | 'G' => general(value, places.max(1)),
            _ => format!("{value:.places$}"),
        };
        let text = if conversion.is_ascii_uppercase() {
            text.to_uppercase()
        } else {
            text
        };
        let sign = if value >= 0.0 && self.plus { "+" } else { "" };
        self.pad(&format!("{sign}{text}"), value.is_finite())
    }
}

fn exponent(value: f64, places: usize) -> String {
    let text = format!("{value:.places$e}");
    let Some((digits, power)) = text.split_once('e') else {
        return text;
    };
    let power: i32 = power.parse().unwrap_or(0);
    let sign = if power < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", power.abs())
}

/// As `%g` prints: as few digits as say it.
pub(super) fn general(value: f64, digits: usize) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    if !value.is_finite() {
        return format!("{value}").to_lowercase();
    }
    let text = format!("{value:.*e}", digits - 1);
    let power: i32 = text
        .split_once('e')
        .and_then(|(_, power)| power.parse().ok())
        .unwrap_or(0);
    let shorten = |text: String| {
        if text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        } else {
            text
        }
    };
    if power < -4 || power >= digits as i32 {
        let text = exponent(value, digits - 1);
        return match text.split_once('e') {
            Some((number, power)) => format!("{}e{power}", shorten(number.to_owned())),
            None => text,
        };
    }
    let places = (digits as i32 - 1 - power).max(0) as usize;
    shorten(format!("{value:.places$}"))
}

/// Reads flags, width and precision; `*` takes arguments.
pub(super) fn shape(format: &[char], at: &mut usize, star: &mut dyn FnMut() -> i64) -> Shape {
    let mut shape = Shape::default();
    while let Some(c) = format.get(*at) {
        match c {
            '-' => shape.left = true,
            '0' => shape.zero = true,
            '+' => shape.plus = true,
            ' ' => shape.space = true,
            '#' => shape.other = true,
            '\'' => {}
            _ => break,
        }
        *at += 1;
    }
    let mut number = |at: &mut usize| -> i64 {
        if format.get(*at) == Some(&'*') {
            *at += 1;
            return star();
        }
        let mut value = 0i64;
        while let Some(digit) = format.get(*at).and_then(|c| c.to_digit(10)) {
            value = (value * 10 + i64::from(digit)).min(100_000);
            *at += 1;
        }
        value
    };
    let width = number(at).clamp(-100_000, 100_000);
    shape.left |= width < 0;
    shape.width = width.unsigned_abs() as usize;
    if format.get(*at) == Some(&'.') {
        *at += 1;
        shape.precision = Some(number(at).clamp(0, 100_000) as usize);
    }
    while matches!(format.get(*at), Some('l' | 'h' | 'z' | 'j' | 'q')) {
        *at += 1;
    }
    shape
}

/// A number as `printf` reads it; what is wrong with it otherwise.
fn integer(text: &str) -> (i64, Option<String>) {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return (0, None);
    }
    if let Some(rest) = trimmed.strip_prefix(['\'', '"']) {
        return (
            rest.chars().next().map_or(0, |c| i64::from(u32::from(c))),
            None,
        );
    }
    let (sign, digits) = match trimmed.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, trimmed.strip_prefix('+').unwrap_or(trimmed)),
    };
    let value = if let Some(hex) = digits.strip_prefix("0x").or(digits.strip_prefix("0X")) {
        i64::from_str_radix(hex, 16).ok()
    } else if digits.len() > 1 && digits.starts_with('0') {
        i64::from_str_radix(digits, 8).ok()
    } else {
        digits.parse().ok()
    };
    match value {
        Some(value) => (sign * value, None),
        None => {
            let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(0);
            let value: i64 = digits[..end].parse().unwrap_or(0);
            let words = if end == 0 {
                format!("{text}: expected numeric value")
            } else {
                format!("{text}: not completely converted")
            };
            (sign * value, Some(words))
        }
    }
}

fn formatted(format: &[char], args: &[String], next: &mut usize) -> (Vec<u8>, Vec<String>, bool) {
    let mut out = Vec::new();
    let mut wrong = Vec::new();
    let mut at = 0;
    let mut letter = [0; 4];
    while at < format.len() {
        let c = format[at];
        if c == '\\' {
            let rest: String = format[at..].iter().take(10).collect();
            let length = escape_length(&rest);
            let text: String = rest.chars().take(length).collect();
            let (bytes, ended) = escapes(&text);
            out.extend(bytes);
            at += length;
            if ended {
                return (out, wrong, true);
            }
            continue;
        }
        if c != '%' {
            out.extend_from_slice(c.encode_utf8(&mut letter).as_bytes());
            at += 1;
            continue;
        }
        at += 1;
        let mut take = || {
            let arg = args.get(*next).cloned().unwrap_or_default();
            *next += 1;
            arg
        };
        let shape = shape(format, &mut at, &mut || integer(&take()).0);
        let conversion = format.get(at).copied().unwrap_or('%');
        at += 1;
        match conversion {
            '%' => out.push(b'%'),
            's' => out.extend(shape.text(&take()).into_bytes()),
            'c' => {
                let first: String = take().chars().take(1).collect();
                out.extend(shape.text(&first).into_bytes());
            }
            'b' => {
                let (bytes, ended) = escapes(&take());
                let missing = shape.width.saturating_sub(bytes.len());
                if !shape.left {
                    out.extend(std::iter::repeat_n(b' ', missing));
                }
                out.extend(bytes);
                if shape.left {
                    out.extend(std::iter::repeat_n(b' ', missing));
                }
                if ended {
                    return (out, wrong, true);
                }
            }
            'd' | 'i' | 'u' | 'x' | 'X' | 'o' => {
                let (value, words) = integer(&take());
                wrong.extend(words);
                out.extend(shape.integer(value, conversion).into_bytes());
            }
            'f' | 'F' | 'e' | 'E' | 'g' | 'G' => {
                let text = take();
                let value = text.trim().parse().unwrap_or_else(|_| {
                    if !text.trim().is_empty() {
                        wrong.push(format!("{text}: expected numeric value"));
                    }
                    0.0
                });
                out.extend(shape.float(value, conversion).into_bytes());
            }
            other => {
                wrong.push(format!("%{other}: invalid directive"));
                return (out, wrong, true);
            }
        }
    }
    (out, wrong, false)
}

/// How many characters a backslash takes with it.
fn escape_length(text: &str) -> usize {
    let mut chars = text.chars().skip(1);
    match chars.next() {
        None => 1,
        Some('0'..='7') => 2 + chars.take(2).take_while(|c| c.is_digit(8)).count(),
        Some('x') => 2 + chars.take(2).take_while(char::is_ascii_hexdigit).count(),
        Some('u') => 2 + chars.take(4).take_while(char::is_ascii_hexdigit).count(),
        Some('U') => 2 + chars.take(8).take_while(char::is_ascii_hexdigit).count(),
        Some(_) => 2,
    }
}
