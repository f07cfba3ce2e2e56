//! Tokens and whose they are, as a file lists them.
//!
//! *Upstream:* `apiserver/pkg/authentication/token/tokenfile/tokenfile.go`.

use std::collections::BTreeMap;

use super::User;

/// The tokens of files.
#[derive(Clone, Debug, Default)]
pub struct TokenFile(BTreeMap<String, User>);

/// Why a token file is not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: expected token,user,uid[,\"group1,group2\"]")]
pub struct BadTokenFile {
    /// The line, counted from one.
    pub line: usize,
}

impl TokenFile {
    /// Adds a token.
    pub fn add(&mut self, token: impl Into<String>, user: User) {
        self.0.insert(token.into(), user);
    }

    /// Whose a token is.
    pub fn user(&self, token: &str) -> Option<&User> {
        self.0.get(token)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &User)> {
        self.0.iter().map(|(token, user)| (token.as_str(), user))
    }

    /// Adds the tokens of a file: a line each, comma-separated.
    pub fn read(&mut self, text: &str) -> Result<(), BadTokenFile> {
        for (index, line) in text.lines().enumerate() {
            if line.trim().is_empty() {
                continue;
            }
            let columns = csv_columns(line);
            let [token, name, uid, rest @ ..] = columns.as_slice() else {
                return Err(BadTokenFile { line: index + 1 });
            };
            if token.is_empty() {
                continue;
            }
            let groups = rest.first().map_or("", String::as_str);
            let user = User {
                name: name.clone(),
                uid: uid.clone(),
                groups: groups
                    .split(',')
                    .filter(|group| !group.is_empty())
                    .map(|group| group.trim().to_owned())
                    .collect(),
                extra: Vec::new(),
            };
            self.add(token.clone(), user);
        }
        Ok(())
    }
}

/// The columns of a line of comma-separated values, quotes honoured.
fn csv_columns(line: &str) -> Vec<String> {
    let mut columns = vec![String::new()];
    let mut is_quoted = false;
    for character in line.chars() {
        match character {
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => columns.push(String::new()),
            _ => {
                if let Some(column) = columns.last_mut() {
                    column.push(character);
                }
            }
        }
    }
    columns
        .iter()
        .map(|column| column.trim().to_owned())
        .collect()
}
