//! `sort` and `uniq`.

use std::cmp::Ordering;

use super::split_lines;
use crate::shell::exec::{Outcome, Proc};

/// Where a key is in a line, and how it is compared.
#[derive(Clone, Debug, Default)]
struct Key {
    first: (usize, usize),
    last: Option<(usize, usize)>,
    flags: String,
}

struct Order {
    keys: Vec<Key>,
    flags: String,
    separator: Option<u8>,
}

fn key(text: &str) -> Option<Key> {
    let (first, last) = match text.split_once(',') {
        Some((first, last)) => (first, Some(last)),
        None => (text, None),
    };
    let mut flags = String::new();
    let mut place = |text: &str, start: usize| -> Option<(usize, usize)> {
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        flags.push_str(&text[digits.len()..]);
        let (field, offset) = digits.split_once('.').unwrap_or((digits, ""));
        Some((field.parse().ok()?, offset.parse().unwrap_or(start)))
    };
    let first = place(first, 1)?;
    let last = match last {
        Some(last) => Some(place(last, 0)?),
        None => None,
    };
    Some(Key { first, last, flags })
}

impl Order {
    /// Where each field of a line begins and ends.
    fn fields(&self, line: &[u8]) -> Vec<(usize, usize)> {
        let mut fields = Vec::new();
        let mut start = 0;
        if let Some(separator) = self.separator {
            for (place, byte) in line.iter().enumerate() {
                if *byte == separator {
                    fields.push((start, place));
                    start = place + 1;
                }
            }
        } else {
            let mut seen = false;
            for (place, byte) in line.iter().enumerate() {
                let blank = byte.is_ascii_whitespace();
                if blank && seen {
                    fields.push((start, place));
                    start = place;
                    seen = false;
                } else if !blank {
                    seen = true;
                }
            }
        }
        fields.push((start, line.len()));
        fields
    }

    fn part<'a>(&self, line: &'a [u8], key: &Key) -> &'a [u8] {
        let fields = self.fields(line);
        let Some((start, _)) = fields.get(key.first.0.saturating_sub(1)) else {
            return b"";
        };
        let mut start = *start;
        if key.flags.contains('b') || self.flags.contains('b') {
            while line.get(start).is_some_and(u8::is_ascii_whitespace) {
                start += 1;
            }
        }
        let start = (start + key.first.1.saturating_sub(1)).min(line.len());
        let end = match key.last {
            None => line.len(),
            Some((field, 0)) => fields
                .get(field.saturating_sub(1))
                .map_or(line.len(), |f| f.1),
            Some((field, offset)) => fields
                .get(field.saturating_sub(1))
                .map_or(line.len(), |f| (f.0 + offset).min(line.len())),
        };
        &line[start..end.max(start)]
    }

    fn compare(&self, a: &[u8], b: &[u8]) -> Ordering {
        for key in &self.keys {
            let flags = if key.flags.trim_matches('b').is_empty() {
                &self.flags
            } else {
                &key.flags
            };
            let order = by_flags(self.part(a, key), self.part(b, key), flags);
            if order != Ordering::Equal {
                return order;
            }
        }
        if self.keys.is_empty() {
            let order = by_flags(a, b, &self.flags);
            if order != Ordering::Equal {
                return order;
            }
        }
        Ordering::Equal
    }
}

fn by_flags(a: &[u8], b: &[u8], flags: &str) -> Ordering {
    let order = if flags.contains(['n', 'g', 'h']) {
        let human = flags.contains('h');
        number(a, human).total_cmp(&number(b, human))
    } else if flags.contains('V') {
        version(a).cmp(&version(b))
    } else if flags.contains(['f', 'd', 'i']) {
        let folded = |text: &[u8]| -> Vec<u8> {
            text.iter()
                .filter(|byte| {
                    !flags.contains('d') || byte.is_ascii_alphanumeric() || **byte == b' '
                })
                .map(|byte| {
                    if flags.contains('f') {
                        byte.to_ascii_uppercase()
                    } else {
                        *byte
                    }
                })
                .collect()
        };
        folded(a).cmp(&folded(b))
    } else {
        a.cmp(b)
    };
    if flags.contains('r') {
        order.reverse()
    } else {
        order
    }
}

fn number(text: &[u8], human: bool) -> f64 {
    let text = String::from_utf8_lossy(text);
    let text = text.trim_start();
    let end = text
        .char_indices()
        .find(|(place, c)| !(c.is_ascii_digit() || *c == '.' || (*c == '-' && *place == 0)))
        .map_or(text.len(), |(place, _)| place);
    let value: f64 = text[..end].parse().unwrap_or(0.0);
    let unit = match text[end..].chars().next() {
        Some('K' | 'k') if human => 1024.0,
        Some('M') if human => 1024.0 * 1024.0,
        Some('G') if human => 1024.0 * 1024.0 * 1024.0,
        _ => 1.0,
    };
    value * unit
}

/// Text and numbers in turn.
fn version(text: &[u8]) -> Vec<(String, u64)> {
    let mut out = Vec::new();
    let (mut word, mut digits) = (String::new(), String::new());
    for c in String::from_utf8_lossy(text).chars() {
        if c.is_ascii_digit() {
            digits.push(c);
        } else {
            if !digits.is_empty() {
                out.push((
                    std::mem::take(&mut word),
                    digits.parse().unwrap_or(u64::MAX),
                ));
                digits.clear();
            }
            word.push(c);
        }
    }
    out.push((word, digits.parse().unwrap_or(0)));
    out
}

