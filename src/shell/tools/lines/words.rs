//! `cut`, `tr`, `seq`, `nl`, `paste`, `rev`, `tac`, `yes`.

use super::{KEPT_MAX, split_lines};
use crate::shell::exec::{Outcome, Proc};

/// `1,3-5,7-` as ranges.
fn ranges(text: &str) -> Option<Vec<(usize, usize)>> {
    text.split(',')
        .map(|part| {
            let range = match part.split_once('-') {
                None => {
                    let place = part.parse().ok()?;
                    (place, place)
                }
                Some(("", last)) => (1, last.parse().ok()?),
                Some((first, "")) => (first.parse().ok()?, usize::MAX),
                Some((first, last)) => (first.parse().ok()?, last.parse().ok()?),
            };
            (range.0 > 0).then_some(range)
        })
        .collect()
}

pub(in crate::shell::tools) async fn cut(proc: &mut Proc) -> Outcome {
    let options = proc
        .options(
            "d:f:c:b:snz",
            &[
                ("delimiter", 'd'),
                ("fields", 'f'),
                ("characters", 'c'),
                ("bytes", 'b'),
                ("only-delimited", 's'),
                ("complement", 'n'),
                ("output-delimiter", 'z'),
            ],
        )
        .await?;
    let Some(unit) = options.last_of("fcb") else {
        return proc
            .fail(1, "you must specify a list of bytes, characters, or fields")
            .await;
    };
    let text = options.value(unit).unwrap_or_default();
    let Some(ranges) = ranges(text) else {
        return proc.fail(1, &format!("invalid field value '{text}'")).await;
    };
    let wanted = |place: usize| {
        let inside = ranges
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&place));
        inside != options.has('n')
    };
    let delimiter = options.value('d').unwrap_or("\t");
    let joined = options.value('z').unwrap_or(delimiter);
    let mut status = 0;
    for file in Proc::files_or_stdin(&options.rest) {
        let Some(mut lines) = proc.reader_or_warn(&file).await else {
            status = 1;
            continue;
        };
        while let Some((line, _)) = lines.line(proc).await? {
            let line = String::from_utf8_lossy(&line).into_owned();
            let out: String = if unit == 'f' {
                if !line.contains(delimiter) && options.has('s') {
                    continue;
                }
                if line.contains(delimiter) {
                    line.split(delimiter)
                        .enumerate()
                        .filter(|(place, _)| wanted(place + 1))
                        .map(|(_, field)| field)
                        .collect::<Vec<_>>()
                        .join(joined)
                } else {
                    line
                }
            } else {
                line.chars()
                    .enumerate()
                    .filter(|(place, _)| wanted(place + 1))
                    .map(|(_, c)| c)
                    .collect()
            };
            proc.print(out).await?;
            proc.print("\n").await?;
        }
    }
    Ok(status)
}

/// The bytes that a set of `tr` stands for.
fn set(text: &str) -> Vec<u8> {
    let bytes = super::super::escapes(text).0;
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        if rest.starts_with(b"[:")
            && let Some(end) = rest.windows(2).position(|pair| pair == b":]")
        {
            let name = String::from_utf8_lossy(&rest[2..end]).into_owned();
            out.extend((0..=127u8).filter(|byte| in_class(&name, *byte)));
            at += end + 2;
            continue;
        }
        if rest.len() > 2 && rest[1] == b'-' && rest[2] >= rest[0] {
            out.extend(rest[0]..=rest[2]);
            at += 3;
            continue;
        }
        out.push(rest[0]);
        at += 1;
    }
    out
}

