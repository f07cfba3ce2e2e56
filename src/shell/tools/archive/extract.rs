//! Taking an archive apart.

use std::io::Write;

use super::BLOCK;
use super::create::excluded;
use crate::shell::exec::{Outcome, Proc};
use crate::shell::fs::{Kind, Mode};
use crate::shell::io::CHUNK;
use crate::shell::tools::Options;
use crate::shell::tools::files::below;
use crate::shell::tools::lines::Lines;

/// Longest name or comment of an entry.
const EXTRA_MAX: u64 = 1 << 20;

/// An archive that is read, a block or a stretch at a time.
struct Archive {
    lines: Lines,
    kept: Vec<u8>,
    at: usize,
    opener: Option<flate2::write::MultiGzDecoder<Vec<u8>>>,
    first: bool,
}

impl Archive {
    async fn fill(&mut self, proc: &mut Proc) -> Outcome<bool> {
        let chunk = self.lines.chunk(proc).await?;
        if std::mem::take(&mut self.first) && chunk.starts_with(&[0x1f, 0x8b]) {
            self.opener = Some(flate2::write::MultiGzDecoder::new(Vec::new()));
        }
        self.kept.drain(..self.at);
        self.at = 0;
        let ended = chunk.is_empty();
        match &mut self.opener {
            None => self.kept.extend(chunk),
            Some(opener) => {
                let result = if ended {
                    opener.try_finish()
                } else {
                    opener.write_all(&chunk)
                };
                self.kept.append(opener.get_mut());
                if result.is_err() {
                    return proc.fail(2, "gzip: stdin: unexpected end of file").await;
                }
            }
        }
        Ok(!ended || self.at < self.kept.len())
    }

    /// Some of the next bytes, up to so many; none at the end.
    async fn some(&mut self, proc: &mut Proc, most: usize) -> Outcome<Vec<u8>> {
        while self.at == self.kept.len() {
            if !self.fill(proc).await? {
                return Ok(Vec::new());
            }
        }
        let end = (self.at + most).min(self.kept.len());
        let part = self.kept[self.at..end].to_vec();
        self.at = end;
        Ok(part)
    }

    /// Exactly so many bytes; fewer only at the end.
    async fn exactly(&mut self, proc: &mut Proc, count: usize) -> Outcome<Vec<u8>> {
        let mut out = Vec::new();
        while out.len() < count {
            let part = self.some(proc, count - out.len()).await?;
            if part.is_empty() {
                break;
            }
            out.extend(part);
        }
        Ok(out)
    }
}

#[derive(Default)]
struct Entry {
    name: String,
    link: String,
    kind: u8,
    mode: u32,
    owner: (u32, u32),
    size: u64,
    time: i64,
}

fn text(field: &[u8]) -> String {
    let end = field
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(field.len());
    String::from_utf8_lossy(&field[..end]).into_owned()
}

fn octal(field: &[u8]) -> u64 {
    if field[0] & 0x80 != 0 {
        return field[1..]
            .iter()
            .fold(0, |value, byte| value << 8 | u64::from(*byte));
    }
    u64::from_str_radix(text(field).trim(), 8).unwrap_or(0)
}

fn parsed(head: &[u8]) -> Option<Entry> {
    let sum: u64 = head
        .iter()
        .enumerate()
        .map(|(place, byte)| {
            if (148..156).contains(&place) {
                32
            } else {
                u64::from(*byte)
            }
        })
        .sum();
    if sum != octal(&head[148..156]) {
        return None;
    }
    let mut name = text(&head[..100]);
    let prefix = text(&head[345..500]);
    if &head[257..263] == b"ustar\0" && !prefix.is_empty() {
        name = format!("{prefix}/{name}");
    }
    Some(Entry {
        name,
        link: text(&head[157..257]),
        kind: head[156],
        mode: octal(&head[100..108]) as u32 & 0o7777,
        owner: (octal(&head[108..116]) as u32, octal(&head[116..124]) as u32),
        size: octal(&head[124..136]),
        time: octal(&head[136..148]) as i64,
    })
}

