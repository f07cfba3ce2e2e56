//! `{a,b}` and `{1..5}`, as bash writes them.

use crate::shell::syntax::{Part, Word};

/// How many words one word may become.
const WORDS_MAX: usize = 10_000;

/// The words that a word stands for.
pub(super) fn expand(word: &Word) -> Vec<Word> {
    let mut done: Vec<Word> = Vec::new();
    let mut open = vec![word.clone()];
    while let Some(word) = open.pop() {
        match first(&word) {
            Some(words) if open.len() + done.len() + words.len() < WORDS_MAX => {
                open.extend(words.into_iter().rev());
            }
            _ => done.push(word),
        }
    }
    done
}

/// Words with their first braces replaced.
fn first(word: &Word) -> Option<Vec<Word>> {
    for (place, part) in word.iter().enumerate() {
        let Part::Plain(text) = part else { continue };
        for (start, _) in text.match_indices('{') {
            if let Some((choices, tail)) = choices(&text[start + 1..], &word[place + 1..]) {
                let mut head: Word = word[..place].to_vec();
                head.push(Part::Plain(text[..start].to_owned()));
                return Some(
                    choices
                        .into_iter()
                        .map(|choice| {
                            let mut out = head.clone();
                            out.extend(choice);
                            out.extend(tail.clone());
                            out
                        })
                        .collect(),
                );
            }
        }
    }
    None
}

/// What stands between braces, and what follows them.
fn choices(text: &str, rest: &[Part]) -> Option<(Vec<Word>, Word)> {
    let mut choices: Vec<Word> = vec![Word::new()];
    let mut depth = 0;
    let parts = std::iter::once(Part::Plain(text.to_owned())).chain(rest.iter().cloned());
    for (place, part) in parts.enumerate() {
        let Part::Plain(text) = &part else {
            choices.last_mut()?.push(part);
            continue;
        };
        let mut piece = String::new();
        for (at, c) in text.char_indices() {
            match c {
                ',' if depth == 0 => {
                    choices
                        .last_mut()?
                        .push(Part::Plain(std::mem::take(&mut piece)));
                    choices.push(Word::new());
                    continue;
                }
                '}' if depth == 0 => {
                    choices.last_mut()?.push(Part::Plain(piece.clone()));
                    let mut tail = vec![Part::Plain(text[at + 1..].to_owned())];
                    tail.extend(rest[place.min(rest.len())..].iter().cloned());
                    if choices.len() > 1 {
                        return Some((choices, tail));
                    }
                    return Some((range(&piece)?, tail));
                }
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            piece.push(c);
        }
        choices.last_mut()?.push(Part::Plain(piece));
    }
    None
}

fn range(text: &str) -> Option<Vec<Word>> {
    let mut parts = text.split("..");
    let (first, last) = (parts.next()?, parts.next()?);
    let step = parts
        .next()
        .map_or(Some(1), |step| step.parse::<i64>().ok())?;
    let step = step.abs().max(1) as usize;
    let texts: Vec<String> = if let (Ok(first), Ok(last)) = (first.parse(), last.parse::<i64>()) {
        let first: i64 = first;
        let numbers: Vec<i64> = if first <= last {
            (first..=last).step_by(step).take(WORDS_MAX).collect()
        } else {
            (last..=first).rev().step_by(step).take(WORDS_MAX).collect()
        };
        let width = if text
            .split("..")
            .take(2)
            .any(|n| n.len() > 1 && n.starts_with('0'))
        {
            text.split("..").take(2).map(str::len).max().unwrap_or(0)
        } else {
            0
        };
        numbers.iter().map(|n| format!("{n:0width$}")).collect()
    } else {
        let (mut a, mut b) = (first.chars(), last.chars());
        let (first, last) = (a.next()?, b.next()?);
        if a.next().is_some() || b.next().is_some() {
            return None;
        }
        if first <= last {
            (first..=last).step_by(step).map(String::from).collect()
        } else {
            (last..=first)
                .rev()
                .step_by(step)
                .map(String::from)
                .collect()
        }
    };
    Some(
        texts
            .into_iter()
            .map(|text| vec![Part::Plain(text)])
            .collect(),
    )
}
