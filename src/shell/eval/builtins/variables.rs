//! Builtins that make and change variables.

use super::super::{Shell, Step};
use super::options::quote;

impl Shell {
    /// `export`, `readonly`, `local`, `declare`.
    pub(super) async fn declare(&mut self, args: &[String]) -> Step {
        let mut exports = args[0] == "export";
        let mut seals = args[0] == "readonly";
        let local = args[0] != "export" && args[0] != "readonly" && !self.locals.is_empty();
        let mut withdraws = false;
        let mut names = Vec::new();
        for arg in &args[1..] {
            if arg.starts_with('-') && names.is_empty() {
                exports |= arg.contains('x');
                seals |= arg.contains('r');
                withdraws |= arg.contains('n');
                continue;
            }
            names.push(arg.clone());
        }
        if names.is_empty() {
            return self.list_variables(&args[0], exports, seals).await;
        }
        if args[0] == "local" && self.locals.is_empty() {
            return self.fail("local: not in a function").await;
        }
        for arg in names {
            let (name, value) = match arg.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (arg, None),
            };
            let appended = name.ends_with('+') && value.is_some();
            let name = name.trim_end_matches('+').to_owned();
            let valid = name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric())
                && !name.starts_with(|c: char| c.is_ascii_digit())
                && !name.is_empty();
            if !valid {
                return self
                    .fail(&format!("{}: {name}: bad variable name", args[0]))
                    .await;
            }
            if local {
                let kept = self.variables.get(&name).cloned();
                if let Some(frame) = self.locals.last_mut() {
                    frame.push((name.clone(), kept));
                }
                // bash starts anew; dash keeps the value of outside.
                if self.bash && value.is_none() {
                    self.variables.remove(&name);
                }
            }
            if let Some(mut value) = value {
                if appended {
                    value = format!("{}{value}", self.value(&name).unwrap_or_default());
                }
                if !self.assign(&name, value) {
                    return self
                        .fail(&format!("{}: {name}: is read only", args[0]))
                        .await;
                }
            }
            if exports || seals {
                let variable = self.variables.entry(name).or_default();
                variable.exported = (variable.exported || exports) && !withdraws;
                variable.read_only |= seals;
            }
        }
        Ok(0)
    }

    async fn list_variables(&mut self, verb: &str, exports: bool, seals: bool) -> Step {
        let mut text = String::new();
        for (name, variable) in &self.variables {
            if (exports && !variable.exported) || (seals && !variable.read_only) {
                continue;
            }
            match &variable.value {
                Some(value) => text.push_str(&format!("{verb} {name}={}\n", quote(value))),
                None => text.push_str(&format!("{verb} {name}\n")),
            }
        }
        self.say(&text).await
    }

    pub(super) async fn unset(&mut self, args: &[String]) -> Step {
        let functions = args.first().is_some_and(|arg| arg == "-f");
        for name in args.iter().filter(|arg| !arg.starts_with('-')) {
            if functions {
                self.functions.remove(name);
                continue;
            }
            if self
                .variables
                .get(name)
                .is_some_and(|variable| variable.read_only)
            {
                return self.fail(&format!("unset: {name}: is read only")).await;
            }
            if self.variables.remove(name).is_none() {
                self.functions.remove(name);
            }
        }
        Ok(0)
    }

    pub(super) async fn alias(&mut self, args: &[String]) -> Step {
        if args[0] == "unalias" {
            if args.get(1).is_some_and(|arg| arg == "-a") {
                self.aliases.clear();
            }
            for name in &args[1..] {
                self.aliases.remove(name);
            }
            return Ok(0);
        }
        let mut text = String::new();
        for arg in &args[1..] {
            if let Some((name, value)) = arg.split_once('=') {
                self.aliases.insert(name.to_owned(), value.to_owned());
            } else if let Some(value) = self.aliases.get(arg) {
                text.push_str(&format!("{arg}={}\n", quote(value)));
            }
        }
        if args.len() == 1 {
            for (name, value) in &self.aliases {
                text.push_str(&format!("{name}={}\n", quote(value)));
            }
        }
        self.say(&text).await
    }
}
