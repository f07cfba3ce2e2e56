//! `${…}` in all its forms.

use super::expand::{Piece, given, joined};
use super::pattern::{match_chars, matches};
use super::{Flow, Shell, Step};
use crate::shell::syntax::{Operation, Parameter, Word};

impl Shell {
    pub(super) async fn parameter(
        &mut self,
        parameter: &Parameter,
        quoted: bool,
        out: &mut Vec<Piece>,
    ) -> Step<()> {
        let mut name = parameter.name.clone();
        if parameter.indirect {
            name = self.parameter_value(&name).unwrap_or_default();
        }
        if matches!(name.as_str(), "@" | "*")
            && matches!(parameter.operation, Operation::Value | Operation::Slice(..))
        {
            let values = match &parameter.operation {
                Operation::Slice(offset, length) => {
                    self.sliced_arguments(offset, length.as_ref()).await?
                }
                _ => self.positional.clone(),
            };
            self.arguments(&values, &name, quoted, out);
            return Ok(());
        }
        let value = self.parameter_value(&name);
        let text = match &parameter.operation {
            Operation::Unset(kind, colon, word) => {
                return self
                    .unset_form(&name, value, (*kind, *colon), word, quoted, out)
                    .await;
            }
            _ if value.is_none() && self.options.nounset && !matches!(name.as_str(), "@" | "*") => {
                return self.fail(&format!("{name}: parameter not set")).await;
            }
            Operation::Value => value.unwrap_or_default(),
            Operation::Length if matches!(name.as_str(), "@" | "*") => {
                self.positional.len().to_string()
            }
            Operation::Length => value.unwrap_or_default().chars().count().to_string(),
            Operation::Trim(side, long, word) => {
                let pattern = self.expand_pattern(word).await?;
                trim(&value.unwrap_or_default(), &pattern, *side, *long)
            }
            Operation::Replace {
                all,
                anchor,
                pattern,
                with,
            } => {
                let pattern = self.expand_pattern(pattern).await?;
                let with = self.expand_text(with).await?;
                replace(&value.unwrap_or_default(), &pattern, &with, *all, *anchor)
            }
            Operation::Slice(offset, length) => {
                self.slice(&value.unwrap_or_default(), offset, length.as_ref())
                    .await?
            }
            Operation::Case(side, all) => change_case(&value.unwrap_or_default(), *side, *all),
        };
        out.push(given(text, quoted));
        Ok(())
    }

    fn arguments(&self, values: &[String], name: &str, quoted: bool, out: &mut Vec<Piece>) {
        if quoted && name == "*" {
            let separator = match self.value("IFS") {
                None => " ".to_owned(),
                Some(separators) => separators.chars().take(1).collect(),
            };
            out.push(Piece::Quoted(values.join(&separator)));
            return;
        }
        for (place, value) in values.iter().enumerate() {
            if place > 0 {
                out.push(Piece::Break);
            }
            out.push(given(value.clone(), quoted));
        }
    }

    async fn sliced_arguments(
        &mut self,
        offset: &Word,
        length: Option<&Word>,
    ) -> Step<Vec<String>> {
        let offset = self.number(offset).await?;
        let mut all = vec![self.name.clone()];
        all.extend(self.positional.iter().cloned());
        let start = if offset < 0 {
            (all.len() as i64 + offset).max(0)
        } else {
            offset
        };
        let count = match length {
            Some(length) => self.number(length).await?.max(0) as usize,
            None => all.len(),
        };
        Ok(all.into_iter().skip(start as usize).take(count).collect())
    }

    async fn number(&mut self, word: &Word) -> Step<i64> {
        let text = self.expand_text(word).await?;
        if text.trim().is_empty() {
            return Ok(0);
        }
        self.arithmetic(&text).await
    }

    async fn slice(&mut self, value: &str, offset: &Word, length: Option<&Word>) -> Step<String> {
        let offset = self.number(offset).await?;
        let chars: Vec<char> = value.chars().collect();
        let count = chars.len() as i64;
        let start = if offset < 0 { count + offset } else { offset };
        if start < 0 || start > count {
            return Ok(String::new());
        }
        let end = match length {
            None => count,
            Some(length) => {
                let length = self.number(length).await?;
                if length < 0 {
                    count + length
                } else {
                    (start.saturating_add(length)).min(count)
                }
            }
        };
        if end < start {
            return Ok(String::new());
        }
        Ok(chars[start as usize..end as usize].iter().collect())
    }

    async fn unset_form(
        &mut self,
        name: &str,
        value: Option<String>,
        (kind, colon): (char, bool),
        word: &Word,
        quoted: bool,
        out: &mut Vec<Piece>,
    ) -> Step<()> {
        let value = if matches!(name, "@" | "*") {
            (!self.positional.is_empty()).then(|| self.positional.join(" "))
        } else {
            value
        };
        let present = value.as_ref().filter(|value| !colon || !value.is_empty());
        if kind == '+' {
            if present.is_some() {
                self.alternative(word, quoted, out).await?;
            } else if quoted {
                out.push(Piece::Quoted(String::new()));
            }
            return Ok(());
        }
        if let Some(present) = present {
            if matches!(name, "@" | "*") {
                let values = self.positional.clone();
                self.arguments(&values, name, quoted, out);
            } else {
                out.push(given(present.clone(), quoted));
            }
            return Ok(());
        }
        match kind {
            '-' => self.alternative(word, quoted, out).await,
            '=' => {
                let text = self.expand_text(word).await?;
                if !self.assign(name, text.clone()) {
                    return self.fail(&format!("{name}: is read only")).await;
                }
                out.push(given(text, quoted));
                Ok(())
            }
            _ => {
                let mut text = self.expand_text(word).await?;
                if text.is_empty() {
                    text = if colon {
                        "parameter not set or null".to_owned()
                    } else {
                        "parameter not set".to_owned()
                    };
                }
                self.complain(&format!("{name}: {text}")).await;
                Err(Flow::Fail(2))
            }
        }
    }

