//! `read`.

use super::super::{Shell, Step};
use crate::shell::io::Fd;

#[derive(Default)]
struct Asked {
    raw: bool,
    silent: bool,
    prompt: Option<String>,
    count: Option<usize>,
    end: Option<u8>,
    seconds: Option<f64>,
    fd: i32,
    names: Vec<String>,
}

fn asked(args: &[String]) -> Asked {
    let mut out = Asked::default();
    let mut place = 1;
    while let Some(arg) = args.get(place) {
        place += 1;
        let Some(letters) = arg.strip_prefix('-').filter(|rest| !rest.is_empty()) else {
            out.names.push(arg.clone());
            continue;
        };
        for (at, letter) in letters.char_indices() {
            match letter {
                'r' => out.raw = true,
                's' => out.silent = true,
                'p' | 'n' | 'N' | 'd' | 't' | 'u' => {
                    let rest = &letters[at + 1..];
                    let value = if rest.is_empty() {
                        place += 1;
                        args.get(place - 1).cloned().unwrap_or_default()
                    } else {
                        rest.to_owned()
                    };
                    match letter {
                        'p' => out.prompt = Some(value),
                        'd' => out.end = Some(value.bytes().next().unwrap_or(0)),
                        't' => out.seconds = value.parse().ok(),
                        'u' => out.fd = value.parse().unwrap_or(0),
                        _ => out.count = value.parse().ok(),
                    }
                    break;
                }
                _ => {}
            }
        }
    }
    out
}

impl Shell {
    pub(super) async fn read(&mut self, args: &[String]) -> Step {
        let asked = asked(args);
        let fd = self.proc.fds.get(&asked.fd).cloned().unwrap_or(Fd::Null);
        if let Some(prompt) = &asked.prompt
            && fd.terminal().is_some()
        {
            self.error(prompt.as_bytes()).await;
        }
        if asked.silent
            && let Some(terminal) = fd.terminal()
        {
            terminal.set_echo(false);
        }
        let line = take(&fd, &asked);
        let line = match asked.seconds {
            None => line.await,
            Some(seconds) => {
                let clock = self.proc.machine.clock.clone();
                let end =
                    clock.now() + jiff::SignedDuration::from_millis((seconds * 1000.0) as i64);
                tokio::select! {
                    line = line => line,
                    () = clock.until(end) => return Ok(142),
                }
            }
        };
        if asked.silent
            && let Some(terminal) = fd.terminal()
        {
            terminal.set_echo(true);
        }
        let (bytes, ended) = line;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let names = if asked.names.is_empty() {
            vec!["REPLY".to_owned()]
        } else {
            asked.names.clone()
        };
        self.spread(&text, &names, asked.raw, asked.names.is_empty());
        Ok(i32::from(!ended))
    }

    /// Gives the words of a line to names; the last takes what is left.
    fn spread(&mut self, text: &str, names: &[String], raw: bool, whole: bool) {
        let separators = self.value("IFS").unwrap_or(" \t\n").to_owned();
        let blank = |c: char| separators.contains(c) && c.is_whitespace();
        // Each character, and whether a backslash made it mean itself.
        let mut chars: Vec<(char, bool)> = Vec::new();
        let mut letters = text.chars();
        while let Some(c) = letters.next() {
            match c {
                '\\' if !raw => {
                    if let Some(next) = letters.next()
                        && next != '\n'
                    {
                        chars.push((next, true));
                    }
                }
                c => chars.push((c, false)),
            }
        }
        if whole {
            let value = chars.into_iter().map(|(c, _)| c).collect();
            self.assign(&names[0], value);
            return;
        }
        let mut at = 0;
        let skip = |at: &mut usize| {
            while chars.get(*at).is_some_and(|(c, own)| blank(*c) && !own) {
                *at += 1;
            }
        };
        skip(&mut at);
        for (place, name) in names.iter().enumerate() {
            let mut value = String::new();
            if place + 1 == names.len() {
                let mut end = chars.len();
                while end > at && chars.get(end - 1).is_some_and(|(c, own)| blank(*c) && !own) {
                    end -= 1;
                }
                value.extend(chars[at..end].iter().map(|(c, _)| *c));
                let mut marks = chars[at..end]
                    .iter()
                    .filter(|(c, own)| separators.contains(*c) && !own && !blank(*c));
                // A single separator at the end belongs to nobody.
                let only_last = marks.clone().count() == 1
                    && marks.next_back().is_some()
                    && value.ends_with(|c| separators.contains(c));
                if only_last {
                    value.pop();
                }
                at = chars.len();
            } else {
                while let Some((c, own)) = chars.get(at) {
                    if separators.contains(*c) && !own {
                        break;
                    }
                    value.push(*c);
                    at += 1;
                }
                skip(&mut at);
                if chars
                    .get(at)
                    .is_some_and(|(c, own)| separators.contains(*c) && !own && !c.is_whitespace())
                {
                    at += 1;
                    skip(&mut at);
                }
            }
            self.assign(name, value);
        }
    }
}

/// A line without its end, and whether it had one.
async fn take(fd: &Fd, asked: &Asked) -> (Vec<u8>, bool) {
    let end = asked.end.unwrap_or(b'\n');
    let mut line = Vec::new();
    if let Some(count) = asked.count {
        while line.len() < count {
            match fd.read_some(1).await {
                Ok(byte) if byte.is_empty() => return (line, false),
                Ok(byte) if byte[0] == end => return (line, true),
                Ok(byte) => line.extend(byte),
                Err(_) => return (line, false),
            }
        }
        return (line, true);
    }
    loop {
        let Ok(part) = fd.read_until(end).await else {
            return (line, false);
        };
        line.extend_from_slice(&part);
        if part.last() != Some(&end) {
            return (line, false);
        }
        line.pop();
        let slashes = line.iter().rev().take_while(|byte| **byte == b'\\').count();
        if asked.raw || slashes.is_multiple_of(2) {
            return (line, true);
        }
        line.pop();
    }
}
