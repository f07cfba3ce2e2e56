//! The kinds of a cluster, as the registry asks for them.

use crate::object::GroupResource;
use crate::registry::custom::strategy::CustomResource;
use crate::registry::{Kinds, Printer, Strategy};

/// The built-in kinds by the table of this folder; everything else is a custom resource.
#[derive(Debug, Default)]
pub struct BuiltIn;

impl Kinds for BuiltIn {
    fn strategy(&self, resource: &GroupResource) -> &dyn Strategy {
        super::strategy(&resource.group, &resource.resource).unwrap_or(&CustomResource)
    }

    fn printer(&self, resource: &GroupResource) -> &'static Printer {
        super::print::printer(&resource.group, &resource.resource)
    }
}
