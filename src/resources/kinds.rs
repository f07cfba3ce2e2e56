//! The kinds of a cluster, as the registry asks for them.

use crate::object::GroupResource;
use crate::registry::strategy::NameRule;
use crate::registry::{Kinds, Printer, Strategy};
use crate::resources::shared::plain::Plain;

/// The built-in kinds by the table of this folder; everything else is a custom resource.
#[derive(Debug, Default)]
pub struct BuiltIn;

/// A custom resource: schema only, its generation counted.
const CUSTOM: Plain = Plain {
    name_rule: NameRule::Subdomain,
    counts_generation: true,
    updates_unconditionally: false,
    answers_deleted_object: false,
    ..Plain::DEFAULT
};

impl Kinds for BuiltIn {
    fn strategy(&self, resource: &GroupResource) -> &dyn Strategy {
        super::strategy(&resource.group, &resource.resource).unwrap_or(&CUSTOM)
    }

    fn printer(&self, resource: &GroupResource) -> &'static Printer {
        super::print::printer(&resource.group, &resource.resource)
    }
}
