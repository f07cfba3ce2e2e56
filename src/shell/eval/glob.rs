//! Paths that match a pattern.

use super::Shell;
use super::pattern::{match_chars, unescape};
use crate::shell::fs::resolve::absolute;

/// How many paths a pattern may become.
const PATHS_MAX: usize = 100_000;

impl Shell {
    /// The paths that match, sorted.
    pub(crate) fn glob(&self, pattern: &str) -> Vec<String> {
        let fs = &self.proc.machine.fs;
        let who = &self.proc.machine.who;
        let mut found: Vec<String> = vec![String::new()];
        if pattern.starts_with('/') {
            found = vec!["/".to_owned()];
        }
        let parts: Vec<&str> = pattern.split('/').collect();
        for (place, part) in parts.iter().enumerate() {
            if part.is_empty() {
                if place > 0 && place + 1 == parts.len() {
                    found.retain(|path| fs.list(&absolute(&self.proc.cwd, path), who).is_ok());
                    for path in &mut found {
                        path.push('/');
                    }
                }
                continue;
            }
            let last = place + 1 == parts.len();
            let mut next = Vec::new();
            for folder in &found {
                let prefix = match folder.as_str() {
                    "" => String::new(),
                    "/" => "/".to_owned(),
                    folder => format!("{folder}/"),
                };
                if !part.contains(['*', '?', '[']) {
                    let path = format!("{prefix}{}", unescape(part));
                    if fs
                        .stat(&absolute(&self.proc.cwd, &path), false, who)
                        .is_ok()
                    {
                        next.push(path);
                    }
                    continue;
                }
                let at = absolute(&self.proc.cwd, if folder.is_empty() { "." } else { folder });
                let chars: Vec<char> = part.chars().collect();
                for name in fs.list(&at, who).unwrap_or_default() {
                    let text: Vec<char> = name.chars().collect();
                    let hidden = name.starts_with('.') && !part.starts_with('.');
                    if !hidden && match_chars(&chars, &text) && next.len() < PATHS_MAX {
                        let path = format!("{prefix}{name}");
                        let at = absolute(&self.proc.cwd, &path);
                        if last || fs.list(&at, who).is_ok() {
                            next.push(path);
                        }
                    }
                }
            }
            found = next;
        }
        found.retain(|path| !path.is_empty());
        found.sort();
        found
    }
}
