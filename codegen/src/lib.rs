//! Facts to tables: reads `openapi/`, fixes what upstream got wrong, lowers it to a model and emits rows.

pub mod vendor;
pub mod version;