/// `LENGTH KEY=VALUE\n`, again and again.
fn records(bytes: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let mut out = Vec::new();
    let mut rest = text.as_str();
    while let Some((length, _)) = rest.split_once(' ') {
        let Some(record) = length
            .parse()
            .ok()
            .and_then(|length: usize| rest.get(..length))
        else {
            break;
        };
        if let Some((key, value)) = record[length.len() + 1..]
            .trim_end_matches('\n')
            .split_once('=')
        {
            out.push((key.to_owned(), value.to_owned()));
        }
        rest = &rest[record.len()..];
    }
    out
}

pub(super) async fn extract(proc: &mut Proc, options: &Options, base: &str, file: &str) -> Outcome {
    let lines = match proc.reader(file) {
        Ok(lines) => lines,
        Err(errno) => return proc.fail(2, &format!("{file}: Cannot open: {errno}")).await,
    };
    let mut archive = Archive {
        lines,
        kept: Vec::new(),
        at: 0,
        opener: None,
        first: true,
    };
    let mut status = 0;
    let mut long = Entry::default();
    let mut long_size = None;
    let mut any = false;
    loop {
        let head = archive.exactly(proc, BLOCK).await?;
        if head.is_empty() || head.iter().all(|byte| *byte == 0) {
            // The rest is read, so that whoever writes it is not stopped.
            while !archive.some(proc, CHUNK).await?.is_empty() {}
            break;
        }
        let Some(mut entry) = (head.len() == BLOCK).then(|| parsed(&head)).flatten() else {
            let words = if any || head.len() < BLOCK {
                "Unexpected EOF in archive"
            } else {
                "This does not look like a tar archive"
            };
            return proc.fail(2, words).await;
        };
        any = true;
        if matches!(entry.kind, b'L' | b'K' | b'x' | b'g') {
            if entry.size > EXTRA_MAX {
                return proc.fail(2, "Malformed extended header").await;
            }
            let padded = (entry.size as usize).next_multiple_of(BLOCK);
            let mut bytes = archive.exactly(proc, padded).await?;
            bytes.truncate(entry.size as usize);
            match entry.kind {
                b'L' => long.name = text(&bytes),
                b'K' => long.link = text(&bytes),
                b'g' => {}
                _ => {
                    for (key, value) in records(&bytes) {
                        match key.as_str() {
                            "path" => long.name = value,
                            "linkpath" => long.link = value,
                            "size" => long_size = value.parse().ok(),
                            _ => {}
                        }
                    }
                }
            }
            continue;
        }
        let long = std::mem::take(&mut long);
        if !long.name.is_empty() {
            entry.name = long.name;
        }
        if !long.link.is_empty() {
            entry.link = long.link;
        }
        entry.size = long_size.take().unwrap_or(entry.size);
        if !one(proc, options, base, &mut archive, &entry).await? {
            status = 2;
        }
    }
    if status != 0 {
        proc.warn("Exiting with failure status due to previous errors")
            .await;
    }
    Ok(status)
}

