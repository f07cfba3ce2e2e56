//! Typing a line at a terminal: cursor keys, history, and names completed by Tab.

use super::Shell;
use crate::shell::fs::Kind;
use crate::shell::io::Fd;

/// How many lines are remembered.
const HISTORY_MAX: usize = 500;

#[derive(Default)]
pub(super) struct Editor {
    history: Vec<String>,
}

struct Line {
    chars: Vec<char>,
    cursor: usize,
    place: usize,
}

enum Key {
    Char(char),
    Enter,
    Erase,
    Delete,
    EraseAll,
    EraseWord,
    Cut,
    Left,
    Right,
    Home,
    End,
    Up,
    Down,
    Tab,
    Clear,
    Interrupt,
    Leave,
    None,
}

impl Editor {
    /// A line; `Some(None)` where it was interrupted, none at the end of input.
    pub(super) async fn line(
        &mut self,
        fd: &Fd,
        prompt: &str,
        shell: &Shell,
    ) -> Option<Option<String>> {
        let Some(terminal) = fd.terminal().cloned() else {
            shell.error(prompt.as_bytes()).await;
            let line = fd.read_until(b'\n').await.ok()?;
            if line.is_empty() {
                return None;
            }
            let text = String::from_utf8_lossy(&line);
            return Some(Some(text.trim_end_matches('\n').to_owned()));
        };
        terminal.set_raw(true).await;
        let line = self.edit(fd, prompt, shell).await;
        terminal.set_raw(false).await;
        line
    }

    async fn edit(&mut self, fd: &Fd, prompt: &str, shell: &Shell) -> Option<Option<String>> {
        fd.write(prompt.as_bytes()).await.ok()?;
        let mut line = Line {
            chars: Vec::new(),
            cursor: 0,
            place: self.history.len(),
        };
        let shown = prompt.rsplit('\n').next().unwrap_or(prompt);
        loop {
            let key = self.key(fd).await?;
            let echo = match key {
                Key::Char(c) if line.cursor == line.chars.len() => {
                    line.chars.push(c);
                    line.cursor += 1;
                    Some(c.to_string())
                }
                Key::Enter => {
                    fd.write(b"\n").await.ok()?;
                    let text: String = line.chars.iter().collect();
                    if !text.trim().is_empty() && self.history.last() != Some(&text) {
                        self.history.push(text.clone());
                        if self.history.len() > HISTORY_MAX {
                            self.history.remove(0);
                        }
                    }
                    return Some(Some(text));
                }
                Key::Interrupt => {
                    fd.write(b"^C\n").await.ok()?;
                    return Some(None);
                }
                Key::Leave if line.chars.is_empty() => return None,
                Key::Clear => Some("\u{1b}[H\u{1b}[2J".to_owned() + &line.redrawn(shown)),
                Key::Tab => {
                    complete(&mut line, shell);
                    Some(line.redrawn(shown))
                }
                Key::Erase if line.cursor == line.chars.len() => line.chars.pop().map(|_| {
                    line.cursor -= 1;
                    "\u{8} \u{8}".to_owned()
                }),
                Key::Up | Key::Down => {
                    self.recall(&mut line, matches!(key, Key::Up));
                    Some(line.redrawn(shown))
                }
                Key::None => None,
                key => {
                    line.change(&key);
                    Some(line.redrawn(shown))
                }
            };
            if let Some(echo) = echo {
                fd.write(echo.as_bytes()).await.ok()?;
            }
        }
    }

    fn recall(&self, line: &mut Line, up: bool) {
        if up && line.place > 0 {
            line.place -= 1;
        } else if !up && line.place < self.history.len() {
            line.place += 1;
        }
        line.chars = self
            .history
            .get(line.place)
            .map(|text| text.chars().collect())
            .unwrap_or_default();
        line.cursor = line.chars.len();
    }

    async fn byte(&self, fd: &Fd) -> Option<u8> {
        // One at a time: what follows may be meant for a command.
        fd.read_some(1).await.ok()?.pop()
    }

    async fn key(&self, fd: &Fd) -> Option<Key> {
        let first = self.byte(fd).await?;
        Some(match first {
            b'\r' | b'\n' => Key::Enter,
            1 => Key::Home,
            2 => Key::Left,
            3 => Key::Interrupt,
            4 => Key::Leave,
            5 => Key::End,
            6 => Key::Right,
            8 | 127 => Key::Erase,
            9 => Key::Tab,
            11 => Key::Cut,
            12 => Key::Clear,
            14 => Key::Down,
            16 => Key::Up,
            21 => Key::EraseAll,
            23 => Key::EraseWord,
            27 => self.escape(fd).await?,
            byte if byte < 32 => Key::None,
            byte if byte < 128 => Key::Char(char::from(byte)),
            byte => {
                let count = match byte {
                    0xf0.. => 4,
                    0xe0.. => 3,
                    _ => 2,
                };
                let mut bytes = vec![byte];
                while bytes.len() < count {
                    bytes.push(self.byte(fd).await?);
                }
                String::from_utf8_lossy(&bytes)
                    .chars()
                    .next()
                    .map_or(Key::None, Key::Char)
            }
        })
    }

