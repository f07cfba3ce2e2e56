//! `cat`, `head`, `tail`, `wc`, `tee`.

use super::super::Options;
use super::Lines;
use crate::shell::exec::{Outcome, Proc};
use crate::shell::fs::Mode;
use crate::shell::io::{CHUNK, Fd, is_closed};

pub(in crate::shell::tools) async fn cat(proc: &mut Proc) -> Outcome {
    let options = proc
        .options(
            "AbeEnstTuv",
            &[
                ("number", 'n'),
                ("show-ends", 'E'),
                ("show-all", 'A'),
                ("squeeze-blank", 's'),
            ],
        )
        .await?;
    let plain = !"AbeEnstTv".chars().any(|letter| options.has(letter));
    let mut status = 0;
    let mut number = 0;
    let mut blank = false;
    for file in Proc::files_or_stdin(&options.rest) {
        let Some(mut lines) = proc.reader_or_warn(&file).await else {
            status = 1;
            continue;
        };
        if plain {
            loop {
                let chunk = lines.chunk(proc).await?;
                if chunk.is_empty() {
                    break;
                }
                proc.print(&chunk).await?;
            }
            continue;
        }
        while let Some((line, ended)) = lines.line(proc).await? {
            if options.has('s') && blank && line.is_empty() {
                continue;
            }
            blank = line.is_empty();
            if options.has('n') && !options.has('b') || options.has('b') && !line.is_empty() {
                number += 1;
                proc.print(format!("{number:6}\t")).await?;
            }
            let shown = if ["A", "T", "t"]
                .iter()
                .any(|o| options.has(o.chars().next().unwrap_or('A')))
            {
                String::from_utf8_lossy(&line)
                    .replace('\t', "^I")
                    .into_bytes()
            } else {
                line
            };
            proc.print(&shown).await?;
            if ["A", "E", "e"]
                .iter()
                .any(|o| options.has(o.chars().next().unwrap_or('A')))
                && ended
            {
                proc.print("$").await?;
            }
            if ended {
                proc.print("\n").await?;
            }
        }
    }
    Ok(status)
}

/// `-5` as `-n 5`.
fn spelled(args: &[String]) -> Vec<String> {
    args.iter()
        .enumerate()
        .flat_map(|(place, arg)| match arg.strip_prefix('-') {
            Some(digits)
                if place > 0
                    && !matches!(args[place - 1].as_str(), "-n" | "-c")
                    && digits.starts_with(|c: char| c.is_ascii_digit()) =>
            {
                vec!["-n".to_owned(), digits.to_owned()]
            }
            _ => vec![arg.clone()],
        })
        .collect()
}

