//! `grep`, and the patterns of POSIX in the words of the `regex` crate.

use std::collections::VecDeque;

use regex::bytes::{Regex, RegexBuilder};

use super::Options;
use super::files::{below, last_part};
use super::lines::Lines;
use crate::shell::eval::pattern;
use crate::shell::exec::{Outcome, Proc};
use crate::shell::fs::Kind;

/// A POSIX expression, basic or extended.
pub(crate) fn regular(
    pattern: &str,
    extended: bool,
    folded: bool,
) -> Result<Regex, Box<regex::Error>> {
    RegexBuilder::new(&translated(pattern, extended))
        .case_insensitive(folded)
        .multi_line(false)
        .unicode(true)
        .size_limit(4 << 20)
        .build()
        .map_err(Box::new)
}

fn translated(pattern: &str, extended: bool) -> String {
    let chars: Vec<char> = pattern.chars().collect();
    let mut out = String::new();
    let mut at = 0;
    // Whether an expression begins here, where a star means itself.
    let mut begins = true;
    while at < chars.len() {
        let c = chars[at];
        at += 1;
        let begun = std::mem::replace(&mut begins, false);
        match c {
            '[' => at = bracket(&chars, at, &mut out),
            '\\' => {
                let Some(next) = chars.get(at).copied() else {
                    out.push_str("\\\\");
                    break;
                };
                at += 1;
                match next {
                    '(' | '{' | '|' | '?' | '+' | ')' | '}' if !extended => {
                        out.push(next);
                        begins = matches!(next, '(' | '|');
                    }
                    '<' => out.push_str("\\b{start}"),
                    '>' => out.push_str("\\b{end}"),
                    '`' => out.push_str("\\A"),
                    '\'' => out.push_str("\\z"),
                    'w' | 'W' | 's' | 'S' | 'b' | 'B' | 'd' | 'D' | 'n' | 't' | 'r' => {
                        out.push('\\');
                        out.push(next);
                    }
                    next => out.push_str(&regex::escape(&next.to_string())),
                }
            }
            '*' if begun => out.push_str("\\*"),
            '^' if !extended && !begun => out.push_str("\\^"),
            '$' if !extended && !ends(&chars[at..]) => out.push_str("\\$"),
            '(' | ')' | '{' | '}' | '|' | '+' | '?' if !extended => {
                out.push('\\');
                out.push(c);
            }
            '{' if !counts(&chars[at..]) => out.push_str("\\{"),
            '(' | '|' => {
                out.push(c);
                begins = true;
            }
            '^' => {
                out.push('^');
                begins = true;
            }
            c => out.push(c),
        }
    }
    out
}

fn ends(rest: &[char]) -> bool {
    rest.is_empty() || rest.starts_with(&['\\', ')']) || rest.starts_with(&['\\', '|'])
}

/// Whether what follows a brace is a repetition.
fn counts(rest: &[char]) -> bool {
    let inside: String = rest.iter().take_while(|c| **c != '}').collect();
    inside.len() < rest.len()
        && inside.starts_with(|c: char| c.is_ascii_digit())
        && inside.chars().all(|c| c.is_ascii_digit() || c == ',')
}

