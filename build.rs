//! Generates the tables of each supported Kubernetes version into `OUT_DIR`.

#![allow(
    clippy::disallowed_methods,
    reason = "a tool of the developer: reads facts, writes tables"
)]

use std::path::Path;

use mockernetes_codegen::{documents, generate, version};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=openapi");
    println!("cargo::rerun-if-changed=build.rs");
    place_tables();
    let out = std::env::var("OUT_DIR")?;
    let out = Path::new(&out);
    for version in version::VERSIONS {
        let openapi = Path::new("openapi");
        let tables = generate(openapi, version.folder).map_err(|error| format!("{error:#}"))?;
        let packed = documents::pack(&openapi.join(version.folder).join("openapi-v3"))
            .map_err(|error| format!("{error:#}"))?;
        let name = version.folder.replace('.', "_");
        std::fs::write(out.join(format!("{name}.rs")), tables)?;
        std::fs::write(out.join(format!("{name}_documents.rs")), packed.rows)?;
        std::fs::write(out.join(format!("{name}_documents.gz")), packed.bytes)?;
    }
    Ok(())
}

/// Has the command linked for a fixed address where that is simple: its tables are a megabyte of
/// pointers, which every start would write anew and every process hold for itself.
fn place_tables() {
    let target = |name: &str| std::env::var(format!("CARGO_CFG_TARGET_{name}"));
    if target("OS").as_deref() == Ok("linux") && target("ENV").as_deref() == Ok("gnu") {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
}
