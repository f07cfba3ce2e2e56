//! Who is asking: static bearer tokens, and nobody in particular.
//!
//! *Upstream:* `apiserver/pkg/authentication/{token/tokenfile,request/anonymous}`.

use std::collections::BTreeMap;

use super::User;
use crate::error::ApiError;

/// The group of everybody who said who they are.
pub const AUTHENTICATED: &str = "system:authenticated";

/// The group of everybody who did not.
pub const UNAUTHENTICATED: &str = "system:unauthenticated";

/// Whether it matters who asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Everybody may do everything, known or not.
    #[default]
    None,
    /// Tokens are checked, and rights as well.
    Rbac,
}

/// Finds out who asks.
#[derive(Clone, Debug, Default)]
pub struct Authenticator {
    /// Whether it matters.
    pub mode: Mode,
    tokens: BTreeMap<String, User>,
}

/// Why a token file is not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: expected token,user,uid[,\"group1,group2\"]")]
pub struct BadTokenFile {
    /// The line, counted from one.
    pub line: usize,
}

impl Authenticator {
    /// One that knows no tokens.
    pub fn new(mode: Mode) -> Self {
        Self {
            mode,
            tokens: BTreeMap::new(),
        }
    }

    /// Adds a token.
    pub fn add_token(&mut self, token: impl Into<String>, mut user: User) {
        if !user.is_in(AUTHENTICATED) {
            user.groups.push(AUTHENTICATED.to_owned());
        }
        self.tokens.insert(token.into(), user);
    }

    /// The tokens and whose they are.
    pub fn tokens(&self) -> impl Iterator<Item = (&str, &User)> {
        self.tokens
            .iter()
            .map(|(token, user)| (token.as_str(), user))
    }

    /// Adds the tokens of a file in the form of `--token-auth-file`.
    pub fn add_token_file(&mut self, text: &str) -> Result<(), BadTokenFile> {
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
            self.add_token(token.clone(), user);
        }
        Ok(())
    }

    /// Whose a token of the file is.
    pub fn static_user(&self, token: &str) -> Option<&User> {
        self.tokens.get(token)
    }

    /// Who sent a request with this `Authorization` header. A token nobody has is an error, none at
    /// all is anonymous.
    pub fn authenticate(&self, authorization: Option<&str>) -> Result<User, ApiError> {
        let token = authorization.and_then(bearer).unwrap_or("");
        if let Some(user) = self.tokens.get(token) {
            return Ok(user.clone());
        }
        match self.mode {
            Mode::None => Ok(User::admin()),
            Mode::Rbac if token.is_empty() => Ok(anonymous()),
            Mode::Rbac => Err(ApiError::unauthorized()),
        }
    }
}

/// Somebody who did not say who they are.
fn anonymous() -> User {
    User {
        name: "system:anonymous".to_owned(),
        groups: vec![UNAUTHENTICATED.to_owned()],
        ..User::default()
    }
}

/// The token of a bearer header; any other scheme counts as none.
fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
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
