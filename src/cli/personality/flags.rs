//! The flags of another program: all are known, by the program's own list.
//!
//! *Upstream:* `spf13/pflag` (`parseLongArg`).

use std::io::Write;

use super::ports::{self, Chosen};
use crate::cli::Fault;

/// The flags of a program.
pub(super) struct Program {
    /// Its name, and what it says of itself before its flags.
    pub(super) about: &'static str,
    /// What it prints as its version.
    pub(super) version: &'static str,
    /// Whether its long flags may have one dash, as those of Go's own `flag` may.
    pub(super) takes_one_dash: bool,
    /// A flag a line, with the type of its value; a switch has none.
    pub(super) flags: &'static str,
    /// The ports that envtest chooses for it before it asks for its flags.
    pub(super) chosen: Chosen,
}

/// A flag that was given, and its value.
pub(super) type Given = (String, String);

impl Program {
    fn known(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let lines = self.flags.lines().filter(|line| !line.starts_with('#'));
        lines.map(|line| line.split_once(' ').unwrap_or((line, "")))
    }

    /// The flags that are given, in order; `None` where the program only spoke of itself.
    pub(super) fn read(&self, arguments: &[String]) -> Result<Option<Vec<Given>>, Fault> {
        let mut given = Vec::new();
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let text = match argument.strip_prefix("--") {
                None if self.takes_one_dash => {
                    argument.strip_prefix('-').filter(|text| *text != "h")
                }
                text => text,
            };
            let Some(text) = text else {
                given.push(short(argument, &mut rest)?);
                continue;
            };
            let (name, value) = match text.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (text, None),
            };
            // pflag takes underscores for dashes, as kube-apiserver asks it to.
            let name = name.replace('_', "-");
            let Some((_, kind)) = self.known().find(|(known, _)| *known == name) else {
                return Err(refusal(&format!("unknown flag: --{name}")));
            };
            let value = match (value, kind) {
                (Some(value), _) => value,
                (None, "") => "true".to_owned(),
                (None, _) => rest
                    .next()
                    .cloned()
                    .ok_or_else(|| refusal(&format!("flag needs an argument: --{name}")))?,
            };
            given.push((name, value));
        }
        let asks = |flag: &str| {
            let mut given = given.iter();
            given.any(|(name, value)| name == flag && value != "false")
        };
        if asks("help") {
            print(&self.help());
            ports::leave_behind(&self.chosen);
            return Ok(None);
        }
        if asks("version") {
            print(&format!("{}\n", self.version));
            return Ok(None);
        }
        Ok(Some(given))
    }

    /// A line for each flag: envtest looks there for what a version knows.
    fn help(&self) -> String {
        let mut help = format!("{}\n\nFlags:\n", self.about);
        for (name, kind) in self.known() {
            let line = format!("      --{name} {kind}");
            help.push_str(line.trim_end());
            help.push('\n');
        }
        help
    }
}

/// `-v 4`, `-v=4`, `-v4`, `-h`: the short flags there are.
fn short<'a>(argument: &str, rest: &mut impl Iterator<Item = &'a String>) -> Result<Given, Fault> {
    let unexpected = || refusal(&format!("unexpected argument {argument:?}"));
    let text = argument.strip_prefix('-').ok_or_else(unexpected)?;
    if text == "h" {
        return Ok(("help".to_owned(), "true".to_owned()));
    }
    let value = match text.strip_prefix('v').ok_or_else(unexpected)? {
        "" => rest
            .next()
            .cloned()
            .ok_or_else(|| refusal("flag needs an argument: 'v' in -v"))?,
        value => value.trim_start_matches('=').to_owned(),
    };
    Ok(("v".to_owned(), value))
}

fn print(text: &str) {
    // Who closes the pipe has read enough.
    let _ = std::io::stdout().write_all(text.as_bytes());
}

fn refusal(why: &str) -> Fault {
    Fault::failed(why)
}

/// The last value given for a flag.
pub(super) fn last<'a>(given: &'a [Given], flag: &str) -> Option<&'a str> {
    let mut given = given.iter().rev();
    given
        .find(|(name, _)| name == flag)
        .map(|(_, value)| value.as_str())
}
