//! What a script says: addresses and commands.

use std::collections::BTreeMap;

use regex::bytes::Regex;

#[derive(Clone, Debug)]
pub(super) enum Address {
    Line(u64),
    Last,
    Match(Regex),
    Step(u64, u64),
    Plus(u64),
}

#[derive(Clone, Debug, Default)]
pub(super) struct Command {
    pub(super) first: Option<Address>,
    pub(super) second: Option<Address>,
    pub(super) negated: bool,
    pub(super) name: char,
    pub(super) text: String,
    pub(super) substitution: Option<Substitution>,
    pub(super) map: BTreeMap<char, char>,
    /// Where a block ends.
    pub(super) end: usize,
}

#[derive(Clone, Debug)]
pub(super) struct Substitution {
    pub(super) regex: Regex,
    pub(super) with: Vec<With>,
    pub(super) all: bool,
    pub(super) place: usize,
    pub(super) print: bool,
    pub(super) file: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) enum With {
    Text(Vec<u8>),
    Group(usize),
    Case(char),
}

pub(super) struct Reader {
    pub(super) text: Vec<char>,
    pub(super) at: usize,
    pub(super) extended: bool,
    pub(super) last: Option<Regex>,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    fn skip(&mut self, blanks: &[char]) {
        while self.peek().is_some_and(|c| blanks.contains(&c)) {
            self.at += 1;
        }
    }