/// A number with a letter that multiplies it.
pub(in crate::shell::tools) fn amount(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" | "c" => 1,
        "b" => 512,
        "k" | "K" | "KiB" => 1 << 10,
        "kB" | "KB" => 1000,
        "m" | "M" | "MiB" => 1 << 20,
        "MB" => 1_000_000,
        "G" | "g" | "GiB" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

async fn counted(proc: &mut Proc, follow: bool) -> Outcome<(Options, char, String, u64)> {
    proc.args = spelled(&proc.args);
    let known = if follow { "n:c:qvfFs:" } else { "n:c:qvz" };
    let options = proc
        .options(
            known,
            &[
                ("lines", 'n'),
                ("bytes", 'c'),
                ("quiet", 'q'),
                ("follow", 'f'),
            ],
        )
        .await?;
    let unit = options.last_of("nc").unwrap_or('n');
    let text = options.value(unit).unwrap_or("10").to_owned();
    let Some(count) = amount(text.trim_start_matches(['-', '+'])) else {
        let what = if unit == 'n' { "lines" } else { "bytes" };
        return proc
            .fail(1, &format!("invalid number of {what}: '{text}'"))
            .await;
    };
    Ok((options, unit, text, count))
}

async fn heading(proc: &mut Proc, options: &Options, file: &str, place: usize) -> Outcome<()> {
    let many = options.rest.len() > 1 && !options.has('q') || options.has('v');
    if !many {
        return Ok(());
    }
    let gap = if place > 0 { "\n" } else { "" };
    let name = if file == "-" { "standard input" } else { file };
    proc.print(format!("{gap}==> {name} <==\n")).await
}

pub(in crate::shell::tools) async fn head(proc: &mut Proc) -> Outcome {
    let (options, unit, text, count) = counted(proc, false).await?;
    let all_but = text.starts_with('-');
    let mut status = 0;
    for (place, file) in Proc::files_or_stdin(&options.rest).iter().enumerate() {
        let Ok(mut lines) = proc.reader(file) else {
            let why = proc
                .reader(file)
                .err()
                .map_or(String::new(), |errno| errno.to_string());
            proc.warn(&format!("cannot open '{file}' for reading: {why}"))
                .await;
            status = 1;
            continue;
        };
        heading(proc, &options, file, place).await?;
        if all_but {
            let all = lines.all(proc).await?;
            let cut = if unit == 'c' {
                all.len().saturating_sub(count as usize)
            } else {
                tail_start(&all, count)
            };
            proc.print(&all[..cut]).await?;
            continue;
        }
        let mut left = count;
        while left > 0 && unit == 'c' {
            let chunk = lines.chunk(proc).await?;
            if chunk.is_empty() {
                break;
            }
            let taken = chunk.len().min(left as usize);
            proc.print(&chunk[..taken]).await?;
            left -= taken as u64;
        }
        while left > 0 && unit == 'n' {
            let Some((line, ended)) = lines.line(proc).await? else {
                break;
            };
            proc.print(&line).await?;
            if ended {
                proc.print("\n").await?;
            }
            left -= 1;
        }
    }
    Ok(status)
}

/// Where the last lines of a text begin.
fn tail_start(text: &[u8], count: u64) -> usize {
    if count == 0 {
        return text.len();
    }
    let body = text.strip_suffix(b"\n").unwrap_or(text);
    body.iter()
        .enumerate()
        .rev()
        .filter(|(_, byte)| **byte == b'\n')
        .nth(count as usize - 1)
        .map_or(0, |(place, _)| place + 1)
}

pub(in crate::shell::tools) async fn tail(proc: &mut Proc) -> Outcome {
    let (options, unit, text, count) = counted(proc, true).await?;
    let from = text.starts_with('+');
    let follows = options.has('f') || options.has('F');
    let mut status = 0;
    let mut followed = None;
    for (place, file) in Proc::files_or_stdin(&options.rest).iter().enumerate() {
        let Ok(mut lines) = proc.reader(file) else {
            let why = proc
                .reader(file)
                .err()
                .map_or(String::new(), |errno| errno.to_string());
            proc.warn(&format!("cannot open '{file}' for reading: {why}"))
                .await;
            status = 1;
            continue;
        };
        heading(proc, &options, file, place).await?;
        if from {
            skip_to(proc, &mut lines, unit, count).await?;
        } else {
            last(proc, &mut lines, unit, count).await?;
        }
        if file != "-" {
            followed = Some(lines);
        }
    }
    match followed {
        Some(lines) if follows => follow(proc, lines).await,
        _ => Ok(status),
    }
}

/// Everything from a line or byte on, counted from 1.
async fn skip_to(proc: &mut Proc, lines: &mut Lines, unit: char, count: u64) -> Outcome<()> {
    let mut skipped = count.saturating_sub(1);
    while skipped > 0 && unit == 'n' {
        if lines.line(proc).await?.is_none() {
            return Ok(());
        }
        skipped -= 1;
    }
    loop {
        let chunk = lines.chunk(proc).await?;
        if chunk.is_empty() {
            return Ok(());
        }
        let start = (skipped as usize).min(chunk.len());
        skipped -= start as u64;
        proc.print(&chunk[start..]).await?;
    }
}

async fn last(proc: &mut Proc, lines: &mut Lines, unit: char, count: u64) -> Outcome<()> {
    let mut kept: Vec<u8> = Vec::new();
    loop {
        let chunk = lines.chunk(proc).await?;
        if chunk.is_empty() {
            break;
        }
        kept.extend(chunk);
        // Only now and then, so that a long stream is looked through a few times only.
        if kept.len() > 4 << 20 {
            let start = start_of_last(&kept, unit, count);
            kept.drain(..start);
        }
    }
    let start = start_of_last(&kept, unit, count);
    proc.print(&kept[start..]).await
}

fn start_of_last(text: &[u8], unit: char, count: u64) -> usize {
    if unit == 'c' {
        text.len().saturating_sub(count as usize)
    } else {
        tail_start(text, count)
    }
}

/// Looks again and again, as `tail -f` does.
async fn follow(proc: &mut Proc, lines: Lines) -> Outcome {
    let Fd::File(file) = lines.fd else {
        return Ok(0);
    };
    let clock = proc.machine.clock.clone();
    let mut seen = file.size();
    loop {
        proc.flush().await?;
        if file.size() < seen {
            file.seek(0);
        }
        let chunk = file.read(CHUNK).unwrap_or_default();
        seen = file.size();
        if chunk.is_empty() {
            let next = clock.now() + std::time::Duration::from_millis(200);
            clock.clone().until(next).await;
        }
        proc.print(&chunk).await?;
    }
}

#[derive(Default)]
struct Counts {
    lines: u64,
    words: u64,
    bytes: u64,
    chars: u64,
    longest: u64,
}

pub(in crate::shell::tools) async fn wc(proc: &mut Proc) -> Outcome {
    let options = proc
        .options(
            "lwcmL",
            &[
                ("lines", 'l'),
                ("words", 'w'),
                ("bytes", 'c'),
                ("chars", 'm'),
                ("max-line-length", 'L'),
            ],
        )
        .await?;
    let asked: Vec<char> = "lwmcL"
        .chars()
        .filter(|letter| options.has(*letter))
        .collect();
    let asked = if asked.is_empty() {
        vec!['l', 'w', 'c']
    } else {
        asked
    };
    let mut status = 0;
    let mut total = Counts::default();
    let files = Proc::files_or_stdin(&options.rest);
    let mut rows = Vec::new();
    for file in &files {
        let Some(mut lines) = proc.reader_or_warn(file).await else {
            status = 1;
            continue;
        };
        let counts = count(proc, &mut lines).await?;
        total.lines += counts.lines;
        total.words += counts.words;
        total.bytes += counts.bytes;
        total.chars += counts.chars;
        total.longest = total.longest.max(counts.longest);
        rows.push((counts, file.clone()));
    }
    if files.len() > 1 {
        rows.push((total, "total".to_owned()));
    }
    let width = if asked.len() == 1 && rows.len() == 1 {
        1
    } else if options.rest.is_empty() {
        7
    } else {
        let most = rows
            .iter()
            .map(|(counts, _)| counts.bytes)
            .max()
            .unwrap_or(0);
        most.to_string().len()
    };
    for (counts, file) in rows {
        let numbers: Vec<String> = asked
            .iter()
            .map(|letter| {
                let number = match letter {
                    'l' => counts.lines,
                    'w' => counts.words,
                    'm' => counts.chars,
                    'L' => counts.longest,
                    _ => counts.bytes,
                };
                format!("{number:width$}")
            })
            .collect();
        let name = if options.rest.is_empty() {
            String::new()
        } else {
            format!(" {file}")
        };
        proc.print(format!("{}{name}\n", numbers.join(" "))).await?;
    }
    Ok(status)
}

async fn count(proc: &mut Proc, lines: &mut Lines) -> Outcome<Counts> {
    let mut counts = Counts::default();
    let (mut in_word, mut length) = (false, 0);
    loop {
        let chunk = lines.chunk(proc).await?;
        if chunk.is_empty() {
            counts.longest = counts.longest.max(length);
            return Ok(counts);
        }
        counts.bytes += chunk.len() as u64;
        for byte in chunk {
            if byte & 0xc0 != 0x80 {
                counts.chars += 1;
                length += 1;
            }
            if byte == b'\n' {
                counts.lines += 1;
                counts.longest = counts.longest.max(length - 1);
                length = 0;
            }
            let blank = byte.is_ascii_whitespace() || byte == 0x0b;
            if !blank && !in_word {
                counts.words += 1;
            }
            in_word = !blank;
        }
    }
}

pub(in crate::shell::tools) async fn tee(proc: &mut Proc) -> Outcome {
    let options = proc.options("aip", &[("append", 'a')]).await?;
    let mut status = 0;
    let mut files = Vec::new();
    let machine = proc.machine.clone();
    for path in &options.rest {
        let mode = Mode {
            write: true,
            create: true,
            append: options.has('a'),
            truncate: !options.has('a'),
            bits: 0o666 & !proc.umask,
            ..Mode::default()
        };
        match machine.fs.open(&proc.path(path), mode, &machine.who) {
            Ok(file) => files.push((path.clone(), file)),
            Err(errno) => {
                proc.warn(&format!("{path}: {errno}")).await;
                status = 1;
            }
        }
    }
    let mut lines = proc.reader("-").unwrap_or(Lines::new(Fd::Null));
    let stdout = proc.fds.get(&1).cloned().unwrap_or(Fd::Null);
    let mut open = true;
    loop {
        let chunk = lines.chunk(proc).await?;
        if chunk.is_empty() {
            return Ok(status);
        }
        for (path, file) in &files {
            if let Err(errno) = file.write(&chunk) {
                proc.warn(&format!("{path}: {errno}")).await;
                status = 1;
            }
        }
        if open && let Err(error) = stdout.write(&chunk).await {
            if is_closed(&error) && files.is_empty() {
                return Ok(141);
            }
            open = false;
        }
    }
}