/// Takes one entry out; whether that went well.
async fn one(
    proc: &mut Proc,
    options: &Options,
    base: &str,
    archive: &mut Archive,
    entry: &Entry,
) -> Outcome<bool> {
    let stripped: usize = options
        .value('1')
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    let name: Vec<&str> = entry
        .name
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .skip(stripped)
        .collect();
    let climbs = name.contains(&"..");
    let name = name.join("/");
    let asked = options.rest.is_empty()
        || options.rest.iter().any(|path| {
            let path = path.trim_end_matches('/').trim_start_matches("./");
            name == path || name.starts_with(&format!("{path}/"))
        });
    let wanted = asked
        && !(name.is_empty() && stripped > 0)
        && !options.values('X').any(|glob| excluded(glob, &entry.name));
    let regular = matches!(entry.kind, b'0' | 0 | b'7');
    let mut left = if regular { entry.size } else { 0 };
    let padding = entry.size.next_multiple_of(BLOCK as u64) - entry.size;
    let listed = options.has('t');
    if wanted && (options.has('v') || listed) {
        let text = format!("{}\n", entry.name);
        proc.print(text).await?;
    }
    let mut result = Ok(());
    let mut target = None;
    if wanted && !listed && climbs {
        proc.warn(&format!("{}: Member name contains '..'", entry.name))
            .await;
        result = Err(crate::shell::fs::Errno::Access);
    } else if wanted && !listed && !options.has('O') {
        match make(proc, base, &name, entry, options) {
            Ok(file) => target = file,
            Err(errno) => {
                proc.warn(&format!("{}: Cannot open: {errno}", entry.name))
                    .await;
                result = Err(errno);
            }
        }
    }
    while left > 0 {
        let chunk = archive.some(proc, CHUNK.min(left as usize)).await?;
        if chunk.is_empty() {
            return proc.fail(2, "Unexpected EOF in archive").await;
        }
        left -= chunk.len() as u64;
        if let Some(file) = &target
            && result.is_ok()
            && let Err(errno) = file.write(&chunk)
        {
            proc.warn(&format!("{}: Cannot write: {errno}", entry.name))
                .await;
            result = Err(errno);
        }
        if wanted && options.has('O') {
            proc.print(&chunk).await?;
        }
    }
    let skipped = if regular {
        padding
    } else {
        entry.size.next_multiple_of(BLOCK as u64)
    };
    archive.exactly(proc, skipped as usize).await?;
    if wanted && !listed && result.is_ok() && !options.has('O') {
        finish(proc, base, &name, entry, options);
    }
    Ok(result.is_ok())
}

fn make(
    proc: &Proc,
    base: &str,
    name: &str,
    entry: &Entry,
    options: &Options,
) -> Result<Option<std::sync::Arc<crate::shell::fs::OpenFile>>, crate::shell::fs::Errno> {
    let machine = &proc.machine;
    let at = below(base, name);
    if let Some((folder, _)) = at.rsplit_once('/') {
        machine
            .fs
            .make_all(folder, 0o777 & !proc.umask, &machine.who)?;
    }
    let bits = if options.has('p') || machine.who.uid == 0 {
        entry.mode
    } else {
        entry.mode & !proc.umask
    };
    match entry.kind {
        b'5' => machine
            .fs
            .make_all(&at, bits | 0o700, &machine.who)
            .map(|()| None),
        b'2' | b'1' => {
            let _ = machine.fs.remove(&at, false, &machine.who);
            if entry.kind == b'2' {
                machine.fs.symlink(&entry.link, &at, &machine.who)?;
            } else {
                machine
                    .fs
                    .link(&below(base, &entry.link), &at, &machine.who)?;
            }
            Ok(None)
        }
        b'0' | 0 | b'7' => {
            // What was a link is replaced, not written through.
            if machine
                .fs
                .stat(&at, false, &machine.who)
                .is_ok_and(|stat| stat.kind == Kind::Link)
            {
                machine.fs.remove(&at, false, &machine.who)?;
            }
            let mode = Mode {
                write: true,
                create: true,
                truncate: true,
                bits,
                ..Mode::default()
            };
            machine.fs.open(&at, mode, &machine.who).map(Some)
        }
        _ => Ok(None),
    }
}

fn finish(proc: &Proc, base: &str, name: &str, entry: &Entry, options: &Options) {
    if !matches!(entry.kind, b'0' | 0 | b'5') || name.is_empty() {
        return;
    }
    let machine = &proc.machine;
    let at = below(base, name);
    if machine.who.uid == 0 && !options.has('o') {
        let owner = (Some(entry.owner.0), Some(entry.owner.1));
        let _ = machine.fs.set_owner(&at, owner, false, &machine.who);
    }
    let _ = machine.fs.set_mode(&at, entry.mode, &machine.who);
    if !options.has('m')
        && let Ok(time) = jiff::Timestamp::from_second(entry.time)
    {
        let _ = machine.fs.set_modified(&at, time, &machine.who);
    }
}