/// A bracket expression, from after its `[`; where it ends.
fn bracket(chars: &[char], mut at: usize, out: &mut String) -> usize {
    out.push('[');
    if chars.get(at) == Some(&'^') {
        out.push('^');
        at += 1;
    }
    let start = at;
    while let Some(c) = chars.get(at).copied() {
        at += 1;
        match c {
            ']' if at > start + 1 => {
                out.push(']');
                return at;
            }
            '[' if chars.get(at) == Some(&':') => {
                out.push_str("[:");
                at += 1;
                while let Some(c) = chars.get(at).copied() {
                    at += 1;
                    out.push(c);
                    if c == ':' && chars.get(at) == Some(&']') {
                        out.push(']');
                        at += 1;
                        break;
                    }
                }
            }
            '\\' if chars.get(at).is_some_and(|c| matches!(c, 'n' | 't')) => {
                out.push('\\');
                out.push(chars[at]);
                at += 1;
            }
            '[' | ']' | '\\' | '&' | '~' | '^' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    at
}

struct Search {
    options: Options,
    regex: Regex,
    named: bool,
    before: usize,
    after: usize,
    most: u64,
}

pub(super) async fn grep(proc: &mut Proc) -> Outcome {
    let options = proc
        .options(
            "ivnlLcoqsHhrRwxEFPGe:f:A:B:C:m:zaIUb",
            &[
                ("ignore-case", 'i'),
                ("invert-match", 'v'),
                ("line-number", 'n'),
                ("files-with-matches", 'l'),
                ("files-without-match", 'L'),
                ("count", 'c'),
                ("only-matching", 'o'),
                ("quiet", 'q'),
                ("silent", 'q'),
                ("no-messages", 's'),
                ("with-filename", 'H'),
                ("no-filename", 'h'),
                ("recursive", 'r'),
                ("word-regexp", 'w'),
                ("line-regexp", 'x'),
                ("extended-regexp", 'E'),
                ("fixed-strings", 'F'),
                ("perl-regexp", 'P'),
                ("regexp", 'e'),
                ("file", 'f'),
                ("max-count", 'm'),
                ("after-context", 'A'),
                ("before-context", 'B'),
                ("context", 'C'),
                ("color", 'U'),
                ("include", '1'),
                ("exclude", '2'),
                ("exclude-dir", '3'),
                ("text", 'a'),
            ],
        )
        .await?;
    let mut rest = options.rest.clone();
    let mut patterns: Vec<String> = options.values('e').map(str::to_owned).collect();
    for file in options.values('f').map(str::to_owned).collect::<Vec<_>>() {
        let (text, _) = proc.gather(&[file]).await?;
        patterns.extend(String::from_utf8_lossy(&text).lines().map(str::to_owned));
    }
    if !options.has('e') && !options.has('f') {
        if rest.is_empty() {
            return proc
                .fail(2, "usage: grep [OPTION]... PATTERNS [FILE]...")
                .await;
        }
        patterns = rest.remove(0).split('\n').map(str::to_owned).collect();
    }
    let regex = match compiled(proc, &options, &patterns) {
        Ok(regex) => regex,
        Err(words) => return proc.fail(2, &words).await,
    };
    let recursive = options.has('r') || options.has('R');
    let number = |letter| {
        options
            .value(letter)
            .and_then(|text| text.parse::<usize>().ok())
    };
    let around = number('C').unwrap_or(0);
    let mut search = Search {
        before: number('B').unwrap_or(around),
        after: number('A').unwrap_or(around),
        most: number('m').map_or(u64::MAX, |most| most as u64),
        named: options.has('H') || !options.has('h') && (rest.len() > 1 || recursive),
        regex,
        options,
    };
    if rest.is_empty() {
        rest.push(if recursive { "." } else { "-" }.to_owned());
    }
    let mut found = false;
    let mut failed = false;
    for path in rest {
        for file in files(proc, &mut search, &path, recursive).await? {
            match proc.reader(&file) {
                Ok(lines) => {
                    let hit = one(proc, &search, &file, lines).await?;
                    found |= hit;
                    if hit && search.options.has('q') {
                        return Ok(0);
                    }
                }
                Err(errno) => {
                    failed = true;
                    if !search.options.has('s') {
                        proc.warn(&format!("{file}: {errno}")).await;
                    }
                }
            }
        }
    }
    Ok(if failed { 2 } else { i32::from(!found) })
}

fn compiled(proc: &Proc, options: &Options, patterns: &[String]) -> Result<Regex, String> {
    let name = proc.args[0].as_str();
    let kind = match options.last_of("EFPG") {
        Some(kind) => kind,
        None if name.ends_with("egrep") => 'E',
        None if name.ends_with("fgrep") => 'F',
        None => 'G',
    };
    let parts: Vec<String> = patterns
        .iter()
        .map(|pattern| match kind {
            'F' => regex::escape(pattern),
            'P' => pattern.clone(),
            kind => translated(pattern, kind == 'E'),
        })
        .collect();
    let mut whole = parts
        .iter()
        .map(|part| format!("(?:{part})"))
        .collect::<Vec<_>>()
        .join("|");
    if options.has('x') {
        whole = format!("^(?:{whole})$");
    } else if options.has('w') {
        whole = format!(r"(?:\b{{start-half}})(?:{whole})(?:\b{{end-half}})");
    }
    RegexBuilder::new(&whole)
        .case_insensitive(options.has('i'))
        .size_limit(4 << 20)
        .build()
        .map_err(|_| format!("invalid regular expression: {}", patterns.join("\n")))
}

/// The files that a path leads to.
async fn files(
    proc: &mut Proc,
    search: &mut Search,
    path: &str,
    recursive: bool,
) -> Outcome<Vec<String>> {
    if path == "-" || !proc.is_folder(path) {
        return Ok(vec![path.to_owned()]);
    }
    if !recursive {
        proc.warn(&format!("{path}: Is a directory")).await;
        return Ok(Vec::new());
    }
    let mut out = Vec::new();
    let mut open = vec![path.to_owned()];
    let wanted = |letter: char, name: &str| {
        let mut given = search.options.values(letter).peekable();
        given
            .peek()
            .is_some()
            .then(|| given.any(|glob| pattern::matches(glob, name)))
    };
    while let Some(path) = open.pop() {
        let Ok(stat) = proc.stat(&path, false) else {
            continue;
        };
        let name = last_part(&path);
        match stat.kind {
            Kind::Directory => {
                if wanted('3', name) == Some(true) {
                    continue;
                }
                tokio::task::yield_now().await;
                for name in proc.list(&path).unwrap_or_default().into_iter().rev() {
                    open.push(below(&path, &name));
                }
            }
            Kind::File if wanted('1', name) != Some(false) && wanted('2', name) != Some(true) => {
                out.push(if path.starts_with("./") && search.options.rest.len() < 2 {
                    path[2..].to_owned()
                } else {
                    path
                });
            }
            _ => {}
        }
    }
    Ok(out)
}

/// Searches one file; whether something was found.
async fn one(proc: &mut Proc, search: &Search, file: &str, mut lines: Lines) -> Outcome<bool> {
    let options = &search.options;
    let name = if file == "-" {
        "(standard input)"
    } else {
        file
    };
    let silent = ['q', 'l', 'L', 'c']
        .iter()
        .any(|letter| options.has(*letter));
    let mut earlier: VecDeque<(u64, Vec<u8>)> = VecDeque::new();
    let (mut number, mut count, mut last, mut trailing) = (0u64, 0u64, 0u64, 0usize);
    while count < search.most || trailing > 0 {
        let Some((line, _)) = lines.line(proc).await? else {
            break;
        };
        number += 1;
        let hit = count < search.most && search.regex.is_match(&line) != options.has('v');
        if hit {
            count += 1;
            if options.has('q') || (options.has('l') && !options.has('c')) {
                break;
            }
        }
        if silent {
            continue;
        }
        if hit {
            let context = search.before + search.after > 0;
            let first = earlier.front().map_or(number, |(number, _)| *number);
            if context && last > 0 && first > last + 1 {
                proc.print("--\n").await?;
            }
            for (number, line) in earlier.drain(..) {
                show(proc, search, (name, number, '-'), &line).await?;
            }
            if options.has('o') {
                for part in search
                    .regex
                    .find_iter(&line)
                    .filter(|part| !part.is_empty())
                {
                    show(proc, search, (name, number, ':'), part.as_bytes()).await?;
                }
            } else {
                show(proc, search, (name, number, ':'), &line).await?;
            }
            last = number;
            trailing = search.after;
        } else if trailing > 0 {
            show(proc, search, (name, number, '-'), &line).await?;
            last = number;
            trailing -= 1;
        } else if search.before > 0 {
            earlier.push_back((number, line));
            if earlier.len() > search.before {
                earlier.pop_front();
            }
        }
    }
    if options.has('c') {
        let prefix = if search.named {
            format!("{name}:")
        } else {
            String::new()
        };
        proc.print(format!("{prefix}{count}\n")).await?;
    } else if options.has('l') && count > 0 || options.has('L') && count == 0 {
        proc.print(format!("{name}\n")).await?;
    }
    Ok(count > 0)
}

async fn show(
    proc: &mut Proc,
    search: &Search,
    (name, number, mark): (&str, u64, char),
    line: &[u8],
) -> Outcome<()> {
    if search.named {
        proc.print(format!("{name}{mark}")).await?;
    }
    if search.options.has('n') {
        proc.print(format!("{number}{mark}")).await?;
    }
    proc.print(line).await?;
    proc.print("\n").await
}
