//! When the watches of custom resources end: with their definition, or as soon as it says something
//! else, since what they show is read by what it said.
//!
//! *Upstream:* `updateCustomResourceDefinition` and `tearDown` in
//! `apiextensions-apiserver/pkg/apiserver/customresource_handler.go`.

use std::sync::Arc;

use crate::object::Key;
use crate::object::json::{Malformed, Reader as JsonReader, Token};
use crate::registry::custom;
use crate::schema::catalog::Custom;
use crate::storage::{ChangeKind, Reader, Scope, Stored};

/// Waits until a definition is gone, or is not what a resource was made of any more.
pub(super) async fn replaced(reader: Arc<dyn Reader>, custom: Arc<Custom>) {
    let name = custom.definition.clone();
    let key = Key::new("", &name);
    let scope = Scope {
        resource: custom::definitions(),
        namespace: None,
        name: Some(name),
    };
    let is_another = |stored: &Stored| {
        let said = Said::of(stored.json()).unwrap_or_default();
        // Who deletes a definition changes nothing of what it says.
        !said.is_being_deleted && said.generation != custom.generation
    };
    loop {
        let revision = reader.revision();
        let Ok(mut watch) = reader.watch(&scope, revision) else {
            return std::future::pending().await;
        };
        if reader
            .get(&scope.resource, &key)
            .is_none_or(|stored| is_another(&stored))
        {
            return;
        }
        // A watch that is left behind is begun anew.
        while let Ok(changes) = watch.next().await {
            let ends = changes
                .iter()
                .any(|change| change.kind == ChangeKind::Deleted || is_another(&change.object));
            if ends {
                return;
            }
        }
    }
}

/// What the metadata of a definition say; read without the rest, which is long.
#[derive(Default)]
struct Said {
    generation: i64,
    is_being_deleted: bool,
}

impl Said {
    fn of(json: &[u8]) -> Result<Self, Malformed> {
        let mut said = Self::default();
        let mut reader = JsonReader::new(json);
        reader.token()?;
        let mut is_first = true;
        while let Some(key) = reader.next_key(is_first)? {
            is_first = false;
            let token = reader.token()?;
            if key == "metadata" && matches!(token, Token::Object) {
                said.read(&mut reader)?;
                break;
            }
            reader.skip(&token)?;
        }
        Ok(said)
    }

    fn read(&mut self, reader: &mut JsonReader<'_>) -> Result<(), Malformed> {
        let mut is_first = true;
        while let Some(key) = reader.next_key(is_first)? {
            is_first = false;
            let token = reader.token()?;
            match (key.as_ref(), &token) {
                ("generation", Token::Number(text)) => {
                    self.generation = text.parse().unwrap_or_default();
                }
                ("deletionTimestamp", Token::Text(_)) => self.is_being_deleted = true,
                _ => {}
            }
            reader.skip(&token)?;
        }
        Ok(())
    }
}
