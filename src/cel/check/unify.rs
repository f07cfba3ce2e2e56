//! Whether a value of one type may stand where another is wanted, and what that says of types yet
//! to be found out.
//!
//! *Upstream:* `cel-go/checker/types.go`.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::cel::types::Type;

/// What types yet to be found out have turned out to be.
#[derive(Clone, Debug, Default)]
pub(super) struct Found(BTreeMap<u32, Type>);

impl Found {
    /// Whether a value of type `a` may stand where `b` is wanted; learns only where it may.
    pub(super) fn assign(&mut self, a: &Type, b: &Type) -> bool {
        let mut next = self.clone();
        let fits = next.fits(a, b);
        if fits {
            *self = next;
        }
        fits
    }

    /// The same of several at once.
    pub(super) fn assign_all(&mut self, a: &[Type], b: &[Type]) -> bool {
        if a.len() != b.len() {
            return false;
        }
        let mut next = self.clone();
        let fits = a.iter().zip(b).all(|(a, b)| next.fits(a, b));
        if fits {
            *self = next;
        }
        fits
    }

    fn fits(&mut self, a: &Type, b: &Type) -> bool {
        if let Type::Unknown(index) = b {
            let (is_valid, was_known) = self.learn(a, *index);
            if is_valid {
                return true;
            }
            if was_known {
                return false;
            }
        }
        if let Type::Unknown(index) = a {
            return self.learn(b, *index).0;
        }
        if is_any(a) || is_any(b) {
            return true;
        }
        match (a, b) {
            (Type::Null, other) | (other, Type::Null) => takes_null(other),
            (Type::Type(_), Type::Type(_)) => true,
            (Type::List(a), Type::List(b)) | (Type::Optional(a), Type::Optional(b)) => {
                self.fits(a, b)
            }
            (Type::Map(a, b), Type::Map(c, d)) => self.fits(a, c) && self.fits(b, d),
            _ => a.is(b),
        }
    }

    /// Whether a type may be what another is yet to be found out as, and whether anything was
    /// known of that before.
    fn learn(&mut self, a: &Type, index: u32) -> (bool, bool) {
        if matches!(a, Type::Unknown(other) if *other == index) {
            return (true, true);
        }
        if let Some(known) = self.0.get(&index).cloned() {
            if a.is(&known) {
                return (true, true);
            }
            if self.fits(a, &known) {
                let general = most_general(a, &known);
                if !self.mentions(index, &general) {
                    self.0.insert(index, general);
                }
                return (true, true);
            }
            return (false, true);
        }
        if self.mentions(index, a) {
            return (false, false);
        }
        self.0.insert(index, a.clone());
        (true, false)
    }

    /// Whether a type yet to be found out stands inside another.
    fn mentions(&self, index: u32, within: &Type) -> bool {
        match within {
            Type::Unknown(other) if *other == index => true,
            Type::Unknown(other) => self
                .0
                .get(other)
                .is_some_and(|known| self.mentions(index, known)),
            Type::List(a) | Type::Optional(a) | Type::Type(Some(a)) => self.mentions(index, a),
            Type::Map(a, b) => self.mentions(index, a) || self.mentions(index, b),
            _ => false,
        }
    }

    /// A type with all that was found out; `is_final`: what was not is anything.
    pub(super) fn substitute(&self, of: &Type, is_final: bool) -> Type {
        let inner = |of: &Arc<Type>| Arc::new(self.substitute(of, is_final));
        match of {
            Type::Unknown(index) => match self.0.get(index) {
                Some(known) => self.substitute(known, is_final),
                None if is_final => Type::Dyn,
                None => of.clone(),
            },
            Type::List(a) => Type::List(inner(a)),
            Type::Optional(a) => Type::Optional(inner(a)),
            Type::Type(Some(a)) => Type::Type(Some(inner(a))),
            Type::Map(a, b) => Type::Map(inner(a), inner(b)),
            other => other.clone(),
        }
    }
}

/// Whether anything fits.
pub(super) const fn is_any(of: &Type) -> bool {
    matches!(of, Type::Dyn | Type::Any | Type::Error)
}

fn takes_null(of: &Type) -> bool {
    matches!(
        of,
        Type::Null
            | Type::Object(_)
            | Type::Record(_)
            | Type::Opaque(_)
            | Type::Optional(_)
            | Type::Duration
            | Type::Timestamp
    )
}

/// The more general of two types that fit each other.
pub(super) fn most_general(a: &Type, b: &Type) -> Type {
    if is_less_specific(a, b) { a } else { b }.clone()
}

fn is_less_specific(a: &Type, b: &Type) -> bool {
    match (a, b) {
        (Type::Dyn | Type::Any | Type::Unknown(_), _) => true,
        (_, Type::Dyn | Type::Any | Type::Unknown(_)) => false,
        (Type::List(a), Type::List(b)) | (Type::Optional(a), Type::Optional(b)) => {
            is_less_specific(a, b)
        }
        (Type::Map(a, b), Type::Map(c, d)) => is_less_specific(a, c) && is_less_specific(b, d),
        (Type::Type(_), Type::Type(_)) => true,
        _ => a.is(b),
    }
}
