//! `base64`, checksums, `od`, `hexdump`, `xxd`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::shell::exec::{Outcome, Proc};

pub(super) async fn base64(proc: &mut Proc) -> Outcome {
    let options = proc
        .options(
            "dDiw:",
            &[("decode", 'd'), ("wrap", 'w'), ("ignore-garbage", 'i')],
        )
        .await?;
    let file = options.rest.first().cloned().unwrap_or("-".to_owned());
    let Some(mut lines) = proc.reader_or_warn(&file).await else {
        return Ok(1);
    };
    let width = match options.value('w').map(str::parse::<usize>) {
        None => 76,
        Some(Ok(width)) => width,
        Some(Err(_)) => return proc.fail(1, "invalid wrap size").await,
    };
    let decodes = options.has('d') || options.has('D');
    // Groups that do not wait for more: 4 letters, or a line's bytes.
    let group = match (decodes, width) {
        (true, _) => 4,
        (false, 0) => 3,
        (false, width) => width.div_ceil(4) * 3 * 4,
    };
    let mut kept: Vec<u8> = Vec::new();
    let mut column = 0;
    loop {
        let chunk = lines.chunk(proc).await?;
        let ended = chunk.is_empty();
        kept.extend(
            chunk
                .into_iter()
                .filter(|byte| !decodes || !byte.is_ascii_whitespace()),
        );
        let ready = if ended {
            kept.len()
        } else {
            kept.len() / group * group
        };
        let rest = kept.split_off(ready);
        let part = std::mem::replace(&mut kept, rest);
        if decodes {
            match STANDARD.decode(&part) {
                Ok(bytes) => proc.print(&bytes).await?,
                Err(_) => return proc.fail(1, "invalid input").await,
            }
        } else {
            for letter in STANDARD.encode(&part).bytes() {
                proc.print([letter]).await?;
                column += 1;
                if width > 0 && column == width {
                    proc.print("\n").await?;
                    column = 0;
                }
            }
        }
        if ended {
            if !decodes && column > 0 && width > 0 {
                proc.print("\n").await?;
            }
            return Ok(0);
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn digest(kind: &str, bytes: &[u8]) -> String {
    use ring::digest;
    let algorithm = match kind {
        "md5sum" => {
            use md5::Digest;
            return hex(&md5::Md5::digest(bytes));
        }
        "sha1sum" => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        "sha512sum" => &digest::SHA512,
        _ => &digest::SHA256,
    };
    hex(digest::digest(algorithm, bytes).as_ref())
}

pub(super) async fn sum(proc: &mut Proc) -> Outcome {
    let options = proc
        .options(
            "cbtsw",
            &[
                ("check", 'c'),
                ("status", 's'),
                ("quiet", 's'),
                ("binary", 'b'),
            ],
        )
        .await?;
    let name = proc.args[0]
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .to_owned();
    let mut status = 0;
    for file in Proc::files_or_stdin(&options.rest) {
        let Some(mut lines) = proc.reader_or_warn(&file).await else {
            status = 1;
            continue;
        };
        let text = lines.all(proc).await?;
        if !options.has('c') {
            proc.print(format!("{}  {file}\n", digest(&name, &text)))
                .await?;
            continue;
        }
        for line in String::from_utf8_lossy(&text).lines() {
            let Some((expected, path)) = line.split_once("  ").or(line.split_once(" *")) else {
                continue;
            };
            let machine = proc.machine.clone();
            let held = machine
                .fs
                .read(&proc.path(path), &machine.who)
                .is_ok_and(|bytes| digest(&name, &bytes) == expected);
            if !held {
                status = 1;
            }
            if !options.has('s') || !held {
                let word = if held { "OK" } else { "FAILED" };
                proc.print(format!("{path}: {word}\n")).await?;
            }
        }
    }
    Ok(status)
}

pub(super) async fn dump(proc: &mut Proc) -> Outcome {
    let name = proc.args[0]
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .to_owned();
    match name.as_str() {
        "xxd" => xxd(proc).await,
        "hexdump" => {
            let options = proc.options("Cn:vs:", &[]).await?;
            let bytes = limited(proc, &options).await?;
            if options.has('C') {
                canonical(proc, &bytes).await
            } else {
                let form = |row: &[u8]| words(row, 2, 16, 4);
                rows(proc, &bytes, (16, 7, 16), &form).await
            }
        }
        _ => od(proc).await,
    }
}

async fn limited(proc: &mut Proc, options: &super::Options) -> Outcome<Vec<u8>> {
    let (mut bytes, _) = proc.gather(&options.rest).await?;
    if let Some(skip) = options
        .value('s')
        .and_then(|text| text.parse::<usize>().ok())
    {
        bytes.drain(..skip.min(bytes.len()));
    }
    let most = options
        .value('n')
        .or(options.value('N'))
        .or(options.value('l'));
    if let Some(most) = most.and_then(|text| text.parse().ok()) {
        bytes.truncate(most);
    }
    Ok(bytes)
}

/// Little-endian words of so many bytes.
fn words(row: &[u8], size: usize, base: u32, width: usize) -> String {
    row.chunks(size)
        .map(|chunk| {
            let value = chunk
                .iter()
                .rev()
                .fold(0u64, |value, byte| value << 8 | u64::from(*byte));
            match base {
                16 => format!(" {value:0width$x}"),
                8 => format!(" {value:0width$o}"),
                _ => format!(" {value:>width$}"),
            }
        })
        .collect()
}

async fn rows(
    proc: &mut Proc,
    bytes: &[u8],
    (length, digits, base): (usize, usize, u32),
    form: &(dyn Fn(&[u8]) -> String + Sync),
) -> Outcome {
    let address = |at: usize| match (digits, base) {
        (0, _) => String::new(),
        (_, 16) => format!("{at:0digits$x}"),
        (_, 10) => format!("{at:0digits$}"),
        _ => format!("{at:0digits$o}"),
    };
    for (place, row) in bytes.chunks(length).enumerate() {
        let line = format!("{}{}\n", address(place * length), form(row));
        proc.print(line).await?;
    }
    if digits > 0 {
        proc.print(address(bytes.len()) + "\n").await?;
    }
    Ok(0)
}

async fn od(proc: &mut Proc) -> Outcome {
    let options = proc
        .options(
            "A:t:N:j:vcxbodw:",
            &[("format", 't'), ("address-radix", 'A')],
        )
        .await?;
    let bytes = limited(proc, &options).await?;
    let (digits, base) = match options.value('A') {
        Some("n") => (0, 8),
        Some("x") => (6, 16),
        Some("d") => (7, 10),
        _ => (7, 8),
    };
    let kind = match options.last_of("cxbodt") {
        Some('c') => "c".to_owned(),
        Some('x') => "x2".to_owned(),
        Some('b') => "o1".to_owned(),
        Some('d') => "u2".to_owned(),
        Some('t') => options.value('t').unwrap_or("o2").to_owned(),
        _ => "o2".to_owned(),
    };
    let length = options
        .value('w')
        .and_then(|text| text.parse().ok())
        .unwrap_or(16);
    let size: usize = kind[1..]
        .trim_end_matches('z')
        .parse()
        .unwrap_or(match &kind[..1] {
            "c" | "a" => 1,
            _ => 4,
        });
    let form = move |row: &[u8]| -> String {
        match &kind[..1] {
            "c" => row.iter().map(|byte| character(*byte)).collect(),
            "x" => words(row, size, 16, size * 2),
            "o" => words(row, size, 8, (size * 8).div_ceil(3)),
            _ => words(
                row,
                size,
                10,
                [3, 3, 5, 8, 10].get(size).copied().unwrap_or(20),
            ),
        }
    };
    rows(proc, &bytes, (length, digits, base), &form).await
}

fn character(byte: u8) -> String {
    match byte {
        0 => "  \\0".to_owned(),
        7 => "  \\a".to_owned(),
        8 => "  \\b".to_owned(),
        9 => "  \\t".to_owned(),
        10 => "  \\n".to_owned(),
        11 => "  \\v".to_owned(),
        12 => "  \\f".to_owned(),
        13 => "  \\r".to_owned(),
        32..=126 => format!("   {}", char::from(byte)),
        byte => format!(" {byte:03o}"),
    }
}

fn shown(row: &[u8]) -> String {
    row.iter()
        .map(|byte| match byte {
            32..=126 => char::from(*byte),
            _ => '.',
        })
        .collect()
}

async fn canonical(proc: &mut Proc, bytes: &[u8]) -> Outcome {
    for (place, row) in bytes.chunks(16).enumerate() {
        let mut text = String::new();
        for at in 0..16 {
            if at == 8 {
                text.push(' ');
            }
            match row.get(at) {
                Some(byte) => text.push_str(&format!(" {byte:02x}")),
                None => text.push_str("   "),
            }
        }
        let line = format!("{:08x} {text}  |{}|\n", place * 16, shown(row));
        proc.print(line).await?;
    }
    if !bytes.is_empty() {
        proc.print(format!("{:08x}\n", bytes.len())).await?;
    }
    Ok(0)
}

async fn xxd(proc: &mut Proc) -> Outcome {
    let options = proc.options("prl:c:s:u", &[]).await?;
    let bytes = limited(proc, &options).await?;
    if options.has('r') {
        let text: String = String::from_utf8_lossy(&bytes)
            .lines()
            .map(|line| match line.split_once(": ") {
                Some((_, rest)) => rest.split("  ").next().unwrap_or_default().to_owned(),
                None => line.to_owned(),
            })
            .collect();
        let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(16)).collect();
        let out: Vec<u8> = digits
            .chunks_exact(2)
            .map(|pair| (pair[0] * 16 + pair[1]) as u8)
            .collect();
        proc.print(&out).await?;
        return Ok(0);
    }
    if options.has('p') {
        for row in bytes.chunks(30) {
            proc.print(hex(row) + "\n").await?;
        }
        return Ok(0);
    }
    for (place, row) in bytes.chunks(16).enumerate() {
        let text: String = row.chunks(2).map(|pair| hex(pair) + " ").collect();
        let line = format!("{:08x}: {text:<40} {}\n", place * 16, shown(row));
        proc.print(line).await?;
    }
    Ok(0)
}
