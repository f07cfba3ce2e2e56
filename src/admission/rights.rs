//! Who may do what, for plugins and expressions that ask.
//!
//! *Upstream:* `apiserver/pkg/authorization/authorizer/interfaces.go`.

use std::fmt;

use futures_util::future::BoxFuture;

use crate::auth::{Attributes, User};

/// What is said to a question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it is allowed.
    pub is_allowed: bool,
    /// Why.
    pub reason: String,
    /// What went wrong while deciding.
    pub error: Option<String>,
}

/// Says who may do what.
pub trait Rights: Send + Sync {
    /// Whether a user may do something.
    ///
    /// Nobody is waited for: where somebody far away has to be asked, the answer is no for now, and
    /// the question is kept for [`Rights::settle`].
    fn decide(&self, user: &User, attributes: &Attributes) -> Verdict;

    /// Asks what was left open; `None` where nothing was. Whoever asked then asks again.
    fn settle(&self) -> Option<BoxFuture<'_, ()>> {
        None
    }
}

/// What something comes to that may ask for rights, once all that it asks has been answered.
pub(crate) async fn settled<T>(rights: &dyn Rights, mut work: impl FnMut() -> T) -> T {
    loop {
        let done = work();
        match rights.settle() {
            None => return done,
            Some(asking) => asking.await,
        }
    }
}

impl fmt::Debug for dyn Rights + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rights")
    }
}