    fn number(&mut self) -> Option<u64> {
        let start = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
        }
        self.text[start..self.at]
            .iter()
            .collect::<String>()
            .parse()
            .ok()
    }

    /// Text up to a delimiter, which is passed over.
    fn delimited(&mut self, end: char, regex: bool) -> Result<String, String> {
        let mut out = String::new();
        let mut bracket = false;
        loop {
            let Some(c) = self.peek() else {
                return Err("unterminated address regex".to_owned());
            };
            self.at += 1;
            match c {
                '\\' => match self.peek() {
                    Some(next) if next == end => {
                        self.at += 1;
                        // What delimits may have meant something.
                        if regex && matches!(end, '|' | '+' | '?' | '(' | ')' | '{' | '}') {
                            out.push(end);
                        } else if regex && !end.is_alphanumeric() && end != '/' && end != ',' {
                            out.push('\\');
                            out.push(end);
                        } else {
                            out.push(end);
                        }
                    }
                    Some(next) => {
                        self.at += 1;
                        out.push('\\');
                        out.push(next);
                    }
                    None => out.push('\\'),
                },
                '[' if regex && !bracket => {
                    bracket = true;
                    out.push(c);
                    if self.peek() == Some('^') {
                        out.push('^');
                        self.at += 1;
                    }
                    if self.peek() == Some(']') {
                        out.push(']');
                        self.at += 1;
                    }
                }
                ']' if bracket => {
                    bracket = false;
                    out.push(c);
                }
                c if c == end && !bracket => return Ok(out),
                c => out.push(c),
            }
        }
    }

    fn regex(&mut self, text: &str, folded: bool) -> Result<Regex, String> {
        if text.is_empty()
            && let Some(last) = &self.last
        {
            return Ok(last.clone());
        }
        let regex = crate::shell::tools::regular(text, self.extended, folded)
            .map_err(|_| format!("invalid regular expression: {text}"))?;
        self.last = Some(regex.clone());
        Ok(regex)
    }

    fn address(&mut self) -> Result<Option<Address>, String> {
        Ok(match self.peek() {
            Some('$') => {
                self.at += 1;
                Some(Address::Last)
            }
            Some('+') => {
                self.at += 1;
                self.number().map(Address::Plus)
            }
            Some(c) if c.is_ascii_digit() => {
                let first = self.number().unwrap_or(0);
                if self.peek() == Some('~') {
                    self.at += 1;
                    let step = self.number().unwrap_or(0);
                    return Ok(Some(Address::Step(first, step)));
                }
                Some(Address::Line(first))
            }
            Some(c @ ('/' | '\\')) => {
                self.at += 1;
                let mut end = '/';
                if c == '\\' {
                    end = self.peek().unwrap_or('/');
                    self.at += 1;
                }
                let text = self.delimited(end, true)?;
                let folded = self.peek() == Some('I');
                self.at += usize::from(folded);
                Some(Address::Match(self.regex(&text, folded)?))
            }
            _ => None,
        })
    }

    pub(super) fn commands(&mut self) -> Result<Vec<Command>, String> {
        let mut out: Vec<Command> = Vec::new();
        let mut open = Vec::new();
        loop {
            self.skip(&[' ', '\t', '\n', ';']);
            if self.peek().is_none() {
                break;
            }
            let mut command = Command {
                first: self.address()?,
                ..Command::default()
            };
            self.skip(&[' ', '\t']);
            if self.peek() == Some(',') {
                self.at += 1;
                self.skip(&[' ', '\t']);
                command.second = self.address()?;
                if command.second.is_none() {
                    return Err("unexpected `,'".to_owned());
                }
            }
            self.skip(&[' ', '\t']);
            while self.peek() == Some('!') {
                self.at += 1;
                command.negated = true;
                self.skip(&[' ', '\t']);
            }
            command.name = self.peek().ok_or("missing command")?;
            self.at += 1;
            match command.name {
                '{' => open.push(out.len()),
                '}' => {
                    let start: usize = open.pop().ok_or("unexpected `}'")?;
                    let end = out.len();
                    out[start].end = end;
                }
                _ => self.arguments(&mut command)?,
            }
            out.push(command);
        }
        if open.is_empty() {
            Ok(out)
        } else {
            Err("unmatched `{'".to_owned())
        }
    }

    fn arguments(&mut self, command: &mut Command) -> Result<(), String> {
        match command.name {
            '#' => {
                while self.peek().is_some_and(|c| c != '\n') {
                    self.at += 1;
                }
            }
            'a' | 'i' | 'c' => command.text = self.appended(),
            's' => command.substitution = Some(self.substitution()?),
            'y' => {
                let end = self.peek().ok_or("unterminated `y' command")?;
                self.at += 1;
                let from = self.delimited(end, false)?.replace("\\n", "\n");
                let to = self.delimited(end, false)?.replace("\\n", "\n");
                if from.chars().count() != to.chars().count() {
                    return Err("strings for `y' command are different lengths".to_owned());
                }
                command.map = from.chars().zip(to.chars()).collect();
            }
            ':' | 'b' | 't' | 'T' | 'r' | 'w' | 'q' | 'Q' => {
                self.skip(&[' ', '\t']);
                let stops: &[char] = if matches!(command.name, 'r' | 'w' | ':') {
                    &['\n']
                } else {
                    &['\n', ';', '}']
                };
                while let Some(c) = self.peek().filter(|c| !stops.contains(c)) {
                    command.text.push(c);
                    self.at += 1;
                }
                command.text = command.text.trim_end().to_owned();
            }
            'p' | 'P' | 'd' | 'D' | 'n' | 'N' | 'g' | 'G' | 'h' | 'H' | 'x' | '=' | 'l' | 'z'
            | 'F' => {}
            other => return Err(format!("unknown command: `{other}'")),
        }
        if !matches!(command.name, '#' | 'a' | 'i' | 'c') {
            self.skip(&[' ', '\t']);
            if let Some(c) = self.peek()
                && !matches!(c, ';' | '\n' | '}' | '#')
            {
                return Err("extra characters after command".to_owned());
            }
        }
        Ok(())
    }

    fn appended(&mut self) -> String {
        self.skip(&[' ', '\t']);
        if self.peek() == Some('\\') {
            self.at += 1;
            self.skip(&[' ', '\t']);
            if self.peek() == Some('\n') {
                self.at += 1;
            }
        }
        let mut out = String::new();
        while let Some(c) = self.peek() {
            self.at += 1;
            match c {
                '\\' => {
                    if let Some(next) = self.peek() {
                        out.push(if next == 't' { '\t' } else { next });
                        self.at += 1;
                    }
                }
                '\n' => break,
                c => out.push(c),
            }
        }
        out.push('\n');
        out
    }

    fn substitution(&mut self) -> Result<Substitution, String> {
        let end = self.peek().ok_or("unterminated `s' command")?;
        self.at += 1;
        let unterminated = |_| "unterminated `s' command".to_owned();
        let pattern = self.delimited(end, true).map_err(unterminated)?;
        let with = self.delimited(end, false).map_err(unterminated)?;
        let mut out = (false, 1, false, false, None);
        loop {
            match self.peek() {
                Some('g') => out.0 = true,
                Some('p') => out.2 = true,
                Some('i' | 'I') => out.3 = true,
                Some('m' | 'M' | 'e') => {}
                Some(c) if c.is_ascii_digit() => {
                    out.1 = self.number().unwrap_or(1).max(1) as usize;
                    continue;
                }
                Some('w') => {
                    self.at += 1;
                    self.skip(&[' ']);
                    let rest: String = self.text[self.at..]
                        .iter()
                        .take_while(|c| **c != '\n')
                        .collect();
                    self.at += rest.chars().count();
                    out.4 = Some(rest);
                    break;
                }
                _ => break,
            }
            self.at += 1;
        }
        Ok(Substitution {
            regex: self.regex(&pattern, out.3)?,
            with: replacement(&with),
            all: out.0,
            place: out.1,
            print: out.2,
            file: out.4,
        })
    }
}

