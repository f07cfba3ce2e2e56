//! `set` and `getopts`.

use super::super::{Options, Shell, Step};

/// The switch of a letter.
fn by_letter(options: &mut Options, letter: char) -> Option<&mut bool> {
    Some(match letter {
        'e' => &mut options.errexit,
        'u' => &mut options.nounset,
        'x' => &mut options.xtrace,
        'f' => &mut options.noglob,
        'n' => &mut options.noexec,
        'C' => &mut options.noclobber,
        'v' => &mut options.verbose,
        'a' => &mut options.allexport,
        'i' => &mut options.interactive,
        _ => return None,
    })
}

const NAMES: &[(&str, char)] = &[
    ("allexport", 'a'),
    ("errexit", 'e'),
    ("interactive", 'i'),
    ("noclobber", 'C'),
    ("noexec", 'n'),
    ("noglob", 'f'),
    ("nounset", 'u'),
    ("verbose", 'v'),
    ("xtrace", 'x'),
];

impl Shell {
    pub(crate) fn option_letters(&self) -> String {
        let mut options = self.options;
        NAMES
            .iter()
            .filter(|(_, letter)| by_letter(&mut options, *letter).is_some_and(|on| *on))
            .map(|(_, letter)| *letter)
            .collect()
    }

    /// Switches an option by its letter; false where there is none.
    pub(crate) fn switch(&mut self, letter: char, on: bool) -> bool {
        // Of these nothing here depends.
        if matches!(letter, 'b' | 'h' | 'm' | 'B' | 'H' | 'E' | 'T' | 'V' | 'I') {
            return true;
        }
        match by_letter(&mut self.options, letter) {
            Some(option) => {
                *option = on;
                true
            }
            None => false,
        }
    }

    /// Switches an option by its name; false where there is none.
    pub(crate) fn switch_named(&mut self, name: &str, on: bool) -> bool {
        if name == "pipefail" {
            self.options.pipefail = on;
            return true;
        }
        if matches!(
            name,
            "posix" | "monitor" | "vi" | "emacs" | "ignoreeof" | "notify"
        ) {
            return true;
        }
        match NAMES.iter().find(|(known, _)| *known == name) {
            Some((_, letter)) => self.switch(*letter, on),
            None => false,
        }
    }

    pub(super) async fn set(&mut self, args: &[String]) -> Step {
        if args.len() == 1 {
            let mut text = String::new();
            for (name, variable) in &self.variables {
                if let Some(value) = &variable.value {
                    text.push_str(&format!("{name}={}\n", quote(value)));
                }
            }
            return self.say(&text).await;
        }
        let mut place = 1;
        while let Some(arg) = args.get(place) {
            let on = arg.starts_with('-');
            if arg == "--" || arg == "-" {
                self.positional = args[place + 1..].to_vec();
                return Ok(0);
            }
            if !on && !arg.starts_with('+') {
                self.positional = args[place..].to_vec();
                return Ok(0);
            }
            for letter in arg.chars().skip(1) {
                if letter == 'o' {
                    place += 1;
                    let Some(name) = args.get(place) else {
                        return self.list_options().await;
                    };
                    if !self.switch_named(name, on) {
                        return self.fail(&format!("set: Illegal option -o {name}")).await;
                    }
                } else if !self.switch(letter, on) {
                    return self.fail(&format!("set: Illegal option -{letter}")).await;
                }
            }
            place += 1;
        }
        Ok(0)
    }

    async fn list_options(&mut self) -> Step {
        let mut options = self.options;
        let mut text = String::from("Current option settings\n");
        for (name, letter) in NAMES {
            let on = by_letter(&mut options, *letter).is_some_and(|on| *on);
            text.push_str(&format!("{name:<15} {}\n", if on { "on" } else { "off" }));
        }
        self.say(&text).await
    }

    pub(super) async fn getopts(&mut self, args: &[String]) -> Step {
        let (Some(letters), Some(name)) = (args.get(1), args.get(2)) else {
            return self.fail("Usage: getopts optstring var [arg...]").await;
        };
        let from = if args.len() > 3 {
            args[3..].to_vec()
        } else {
            self.positional.clone()
        };
        let mut index: usize = self
            .value("OPTIND")
            .and_then(|n| n.parse().ok())
            .unwrap_or(1);
        if index == 1 && self.option_place == usize::MAX {
            self.option_place = 0;
        }
        let current = from
            .get(index.saturating_sub(1))
            .cloned()
            .unwrap_or_default();
        let within = self.option_place.max(1);
        let letter = current.chars().nth(within);
        if !current.starts_with('-') || current == "-" || current == "--" || letter.is_none() {
            if current == "--" {
                self.assign("OPTIND", (index + 1).to_string());
            }
            self.option_place = 0;
            self.assign(name, "?".to_owned());
            return Ok(1);
        }
        let letter = letter.unwrap_or('?');
        let silent = letters.starts_with(':');
        let known = letters.find(letter).filter(|_| letter != ':');
        let takes = known.is_some_and(|at| letters[at + 1..].starts_with(':'));
        let rest: String = current.chars().skip(within + 1).collect();
        self.variables.remove("OPTARG");
        let mut found = letter.to_string();
        if rest.is_empty() || takes {
            index += 1;
            self.option_place = 0;
        } else {
            self.option_place = within + 1;
        }
        if known.is_none() {
            if silent {
                self.assign("OPTARG", found);
            } else {
                self.complain(&format!("Illegal option -{letter}")).await;
            }
            found = "?".to_owned();
        } else if takes && !rest.is_empty() {
            self.assign("OPTARG", rest);
        } else if takes {
            if let Some(value) = from.get(index - 1).cloned() {
                index += 1;
                self.assign("OPTARG", value);
            } else if silent {
                self.assign("OPTARG", found);
                found = ":".to_owned();
            } else {
                self.complain(&format!("No arg for -{letter} option")).await;
                found = "?".to_owned();
            }
        }
        self.assign("OPTIND", index.to_string());
        self.assign(name, found);
        Ok(0)
    }
}

/// A text as the shell would read it again.
pub(crate) fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\"'\"'"))
}
