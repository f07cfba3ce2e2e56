//! Making an archive.

use std::io::Write;

use super::BLOCK;
use crate::shell::eval::pattern;
use crate::shell::exec::{Outcome, Proc};
use crate::shell::fs::{Kind, Mode, Stat};
use crate::shell::io::{CHUNK, Fd};
use crate::shell::tools::Options;
use crate::shell::tools::files::below;

/// Where an archive goes: through a compressor, where one is asked for.
struct Writer {
    fd: Fd,
    packer: Option<flate2::write::GzEncoder<Vec<u8>>>,
    waiting: Vec<u8>,
    count: usize,
}

impl Writer {
    async fn write(&mut self, proc: &mut Proc, bytes: &[u8]) -> Outcome<()> {
        self.count += bytes.len();
        match &mut self.packer {
            Some(packer) => {
                let _ = packer.write_all(bytes);
                self.waiting.append(packer.get_mut());
            }
            None => self.waiting.extend_from_slice(bytes),
        }
        if self.waiting.len() >= CHUNK {
            self.flush(proc).await?;
        }
        Ok(())
    }

    async fn flush(&mut self, proc: &mut Proc) -> Outcome<()> {
        let bytes = std::mem::take(&mut self.waiting);
        match self.fd.write(&bytes).await {
            Ok(()) => Ok(()),
            Err(error) if crate::shell::io::is_closed(&error) => {
                Err(crate::shell::exec::Stop::Closed)
            }
            Err(error) => proc.fail(2, &format!("Cannot write: {error}")).await,
        }
    }

    async fn pad(&mut self, proc: &mut Proc, to: usize) -> Outcome<()> {
        let missing = self.count.next_multiple_of(to) - self.count;
        self.write(proc, &vec![0; missing]).await
    }
}

pub(super) async fn create(proc: &mut Proc, options: &Options, base: &str, file: &str) -> Outcome {
    let fd = if file == "-" {
        proc.fds.get(&1).cloned().unwrap_or(Fd::Null)
    } else {
        let machine = proc.machine.clone();
        let mode = Mode {
            write: true,
            create: true,
            truncate: true,
            bits: 0o666 & !proc.umask,
            ..Mode::default()
        };
        match machine.fs.open(&proc.path(file), mode, &machine.who) {
            Ok(file) => Fd::File(file),
            Err(errno) => return proc.fail(2, &format!("{file}: Cannot open: {errno}")).await,
        }
    };
    let packed = options.has('z') || (options.has('a') && file.ends_with("gz"));
    let mut out = Writer {
        fd,
        packer: packed
            .then(|| flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast())),
        waiting: Vec::new(),
        count: 0,
    };
    let mut status = 0;
    let mut said_slash = false;
    for path in &options.rest {
        if path.starts_with('/') && !said_slash && !options.has('P') {
            said_slash = true;
            proc.warn("Removing leading `/' from member names").await;
        }
        let mut open = vec![path.trim_end_matches('/').to_owned()];
        if open[0].is_empty() {
            open[0] = "/".to_owned();
        }
        while let Some(path) = open.pop() {
            if options.values('X').any(|glob| excluded(glob, &path)) {
                continue;
            }
            let at = crate::shell::fs::resolve::absolute(base, &path);
            let stat = match proc.stat(&at, options.has('h')) {
                Ok(stat) => stat,
                Err(errno) => {
                    proc.warn(&format!("{path}: Cannot stat: {errno}")).await;
                    status = 2;
                    continue;
                }
            };
            add(proc, options, &mut out, (&path, &at), &stat).await?;
            if stat.kind == Kind::Directory {
                for name in proc.list(&at).unwrap_or_default().into_iter().rev() {
                    open.push(below(&path, &name));
                }
            }
        }
    }
    out.write(proc, &[0; BLOCK * 2]).await?;
    out.pad(proc, BLOCK * 20).await?;
    if let Some(packer) = out.packer.take() {
        out.waiting.extend(packer.finish().unwrap_or_default());
    }
    out.flush(proc).await?;
    if status != 0 {
        proc.warn("Exiting with failure status due to previous errors")
            .await;
    }
    Ok(status)
}

pub(super) fn excluded(glob: &str, path: &str) -> bool {
    pattern::matches(glob, path)
        || path.split('/').any(|part| pattern::matches(glob, part))
        || path.ends_with(&format!("/{}", glob.trim_start_matches("./")))
}

