//! The kinds of a cluster, as the registry asks for them.

use crate::object::GroupResource;
use crate::registry::{Kinds, Printer, Strategy};
use crate::resources::custom_resource::CUSTOM_RESOURCE;

/// The built-in kinds by the table of this folder; everything else is a custom resource.
#[derive(Debug, Default)]
pub struct BuiltIn;

impl Kinds for BuiltIn {
    fn strategy(&self, resource: &GroupResource) -> &dyn Strategy {
        super::strategy(&resource.group, &resource.resource).unwrap_or(&CUSTOM_RESOURCE)
    }

    fn printer(&self, resource: &GroupResource) -> &'static Printer {
        super::print::printer(&resource.group, &resource.resource)
    }
}
