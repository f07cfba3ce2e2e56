//! Redirections: what a command reads from and writes to instead.

use super::{Shell, Step};
use crate::shell::fs::resolve::absolute;
use crate::shell::fs::tree::Device;
use crate::shell::fs::{Errno, Mode};
use crate::shell::io::Fd;
use crate::shell::syntax::{Redirect, RedirectKind};

impl Shell {
    /// Does them one after the other; false where one could not be done, which has been said.
    pub(super) async fn redirect(&mut self, redirects: &[Redirect]) -> Step<bool> {
        for redirect in redirects {
            if !self.one(redirect).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn one(&mut self, redirect: &Redirect) -> Step<bool> {
        let fd = redirect.fd.unwrap_or(i32::from(matches!(
            redirect.kind,
            RedirectKind::Write | RedirectKind::Append | RedirectKind::Clobber
        )));
        match redirect.kind {
            RedirectKind::Document => {
                let body = redirect.body.get().cloned().unwrap_or_default();
                let text = self.expand_text(&body).await?;
                self.proc.fds.insert(fd, Fd::text(text.into_bytes()));
                return Ok(true);
            }
            RedirectKind::Line => {
                let text = self.expand_text(&redirect.target).await?;
                self.proc
                    .fds
                    .insert(fd, Fd::text(format!("{text}\n").into_bytes()));
                return Ok(true);
            }
            RedirectKind::Duplicate => return self.duplicate(fd, redirect).await,
            _ => {}
        }
        let path = self.expand_text(&redirect.target).await?;
        let reads = redirect.kind == RedirectKind::Read;
        match self.open(&path, redirect.kind) {
            Ok(file) => {
                if matches!(redirect.kind, RedirectKind::Both | RedirectKind::BothAppend) {
                    self.proc.fds.insert(2, file.clone());
                    self.proc.fds.insert(1, file);
                } else {
                    self.proc.fds.insert(fd, file);
                }
                Ok(true)
            }
            Err(errno) => {
                let words = match errno {
                    Errno::NoEntry if reads => "No such file".to_owned(),
                    Errno::NoEntry => "Directory nonexistent".to_owned(),
                    errno => errno.to_string(),
                };
                let verb = if reads { "open" } else { "create" };
                self.complain(&format!("cannot {verb} {path}: {words}"))
                    .await;
                Ok(false)
            }
        }
    }

    fn open(&self, path: &str, kind: RedirectKind) -> Result<Fd, Errno> {
        let machine = &self.proc.machine;
        let at = absolute(&self.proc.cwd, path);
        match at.as_str() {
            "/dev/stdin" | "/proc/self/fd/0" => return self.held(0),
            "/dev/stdout" | "/proc/self/fd/1" | "/proc/1/fd/1" => return self.held(1),
            "/dev/stderr" | "/proc/self/fd/2" | "/proc/1/fd/2" => return self.held(2),
            _ => {}
        }
        if self.options.noclobber
            && kind == RedirectKind::Write
            && machine
                .fs
                .stat(&at, true, &machine.who)
                .is_ok_and(|stat| stat.kind == crate::shell::fs::Kind::File)
        {
            return Err(Errno::Exists);
        }
        let reads = matches!(kind, RedirectKind::Read | RedirectKind::ReadWrite);
        let writes = kind != RedirectKind::Read;
        let appends = matches!(kind, RedirectKind::Append | RedirectKind::BothAppend);
        let mode = Mode {
            read: reads,
            write: writes,
            append: appends,
            create: writes,
            exclusive: false,
            truncate: writes && !appends && kind != RedirectKind::ReadWrite,
            bits: 0o666 & !self.proc.umask,
        };
        let file = machine.fs.open(&at, mode, &machine.who)?;
        if file.device() == Some(Device::Terminal) {
            return self
                .proc
                .fds
                .values()
                .find(|fd| fd.terminal().is_some())
                .cloned()
                .ok_or(Errno::NoEntry);
        }
        Ok(Fd::File(file))
    }

    fn held(&self, fd: i32) -> Result<Fd, Errno> {
        self.proc.fds.get(&fd).cloned().ok_or(Errno::NoEntry)
    }

    async fn duplicate(&mut self, fd: i32, redirect: &Redirect) -> Step<bool> {
        let target = self.expand_text(&redirect.target).await?;
        if target == "-" {
            self.proc.fds.remove(&fd);
            return Ok(true);
        }
        let other = target
            .parse()
            .ok()
            .and_then(|other: i32| self.proc.fds.get(&other));
        match other.cloned() {
            Some(other) => {
                self.proc.fds.insert(fd, other);
                Ok(true)
            }
            None => {
                self.complain(&format!("{target}: Bad file descriptor"))
                    .await;
                Ok(false)
            }
        }
    }
}
