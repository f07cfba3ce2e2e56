//! Goes through the lines and does what the script says.

use super::script::{Address, Command};
use crate::shell::exec::{Outcome, Proc};
use crate::shell::tools::lines::Lines;

/// How many commands may run for one line.
const STEPS_MAX: usize = 100_000;

pub(super) struct Editing {
    pub(super) commands: Vec<Command>,
    pub(super) silent: bool,
    pub(super) number: u64,
    pub(super) hold: Vec<u8>,
    /// For each command: the line its range ends at, if it is inside one.
    pub(super) inside: Vec<Option<u64>>,
    pub(super) after: Vec<u8>,
    pub(super) quit: Option<i32>,
    pub(super) substituted: bool,
}

/// The lines of all files, one ahead, so that the last one is known.
pub(super) struct Stream {
    pub(super) files: Vec<String>,
    pub(super) current: Option<Lines>,
    pub(super) next: Option<(Vec<u8>, bool)>,
    pub(super) status: i32,
}

impl Stream {
    pub(super) async fn advance(&mut self, proc: &mut Proc) -> Outcome<Option<(Vec<u8>, bool)>> {
        let next = loop {
            if let Some(lines) = &mut self.current {
                if let Some(line) = lines.line(proc).await? {
                    break Some(line);
                }
                self.current = None;
            }
            if self.files.is_empty() {
                break None;
            }
            let file = self.files.remove(0);
            match proc.reader(&file) {
                Ok(lines) => self.current = Some(lines),
                Err(crate::shell::fs::Errno::IsDirectory) => {
                    proc.warn(&format!("couldn't edit {file}: not a regular file"))
                        .await;
                    self.status = 4;
                }
                Err(errno) => {
                    proc.warn(&format!("can't read {file}: {errno}")).await;
                    self.status = 2;
                }
            }
        };
        Ok(std::mem::replace(&mut self.next, next))
    }
}

impl Editing {
    pub(super) async fn run(&mut self, proc: &mut Proc, files: Vec<String>) -> Outcome {
        let mut stream = Stream {
            files,
            current: None,
            next: None,
            status: 0,
        };
        stream.advance(proc).await?;
        while let Some((mut line, mut ended)) = stream.advance(proc).await? {
            self.number += 1;
            self.substituted = false;
            let shown = self.line(proc, &mut stream, &mut line, &mut ended).await?;
            if shown && !self.silent {
                proc.print(&line).await?;
                if ended {
                    proc.print("\n").await?;
                }
            }
            let after = std::mem::take(&mut self.after);
            proc.print(&after).await?;
            if let Some(code) = self.quit {
                return Ok(code);
            }
        }
        Ok(stream.status)
    }

    fn chosen(&mut self, place: usize, line: &[u8], last: bool) -> bool {
        let number = self.number;
        let command = &self.commands[place];
        let hits = |address: &Address| match address {
            Address::Line(at) => *at == number,
            Address::Last => last,
            Address::Match(regex) => regex.is_match(line),
            Address::Step(first, 0) => number == *first,
            Address::Step(first, step) => {
                number >= *first && (number - first).is_multiple_of(*step)
            }
            Address::Plus(_) => false,
        };
        let held = match (&command.first, &command.second) {
            (None, _) => true,
            (Some(first), None) => hits(first),
            (Some(first), Some(second)) => {
                if let Some(end) = self.inside[place] {
                    let over = match second {
                        Address::Match(regex) => regex.is_match(line),
                        Address::Last => last,
                        _ => number >= end,
                    };
                    if over {
                        self.inside[place] = None;
                    }
                    !matches!(second, Address::Line(at) if number > *at)
                } else if hits(first) || matches!(first, Address::Line(0)) && number == 1 {
                    let end = match second {
                        Address::Line(at) => *at,
                        Address::Plus(more) => number + more,
                        _ => u64::MAX,
                    };
                    if end > number && !(matches!(second, Address::Last) && last) {
                        self.inside[place] = Some(end);
                    }
                    true
                } else {
                    false
                }
            }
        };
        held != command.negated
    }

