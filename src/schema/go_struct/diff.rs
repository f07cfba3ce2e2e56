//! A unified diff of two texts, line by line, with three lines around each change.
//!
//! Which lines count as the same when there is a choice follows Python's difflib, as upstream's
//! library does: the longest run of lines in common, then the same on both sides of it; in a long
//! text, lines that stand there often start no run.
//!
//! *Upstream:* `github.com/pmezard/go-difflib`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::ops::Range;

/// Unchanged lines shown around a change.
const CONTEXT: usize = 3;
/// From how many lines on frequent lines start no run.
const LONG: usize = 200;

/// Lines in common: where in the old text, where in the new, and how many.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Run {
    old: usize,
    new: usize,
    length: usize,
}

/// Lines of the old text, and those of the new that stand in their place.
#[derive(Clone, Debug)]
struct Piece {
    is_same: bool,
    old: Range<usize>,
    new: Range<usize>,
}

/// The diff that makes `new` of `old`; empty where they are the same.
pub(super) fn unified(old: &str, new: &str) -> String {
    let old: Vec<&str> = old.split('\n').collect();
    let new: Vec<&str> = new.split('\n').collect();
    let mut out = String::new();
    for hunk in hunks(pieces(&runs(&old, &new), old.len(), new.len())) {
        let (Some(first), Some(last)) = (hunk.first(), hunk.last()) else {
            continue;
        };
        let ranges = [
            span(first.old.start, last.old.end),
            span(first.new.start, last.new.end),
        ];
        let written = writeln!(out, "@@ -{} +{} @@", ranges[0], ranges[1]);
        debug_assert!(written.is_ok(), "writing to a String cannot fail");
        for piece in hunk {
            if piece.is_same {
                print(&mut out, ' ', &old[piece.old]);
            } else {
                print(&mut out, '-', &old[piece.old]);
                print(&mut out, '+', &new[piece.new]);
            }
        }
    }
    out
}

fn print(out: &mut String, sign: char, lines: &[&str]) {
    for line in lines {
        out.push(sign);
        out.push_str(line);
        out.push('\n');
    }
}

/// Lines as the head of a hunk counts them.
fn span(start: usize, end: usize) -> String {
    match end - start {
        1 => (start + 1).to_string(),
        0 => format!("{start},0"),
        length => format!("{},{length}", start + 1),
    }
}

/// All runs in common, in order.
fn runs(old: &[&str], new: &[&str]) -> Vec<Run> {
    let mut places: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, line) in new.iter().enumerate() {
        places.entry(line).or_default().push(index);
    }
    if new.len() >= LONG {
        places.retain(|_, found| found.len() <= new.len() / 100 + 1);
    }
    let mut found = Vec::new();
    let mut pending = vec![(0..old.len(), 0..new.len())];
    while let Some((old_range, new_range)) = pending.pop() {
        let run = longest(old, new, &places, &old_range, &new_range);
        if run.length > 0 {
            found.push(run);
            pending.push((old_range.start..run.old, new_range.start..run.new));
            let (old_end, new_end) = (run.old + run.length, run.new + run.length);
            pending.push((old_end..old_range.end, new_end..new_range.end));
        }
    }
    found.sort_by_key(|run| run.old);
    found
}

/// The longest run within two ranges, the first of several.
fn longest(
    old: &[&str],
    new: &[&str],
    places: &BTreeMap<&str, Vec<usize>>,
    old_range: &Range<usize>,
    new_range: &Range<usize>,
) -> Run {
    let mut best = Run {
        old: old_range.start,
        new: new_range.start,
        length: 0,
    };
    // How long the run is that ends with the line before and each line of the new text.
    let mut lengths: BTreeMap<usize, usize> = BTreeMap::new();
    for index in old_range.clone() {
        let mut next = BTreeMap::new();
        let all = places.get(old[index]).map_or(&[][..], Vec::as_slice);
        for &place in all.iter().filter(|place| new_range.contains(place)) {
            let before = place.checked_sub(1).and_then(|place| lengths.get(&place));
            let length = before.copied().unwrap_or(0) + 1;
            next.insert(place, length);
            if length > best.length {
                best = Run {
                    old: index + 1 - length,
                    new: place + 1 - length,
                    length,
                };
            }
        }
        lengths = next;
    }
    while best.old > old_range.start
        && best.new > new_range.start
        && old[best.old - 1] == new[best.new - 1]
    {
        best.old -= 1;
        best.new -= 1;
        best.length += 1;
    }
    while best.old + best.length < old_range.end
        && best.new + best.length < new_range.end
        && old[best.old + best.length] == new[best.new + best.length]
    {
        best.length += 1;
    }
    best
}

/// Both texts in full: what is the same and what is not, by turns.
fn pieces(runs: &[Run], old_length: usize, new_length: usize) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let (mut old, mut new) = (0, 0);
    let end = Run {
        old: old_length,
        new: new_length,
        length: 0,
    };
    for run in runs.iter().chain([&end]) {
        if old < run.old || new < run.new {
            pieces.push(Piece {
                is_same: false,
                old: old..run.old,
                new: new..run.new,
            });
        }
        (old, new) = (run.old + run.length, run.new + run.length);
        match pieces.last_mut() {
            _ if run.length == 0 => {}
            Some(last) if last.is_same => {
                last.old.end = old;
                last.new.end = new;
            }
            _ => pieces.push(Piece {
                is_same: true,
                old: run.old..old,
                new: run.new..new,
            }),
        }
    }
    pieces
}

/// Changes with what stands around them, those near each other together.
fn hunks(pieces: Vec<Piece>) -> Vec<Vec<Piece>> {
    let mut hunks = vec![Vec::new()];
    let count = pieces.len();
    for (index, piece) in pieces.into_iter().enumerate() {
        let (is_first, is_last) = (index == 0, index + 1 == count);
        let length = piece.old.len();
        let head = if is_first { 0 } else { CONTEXT };
        let tail = if is_last { 0 } else { CONTEXT };
        if !piece.is_same || length <= head + tail {
            push(&mut hunks, piece);
            continue;
        }
        let part =
            |range: &Range<usize>| (range.start..range.start + head, range.end - tail..range.end);
        let ((old_head, old_tail), (new_head, new_tail)) = (part(&piece.old), part(&piece.new));
        let same = |old, new| Piece {
            is_same: true,
            old,
            new,
        };
        push(&mut hunks, same(old_head, new_head));
        hunks.push(vec![same(old_tail, new_tail)]);
    }
    hunks.retain(|hunk| hunk.iter().any(|piece| !piece.is_same));
    hunks
}

fn push(hunks: &mut [Vec<Piece>], piece: Piece) {
    if let Some(hunk) = hunks.last_mut() {
        hunk.push(piece);
    }
}