    /// A word that stands in for a value: unquoted text in it is split.
    async fn alternative(&mut self, word: &Word, quoted: bool, out: &mut Vec<Piece>) -> Step<()> {
        if quoted {
            let pieces = self.pieces(word).await?;
            out.push(Piece::Quoted(joined(pieces)));
            return Ok(());
        }
        for piece in self.pieces(word).await? {
            out.push(match piece {
                Piece::Plain(text) => Piece::Split(text),
                other => other,
            });
        }
        Ok(())
    }

    pub(crate) fn parameter_value(&self, name: &str) -> Option<String> {
        if let Ok(place) = name.parse::<usize>() {
            return if place == 0 {
                Some(self.name.clone())
            } else {
                self.positional.get(place - 1).cloned()
            };
        }
        match name {
            "#" => Some(self.positional.len().to_string()),
            "?" => Some(self.status.to_string()),
            "$" | "BASHPID" => Some(self.proc.pid.to_string()),
            "!" => self.last_job.map(|pid| pid.to_string()),
            "-" => Some(self.option_letters()),
            "@" | "*" => Some(self.positional.join(" ")),
            "LINENO" => Some(self.line.to_string()),
            "PPID" => Some(self.proc.parent.to_string()),
            "RANDOM" if self.bash => Some(self.random().to_string()),
            "SECONDS" if self.bash => {
                let passed = self
                    .proc
                    .machine
                    .clock
                    .now()
                    .duration_since(self.proc.started);
                Some(passed.as_secs().to_string())
            }
            "EPOCHSECONDS" if self.bash => {
                Some(self.proc.machine.clock.now().as_second().to_string())
            }
            "COLUMNS" | "LINES" if self.value(name).is_none() => {
                let size = self.proc.fds.values().find_map(|fd| fd.terminal())?.size();
                let number = if name == "LINES" {
                    size.height
                } else {
                    size.width
                };
                Some(number.to_string())
            }
            name => self.value(name).map(str::to_owned),
        }
    }

    fn random(&self) -> u64 {
        let seed = u64::from(self.proc.pid) << 40
            ^ u64::from(self.ticks)
            ^ self.proc.machine.clock.now().as_microsecond() as u64;
        crate::sim::Entropy::seeded(seed).below(32768)
    }
}

fn trim(value: &str, pattern: &str, side: char, long: bool) -> String {
    let chars: Vec<char> = value.chars().collect();
    let pattern: Vec<char> = pattern.chars().collect();
    let count = chars.len();
    // Whether what would go away has this length.
    let goes = |length: &usize| {
        let part = if side == '#' {
            &chars[..*length]
        } else {
            &chars[count - *length..]
        };
        match_chars(&pattern, part)
    };
    let found = if long {
        (0..=count).rev().find(goes)
    } else {
        (0..=count).find(goes)
    };
    let length = found.unwrap_or(0);
    if side == '#' {
        chars[length..].iter().collect()
    } else {
        chars[..count - length].iter().collect()
    }
}

fn replace(value: &str, pattern: &str, with: &str, all: bool, anchor: Option<char>) -> String {
    if pattern.is_empty() {
        return value.to_owned();
    }
    let chars: Vec<char> = value.chars().collect();
    let count = chars.len();
    let pattern_chars: Vec<char> = pattern.chars().collect();
    match anchor {
        Some('#') => {
            let found = (0..=count)
                .rev()
                .find(|end| match_chars(&pattern_chars, &chars[..*end]));
            return found.map_or_else(
                || value.to_owned(),
                |end| format!("{with}{}", chars[end..].iter().collect::<String>()),
            );
        }
        Some(_) => {
            let found = (0..=count).find(|start| match_chars(&pattern_chars, &chars[*start..]));
            return found.map_or_else(
                || value.to_owned(),
                |start| format!("{}{with}", chars[..start].iter().collect::<String>()),
            );
        }
        None => {}
    }
    if !pattern.contains(['*', '?', '[', '\\']) {
        return if all {
            value.replace(pattern, with)
        } else {
            value.replacen(pattern, with, 1)
        };
    }
    let mut out = String::new();
    let mut at = 0;
    while at < count {
        let end = (at + 1..=count)
            .rev()
            .find(|end| match_chars(&pattern_chars, &chars[at..*end]));
        match end {
            Some(end) => {
                out.push_str(with);
                at = end;
                if !all {
                    break;
                }
            }
            None => {
                out.push(chars[at]);
                at += 1;
            }
        }
    }
    out.extend(&chars[at..]);
    if count == 0 && matches(pattern, "") {
        return with.to_owned();
    }
    out
}

fn change_case(value: &str, side: char, all: bool) -> String {
    let change = |c: char| -> String {
        if side == '^' {
            c.to_uppercase().collect()
        } else {
            c.to_lowercase().collect()
        }
    };
    if all {
        return value.chars().map(change).collect();
    }
    let mut chars = value.chars();
    match chars.next() {
        Some(first) => change(first) + chars.as_str(),
        None => String::new(),
    }
}
