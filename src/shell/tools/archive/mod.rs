//! `tar` and `gzip`, streaming.

use std::io::{Read, Write};

mod create;
mod extract;

use crate::shell::exec::{Outcome, Proc};
use create::create;
use extract::extract;

const BLOCK: usize = 512;

pub(super) async fn gzip(proc: &mut Proc) -> Outcome {
    let name = proc.args[0].clone();
    let options = proc
        .options("dckf123456789nvtq", &[("decompress", 'd'), ("stdout", 'c')])
        .await?;
    let opens = options.has('d') || name.ends_with("gunzip") || name.ends_with("zcat");
    let machine = proc.machine.clone();
    let mut status = 0;
    for file in Proc::files_or_stdin(&options.rest) {
        let Some(mut lines) = proc.reader_or_warn(&file).await else {
            status = 1;
            continue;
        };
        let bytes = lines.all(proc).await?;
        let Some(out) = (if opens {
            unpacked(&bytes)
        } else {
            packed(&bytes)
        }) else {
            proc.warn(&format!("{file}: not in gzip format")).await;
            status = 1;
            continue;
        };
        if file == "-" || options.has('c') || name.ends_with("zcat") {
            proc.print(&out).await?;
            continue;
        }
        let to = if opens {
            file.strip_suffix(".gz").unwrap_or(&file).to_owned()
        } else {
            format!("{file}.gz")
        };
        let bits = proc.stat(&file, true).map_or(0o644, |stat| stat.mode);
        if let Err(errno) = machine.fs.write(&proc.path(&to), &out, bits, &machine.who) {
            return proc.fail(1, &format!("{to}: {errno}")).await;
        }
        if !options.has('k') {
            let _ = machine.fs.remove(&proc.path(&file), false, &machine.who);
        }
    }
    Ok(status)
}

fn packed(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).ok()?;
    out.finish().ok()
}

fn unpacked(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let most = super::lines::KEPT_MAX as u64;
    flate2::read::MultiGzDecoder::new(bytes)
        .take(most)
        .read_to_end(&mut out)
        .ok()?;
    Some(out)
}

pub(super) async fn tar(proc: &mut Proc) -> Outcome {
    // The first word may have letters without a dash.
    if let Some(first) = proc.args.get_mut(1)
        && !first.starts_with('-')
    {
        first.insert(0, '-');
    }
    let options = proc
        .options(
            "cxtvzf:C:mpohkOPjJaSX:T:",
            &[
                ("create", 'c'),
                ("extract", 'x'),
                ("get", 'x'),
                ("list", 't'),
                ("verbose", 'v'),
                ("gzip", 'z'),
                ("file", 'f'),
                ("directory", 'C'),
                ("touch", 'm'),
                ("preserve-permissions", 'p'),
                ("same-permissions", 'p'),
                ("no-same-permissions", 'o'),
                ("same-owner", 'P'),
                ("no-same-owner", 'o'),
                ("dereference", 'h'),
                ("to-stdout", 'O'),
                ("exclude", 'X'),
                ("warning", 'T'),
                ("strip-components", '1'),
                ("numeric-owner", 'o'),
                ("no-overwrite-dir", 'o'),
                ("overwrite", 'o'),
            ],
        )
        .await?;
    if options.has('j') || options.has('J') {
        return proc.fail(2, "this compression is not supported").await;
    }
    let base = options
        .value('C')
        .map_or_else(|| proc.cwd.clone(), |folder| proc.path(folder));
    if !proc.is_folder(&base) {
        let folder = options.value('C').unwrap_or_default();
        let words = format!("{folder}: Cannot open: No such file or directory");
        return proc.fail(2, &words).await;
    }
    let file = options.value('f').unwrap_or("-").to_owned();
    match options.last_of("cxt") {
        Some('c') => create(proc, &options, &base, &file).await,
        Some(_) => extract(proc, &options, &base, &file).await,
        None => {
            proc.fail(2, "You must specify one of the '-Acdtrux' options")
                .await
        }
    }
}
