//! What several groups validate and default alike.
//!
//! *Invariant:* imports no kind back.

pub mod claim_spec;
pub mod conditions;
pub mod ip;
pub mod label_selector;
pub mod look;
pub mod names;
pub mod percent;
pub mod plain;
pub mod pod_spec;
pub mod pod_template;
pub mod proxied;
pub mod quantity;
pub mod resource_name;
pub mod signer_name;
pub mod text;
pub mod url;
pub mod volume_source;
pub mod workload;
