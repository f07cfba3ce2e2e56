//! `cmp` and `diff`.

use super::{below, last_part};
use crate::shell::exec::{Outcome, Proc};
use crate::shell::tools::lines::split_lines;

/// How many pairs of lines are compared at most; past it what differs is one block.
const PAIRS_MAX: usize = 4_000_000;

pub(in crate::shell::tools) async fn cmp(proc: &mut Proc) -> Outcome {
    let options = proc
        .options("slbn:", &[("silent", 's'), ("quiet", 's')])
        .await?;
    let [first, second, ..] = options.rest.as_slice() else {
        return proc.fail(2, "missing operand").await;
    };
    let Some(a) = whole(proc, first).await? else {
        return Ok(2);
    };
    let Some(b) = whole(proc, second).await? else {
        return Ok(2);
    };
    if a == b {
        return Ok(0);
    }
    if options.has('s') {
        return Ok(1);
    }
    match a.iter().zip(&b).position(|(a, b)| a != b) {
        Some(place) => {
            let line = a[..place].iter().filter(|byte| **byte == b'\n').count() + 1;
            let text = format!("{first} {second} differ: char {}, line {line}\n", place + 1);
            proc.print(text).await?;
        }
        None => {
            let short = if a.len() < b.len() { first } else { second };
            proc.warn(&format!(
                "EOF on {short} after byte {}",
                a.len().min(b.len())
            ))
            .await;
        }
    }
    Ok(1)
}

async fn whole(proc: &mut Proc, path: &str) -> Outcome<Option<Vec<u8>>> {
    match proc.reader_or_warn(path).await {
        Some(mut lines) => Ok(Some(lines.all(proc).await?)),
        None => Ok(None),
    }
}

/// A stretch that differs: where it is in both.
struct Change {
    a: (usize, usize),
    b: (usize, usize),
}

