//! Generates the tables of each supported Kubernetes version into `OUT_DIR`.

use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=openapi");
    println!("cargo::rerun-if-changed=build.rs");
    let out = std::env::var("OUT_DIR")?;
    for version in mockernetes_codegen::version::VERSIONS {
        let tables = mockernetes_codegen::generate(Path::new("openapi"), version.folder)
            .map_err(|error| format!("{error:#}"))?;
        let name = version.folder.replace('.', "_");
        std::fs::write(Path::new(&out).join(format!("{name}.rs")), tables)?;
    }
    Ok(())
}