    /// Runs the script for a line; whether the line is shown at the end.
    async fn line(
        &mut self,
        proc: &mut Proc,
        stream: &mut Stream,
        line: &mut Vec<u8>,
        ended: &mut bool,
    ) -> Outcome<bool> {
        let mut at = 0;
        let mut steps = 0;
        while at < self.commands.len() {
            steps += 1;
            if steps > STEPS_MAX {
                return proc.fail(4, "too many steps").await;
            }
            let place = at;
            at += 1;
            let last = stream.next.is_none();
            if !self.chosen(place, line, last) {
                if self.commands[place].name == '{' {
                    at = self.commands[place].end;
                }
                continue;
            }
            let command = self.commands[place].clone();
            match command.name {
                'd' => return Ok(false),
                'D' => match line.iter().position(|byte| *byte == b'\n') {
                    None => return Ok(false),
                    Some(end) => {
                        line.drain(..=end);
                        at = 0;
                    }
                },
                'n' => {
                    if !self.silent {
                        proc.print(&*line).await?;
                        proc.print("\n").await?;
                    }
                    match stream.advance(proc).await? {
                        Some(next) => (*line, *ended) = next,
                        None => {
                            self.quit = Some(0);
                            return Ok(false);
                        }
                    }
                    self.number += 1;
                }
                'N' => match stream.advance(proc).await? {
                    Some((next, end)) => {
                        line.push(b'\n');
                        line.extend(next);
                        *ended = end;
                        self.number += 1;
                    }
                    None => return Ok(true),
                },
                'c' => {
                    let in_range = self.inside[place].is_some();
                    if !in_range || command.negated {
                        proc.print(&command.text).await?;
                    }
                    return Ok(false);
                }
                'q' | 'Q' => {
                    self.quit = Some(command.text.parse().unwrap_or(0));
                    return Ok(command.name == 'q');
                }
                'b' | 't' | 'T' => {
                    let goes = match command.name {
                        'b' => true,
                        't' => std::mem::take(&mut self.substituted),
                        _ => !std::mem::take(&mut self.substituted),
                    };
                    if goes {
                        let label =
                            |other: &Command| other.name == ':' && other.text == command.text;
                        at = if command.text.is_empty() {
                            self.commands.len()
                        } else {
                            match self.commands.iter().position(label) {
                                Some(at) => at,
                                None => {
                                    let words =
                                        format!("can't find label for jump to `{}'", command.text);
                                    return proc.fail(1, &words).await;
                                }
                            }
                        };
                    }
                }
                _ => self.simple(proc, &command, line).await?,
            }
        }
        Ok(true)
    }

    async fn simple(
        &mut self,
        proc: &mut Proc,
        command: &Command,
        line: &mut Vec<u8>,
    ) -> Outcome<()> {
        match command.name {
            's' => {
                if let Some(substitution) = &command.substitution
                    && let Some(new) = substitution.apply(line)
                {
                    *line = new;
                    self.substituted = true;
                    if substitution.print {
                        proc.print(&*line).await?;
                        proc.print("\n").await?;
                    }
                    if let Some(file) = &substitution.file {
                        self.save(proc, file, line).await;
                    }
                }
            }
            'y' => {
                let text = String::from_utf8_lossy(line).into_owned();
                let map = |c: char| command.map.get(&c).copied().unwrap_or(c);
                *line = text.chars().map(map).collect::<String>().into_bytes();
            }
            'p' => {
                proc.print(&*line).await?;
                proc.print("\n").await?;
            }
            'P' => {
                let end = line
                    .iter()
                    .position(|byte| *byte == b'\n')
                    .unwrap_or(line.len());
                proc.print(&line[..end]).await?;
                proc.print("\n").await?;
            }
            '=' => proc.print(format!("{}\n", self.number)).await?,
            'i' => proc.print(&command.text).await?,
            'a' => self.after.extend_from_slice(command.text.as_bytes()),
            'r' => {
                let machine = proc.machine.clone();
                let text = machine.fs.read(&proc.path(&command.text), &machine.who);
                self.after.extend(text.unwrap_or_default());
            }
            'w' => self.save(proc, &command.text, line).await,
            'h' => self.hold.clone_from(line),
            'H' => {
                self.hold.push(b'\n');
                self.hold.extend_from_slice(line);
            }
            'g' => line.clone_from(&self.hold),
            'G' => {
                line.push(b'\n');
                line.extend_from_slice(&self.hold);
            }
            'x' => std::mem::swap(line, &mut self.hold),
            'z' => line.clear(),
            'l' => {
                let text = String::from_utf8_lossy(line).escape_default().to_string();
                proc.print(text + "$\n").await?;
            }
            _ => {}
        }
        Ok(())
    }

    async fn save(&mut self, proc: &mut Proc, file: &str, line: &[u8]) {
        let mut text = line.to_vec();
        text.push(b'\n');
        if file == "/dev/stdout" {
            let _ = proc.print(&text).await;
            return;
        }
        let machine = proc.machine.clone();
        let mode = crate::shell::fs::Mode {
            write: true,
            create: true,
            append: true,
            bits: 0o666 & !proc.umask,
            ..Default::default()
        };
        if let Ok(file) = machine.fs.open(&proc.path(file), mode, &machine.who) {
            let _ = file.write(&text);
        }
    }
}