fn changes(a: &[&[u8]], b: &[&[u8]]) -> Vec<Change> {
    let start = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let end = a[start..]
        .iter()
        .rev()
        .zip(b[start..].iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let (left, right) = (&a[start..a.len() - end], &b[start..b.len() - end]);
    if left.is_empty() && right.is_empty() {
        return Vec::new();
    }
    let whole = Change {
        a: (start, a.len() - end),
        b: (start, b.len() - end),
    };
    if left.len().saturating_mul(right.len()) > PAIRS_MAX {
        return vec![whole];
    }
    // The longest common part from each pair of places on.
    let width = right.len() + 1;
    let mut longest = vec![0u32; (left.len() + 1) * width];
    for i in (0..left.len()).rev() {
        for j in (0..right.len()).rev() {
            longest[i * width + j] = if left[i] == right[j] {
                longest[(i + 1) * width + j + 1] + 1
            } else {
                longest[(i + 1) * width + j].max(longest[i * width + j + 1])
            };
        }
    }
    let mut out: Vec<Change> = Vec::new();
    let (mut i, mut j) = (0, 0);
    while i < left.len() || j < right.len() {
        if i < left.len() && j < right.len() && left[i] == right[j] {
            i += 1;
            j += 1;
            continue;
        }
        let (from_i, from_j) = (i, j);
        while (i < left.len() || j < right.len())
            && !(i < left.len() && j < right.len() && left[i] == right[j])
        {
            let takes_left = j == right.len()
                || (i < left.len() && longest[(i + 1) * width + j] >= longest[i * width + j + 1]);
            if takes_left {
                i += 1;
            } else {
                j += 1;
            }
        }
        out.push(Change {
            a: (start + from_i, start + i),
            b: (start + from_j, start + j),
        });
    }
    out
}

pub(in crate::shell::tools) async fn diff(proc: &mut Proc) -> Outcome {
    let options = proc
        .options(
            "uqrNbwiBU:s",
            &[
                ("unified", 'u'),
                ("brief", 'q'),
                ("recursive", 'r'),
                ("new-file", 'N'),
            ],
        )
        .await?;
    let [first, second, ..] = options.rest.as_slice() else {
        return proc.fail(2, "missing operand").await;
    };
    let mut open = vec![(first.clone(), second.clone(), false)];
    let mut status = 0;
    while let Some((a, b, nested)) = open.pop() {
        match (proc.is_folder(&a), proc.is_folder(&b)) {
            (true, true) => {
                let (left, right) = (proc.list(&a), proc.list(&b));
                let (left, right) = (left.unwrap_or_default(), right.unwrap_or_default());
                let mut names: Vec<String> = left.iter().chain(&right).cloned().collect();
                names.sort();
                names.dedup();
                let mut inner = Vec::new();
                for name in names {
                    let only = match (left.contains(&name), right.contains(&name)) {
                        (true, true) => None,
                        (true, false) => Some(&a),
                        _ => Some(&b),
                    };
                    if let Some(folder) = only.filter(|_| !options.has('N')) {
                        proc.print(format!("Only in {folder}: {name}\n")).await?;
                        status = 1;
                    } else {
                        inner.push((below(&a, &name), below(&b, &name), true));
                    }
                }
                if options.has('r') || !nested {
                    open.extend(inner.into_iter().rev());
                }
            }
            (a_folder, b_folder) => {
                let a = if a_folder {
                    below(&a, last_part(&b))
                } else {
                    a
                };
                let b = if b_folder {
                    below(&b, last_part(&a))
                } else {
                    b
                };
                status = status.max(pair(proc, &options, (&a, &b), nested).await?);
            }
        }
    }
    Ok(status)
}

async fn pair(
    proc: &mut Proc,
    options: &crate::shell::tools::Options,
    (a, b): (&str, &str),
    nested: bool,
) -> Outcome {
    let missing = |proc: &Proc, path: &str| options.has('N') && proc.stat(path, true).is_err();
    let left = if missing(proc, a) {
        Some(Vec::new())
    } else {
        whole(proc, a).await?
    };
    let right = if missing(proc, b) {
        Some(Vec::new())
    } else {
        whole(proc, b).await?
    };
    let (Some(left), Some(right)) = (left, right) else {
        return Ok(2);
    };
    if left == right {
        return Ok(0);
    }
    if options.has('q') || left.contains(&0) || right.contains(&0) {
        let kind = if options.has('q') {
            "Files"
        } else {
            "Binary files"
        };
        proc.print(format!("{kind} {a} and {b} differ\n")).await?;
        return Ok(1);
    }
    let normal = |text: &[u8]| -> Vec<u8> {
        let mut text = text.to_vec();
        if options.has('w') {
            text.retain(|byte| !matches!(byte, b' ' | b'\t'));
        }
        if options.has('i') {
            text.make_ascii_lowercase();
        }
        text
    };
    let (own_left, own_right) = (normal(&left), normal(&right));
    let found = changes(&split_lines(&own_left), &split_lines(&own_right));
    if found.is_empty() && own_left.last() == own_right.last() {
        return Ok(0);
    }
    if nested {
        proc.print(format!("diff {a} {b}\n")).await?;
    }
    let (left, right) = (split_lines(&left), split_lines(&right));
    if options.has('u') || options.has('U') {
        let around = options
            .value('U')
            .and_then(|text| text.parse().ok())
            .unwrap_or(3);
        unified(proc, (a, b), (&left, &right), &found, around).await?;
    } else {
        plain(proc, (&left, &right), &found).await?;
    }
    Ok(1)
}

async fn print_lines(proc: &mut Proc, mark: &str, lines: &[&[u8]]) -> Outcome<()> {
    for line in lines {
        proc.print(mark).await?;
        proc.print(line).await?;
        proc.print("\n").await?;
    }
    Ok(())
}

async fn plain(proc: &mut Proc, (a, b): (&[&[u8]], &[&[u8]]), found: &[Change]) -> Outcome<()> {
    let range = |(start, end): (usize, usize)| {
        if end - start > 1 {
            format!("{},{end}", start + 1)
        } else {
            end.to_string()
        }
    };
    for change in found {
        let letter = match (change.a.0 == change.a.1, change.b.0 == change.b.1) {
            (true, _) => 'a',
            (_, true) => 'd',
            _ => 'c',
        };
        proc.print(format!("{}{letter}{}\n", range(change.a), range(change.b)))
            .await?;
        print_lines(proc, "< ", &a[change.a.0..change.a.1]).await?;
        if letter == 'c' {
            proc.print("---\n").await?;
        }
        print_lines(proc, "> ", &b[change.b.0..change.b.1]).await?;
    }
    Ok(())
}

async fn unified(
    proc: &mut Proc,
    names: (&str, &str),
    (a, b): (&[&[u8]], &[&[u8]]),
    found: &[Change],
    around: usize,
) -> Outcome<()> {
    for (mark, name) in [("---", names.0), ("+++", names.1)] {
        let time = proc
            .stat(name, true)
            .map_or(jiff::Timestamp::UNIX_EPOCH, |stat| stat.modified);
        let time = time.strftime("%Y-%m-%d %H:%M:%S.%9f +0000");
        proc.print(format!("{mark} {name}\t{time}\n")).await?;
    }
    let mut place = 0;
    while place < found.len() {
        let mut end = place;
        while end + 1 < found.len() && found[end + 1].a.0 <= found[end].a.1 + around * 2 {
            end += 1;
        }
        let (first, last) = (&found[place], &found[end]);
        let before = around.min(first.a.0);
        let after = around.min(a.len() - last.a.1);
        let range = |start: usize, end: usize| match end - start {
            0 => format!("{start},0"),
            1 => end.to_string(),
            count => format!("{},{count}", start + 1),
        };
        let left = range(first.a.0 - before, last.a.1 + after);
        let right = range(first.b.0 - before, last.b.1 + after);
        proc.print(format!("@@ -{left} +{right} @@\n")).await?;
        let mut at = first.a.0 - before;
        for change in &found[place..=end] {
            print_lines(proc, " ", &a[at..change.a.0]).await?;
            print_lines(proc, "-", &a[change.a.0..change.a.1]).await?;
            print_lines(proc, "+", &b[change.b.0..change.b.1]).await?;
            at = change.a.1;
        }
        print_lines(proc, " ", &a[at..at + after]).await?;
        place = end + 1;
    }
    Ok(())
}