fn replacement(text: &str) -> Vec<With> {
    let mut out = Vec::new();
    let mut plain: Vec<u8> = Vec::new();
    let mut letter = [0; 4];
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let part = match c {
            '&' => With::Group(0),
            '\\' => match chars.next() {
                Some(digit) if digit.is_ascii_digit() => {
                    With::Group(digit.to_digit(10).unwrap_or(0) as usize)
                }
                Some(case @ ('U' | 'L' | 'E' | 'u' | 'l')) => With::Case(case),
                Some('n') => {
                    plain.push(b'\n');
                    continue;
                }
                Some('t') => {
                    plain.push(b'\t');
                    continue;
                }
                Some(c) => {
                    plain.extend_from_slice(c.encode_utf8(&mut letter).as_bytes());
                    continue;
                }
                None => continue,
            },
            c => {
                plain.extend_from_slice(c.encode_utf8(&mut letter).as_bytes());
                continue;
            }
        };
        if !plain.is_empty() {
            out.push(With::Text(std::mem::take(&mut plain)));
        }
        out.push(part);
    }
    if !plain.is_empty() {
        out.push(With::Text(plain));
    }
    out
}

impl Substitution {
    /// The line with what matches replaced; nothing where nothing matches.
    pub(super) fn apply(&self, line: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        let mut end = 0;
        let mut found = false;
        for (place, captures) in self.regex.captures_iter(line).enumerate() {
            let Some(whole) = captures.get(0) else {
                continue;
            };
            if place + 1 < self.place {
                continue;
            }
            found = true;
            out.extend_from_slice(&line[end..whole.start()]);
            let (mut case, mut once) = ('E', 'E');
            for part in &self.with {
                let text: &[u8] = match part {
                    With::Text(text) => text,
                    With::Group(group) => captures.get(*group).map_or(b"", |m| m.as_bytes()),
                    With::Case(letter @ ('u' | 'l')) => {
                        once = *letter;
                        continue;
                    }
                    With::Case(letter) => {
                        case = *letter;
                        continue;
                    }
                };
                let mut text = match case {
                    'U' => text.to_ascii_uppercase(),
                    'L' => text.to_ascii_lowercase(),
                    _ => text.to_vec(),
                };
                if let Some(first) = text.first_mut() {
                    match std::mem::replace(&mut once, 'E') {
                        'u' => first.make_ascii_uppercase(),
                        'l' => first.make_ascii_lowercase(),
                        _ => {}
                    }
                }
                out.extend(text);
            }
            end = whole.end();
            if !self.all {
                break;
            }
        }
        if !found {
            return None;
        }
        out.extend_from_slice(&line[end..]);
        Some(out)
    }
}
