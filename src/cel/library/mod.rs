//! Functions: which one a call means, and what it does.
//!
//! A function is chosen by its name and the types of its values; where none takes them there is
//! no such overload.
//!
//! *Upstream:* `cel-go/common/stdlib`, `cel-go/ext`, `apiserver/pkg/cel/library`.

mod authorizer;
mod convert;
mod format;
mod lists;
mod network;
mod operators;
mod optional;
mod quantity;
pub(super) mod semver;
pub(super) mod strings;
mod time;
pub(super) mod url;

use super::eval::{Failure, Outcome};
use super::syntax::Call;
use super::value::Value;

/// A part of the library: the result of a function it has.
type Module<'a> = fn(&Call, &str, &[Value<'a>]) -> Option<Outcome<'a>>;

/// Calls a function; a method's target comes first.
pub(super) fn call<'a>(call: &Call, values: &[Value<'a>]) -> Outcome<'a> {
    let name = call.name.as_str();
    let modules: [Module<'a>; 8] = [
        |_, name, values| operators::call(name, values),
        |call, name, values| strings::call(call, name, values),
        |_, name, values| convert::call(name, values),
        |_, name, values| lists::call(name, values),
        |_, name, values| time::call(name, values),
        |_, name, values| optional::call(name, values),
        |_, name, values| quantity::call(name, values),
        |_, name, values| network::call(name, values),
    ];
    let found = modules
        .iter()
        .find_map(|module| module(call, name, values))
        .or_else(|| url::call(name, values))
        .or_else(|| semver::call(name, values))
        .or_else(|| format::call(name, values))
        .or_else(|| authorizer::call(name, values));
    found.unwrap_or_else(|| Err(Failure::no_overload()))
}