pub(in crate::shell::tools) async fn sort(proc: &mut Proc) -> Outcome {
    let options = proc
        .options(
            "nrufhgVbdisck:t:o:zmS:T:",
            &[
                ("numeric-sort", 'n'),
                ("reverse", 'r'),
                ("unique", 'u'),
                ("key", 'k'),
                ("field-separator", 't'),
                ("version-sort", 'V'),
                ("human-numeric-sort", 'h'),
                ("ignore-case", 'f'),
                ("output", 'o'),
                ("check", 'c'),
                ("stable", 's'),
            ],
        )
        .await?;
    let mut order = Order {
        keys: Vec::new(),
        flags: "nrfhgVbdi"
            .chars()
            .filter(|flag| options.has(*flag))
            .collect(),
        separator: options.value('t').and_then(|text| {
            let text = if text == "\\t" { "\t" } else { text };
            text.bytes().next()
        }),
    };
    for text in options.values('k') {
        match key(text) {
            Some(key) => order.keys.push(key),
            None => return proc.fail(2, &format!("invalid key: '{text}'")).await,
        }
    }
    let mut status = 0;
    let mut text = Vec::new();
    for file in Proc::files_or_stdin(&options.rest) {
        match proc.reader(&file) {
            Ok(mut lines) => {
                let part = lines.all(proc).await?;
                let unended = part.last().is_some_and(|byte| *byte != b'\n');
                text.extend(part);
                if unended {
                    text.push(b'\n');
                }
            }
            Err(errno) => {
                proc.warn(&format!("cannot read: {file}: {errno}")).await;
                status = 2;
            }
        }
    }
    if status != 0 {
        return Ok(status);
    }
    let mut lines = split_lines(&text);
    let whole = |a: &&[u8], b: &&[u8]| {
        let order = order.compare(a, b);
        if order == Ordering::Equal && !options.has('u') && !options.has('s') {
            let last = a.cmp(b);
            return if options.has('r') {
                last.reverse()
            } else {
                last
            };
        }
        order
    };
    if options.has('c') {
        for (place, pair) in lines.windows(2).enumerate() {
            if whole(&pair[0], &pair[1]) == Ordering::Greater {
                let line = String::from_utf8_lossy(pair[1]).into_owned();
                return proc
                    .fail(1, &format!("-:{}: disorder: {line}", place + 2))
                    .await;
            }
        }
        return Ok(0);
    }
    lines.sort_by(whole);
    if options.has('u') {
        lines.dedup_by(|a, b| order.compare(a, b) == Ordering::Equal);
    }
    let mut out = Vec::with_capacity(text.len());
    for line in lines {
        out.extend_from_slice(line);
        out.push(b'\n');
    }
    if let Some(path) = options.value('o') {
        let machine = proc.machine.clone();
        let bits = 0o666 & !proc.umask;
        if let Err(errno) = machine.fs.write(&proc.path(path), &out, bits, &machine.who) {
            return proc.fail(2, &format!("open failed: {path}: {errno}")).await;
        }
        return Ok(0);
    }
    proc.print(&out).await?;
    Ok(0)
}

pub(in crate::shell::tools) async fn uniq(proc: &mut Proc) -> Outcome {
    let options = proc
        .options(
            "cdiuf:s:w:",
            &[("count", 'c'), ("repeated", 'd'), ("unique", 'u')],
        )
        .await?;
    let file = options.rest.first().cloned().unwrap_or("-".to_owned());
    let Some(mut lines) = proc.reader_or_warn(&file).await else {
        return Ok(1);
    };
    let skipped: usize = options.value('f').and_then(|n| n.parse().ok()).unwrap_or(0);
    let chars: usize = options.value('s').and_then(|n| n.parse().ok()).unwrap_or(0);
    let width: usize = options
        .value('w')
        .and_then(|n| n.parse().ok())
        .unwrap_or(usize::MAX);
    let shown = |line: &[u8]| -> Vec<u8> {
        let mut rest = line;
        for _ in 0..skipped {
            rest = rest.trim_ascii_start();
            let end = rest
                .iter()
                .position(u8::is_ascii_whitespace)
                .unwrap_or(rest.len());
            rest = &rest[end..];
        }
        let rest = &rest[chars.min(rest.len())..];
        let rest = &rest[..width.min(rest.len())];
        if options.has('i') {
            rest.to_ascii_lowercase()
        } else {
            rest.to_vec()
        }
    };
    let mut current: Option<(Vec<u8>, Vec<u8>, u64)> = None;
    loop {
        let next = lines.line(proc).await?.map(|(line, _)| line);
        if let (Some(line), Some((_, key, count))) = (&next, &mut current)
            && shown(line) == *key
        {
            *count += 1;
            continue;
        }
        if let Some((line, _, count)) = current.take() {
            let wanted = match (options.has('d'), options.has('u')) {
                (true, _) => count > 1,
                (_, true) => count == 1,
                _ => true,
            };
            if wanted {
                if options.has('c') {
                    proc.print(format!("{count:7} ")).await?;
                }
                proc.print(&line).await?;
                proc.print("\n").await?;
            }
        }
        let Some(line) = next else { return Ok(0) };
        let key = shown(&line);
        current = Some((line, key, 1));
    }
}