fn in_class(name: &str, byte: u8) -> bool {
    match name {
        "alpha" => byte.is_ascii_alphabetic(),
        "digit" => byte.is_ascii_digit(),
        "alnum" => byte.is_ascii_alphanumeric(),
        "upper" => byte.is_ascii_uppercase(),
        "lower" => byte.is_ascii_lowercase(),
        "space" => byte.is_ascii_whitespace() || byte == 0x0b,
        "blank" => byte == b' ' || byte == b'\t',
        "punct" => byte.is_ascii_punctuation(),
        "xdigit" => byte.is_ascii_hexdigit(),
        "cntrl" => byte.is_ascii_control(),
        "print" => byte.is_ascii_graphic() || byte == b' ',
        "graph" => byte.is_ascii_graphic(),
        _ => false,
    }
}

pub(in crate::shell::tools) async fn tr(proc: &mut Proc) -> Outcome {
    let options = proc
        .options(
            "cCdst",
            &[
                ("delete", 'd'),
                ("squeeze-repeats", 's'),
                ("complement", 'c'),
            ],
        )
        .await?;
    let Some(first) = options.rest.first() else {
        return proc.fail(1, "missing operand").await;
    };
    let mut first = set(first);
    if options.has('c') || options.has('C') {
        first = (0..=255u8).filter(|byte| !first.contains(byte)).collect();
    }
    let second = options.rest.get(1).map(|text| set(text));
    let deletes = options.has('d');
    let squeezed = match (&second, deletes) {
        _ if !options.has('s') => Vec::new(),
        (Some(second), _) => second.clone(),
        (None, _) => first.clone(),
    };
    let mut map: Vec<Option<u8>> = (0..=255u8).map(Some).collect();
    for (place, byte) in first.iter().enumerate() {
        let to = match (&second, deletes) {
            (_, true) => None,
            (Some(second), _) => second.get(place).or(second.last()).copied().or(Some(*byte)),
            (None, _) => Some(*byte),
        };
        map[usize::from(*byte)] = to;
    }
    let Ok(mut lines) = proc.reader("-") else {
        return Ok(1);
    };
    let mut last = None;
    loop {
        let chunk = lines.chunk(proc).await?;
        if chunk.is_empty() {
            return Ok(0);
        }
        let mut out = Vec::with_capacity(chunk.len());
        for byte in chunk {
            let Some(byte) = map[usize::from(byte)] else {
                continue;
            };
            if last == Some(byte) && squeezed.contains(&byte) {
                continue;
            }
            last = Some(byte);
            out.push(byte);
        }
        proc.print(&out).await?;
    }
}

pub(in crate::shell::tools) async fn seq(proc: &mut Proc) -> Outcome {
    let mut separator = "\n".to_owned();
    let mut wide = false;
    let mut numbers = Vec::new();
    let mut args = proc.args[1..].to_vec().into_iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "-s" => separator = args.next().unwrap_or_default(),
            arg if arg.starts_with("-s") => arg[2..].clone_into(&mut separator),
            "-w" => wide = true,
            "-f" => {
                args.next();
            }
            arg => match arg.parse::<f64>() {
                Ok(number) => numbers.push((number, arg.to_owned())),
                Err(_) => {
                    return proc
                        .fail(1, &format!("invalid floating point argument: '{arg}'"))
                        .await;
                }
            },
        }
    }
    let (first, step, last) = match numbers.as_slice() {
        [last] => (1.0, 1.0, last.0),
        [first, last] => (first.0, 1.0, last.0),
        [first, step, last] => (first.0, step.0, last.0),
        _ => return proc.fail(1, "missing operand").await,
    };
    if step == 0.0 {
        return proc.fail(1, "invalid Zero increment value: '0'").await;
    }
    let digits = numbers
        .iter()
        .take(2)
        .filter_map(|(_, text)| text.split_once('.').map(|(_, rest)| rest.len()))
        .max()
        .unwrap_or(0);
    let width = if wide {
        let long = |value: f64| format!("{value:.digits$}").len();
        long(first).max(long(last))
    } else {
        0
    };
    let mut turn = 0u64;
    loop {
        let value = first + step * turn as f64;
        if (step > 0.0 && value > last + 1e-9) || (step < 0.0 && value < last - 1e-9) {
            if turn > 0 {
                proc.print("\n").await?;
            }
            return Ok(0);
        }
        if turn > 0 {
            proc.print(&separator).await?;
        }
        proc.print(format!("{value:0width$.digits$}")).await?;
        turn += 1;
        if turn.is_multiple_of(4096) {
            tokio::task::yield_now().await;
        }
    }
}

