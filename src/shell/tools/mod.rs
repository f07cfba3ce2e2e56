//! The programs of a container.

mod archive;
mod awk;
pub(crate) mod condition;
mod dump;
mod expr;
mod files;
mod find;
mod format;
mod grep;
mod launch;
mod lines;
mod list;
mod sed;
mod system;

pub(crate) use format::escapes;
pub(crate) use grep::regular;

use futures_util::future::BoxFuture;

use super::eval;
use super::exec::{Outcome, Proc};
use files::{change, copy, differ, look, make};
use lines::{sort, text, words};

/// A program.
pub(crate) type Tool = for<'a> fn(&'a mut Proc) -> BoxFuture<'a, Outcome>;

/// Every program by its name.
pub(crate) const TABLE: &[(&str, Tool)] = &[
    ("[", |proc| Box::pin(condition::test(proc))),
    ("ash", |proc| Box::pin(eval::run(proc))),
    ("awk", |proc| Box::pin(awk::awk(proc))),
    ("base64", |proc| Box::pin(dump::base64(proc))),
    ("basename", |proc| Box::pin(look::basename(proc))),
    ("bash", |proc| Box::pin(eval::run(proc))),
    ("cat", |proc| Box::pin(text::cat(proc))),
    ("chgrp", |proc| Box::pin(change::chown(proc))),
    ("chmod", |proc| Box::pin(change::chmod(proc))),
    ("chown", |proc| Box::pin(change::chown(proc))),
    ("clear", |proc| Box::pin(system::clear(proc))),
    ("cmp", |proc| Box::pin(differ::cmp(proc))),
    ("cp", |proc| Box::pin(copy::cp(proc))),
    ("curl", |proc| Box::pin(system::curl(proc))),
    ("cut", |proc| Box::pin(words::cut(proc))),
    ("dash", |proc| Box::pin(eval::run(proc))),
    ("date", |proc| Box::pin(system::date(proc))),
    ("df", |proc| Box::pin(look::df(proc))),
    ("diff", |proc| Box::pin(differ::diff(proc))),
    ("dirname", |proc| Box::pin(look::dirname(proc))),
    ("du", |proc| Box::pin(look::du(proc))),
    ("echo", |proc| Box::pin(format::echo(proc))),
    ("egrep", |proc| Box::pin(grep::grep(proc))),
    ("env", |proc| Box::pin(launch::env(proc))),
    ("expr", |proc| Box::pin(expr::expr(proc))),
    ("false", |_| Box::pin(async { Ok(1) })),
    ("fgrep", |proc| Box::pin(grep::grep(proc))),
    ("find", |proc| Box::pin(find::find(proc))),
    ("grep", |proc| Box::pin(grep::grep(proc))),
    ("groups", |proc| Box::pin(system::id(proc))),
    ("gunzip", |proc| Box::pin(archive::gzip(proc))),
    ("gzip", |proc| Box::pin(archive::gzip(proc))),
    ("head", |proc| Box::pin(text::head(proc))),
    ("hexdump", |proc| Box::pin(dump::dump(proc))),
    ("hostname", |proc| Box::pin(system::hostname(proc))),
    ("id", |proc| Box::pin(system::id(proc))),
    ("kill", |proc| Box::pin(system::kill(proc))),
    ("ln", |proc| Box::pin(make::ln(proc))),
    ("ls", |proc| Box::pin(list::ls(proc))),
    ("md5sum", |proc| Box::pin(dump::sum(proc))),
    ("mkdir", |proc| Box::pin(make::mkdir(proc))),
    ("mktemp", |proc| Box::pin(make::mktemp(proc))),
    ("mv", |proc| Box::pin(copy::mv(proc))),
    ("nc", |proc| Box::pin(system::curl(proc))),
    ("nl", |proc| Box::pin(words::nl(proc))),
    ("nohup", |proc| Box::pin(launch::nohup(proc))),
    ("nproc", |proc| Box::pin(system::nproc(proc))),
    ("nslookup", |proc| Box::pin(system::curl(proc))),
    ("od", |proc| Box::pin(dump::dump(proc))),
    ("paste", |proc| Box::pin(words::paste(proc))),
    ("ping", |proc| Box::pin(system::curl(proc))),
    ("printenv", |proc| Box::pin(launch::printenv(proc))),
    ("printf", |proc| Box::pin(format::printf(proc))),
    ("ps", |proc| Box::pin(system::ps(proc))),
    ("pwd", |proc| Box::pin(look::pwd(proc))),
    ("readlink", |proc| Box::pin(look::readlink(proc))),
    ("realpath", |proc| Box::pin(look::readlink(proc))),
    ("rev", |proc| Box::pin(words::rev(proc))),
    ("rm", |proc| Box::pin(make::rm(proc))),
    ("rmdir", |proc| Box::pin(make::rmdir(proc))),
    ("sed", |proc| Box::pin(sed::sed(proc))),
    ("seq", |proc| Box::pin(words::seq(proc))),
    ("sh", |proc| Box::pin(eval::run(proc))),
    ("sha1sum", |proc| Box::pin(dump::sum(proc))),
    ("sha256sum", |proc| Box::pin(dump::sum(proc))),
    ("sha512sum", |proc| Box::pin(dump::sum(proc))),
    ("sleep", |proc| Box::pin(launch::sleep(proc))),
    ("sort", |proc| Box::pin(sort::sort(proc))),
    ("stat", |proc| Box::pin(look::stat(proc))),
    ("stty", |proc| Box::pin(system::stty(proc))),
    ("sync", |_| Box::pin(async { Ok(0) })),
    ("tac", |proc| Box::pin(words::tac(proc))),
    ("tail", |proc| Box::pin(text::tail(proc))),
    ("tar", |proc| Box::pin(archive::tar(proc))),
    ("tee", |proc| Box::pin(text::tee(proc))),
    ("test", |proc| Box::pin(condition::test(proc))),
    ("timeout", |proc| Box::pin(launch::timeout(proc))),
    ("touch", |proc| Box::pin(make::touch(proc))),
    ("tr", |proc| Box::pin(words::tr(proc))),
    ("true", |_| Box::pin(async { Ok(0) })),
    ("truncate", |proc| Box::pin(make::truncate(proc))),
    ("tty", |proc| Box::pin(system::tty(proc))),
    ("uname", |proc| Box::pin(system::uname(proc))),
    ("uniq", |proc| Box::pin(sort::uniq(proc))),
    ("uptime", |proc| Box::pin(system::uptime(proc))),
    ("wc", |proc| Box::pin(text::wc(proc))),
    ("wget", |proc| Box::pin(system::curl(proc))),
    ("which", |proc| Box::pin(launch::which(proc))),
    ("whoami", |proc| Box::pin(system::whoami(proc))),
    ("xargs", |proc| Box::pin(launch::xargs(proc))),
    ("xxd", |proc| Box::pin(dump::dump(proc))),
    ("yes", |proc| Box::pin(words::yes(proc))),
    ("zcat", |proc| Box::pin(archive::gzip(proc))),
];