    async fn escape(&self, fd: &Fd) -> Option<Key> {
        if !matches!(self.byte(fd).await?, b'[' | b'O') {
            return Some(Key::None);
        }
        Some(match self.byte(fd).await? {
            b'A' => Key::Up,
            b'B' => Key::Down,
            b'C' => Key::Right,
            b'D' => Key::Left,
            b'H' => Key::Home,
            b'F' => Key::End,
            digit if digit.is_ascii_digit() => {
                while !matches!(self.byte(fd).await?, b'~' | b'A'..=b'Z') {}
                match digit {
                    b'1' | b'7' => Key::Home,
                    b'3' => Key::Delete,
                    b'4' | b'8' => Key::End,
                    _ => Key::None,
                }
            }
            _ => Key::None,
        })
    }
}

impl Line {
    fn change(&mut self, key: &Key) {
        match key {
            Key::Char(c) => {
                self.chars.insert(self.cursor, *c);
                self.cursor += 1;
            }
            Key::Erase if self.cursor > 0 => {
                self.cursor -= 1;
                self.chars.remove(self.cursor);
            }
            Key::Delete | Key::Leave if self.cursor < self.chars.len() => {
                self.chars.remove(self.cursor);
            }
            Key::EraseAll => {
                self.chars.drain(..self.cursor);
                self.cursor = 0;
            }
            Key::EraseWord => {
                let end = self.cursor;
                while self.cursor > 0 && self.chars[self.cursor - 1] == ' ' {
                    self.cursor -= 1;
                }
                while self.cursor > 0 && self.chars[self.cursor - 1] != ' ' {
                    self.cursor -= 1;
                }
                self.chars.drain(self.cursor..end);
            }
            Key::Cut => self.chars.truncate(self.cursor),
            Key::Left => self.cursor = self.cursor.saturating_sub(1),
            Key::Right => self.cursor = (self.cursor + 1).min(self.chars.len()),
            Key::Home => self.cursor = 0,
            Key::End => self.cursor = self.chars.len(),
            _ => {}
        }
    }

    fn redrawn(&self, prompt: &str) -> String {
        let text: String = self.chars.iter().collect();
        let back = self.chars.len() - self.cursor;
        let mut out = format!("\r{prompt}{text}\u{1b}[K");
        if back > 0 {
            out.push_str(&format!("\u{1b}[{back}D"));
        }
        out
    }
}

/// Completes the path before the cursor, as far as it is certain.
fn complete(line: &mut Line, shell: &Shell) {
    let start = line.chars[..line.cursor]
        .iter()
        .rposition(|c| *c == ' ')
        .map_or(0, |place| place + 1);
    let word: String = line.chars[start..line.cursor].iter().collect();
    let (folder, begun) = match word.rsplit_once('/') {
        Some(("", begun)) => ("/".to_owned(), begun),
        Some((folder, begun)) => (folder.to_owned(), begun),
        None if start == 0 => ("/usr/bin".to_owned(), word.as_str()),
        None => (".".to_owned(), word.as_str()),
    };
    let machine = &shell.proc.machine;
    let at = shell.proc.path(&folder);
    let names: Vec<String> = machine
        .fs
        .list(&at, &machine.who)
        .unwrap_or_default()
        .into_iter()
        .filter(|name| name.starts_with(begun))
        .collect();
    let Some(first) = names.first() else { return };
    let common = names.iter().fold(first.clone(), |common, name| {
        common
            .chars()
            .zip(name.chars())
            .take_while(|(a, b)| a == b)
            .map(|(a, _)| a)
            .collect()
    });
    let mut rest: String = common.chars().skip(begun.chars().count()).collect();
    if names.len() == 1 {
        let path = format!("{at}/{first}");
        let folder = machine
            .fs
            .stat(&path, true, &machine.who)
            .is_ok_and(|stat| stat.kind == Kind::Directory);
        rest.push(if folder { '/' } else { ' ' });
    }
    for c in rest.chars() {
        line.chars.insert(line.cursor, c);
        line.cursor += 1;
    }
}