pub(in crate::shell::tools) async fn nl(proc: &mut Proc) -> Outcome {
    let options = proc.options("b:w:s:n:v:", &[]).await?;
    let all = options.value('b') == Some("a");
    let width: usize = options.value('w').and_then(|n| n.parse().ok()).unwrap_or(6);
    let separator = options.value('s').unwrap_or("\t").to_owned();
    let (text, status) = proc.gather(&options.rest).await?;
    let mut number = 0;
    for line in split_lines(&text) {
        if line.is_empty() && !all {
            proc.print(format!("{:1$}\n", "", width + separator.len()))
                .await?;
            continue;
        }
        number += 1;
        proc.print(format!("{number:width$}{separator}")).await?;
        proc.print(line).await?;
        proc.print("\n").await?;
    }
    Ok(status)
}

pub(in crate::shell::tools) async fn paste(proc: &mut Proc) -> Outcome {
    let options = proc
        .options("d:s", &[("delimiters", 'd'), ("serial", 's')])
        .await?;
    let delimiters = super::super::escapes(options.value('d').unwrap_or("\t")).0;
    let delimiter = |place: usize| -> Vec<u8> {
        if delimiters.is_empty() {
            Vec::new()
        } else {
            vec![delimiters[place % delimiters.len()]]
        }
    };
    let mut texts = Vec::new();
    for file in Proc::files_or_stdin(&options.rest) {
        match proc.reader_or_warn(&file).await {
            Some(mut lines) => texts.push(lines.all(proc).await?),
            None => return Ok(1),
        }
    }
    let columns: Vec<Vec<&[u8]>> = texts.iter().map(|text| split_lines(text)).collect();
    if options.has('s') {
        for column in &columns {
            for (place, line) in column.iter().enumerate() {
                if place > 0 {
                    proc.print(delimiter(place - 1)).await?;
                }
                proc.print(line).await?;
            }
            proc.print("\n").await?;
        }
        return Ok(0);
    }
    let rows = columns.iter().map(Vec::len).max().unwrap_or(0);
    for row in 0..rows {
        for (place, column) in columns.iter().enumerate() {
            if place > 0 {
                proc.print(delimiter(place - 1)).await?;
            }
            proc.print(column.get(row).copied().unwrap_or_default())
                .await?;
        }
        proc.print("\n").await?;
    }
    Ok(0)
}

pub(in crate::shell::tools) async fn rev(proc: &mut Proc) -> Outcome {
    let (text, status) = proc.gather(&proc.args[1..].to_vec()).await?;
    for line in split_lines(&text) {
        let line: String = String::from_utf8_lossy(line).chars().rev().collect();
        proc.print(line + "\n").await?;
    }
    Ok(status)
}

pub(in crate::shell::tools) async fn tac(proc: &mut Proc) -> Outcome {
    let (text, status) = proc.gather(&proc.args[1..].to_vec()).await?;
    for line in split_lines(&text).into_iter().rev() {
        proc.print(line).await?;
        proc.print("\n").await?;
    }
    Ok(status)
}

pub(in crate::shell::tools) async fn yes(proc: &mut Proc) -> Outcome {
    let word = if proc.args.len() > 1 {
        proc.args[1..].join(" ")
    } else {
        "y".to_owned()
    };
    let block = format!("{word}\n").repeat((4096 / (word.len() + 1)).max(1));
    let mut written = 0;
    loop {
        proc.print(&block).await?;
        written += block.len();
        // A file or /dev/null never makes it wait.
        tokio::task::yield_now().await;
        if written > KEPT_MAX * 16 {
            return Ok(1);
        }
    }
}