pub(crate) fn find(name: &str) -> Option<Tool> {
    TABLE
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, tool)| *tool)
}

/// Options in one letter, with or without a value, apart from what follows them.
#[derive(Default)]
pub(crate) struct Options {
    given: Vec<(char, String)>,
    pub(crate) rest: Vec<String>,
}

impl Options {
    /// Reads options; `known` has the letters, each with a colon after it where it takes a value.
    /// Long ones are `(name, letter)`.
    pub(crate) fn read(
        args: &[String],
        known: &str,
        long: &[(&str, char)],
    ) -> Result<Self, String> {
        let mut out = Self::default();
        let takes = |letter: char| known.contains(&format!("{letter}:"));
        let mut place = 1;
        while let Some(arg) = args.get(place) {
            place += 1;
            if arg == "--" {
                out.rest.extend_from_slice(&args[place..]);
                break;
            }
            if let Some(name) = arg.strip_prefix("--") {
                let (name, value) = match name.split_once('=') {
                    Some((name, value)) => (name, Some(value.to_owned())),
                    None => (name, None),
                };
                let Some((_, letter)) = long.iter().find(|(known, _)| *known == name) else {
                    return Err(format!("unrecognized option '--{name}'"));
                };
                let value = match value {
                    None if takes(*letter) => {
                        place += 1;
                        args.get(place - 1).cloned().unwrap_or_default()
                    }
                    value => value.unwrap_or_default(),
                };
                out.given.push((*letter, value));
                continue;
            }
            let Some(letters) = arg.strip_prefix('-').filter(|rest| !rest.is_empty()) else {
                out.rest.push(arg.clone());
                continue;
            };
            for (at, letter) in letters.char_indices() {
                if !known.contains(letter) || letter == ':' {
                    return Err(format!("invalid option -- '{letter}'"));
                }
                if !takes(letter) {
                    out.given.push((letter, String::new()));
                    continue;
                }
                let rest = &letters[at + letter.len_utf8()..];
                let value = if rest.is_empty() {
                    place += 1;
                    match args.get(place - 1) {
                        Some(value) => value.clone(),
                        None => return Err(format!("option requires an argument -- '{letter}'")),
                    }
                } else {
                    rest.to_owned()
                };
                out.given.push((letter, value));
                break;
            }
        }
        Ok(out)
    }

    pub(crate) fn has(&self, letter: char) -> bool {
        self.given.iter().any(|(given, _)| *given == letter)
    }

    /// The last value of an option.
    pub(crate) fn value(&self, letter: char) -> Option<&str> {
        let found = self.given.iter().rev().find(|(given, _)| *given == letter);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn values(&self, letter: char) -> impl Iterator<Item = &str> {
        self.given
            .iter()
            .filter(move |(given, _)| *given == letter)
            .map(|(_, value)| value.as_str())
    }

    /// The letter among these that was given last.
    pub(crate) fn last_of(&self, letters: &str) -> Option<char> {
        let found = self
            .given
            .iter()
            .rev()
            .find(|(given, _)| letters.contains(*given));
        found.map(|(letter, _)| *letter)
    }
}

impl Proc {
    /// Reads the options, or says what is wrong with them.
    pub(crate) async fn options(&mut self, known: &str, long: &[(&str, char)]) -> Outcome<Options> {
        match Options::read(&self.args, known, long) {
            Ok(options) => Ok(options),
            Err(words) => {
                let name = self.args.first().cloned().unwrap_or_default();
                let status = if matches!(name.as_str(), "grep" | "ls" | "sort") {
                    2
                } else {
                    1
                };
                self.fail(status, &words).await
            }
        }
    }
}
