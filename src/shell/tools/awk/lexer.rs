//! Words of a program.

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Number(f64),
    Text(String),
    Regex(String),
    Name(String),
    /// A name with a parenthesis right after it.
    Call(String),
    Word(&'static str),
    Sign(&'static str),
    Newline,
    End,
}

const WORDS: &[&str] = &[
    "BEGIN", "END", "function", "func", "if", "else", "while", "for", "do", "in", "print",
    "printf", "next", "nextfile", "exit", "return", "break", "continue", "delete", "getline",
];

const SIGNS: &[&str] = &[
    "**=", "&&", "||", "++", "--", "+=", "-=", "*=", "/=", "%=", "^=", "==", "<=", ">=", "!=",
    ">>", "!~", "**", "{", "}", "(", ")", "[", "]", ";", ",", "+", "-", "*", "/", "%", "^", "!",
    ">", "<", "|", "?", ":", "~", "$", "=",
];

pub(super) fn tokens(source: &str) -> Result<Vec<Token>, String> {
    let chars: Vec<char> = source.chars().collect();
    let mut out: Vec<Token> = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let c = chars[at];
        match c {
            ' ' | '\t' | '\r' => at += 1,
            '\n' => {
                out.push(Token::Newline);
                at += 1;
            }
            '\\' if chars.get(at + 1) == Some(&'\n') => at += 2,
            '\\' if chars.get(at + 1) == Some(&'\r') => at += 3,
            '#' => {
                while at < chars.len() && chars[at] != '\n' {
                    at += 1;
                }
            }
            '"' => {
                let (text, end) = quoted(&chars, at + 1)?;
                out.push(Token::Text(text));
                at = end;
            }
            '/' if regex_may_begin(out.last()) => {
                let (text, end) = regex(&chars, at + 1)?;
                out.push(Token::Regex(text));
                at = end;
            }
            c if c.is_ascii_digit()
                || (c == '.' && chars.get(at + 1).is_some_and(char::is_ascii_digit)) =>
            {
                let (number, end) = number(&chars, at);
                out.push(Token::Number(number));
                at = end;
            }
            c if c == '_' || c.is_ascii_alphabetic() => {
                let start = at;
                while chars
                    .get(at)
                    .is_some_and(|c| *c == '_' || c.is_ascii_alphanumeric())
                {
                    at += 1;
                }
                let name: String = chars[start..at].iter().collect();
                out.push(match WORDS.iter().find(|word| **word == name) {
                    Some(word) => Token::Word(if *word == "func" { "function" } else { word }),
                    None if chars.get(at) == Some(&'(') => Token::Call(name),
                    None => Token::Name(name),
                });
            }
            _ => {
                let rest: String = chars[at..].iter().take(3).collect();
                let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) else {
                    return Err(format!("unexpected character '{c}'"));
                };
                out.push(Token::Sign(match *sign {
                    "**" => "^",
                    "**=" => "^=",
                    sign => sign,
                }));
                at += sign.len();
            }
        }
    }
    out.push(Token::Newline);
    out.push(Token::End);
    Ok(out)
}

/// After a value a slash divides.
fn regex_may_begin(before: Option<&Token>) -> bool {
    !matches!(
        before,
        Some(
            Token::Number(_)
                | Token::Text(_)
                | Token::Name(_)
                | Token::Sign(")" | "]" | "$" | "++" | "--")
        )
    )
}

fn quoted(chars: &[char], mut at: usize) -> Result<(String, usize), String> {
    let mut raw = String::new();
    loop {
        match chars.get(at) {
            None | Some('\n') => return Err("unterminated string".to_owned()),
            Some('"') => break,
            Some('\\') => {
                match chars.get(at + 1) {
                    Some(c @ ('"' | '/')) => raw.push(*c),
                    Some('\n') => {}
                    Some(c) => {
                        raw.push('\\');
                        raw.push(*c);
                    }
                    None => return Err("unterminated string".to_owned()),
                }
                at += 2;
                continue;
            }
            Some(c) => raw.push(*c),
        }
        at += 1;
    }
    let bytes = crate::shell::tools::escapes(&raw).0;
    Ok((String::from_utf8_lossy(&bytes).into_owned(), at + 1))
}

fn regex(chars: &[char], mut at: usize) -> Result<(String, usize), String> {
    let mut text = String::new();
    let mut bracket = false;
    loop {
        match chars.get(at) {
            None | Some('\n') => return Err("unterminated regexp".to_owned()),
            Some('/') if !bracket => return Ok((text, at + 1)),
            Some('\\') => {
                if chars.get(at + 1) != Some(&'/') {
                    text.push('\\');
                }
                text.extend(chars.get(at + 1));
                at += 1;
            }
            Some(c) => {
                bracket = match c {
                    '[' => true,
                    ']' => bracket && text.ends_with(['[', '^']) && !text.ends_with("\\["),
                    _ => bracket,
                };
                text.push(*c);
            }
        }
        at += 1;
    }
}

fn number(chars: &[char], start: usize) -> (f64, usize) {
    let mut end = start;
    let digits = |end: &mut usize| {
        while chars.get(*end).is_some_and(char::is_ascii_digit) {
            *end += 1;
        }
    };
    if chars[start] == '0' && matches!(chars.get(start + 1), Some('x' | 'X')) {
        end += 2;
        while chars.get(end).is_some_and(char::is_ascii_hexdigit) {
            end += 1;
        }
        let text: String = chars[start + 2..end].iter().collect();
        return (u64::from_str_radix(&text, 16).unwrap_or(0) as f64, end);
    }
    digits(&mut end);
    if chars.get(end) == Some(&'.') {
        end += 1;
        digits(&mut end);
    }
    if matches!(chars.get(end), Some('e' | 'E')) {
        let mut after = end + 1;
        if matches!(chars.get(after), Some('+' | '-')) {
            after += 1;
        }
        if chars.get(after).is_some_and(char::is_ascii_digit) {
            end = after;
            digits(&mut end);
        }
    }
    let text: String = chars[start..end].iter().collect();
    (text.parse().unwrap_or(0.0), end)
}