async fn add(
    proc: &mut Proc,
    options: &Options,
    out: &mut Writer,
    (path, at): (&str, &str),
    stat: &Stat,
) -> Outcome<()> {
    let machine = proc.machine.clone();
    let mut name = if options.has('P') {
        path.to_owned()
    } else {
        path.trim_start_matches('/').to_owned()
    };
    if stat.kind == Kind::Directory {
        name = format!("{}/", if name.is_empty() { "." } else { &name });
    }
    let link = match stat.kind {
        Kind::Link => machine.fs.read_link(at, &machine.who).unwrap_or_default(),
        Kind::Device => return Ok(()),
        _ => String::new(),
    };
    let file = if stat.kind == Kind::File {
        let mode = Mode {
            read: true,
            ..Mode::default()
        };
        match machine.fs.open(at, mode, &machine.who) {
            Ok(file) => Some(file),
            Err(errno) => {
                proc.warn(&format!("{path}: Cannot open: {errno}")).await;
                return Ok(());
            }
        }
    } else {
        None
    };
    for (long, kind) in [(&link, b'K'), (&name, b'L')] {
        if long.len() >= 100 {
            let size = long.len() as u64 + 1;
            let head = header("././@LongLink", "", kind, size, None);
            out.write(proc, &head).await?;
            out.write(proc, long.as_bytes()).await?;
            out.write(proc, &[0]).await?;
            out.pad(proc, BLOCK).await?;
        }
    }
    let size = file.as_ref().map_or(0, |file| file.size());
    let kind = match stat.kind {
        Kind::Directory => b'5',
        Kind::Link => b'2',
        _ => b'0',
    };
    let mut head = header(&name, &link, kind, size, Some(stat));
    let (user, group) = (proc.user_name(stat.uid), proc.group_name(stat.gid));
    put(&mut head[265..297], user.as_bytes());
    put(&mut head[297..329], group.as_bytes());
    seal(&mut head);
    out.write(proc, &head).await?;
    let mut left = size;
    while let Some(file) = file.as_ref().filter(|_| left > 0) {
        let mut chunk = file.read(CHUNK.min(left as usize)).unwrap_or_default();
        if chunk.is_empty() {
            // It became shorter meanwhile.
            chunk = vec![0; CHUNK.min(left as usize)];
        }
        left -= chunk.len() as u64;
        out.write(proc, &chunk).await?;
    }
    out.pad(proc, BLOCK).await?;
    if options.has('v') {
        let text = name + "\n";
        let to = if out.fd_is_stdout(proc) { 2 } else { 1 };
        if let Some(fd) = proc.fds.get(&to) {
            let _ = fd.write(text.as_bytes()).await;
        }
    }
    Ok(())
}

impl Writer {
    fn fd_is_stdout(&self, proc: &Proc) -> bool {
        match (&self.fd, proc.fds.get(&1)) {
            (Fd::Sink(own), Some(Fd::Sink(other))) => std::sync::Arc::ptr_eq(own, other),
            (Fd::File(_), _) => false,
            _ => true,
        }
    }
}

fn put(field: &mut [u8], bytes: &[u8]) {
    let count = bytes.len().min(field.len());
    field[..count].copy_from_slice(&bytes[..count]);
}

fn header(name: &str, link: &str, kind: u8, size: u64, stat: Option<&Stat>) -> [u8; BLOCK] {
    let mut head = [0u8; BLOCK];
    let octal = |value: u64, width: usize| format!("{value:0width$o}");
    put(&mut head[..100], name.as_bytes());
    let (mode, uid, gid, time) = stat.map_or((0, 0, 0, 0), |stat| {
        (stat.mode, stat.uid, stat.gid, stat.modified.as_second())
    });
    put(&mut head[100..107], octal(u64::from(mode), 7).as_bytes());
    put(&mut head[108..115], octal(u64::from(uid), 7).as_bytes());
    put(&mut head[116..123], octal(u64::from(gid), 7).as_bytes());
    put(&mut head[124..135], octal(size, 11).as_bytes());
    put(
        &mut head[136..147],
        octal(time.max(0) as u64, 11).as_bytes(),
    );
    head[156] = kind;
    put(&mut head[157..257], link.as_bytes());
    put(&mut head[257..265], b"ustar  \0");
    seal(&mut head);
    head
}

/// Writes the sum of all bytes into its field.
fn seal(head: &mut [u8; BLOCK]) {
    put(&mut head[148..156], b"        ");
    let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
    put(&mut head[148..156], format!("{sum:06o}\0 ").as_bytes());
}
